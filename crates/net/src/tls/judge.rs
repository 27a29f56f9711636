//! Judges the peer of one connection, when the handshake is complete.

use std::sync::Arc;

use rustls::pki_types::UnixTime;

use super::certificate::Purpose;
use super::kept_sessions::ConnectionSessions;
use super::{Session, TlsTrust};
use crate::crossing::verdict;

/// See the module. A server has one if it asks its clients for certificates.
#[derive(Debug)]
pub(crate) struct Judge {
    trust: TlsTrust,
    /// Of a client's connection.
    sessions: Option<Arc<ConnectionSessions>>,
}

impl Judge {
    pub(super) const fn new(trust: TlsTrust, sessions: Option<Arc<ConnectionSessions>>) -> Self {
        Self { trust, sessions }
    }

    /// The verdict on the peer's certificates. Of a session that a client has resumed JavaScript knows it from the session's first
    /// connection. A server has the certificates in its ticket, and judges them again.
    pub(crate) fn verdict(&self, session: &Session, is_resumed: bool) -> u32 {
        if is_resumed && self.trust.purpose() == Purpose::Servers {
            return verdict::RESUMED;
        }
        self.trust.verdict(session.peer_chain(), UnixTime::now())
    }

    /// The program has approved the peer.
    pub(crate) fn approve(&self, is_resumed: bool) {
        if let Some(sessions) = &self.sessions {
            sessions.approve(is_resumed);
        }
    }

    /// Whether there is a session that can be resumed, and was not there at the last call.
    pub(crate) fn has_new_session(&self) -> bool {
        self.sessions
            .as_ref()
            .is_some_and(|sessions| sessions.take_new())
    }
}
