//! Where a connection is in the life of its socket.

use std::time::Duration;

use crate::stream::Stream;

/// See the module.
pub(super) enum Socket {
    /// Of a client: not there yet. What is to be set on it once it is.
    Connecting {
        no_delay: bool,
        tcp_keep_alive: Option<Duration>,
    },
    Open(Stream),
    /// The I/O thread's poller did not take it back: the task ends the connection.
    Lost,
    Closed,
}

impl Socket {
    pub(super) const fn stream(&self) -> Option<&Stream> {
        match self {
            Self::Open(stream) => Some(stream),
            Self::Connecting { .. } | Self::Lost | Self::Closed => None,
        }
    }

    /// Options of a socket that may be gone at any moment: a failure has no consequence.
    pub(super) fn set_nodelay(&mut self, on: bool) {
        match self {
            Self::Open(stream) => drop(stream.set_nodelay(on)),
            Self::Connecting { no_delay, .. } => *no_delay = on,
            Self::Lost | Self::Closed => {}
        }
    }

    /// As `set_nodelay`.
    pub(super) fn set_tcp_keepalive(&mut self, on: bool, delay: Duration) {
        match self {
            Self::Open(stream) => drop(stream.set_tcp_keepalive(on, delay)),
            Self::Connecting { tcp_keep_alive, .. } => *tcp_keep_alive = on.then_some(delay),
            Self::Lost | Self::Closed => {}
        }
    }
}
