//! A client's sessions, by which later connections to the same server need no full handshake.
//!
//! Each connection keeps what it receives by itself. JavaScript passes the sessions on to later connections, together with its verdict
//! on the server. They are kept only after JavaScript has approved the server, so no session with a refused server is resumed.

use std::sync::{Arc, Mutex};

use rustls::NamedGroup;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;

use crate::sync::lock;

/// Largest number of tickets that are kept of one connection.
const TICKETS: usize = 8;

/// The sessions that one connection has received.
#[derive(Clone, Debug)]
pub struct TlsSessions(Arc<ClientSessionMemoryCache>);

impl Default for TlsSessions {
    fn default() -> Self {
        Self(Arc::new(ClientSessionMemoryCache::new(TICKETS)))
    }
}

/// Where a connection finds a session to resume, and where it keeps those that it receives.
#[derive(Clone, Debug)]
pub struct TlsResumption {
    /// The sessions of an earlier connection.
    pub from: Option<TlsSessions>,
    /// Its own sessions, empty at first. They stay empty when it resumes one.
    pub own: TlsSessions,
}

/// The view that rustls has of a connection's sessions.
pub(super) struct ConnectionSessions {
    resumption: TlsResumption,
    received: Mutex<Received>,
}

#[derive(Default)]
struct Received {
    is_approved: bool,
    /// The connection has resumed a session, so its server is that of the earlier connection.
    is_resumed: bool,
    /// JavaScript has not been notified.
    is_new: bool,
    /// Before the server is approved.
    waiting: Vec<Session>,
}

enum Session {
    Tls12(ServerName<'static>, Box<Tls12ClientSessionValue>),
    Tls13(ServerName<'static>, Box<Tls13ClientSessionValue>),
}

opaque_debug!(ConnectionSessions);

impl ConnectionSessions {
    pub(super) fn new(resumption: TlsResumption) -> Self {
        Self {
            resumption,
            received: Mutex::default(),
        }
    }

    /// The server is approved: its sessions may be resumed.
    pub(super) fn approve(&self, is_resumed: bool) {
        let mut received = lock(&self.received);
        received.is_approved = true;
        received.is_resumed = is_resumed;
        for session in std::mem::take(&mut received.waiting) {
            received.is_new = true;
            self.keep(session, is_resumed);
        }
    }

    /// Whether a session was kept since the last call.
    pub(super) fn take_new(&self) -> bool {
        std::mem::take(&mut lock(&self.received).is_new)
    }

    fn receive(&self, session: Session) {
        let mut received = lock(&self.received);
        if received.is_approved {
            received.is_new = true;
            self.keep(session, received.is_resumed);
        } else if received.waiting.len() < TICKETS {
            received.waiting.push(session);
        }
    }

    /// A resumed session's successors join those of its first connection, whose verdict on the server they have.
    fn keep(&self, session: Session, is_resumed: bool) {
        let store = match self.from() {
            Some(from) if is_resumed => from,
            _ => &*self.resumption.own.0,
        };
        match session {
            Session::Tls12(name, session) => store.set_tls12_session(name, *session),
            Session::Tls13(name, ticket) => store.insert_tls13_ticket(name, *ticket),
        }
    }

    fn from(&self) -> Option<&ClientSessionMemoryCache> {
        self.resumption.from.as_ref().map(|sessions| &*sessions.0)
    }
}

impl ClientSessionStore for ConnectionSessions {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        // Only saves a round trip.
        self.resumption.own.0.set_kx_hint(name, group);
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.from()?.kx_hint(name)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.receive(Session::Tls12(name, Box::new(session)));
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.from()?.tls12_session(name)
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        if let Some(from) = self.from() {
            from.remove_tls12_session(name);
        }
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        self.receive(Session::Tls13(name, Box::new(ticket)));
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.from()?.take_tls13_ticket(name)
    }
}
