//! The protocol engine of a connection, in either role. What the roles do differently is here and nowhere else.

use std::time::Instant;

use ferrohttp_proto::{
    BodyLength, ClientConnection, Event, Limits, MisuseError, ParseError, RequestHead, RequestKind,
    ResponseHead, Scratch, ServerConnection, Step, TimeoutKind, Timeouts,
};

use super::translator::{Input, Reported, Translator};
use crate::handoff::Batch;
use crate::id::ConnectionId;

/// An engine. Each method selects the role by a match, because a call through a trait object costs more than most of them do.
pub(crate) enum Engine {
    /// Receives requests.
    Server(ServerConnection),
    /// Receives responses.
    Client(ClientConnection),
}

/// The receiving part of an engine.
pub(super) trait Receiver {
    type Head<'b>: Head;

    /// Reads from the front of `input`, see `handle_data` of the engines.
    fn receive<'b>(
        &mut self,
        now: Instant,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b mut Scratch,
    ) -> Result<Step<Event<'b, Self::Head<'b>>>, ParseError>;

    /// The peer has sent FIN, and `rest` was not consumed.
    fn receive_fin(
        &mut self,
        rest: &[u8],
    ) -> Result<Option<Event<'static, Self::Head<'static>>>, ParseError>;

    /// Client: the connection accepts no further request, and expects nothing more of a response.
    fn is_spent(&self) -> bool {
        false
    }
}

/// The head of a message that is received.
pub(super) trait Head {
    /// Appends the record. `after`: bytes after an upgrade's head that have been read.
    fn append(&self, batch: &mut Batch, id: ConnectionId, after: &[u8]);
    fn body(&self) -> BodyLength;
    /// Whether the bytes that follow may not be HTTP.
    fn is_upgrade(&self) -> bool;
    /// Whether the record says that the message is complete, so no END record follows.
    fn is_complete(&self) -> bool {
        false
    }
    /// Whether another head of the same message follows.
    fn is_interim(&self) -> bool {
        false
    }
}

/// Runs `$body` with `$engine` bound to the engine of either role.
macro_rules! each {
    ($self:expr, $engine:ident => $body:expr) => {
        match $self {
            Self::Server($engine) => $body,
            Self::Client($engine) => $body,
        }
    };
}

impl Engine {
    /// For a server's connection that begins at `now`.
    pub(crate) fn server(now: Instant) -> Self {
        Self::Server(ServerConnection::new(now))
    }

    /// For a client's connection on which nothing has been sent.
    pub(crate) fn client() -> Self {
        Self::Client(ClientConnection::new())
    }

    pub(crate) const fn is_client(&self) -> bool {
        matches!(self, Self::Client(_))
    }

    /// Reports the next event in `input`, see `Translator::next`.
    pub(crate) fn report_next(
        &mut self,
        translator: &mut Translator<'_>,
        input: &mut Input<'_>,
        scratch: &mut Scratch,
    ) -> Result<Reported, ParseError> {
        each!(self, engine => translator.next(engine, input, scratch))
    }

    /// As `report_next`, see `Translator::next_unless`. Returns None for a part of a request that the I/O thread answers.
    pub(crate) fn report_unless(
        &mut self,
        translator: &mut Translator<'_>,
        input: &mut Input<'_>,
        scratch: &mut Scratch,
        own: (bool, impl FnOnce(&RequestHead<'_>, u16) -> bool),
    ) -> Result<Option<Reported>, ParseError> {
        match self {
            Self::Server(engine) => translator.next_unless(engine, input, scratch, own),
            Self::Client(engine) => translator.next(engine, input, scratch).map(Some),
        }
    }

    /// Reports the end of the peer's sending direction, see `Translator::fin`.
    pub(crate) fn report_fin(
        &mut self,
        translator: &mut Translator<'_>,
        rest: &[u8],
    ) -> Result<bool, ParseError> {
        each!(self, engine => translator.fin(engine, rest))
    }

    /// Parses `input` within a body. Returns how many bytes are consumed, and which of them are data. None when `input` begins
    /// with something other than data, or is malformed.
    pub(crate) fn read_data<'b>(
        &mut self,
        now: Instant,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b mut Scratch,
    ) -> Option<(usize, &'b [u8])> {
        fn data_of<'b, H>(step: Step<Event<'b, H>>) -> Option<(usize, &'b [u8])> {
            match step.event {
                Some(Event::Data(data)) => Some((step.consumed, data)),
                _ => None,
            }
        }
        each!(self, engine => data_of(engine.receive(now, limits, input, scratch).ok()?))
    }

    /// Whether a message's head has been delivered and its end has not.
    #[inline]
    pub(crate) fn is_receiving(&self) -> bool {
        each!(self, engine => engine.is_receiving())
    }

