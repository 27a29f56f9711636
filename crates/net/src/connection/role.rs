//! The state that only a server's connection has, and that only a client's has. Their engines are in `messages`.

use std::sync::Arc;
use std::time::Instant;

use ferrohttp_proto::{ErrorKind, Limits};

use super::own::Own;
use crate::server::Server;
use crate::settings::{Settings, with_validation};
use crate::time::clock::micros;

/// See the module.
pub(super) enum Role {
    Server(ServerRole),
    /// On the heap, because it would make the connections of servers larger, too.
    Client(Box<ClientRole>),
}

/// A connection that a server has accepted.
pub(super) struct ServerRole {
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
    /// The request being received, if the I/O thread answers it.
    pub(super) own: Option<Own>,
    /// When the head of the oldest unanswered request was received, see `micros`. 0 if another request was unanswered then, or there is
    /// none.
    pub(super) received_at: u64,
    /// Number of unanswered requests that are counted among those of the server.
    pub(super) pending: u16,
    /// The program's socket sends responses, so the engine does not know how much of them has been sent.
    pub(super) framed_by_javascript: bool,
}

/// A connection that the program has asked for.
pub(super) struct ClientRole {
    settings: Settings,
    /// Number of requests whose heads were appended to the output.
    requests: u32,
    /// Position of the last request's first byte in the output. None if the program's socket sends it.
    last_request_at: Option<u64>,
}

impl ServerRole {
    pub(super) const fn new(server: Arc<Server>, shared: bool) -> Self {
        Self {
            server,
            failed: None,
            upgrade_pending: false,
            without_body: false,
            served: false,
            shared,
            answered_directly: 0,
            own: None,
            received_at: 0,
            pending: 0,
            framed_by_javascript: false,
        }
    }

    /// A response has ended. Adds the time since its request was received to those of the server.
    pub(super) fn measure(&mut self, now: Instant) {
        let received_at = std::mem::take(&mut self.received_at);
        if received_at != 0 {
            let time = micros(now).saturating_sub(received_at);
            self.server.counters.duration.add(time, 1);
        }
    }
}

impl ClientRole {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            requests: 0,
            last_request_at: None,
        }
    }
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

    /// A request's head is being appended to the output, at this position. None if the program's socket sends it.
    pub(super) fn begin_request(&mut self, at: Option<u64>) {
        if let Self::Client(role) = self {
            role.requests = role.requests.wrapping_add(1);
            role.last_request_at = at;
        }
    }

    /// Number of a client's requests of which the kernel may have accepted a byte, when it has accepted `written` bytes in all.
    pub(super) fn requests_sent(&self, written: u64) -> u32 {
        let Self::Client(role) = self else { return 0 };
        let is_unsent = role.last_request_at.is_some_and(|at| written <= at);
        role.requests.wrapping_sub(u32::from(is_unsent))
    }

    /// The limits and timeouts that hold now.
    pub(super) fn settings(&self) -> Settings {
        match self {
            Self::Server(role) => role.server.settings(),
            Self::Client(role) => role.settings,
        }
    }

    /// Sets how much of the next responses a client accepts, and how strictly they are parsed. No effect on a server.
    pub(super) fn limit(&mut self, max_header_size: usize, validation: u32) {
        if let Self::Client(role) = self {
            let settings = &mut role.settings;
            settings.limits = with_validation(
                Limits {
                    max_header_size,
                    ..settings.limits
                },
                validation,
            );
        }
    }

    /// Whether JavaScript has the head of an upgrade request and has not decided yet.
    pub(super) fn is_upgrade_pending(&self) -> bool {
        self.server().is_some_and(|role| role.upgrade_pending)
    }

    /// JavaScript has decided.
    pub(super) const fn upgrade_decided(&mut self) {
        if let Self::Server(role) = self {
            role.upgrade_pending = false;
        }
    }
}
