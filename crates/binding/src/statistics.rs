//! Counts for `stats()`.

use ferrohttp_net::ConnectionCounts;
use napi_derive::napi;

/// Open connections by what they are doing.
#[napi(object)]
pub struct BindingConnectionStates {
    /// There is no socket yet.
    pub connecting: u32,
    /// The TLS handshake is not complete.
    pub handshaking: u32,
    /// No exchange is under way.
    pub idle: u32,
    /// A message is being received.
    pub receiving: u32,
    /// A response is awaited.
    pub waiting: u32,
    /// They have left HTTP.
    pub upgraded: u32,
    /// Their last bytes are being sent.
    pub closing: u32,
    /// Number of all these that JavaScript's thread reads itself.
    pub lent: u32,
    /// Bytes received, also by connections that have closed.
    pub received: f64,
    /// Bytes sent, also by connections that have closed.
    pub sent: f64,
}

impl From<ConnectionCounts> for BindingConnectionStates {
    fn from(counts: ConnectionCounts) -> Self {
        let ConnectionCounts {
            connecting,
            handshaking,
            idle,
            receiving,
            waiting,
            upgraded,
            closing,
            lent,
            received,
            sent,
        } = counts;
        Self {
            connecting,
            handshaking,
            idle,
            receiving,
            waiting,
            upgraded,
            closing,
            lent,
            received: received as f64,
            sent: sent as f64,
        }
    }
}

/// One I/O thread.
#[napi(object)]
pub struct BindingThreadUsage {
    /// Milliseconds of CPU so far; null where the system does not report it.
    pub cpu: Option<f64>,
    /// Milliseconds since its start.
    pub elapsed: f64,
}

/// All I/O threads of the process that run.
#[napi(catch_unwind)]
#[must_use]
pub fn io_thread_usage() -> Vec<BindingThreadUsage> {
    ferrohttp_net::thread_usage()
        .into_iter()
        .map(|(cpu, elapsed)| BindingThreadUsage { cpu, elapsed })
        .collect()
}
