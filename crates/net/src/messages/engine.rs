//! The protocol engine of a connection, in either role. What the roles do differently is here and nowhere else.

use std::ops::{Deref, DerefMut};
use std::time::Instant;

use ferrohttp_proto::{
    BodyLength, ClientConnection, Event, Limits, MisuseError, ParseError, RequestHead, RequestKind,
    ResponseHead, Scratch, ServerConnection, Step, TimeoutKind, Timeouts,
};

use super::translator::{Input, Reported, Translator};
use crate::handoff::Batch;
use crate::id::ConnectionId;

/// An engine. Its other methods are those of `Side`.
pub(crate) enum Engine {
    /// Receives requests.
    Server(ServerConnection),
    /// Receives responses.
    Client(ClientConnection),
}

/// What a connection asks of its engine, and which does not depend on the type of its messages.
pub(crate) trait Side {
    /// Whether a message's head has been delivered and its end has not.
    fn is_receiving(&self) -> bool;
    /// Whether no exchange is under way.
    fn is_idle(&self) -> bool;
    /// Whether further bytes are parsed, rather than ignored.
    fn may_read(&self, limits: &Limits) -> bool;
    /// Client: the connection accepts no further request, and expects nothing more of a response.
    fn is_spent(&self) -> bool {
        false
    }
    /// Server: the number of requests that are not answered to the end.
    fn unanswered(&self) -> u16 {
        0
    }
    /// Server: the next deadline of the protocol.
    fn poll_timeout(&self, _timeouts: &Timeouts) -> Option<(Instant, TimeoutKind)> {
        None
    }

    /// Sends the head of a response, or of a request, which has a kind.
    fn send_head(
        &mut self,
        request: Option<RequestKind>,
        head: &[u8],
        chunked: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError>;
    /// Server: sends an interim response.
    fn send_interim(&mut self, _head: &[u8], _out: &mut Vec<u8>) -> Result<(), MisuseError> {
        Err(MisuseError::NothingToAnswer)
    }
    /// Announces a body part of `len` bytes, which follow in `out`.
    fn begin_data(&mut self, len: usize, out: &mut Vec<u8>) -> Result<(), MisuseError>;
    /// Follows the bytes of a body part.
    fn finish_data(&mut self, len: usize, out: &mut Vec<u8>);
    /// Ends the message. `close`: it has announced the end of the connection.
    fn send_end(
        &mut self,
        now: Instant,
        trailers: &[u8],
        close: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError>;

    /// The bytes of the connection are not HTTP any more. A client's engine has switched with the response's head already.
    fn upgrade(&mut self);
    /// Server: the program does not accept the upgrade, so the next bytes are HTTP.
    fn decline_upgrade(&mut self) {}
}

/// The receiving part of an engine.
pub(super) trait Receiver: Side {
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
}

impl Deref for Engine {
    type Target = dyn Side;

    fn deref(&self) -> &Self::Target {
        each!(self, engine => engine)
    }
}

impl DerefMut for Engine {
    fn deref_mut(&mut self) -> &mut Self::Target {
        each!(self, engine => engine)
    }
}

impl Side for ServerConnection {
    fn is_receiving(&self) -> bool {
        self.is_receiving()
    }

    fn is_idle(&self) -> bool {
        self.is_idle()
    }

    fn may_read(&self, limits: &Limits) -> bool {
        self.may_read(limits)
    }

    fn unanswered(&self) -> u16 {
        self.unanswered()
    }

    fn poll_timeout(&self, timeouts: &Timeouts) -> Option<(Instant, TimeoutKind)> {
        self.poll_timeout(timeouts)
    }

    fn send_head(
        &mut self,
        request: Option<RequestKind>,
        head: &[u8],
        chunked: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        match request {
            None => self.send_head(head, chunked, out),
            Some(_) => Err(MisuseError::NothingToAnswer),
        }
    }

    fn send_interim(&mut self, head: &[u8], out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.send_interim(head, out)
    }

    fn begin_data(&mut self, len: usize, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.begin_data(len, out)
    }

    fn finish_data(&mut self, len: usize, out: &mut Vec<u8>) {
        self.finish_data(len, out);
    }

    fn send_end(
        &mut self,
        now: Instant,
        trailers: &[u8],
        close: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        self.send_end(now, trailers, close, out)
    }

    fn upgrade(&mut self) {
        self.upgrade();
    }

    fn decline_upgrade(&mut self) {
        self.decline_upgrade();
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

impl Side for ClientConnection {
    fn is_receiving(&self) -> bool {
        self.is_receiving()
    }

    fn is_idle(&self) -> bool {
        self.is_idle()
    }

    fn may_read(&self, _limits: &Limits) -> bool {
        self.may_read()
    }

    fn is_spent(&self) -> bool {
        self.close_reason().is_some()
    }

    fn send_head(
        &mut self,
        request: Option<RequestKind>,
        head: &[u8],
        chunked: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        match request {
            Some(kind) => self.send_head(kind, head, chunked, out),
            None => Err(MisuseError::NothingToAnswer),
        }
    }

    fn begin_data(&mut self, len: usize, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.begin_data(len, out)
    }

    fn finish_data(&mut self, len: usize, out: &mut Vec<u8>) {
        self.finish_data(len, out);
    }

    fn send_end(
        &mut self,
        _now: Instant,
        trailers: &[u8],
        close: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        self.send_end(trailers, close, out)
    }

    fn upgrade(&mut self) {
        self.upgrade();
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
