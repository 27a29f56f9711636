//! The life of a connection, from its socket's point of view. What only one stage needs is in that stage's variant.

use std::time::Duration;

use crate::stream::Stream;

/// The stages. A server's connection begins with `Open`, a client's with `Connecting`; all end with `Closed`.
pub(super) enum Lifecycle {
    /// A client's connection has no socket yet. These options are set on the socket when it exists.
    Connecting {
        no_delay: bool,
        tcp_keep_alive: Option<Duration>,
    },
    Open(Stream),
    /// The program has the socket by another descriptor, see `give_up`. What was written before is still sent by this one.
    GivenUp(Stream),
    /// JavaScript has been notified of the end, and the slot in the table may belong to another connection. The socket stays open
    /// for a peer that is still sending, see `Reading::Discard`.
    Lingering {
        stream: Stream,
        /// The connection's number in the server's `lingering`.
        number: u64,
    },
    /// A poller did not accept the socket. The connection's task ends the connection.
    Lost,
    Closed,
}

impl Lifecycle {
    pub(super) const fn stream(&self) -> Option<&Stream> {
        match self {
            Self::Open(stream) | Self::GivenUp(stream) | Self::Lingering { stream, .. } => {
                Some(stream)
            }
            Self::Connecting { .. } | Self::Lost | Self::Closed => None,
        }
    }

    /// Whether JavaScript has been notified of the end.
    pub(super) const fn has_left(&self) -> bool {
        matches!(self, Self::Lingering { .. } | Self::Closed)
    }

    /// Sets TCP_NODELAY. The socket may be gone at any moment, so a failure has no consequence.
    pub(super) fn set_nodelay(&mut self, on: bool) {
        match self {
            Self::Connecting { no_delay, .. } => *no_delay = on,
            _ => {
                if let Some(stream) = self.stream() {
                    drop(stream.set_nodelay(on));
                }
            }
        }
    }

    /// Sets SO_KEEPALIVE; failures as of `set_nodelay`.
    pub(super) fn set_tcp_keepalive(&mut self, on: bool, delay: Duration) {
        match self {
            Self::Connecting { tcp_keep_alive, .. } => *tcp_keep_alive = on.then_some(delay),
            _ => {
                if let Some(stream) = self.stream() {
                    drop(stream.set_tcp_keepalive(on, delay));
                }
            }
        }
    }
}
