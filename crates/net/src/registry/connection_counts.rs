//! Counts the connections of one JavaScript thread by what they are doing, for programs that watch it.

use std::sync::Arc;

use crate::connection::{Activity, Connection, Observed};
use crate::threads::js_thread::JsThread;

/// How often connections are counted while some close.
const MOST_ATTEMPTS: u32 = 4;

/// Connections of servers, or of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Connections without a socket yet.
    pub connecting: u32,
    /// Connections in their TLS handshake.
    pub handshaking: u32,
    /// Connections without an exchange.
    pub idle: u32,
    /// Connections on which a message is being received.
    pub receiving: u32,
    /// Connections on which a response is awaited.
    pub waiting: u32,
    /// Connections that have left HTTP.
    pub upgraded: u32,
    /// Connections whose last bytes are being sent.
    pub closing: u32,
    /// Number of all these that JavaScript's thread reads itself.
    pub lent: u32,
    /// Bytes received, with those of connections that have closed.
    pub received: u64,
    /// Bytes sent, with those of connections that have closed.
    pub sent: u64,
}

impl ConnectionCounts {
    fn add(&mut self, seen: &Observed) {
        let count = match seen.activity {
            Activity::Connecting => &mut self.connecting,
            Activity::Handshaking => &mut self.handshaking,
            Activity::Idle => &mut self.idle,
            Activity::Receiving => &mut self.receiving,
            Activity::Waiting => &mut self.waiting,
            Activity::Upgraded => &mut self.upgraded,
            Activity::Closing => &mut self.closing,
        };
        *count += 1;
        self.lent += u32::from(seen.is_lent);
        self.received += seen.bytes.0;
        self.sent += seen.bytes.1;
    }
}

/// The connections of servers, and those of clients. `all` returns those that are in the table now.
pub(crate) fn count(
    all: impl Fn() -> Vec<Arc<Connection>>,
    js: &JsThread,
) -> [ConnectionCounts; 2] {
    let closed = || [false, true].map(|is_client| js.counters.bytes(is_client));
    let mut before = closed();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let mut both = before.map(|(received, sent)| ConnectionCounts {
            received,
            sent,
            ..ConnectionCounts::default()
        });
        for connection in all() {
            if let Some(seen) = connection.observe() {
                both[usize::from(seen.is_client)].add(&seen);
            }
        }
        let after = closed();
        // The bytes of a connection that closed meanwhile may be missing, or counted twice.
        if after == before || attempts == MOST_ATTEMPTS {
            return both;
        }
        before = after;
    }
}
