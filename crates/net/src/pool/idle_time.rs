//! How long an idle connection is kept.

/// Milliseconds that a connection may idle, 0 for any time; None when it had better not be kept.
///
/// `own` is the agent's `timeout` (0 for none), `hint` the seconds of the server's `Keep-Alive: timeout=`, `buffer` the
/// milliseconds by which the agent wants to be ahead of it (Node's `agentKeepAliveTimeoutBuffer`): a request sent as the
/// server closes would be lost. As in Node the hint shortens the agent's own limit and sets none where there is none.
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
