//! What differs between a server's connection and a client's: the protocol engine, and the state that only one of them has.

use std::sync::Arc;
use std::time::Instant;

use ferrohttp_proto::{
    ClientConnection, ClientEvent, ErrorKind, Event, Limits, MisuseError, RequestKind, Scratch,
    ServerConnection, TimeoutKind, Timeouts,
};

use crate::server::Server;
use crate::settings::{Settings, with_validation};
use crate::time::clock::now;

/// See the module.
pub(super) enum Role {
    Server(ServerRole),
    Client(ClientRole),
}

/// A connection that a server has accepted.
pub(super) struct ServerRole {
    pub(super) engine: ServerConnection,
    /// Has the settings, which may change while the connection is open.
    pub(super) server: Arc<Server>,
    /// How the peer broke the protocol. Set with `Reading::Discard`.
    pub(super) failed: Option<ErrorKind>,
    /// JavaScript has the head of an upgrade request and has not decided yet.
    pub(super) upgrade_pending: bool,
    /// The record of the request being received had the flag COMPLETE, so no END record follows it.
    pub(super) without_body: bool,
    /// Set after the first request. Later requests reset the socket timeout to the server's value.
    pub(super) served: bool,
    /// Another process may have the socket open, too: see `Connection::accepted`.
    pub(super) shared: bool,
    /// Requests in a row that JavaScript's thread has answered by itself, see `LENT_AFTER`.
    pub(super) answered_directly: u8,
}

/// A connection that the program has asked for.
pub(super) struct ClientRole {
    pub(super) engine: ClientConnection,
    /// On the heap, because it would make the connections of servers larger, too.
    settings: Box<Settings>,
}

impl ServerRole {
    pub(super) fn new(server: Arc<Server>, shared: bool, now: Instant) -> Self {
        Self {
            engine: ServerConnection::new(now),
            server,
            failed: None,
            upgrade_pending: false,
            without_body: false,
            served: false,
            shared,
            answered_directly: 0,
        }
    }
}

impl ServerRole {
    /// Time limits begin: the connection is one of HTTP from now on.
    pub(super) fn begin(&mut self) {
        self.engine = ServerConnection::new(now());
    }
}

impl ClientRole {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            engine: ClientConnection::new(),
            settings: Box::new(settings),
        }
    }
}

/// Runs `$body` with `$engine` bound to the engine of either role.
macro_rules! each {
    ($self:expr, $engine:ident => $body:expr) => {
        match $self {
            Self::Server(ServerRole {
                engine: $engine, ..
            }) => $body,
            Self::Client(ClientRole {
                engine: $engine, ..
            }) => $body,
        }
    };
}

impl Role {
    pub(super) const fn is_client(&self) -> bool {
        matches!(self, Self::Client(_))
    }

    pub(super) const fn server(&self) -> Option<&ServerRole> {
        match self {
            Self::Server(role) => Some(role),
            Self::Client(_) => None,
        }
    }

    pub(super) const fn server_mut(&mut self) -> Option<&mut ServerRole> {
        match self {
            Self::Server(role) => Some(role),
            Self::Client(_) => None,
        }
    }

    /// The limits and timeouts that hold now.
    pub(super) fn settings(&self) -> Settings {
        match self {
            Self::Server(role) => role.server.settings(),
            Self::Client(role) => *role.settings,
        }
    }

    /// Sets how much of the next responses a client accepts, and how strictly they are parsed. No effect on a server.
    pub(super) fn limit(&mut self, max_header_size: usize, validation: u32) {
        if let Self::Client(ClientRole { settings, .. }) = self {
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

    /// Whether no exchange is under way.
    pub(super) fn is_idle(&self) -> bool {
        each!(self, engine => engine.is_idle())
    }

    /// Whether the engine parses further bytes, rather than ignoring them.
    pub(super) fn may_read(&self, limits: &Limits) -> bool {
        match self {
            Self::Server(role) => role.engine.may_read(limits),
            Self::Client(role) => role.engine.may_read(),
        }
    }

    /// Whether JavaScript has the head of an upgrade request and has not decided yet.
    pub(super) fn is_upgrade_pending(&self) -> bool {
        self.server().is_some_and(|role| role.upgrade_pending)
    }

    /// Number of a server's requests that are not answered to the end; 0 for a client.
    pub(super) fn unanswered(&self) -> u16 {
        self.server().map_or(0, |role| role.engine.unanswered())
    }

    /// The next deadline of the protocol; None for a client.
    pub(super) fn poll_timeout(&self, timeouts: &Timeouts) -> Option<(Instant, TimeoutKind)> {
        self.server()?.engine.poll_timeout(timeouts)
    }

    /// Sends the head of a response, or of a request, which has a kind.
    pub(super) fn send_head(
        &mut self,
        request: Option<RequestKind>,
        head: &[u8],
        chunked: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        match (self, request) {
            (Self::Server(role), None) => role.engine.send_head(head, chunked, out),
            (Self::Client(role), Some(kind)) => role.engine.send_head(kind, head, chunked, out),
            _ => Err(MisuseError::NothingToAnswer),
        }
    }

    pub(super) fn send_interim(
        &mut self,
        head: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        match self {
            Self::Server(role) => role.engine.send_interim(head, out),
            Self::Client(_) => Err(MisuseError::NothingToAnswer),
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
            Self::Server(role) => role.engine.send_end(now, trailers, close, out),
            Self::Client(role) => role.engine.send_end(trailers, close, out),
        }
    }

    /// The program has accepted the upgrade. A client's engine has switched with the response's head already.
    pub(super) fn upgrade(&mut self) {
        match self {
            Self::Server(role) => {
                role.engine.upgrade();
                role.upgrade_pending = false;
            }
            Self::Client(role) => role.engine.upgrade(),
        }
    }

    pub(super) fn decline_upgrade(&mut self) {
        if let Self::Server(role) = self {
            role.engine.decline_upgrade();
            role.upgrade_pending = false;
        }
    }

    /// Parses `input` within a body. Returns how many bytes are consumed, and which of them are data. None when `input` begins
    /// with something other than data, or is malformed.
    pub(super) fn read_data<'b>(
        &mut self,
        now: Instant,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b mut Scratch,
    ) -> Option<(usize, &'b [u8])> {
        match self {
            Self::Server(role) => {
                let step = role.engine.handle_data(now, limits, input, scratch).ok()?;
                match step.event {
                    Some(Event::Data(data)) => Some((step.consumed, data)),
                    _ => None,
                }
            }
            Self::Client(role) => {
                let step = role.engine.handle_data(limits, input, scratch).ok()?;
                match step.event {
                    Some(ClientEvent::Data(data)) => Some((step.consumed, data)),
                    _ => None,
                }
            }
        }
    }

    /// Whether a client's connection accepts no further request and expects nothing more of a response. False for a server.
    pub(super) fn is_spent_client(&self) -> bool {
        matches!(self, Self::Client(role) if role.engine.close_reason().is_some())
    }
}
