//! How long an idle connection is kept.

/// The time in milliseconds that a connection may be idle, 0 for any time. None when it should not be kept.
///
/// `own` is the agent's `timeout` (0 for none), `hint` the seconds of the server's `Keep-Alive: timeout=`, and `buffer` the
/// milliseconds by which the agent closes earlier (Node's `agentKeepAliveTimeoutBuffer`), because a request that is sent while
/// the server closes would be lost. As in Node the hint shortens the agent's own limit, and has no effect without one.
#[must_use]
pub fn idle_time(own: f64, hint: Option<f64>, buffer: f64) -> Option<f64> {
    let Some(seconds) = hint else {
        return Some(own);
    };
    let limit = (seconds * 1000.0 - buffer).max(0.0);
    if limit == 0.0 {
        return None;
    }
    Some(if limit < own { limit } else { own })
}
