//! The state of a connection, for counts of connections.

use super::input::Reading;
use super::{Connection, Lifecycle, State, Writing};

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It has no socket yet.
    Connecting,
    /// The TLS handshake is not complete.
    Handshaking,
    /// No exchange is under way.
    Idle,
    /// A message is being received.
    Receiving,
    /// A message has been received, and not answered to the end; or a request has been sent, and not its response received.
    Waiting,
    /// It has left HTTP.
    Upgraded,
    /// Its last bytes are being sent.
    Closing,
}

/// A connection as counts see it.
pub(crate) struct Observed {
    pub(crate) is_client: bool,
    pub(crate) activity: Activity,
    pub(crate) is_lent: bool,
    pub(crate) bytes: (u64, u64),
}

impl Connection {
    /// None of a connection whose end has been reported.
    pub(crate) fn observe(&self) -> Option<Observed> {
        let state = self.lock();
        (!state.lifecycle.is_reported_closed()).then(|| Observed {
            is_client: state.role.is_client(),
            activity: state.activity(),
            is_lent: state.is_on_loan(),
            bytes: state.counters(),
        })
    }
}

impl State {
    fn activity(&self) -> Activity {
        if matches!(self.lifecycle, Lifecycle::Connecting { .. }) {
            Activity::Connecting
        } else if self.is_handshaking() {
            Activity::Handshaking
        } else if self.incoming.reading == Reading::Raw {
            Activity::Upgraded
        } else if self.writing != Writing::Open {
            Activity::Closing
        } else if self.engine.is_idle() {
            Activity::Idle
        } else if self.engine.is_receiving()
            || (!self.role.is_client() && self.engine.unanswered() == 0)
        {
            Activity::Receiving
        } else {
            Activity::Waiting
        }
    }
}
