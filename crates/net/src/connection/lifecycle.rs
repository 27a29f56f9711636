//! The life of a connection, from its socket's point of view. What only one stage needs is in that stage's variant.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::socket::poller::Poller;
use crate::socket::stream::{Detached, Stream};
use crate::tls::TlsConnect;

/// The stages. A server's connection begins with `Open`, a client's with `Connecting`; all end with `Closed`.
pub(super) enum Lifecycle {
    /// A client's connection has no socket yet. These options are set on the socket when it exists.
    Connecting {
        no_delay: bool,
        tcp_keep_alive: Option<Duration>,
        /// The TLS that begins when there is a socket.
        tls: Option<Box<TlsConnect>>,
    },
    Open(Stream),
    /// JavaScript's thread reads the socket, see `loan`.
    OnLoan(Loan),
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

/// A socket that no I/O thread polls.
pub(super) struct Loan {
    stream: Stream,
    /// Watches the socket for JavaScript's thread.
    poller: Arc<Poller>,
    /// No other loan of the JavaScript thread has it.
    number: u64,
}

impl Loan {
    /// Adds a socket to the poller. Returns the poller's error beside the loan, because the socket stays in use.
    pub(super) fn begin(
        lent: Detached,
        poller: &Arc<Poller>,
        number: u64,
    ) -> (Self, io::Result<()>) {
        let added = poller.add(&lent.socket);
        let loan = Self {
            stream: Stream::Detached(lent),
            poller: Arc::clone(poller),
            number,
        };
        (loan, added)
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Removes the socket from the poller. Closing it would not be enough where another descriptor of it is open: libuv has one of
    /// a socket that was adopted.
    pub(super) fn end(self) -> io::Result<Detached> {
        let lent = self.stream.detach()?;
        // An error says that it was not in the set.
        drop(self.poller.remove(&lent.socket));
        Ok(lent)
    }
}

impl Lifecycle {
    pub(super) const fn stream(&self) -> Option<&Stream> {
        match self {
            Self::Open(stream)
            | Self::OnLoan(Loan { stream, .. })
            | Self::GivenUp(stream)
            | Self::Lingering { stream, .. } => Some(stream),
            Self::Connecting { .. } | Self::Lost | Self::Closed => None,
        }
    }

    /// Whether JavaScript has been notified of the end.
    pub(super) const fn is_reported_closed(&self) -> bool {
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
