//! The protocol engine of either role, as far as the driver need not know which it is.

use std::sync::Arc;
use std::time::Instant;

use ferrohttp_proto::{
    ClientConnection, ClientEvent, Event, Limits, MisuseError, RequestKind, Scratch,
    ServerConnection, TimeoutKind, Timeouts,
};

use crate::server::Server;
use crate::settings::{Settings, with_validation};

/// See the module; with whose configuration it goes by.
pub(super) enum Engine {
    /// That of the server, as of the moment.
    Server(ServerConnection, Arc<Server>),
    /// Its own, on the heap because a server's connections should not pay for it.
    Client(ClientConnection, Box<Settings>),
}

/// Runs `$body` with `$engine` bound to whichever it is.
macro_rules! each {
    ($self:expr, $engine:ident => $body:expr) => {
        match $self {
            Self::Server($engine, _) => $body,
            Self::Client($engine, ..) => $body,
        }
    };
}

impl Engine {
    /// For a connection that `server` accepted at `now`.
    pub(super) fn server(server: Arc<Server>, now: Instant) -> Self {
        Self::Server(ServerConnection::new(now), server)
    }

    /// For a connection of ours.
    pub(super) fn client(settings: Settings) -> Self {
        Self::Client(ClientConnection::new(), Box::new(settings))
    }

    pub(super) const fn is_client(&self) -> bool {
        matches!(self, Self::Client(..))
    }

    /// What the connection goes by now.
    pub(super) fn settings(&self) -> Settings {
        match self {
            Self::Server(_, server) => server.settings(),
            Self::Client(_, settings) => **settings,
        }
    }

    /// Of a client: how much of the responses to come is accepted, and how strictly they are read.
    pub(super) fn limit(&mut self, max_header_size: usize, validation: u32) {
        if let Self::Client(_, settings) = self {
            settings.limits = with_validation(
                Limits {
                    max_header_size,
                    ..settings.limits
                },
                validation,
            );
        }
    }

    /// Whether a message's head has been delivered and its end has not.
    pub(super) fn is_receiving(&self) -> bool {
        each!(self, engine => engine.is_receiving())
    }

    /// Whether nothing is going on.
    pub(super) fn is_idle(&self) -> bool {
        each!(self, engine => engine.is_idle())
    }

    /// Whether what is read is HTTP that somebody wants.
    pub(super) fn may_read(&self, limits: &Limits) -> bool {
        match self {
            Self::Server(engine, _) => engine.may_read(limits),
            Self::Client(engine, ..) => engine.may_read(),
        }
    }

    /// Requests of a server that are not answered to the end; a client has none.
    pub(super) fn unanswered(&self) -> u16 {
        match self {
            Self::Server(engine, _) => engine.unanswered(),
            Self::Client(..) => 0,
        }
    }

    /// The next deadline of the protocol; a client has none.
    pub(super) fn poll_timeout(&self, timeouts: &Timeouts) -> Option<(Instant, TimeoutKind)> {
        match self {
            Self::Server(engine, _) => engine.poll_timeout(timeouts),
            Self::Client(..) => None,
        }
    }

    /// The head of a response, or that of a request, which has a kind.
    pub(super) fn send_head(
        &mut self,
        request: Option<RequestKind>,
        head: &[u8],
        chunked: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        match (self, request) {
            (Self::Server(engine, _), None) => engine.send_head(head, chunked, out),
            (Self::Client(engine, ..), Some(kind)) => engine.send_head(kind, head, chunked, out),
            _ => Err(MisuseError::NothingToAnswer),
        }
    }

    pub(super) fn send_interim(
        &mut self,
        head: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        match self {
            Self::Server(engine, _) => engine.send_interim(head, out),
            Self::Client(..) => Err(MisuseError::NothingToAnswer),
        }
    }

    pub(super) fn begin_data(&mut self, len: usize, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        each!(self, engine => engine.begin_data(len, out))
    }

    pub(super) fn finish_data(&mut self, len: usize, out: &mut Vec<u8>) {
        each!(self, engine => engine.finish_data(len, out));
    }

    pub(super) fn send_end(
        &mut self,
        now: Instant,
        trailers: &[u8],
        close: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        match self {
            Self::Server(engine, _) => engine.send_end(now, trailers, close, out),
            Self::Client(engine, ..) => engine.send_end(trailers, close, out),
        }
    }

    /// A client's connection is handed over by the response's head already.
    pub(super) fn upgrade(&mut self) {
        match self {
            Self::Server(engine, _) => engine.upgrade(),
            Self::Client(engine, ..) => engine.upgrade(),
        }
    }

    pub(super) fn decline_upgrade(&mut self) {
        if let Self::Server(engine, _) = self {
            engine.decline_upgrade();
        }
    }

    /// Within a body: how much of `input` is done with, and what of it is data. None: it is neither
    /// data nor well-formed.
    pub(super) fn read_data<'b>(
        &mut self,
        now: Instant,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b mut Scratch,
    ) -> Option<(usize, &'b [u8])> {
        match self {
            Self::Server(engine, _) => match engine.handle_data(now, limits, input, scratch) {
                Ok(step) => match step.event {
                    Some(Event::Data(data)) => Some((step.consumed, data)),
                    _ => None,
                },
                Err(_) => None,
            },
            Self::Client(engine, ..) => match engine.handle_data(limits, input, scratch) {
                Ok(step) => match step.event {
                    Some(ClientEvent::Data(data)) => Some((step.consumed, data)),
                    _ => None,
                },
                Err(_) => None,
            },
        }
    }

    /// Whether a client's connection is done with: it takes no further request, and nothing of a
    /// response is to come. A server's says so by other ways.
    pub(super) fn is_spent_client(&self) -> bool {
        matches!(self, Self::Client(engine, ..) if engine.close_reason().is_some())
    }
}