    /// Whether no exchange is under way.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        each!(self, engine => engine.is_idle())
    }

    /// Whether further bytes are parsed, rather than ignored.
    #[inline]
    pub(crate) fn may_read(&self, limits: &Limits) -> bool {
        match self {
            Self::Server(engine) => engine.may_read(limits),
            Self::Client(engine) => engine.may_read(),
        }
    }

    /// Client: the connection accepts no further request, and expects nothing more of a response.
    pub(crate) fn is_spent(&self) -> bool {
        each!(self, engine => Receiver::is_spent(engine))
    }

    /// Server: the number of requests that are not answered to the end.
    #[inline]
    pub(crate) fn unanswered(&self) -> u16 {
        match self {
            Self::Server(engine) => engine.unanswered(),
            Self::Client(_) => 0,
        }
    }

    /// Server: the next deadline of the protocol.
    pub(crate) fn poll_timeout(&self, timeouts: &Timeouts) -> Option<(Instant, TimeoutKind)> {
        match self {
            Self::Server(engine) => engine.poll_timeout(timeouts),
            Self::Client(_) => None,
        }
    }

    /// Sends the head of a response, or of a request, which has a kind.
    #[inline]
    pub(crate) fn send_head(
        &mut self,
        request: Option<RequestKind>,
        head: &[u8],
        chunked: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        match (self, request) {
            (Self::Server(engine), None) => engine.send_head(head, chunked, out),
            (Self::Client(engine), Some(kind)) => engine.send_head(kind, head, chunked, out),
            _ => Err(MisuseError::NothingToAnswer),
        }
    }

    /// Server: sends an interim response.
    pub(crate) fn send_interim(
        &mut self,
        head: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        match self {
            Self::Server(engine) => engine.send_interim(head, out),
            Self::Client(_) => Err(MisuseError::NothingToAnswer),
        }
    }

    /// Announces a body part of `len` bytes, which follow in `out`.
    #[inline]
    pub(crate) fn begin_data(&mut self, len: usize, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        each!(self, engine => engine.begin_data(len, out))
    }

    /// Follows the bytes of a body part.
    #[inline]
    pub(crate) fn finish_data(&mut self, len: usize, out: &mut Vec<u8>) {
        each!(self, engine => engine.finish_data(len, out));
    }

    /// Ends the message. `close`: it has announced the end of the connection.
    #[inline]
    pub(crate) fn send_end(
        &mut self,
        now: Instant,
        trailers: &[u8],
        close: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        match self {
            Self::Server(engine) => engine.send_end(now, trailers, close, out),
            Self::Client(engine) => engine.send_end(trailers, close, out),
        }
    }

    /// The bytes of the connection are not HTTP any more. A client's engine has switched with the response's head already.
    pub(crate) fn upgrade(&mut self) {
        each!(self, engine => engine.upgrade());
    }

    /// Server: the program does not accept the upgrade, so the next bytes are HTTP.
    pub(crate) fn decline_upgrade(&mut self) {
        if let Self::Server(engine) = self {
            engine.decline_upgrade();
        }
    }
}

impl Receiver for ServerConnection {
    type Head<'b> = RequestHead<'b>;

    fn receive<'b>(
        &mut self,
        now: Instant,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b mut Scratch,
    ) -> Result<Step<Event<'b, RequestHead<'b>>>, ParseError> {
        self.handle_data(now, limits, input, scratch)
    }

    fn receive_fin(
        &mut self,
        rest: &[u8],
    ) -> Result<Option<Event<'static, RequestHead<'static>>>, ParseError> {
        self.handle_eof(rest)
    }
}

impl Head for RequestHead<'_> {
    #[inline]
    fn append(&self, batch: &mut Batch, id: ConnectionId, after: &[u8]) {
        batch.head(id, self, after);
    }

    fn body(&self) -> BodyLength {
        self.body
    }

    fn is_upgrade(&self) -> bool {
        self.upgrade
    }

    fn is_complete(&self) -> bool {
        self.body == BodyLength::None
    }
}

impl Receiver for ClientConnection {
    type Head<'b> = ResponseHead<'b>;

    fn receive<'b>(
        &mut self,
        _now: Instant,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b mut Scratch,
    ) -> Result<Step<Event<'b, ResponseHead<'b>>>, ParseError> {
        self.handle_data(limits, input, scratch)
    }

    fn receive_fin(
        &mut self,
        _rest: &[u8],
    ) -> Result<Option<Event<'static, ResponseHead<'static>>>, ParseError> {
        self.handle_eof()
    }

    fn is_spent(&self) -> bool {
        self.close_reason().is_some()
    }
}

impl Head for ResponseHead<'_> {
    fn append(&self, batch: &mut Batch, id: ConnectionId, after: &[u8]) {
        batch.response(id, self, after);
    }

    fn body(&self) -> BodyLength {
        self.body
    }

    fn is_upgrade(&self) -> bool {
        self.upgrade
    }

    fn is_interim(&self) -> bool {
        self.interim
    }
}
