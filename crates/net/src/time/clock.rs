//! The clock of deadlines and measurements.

use std::sync::OnceLock;
use std::time::Instant;

/// The current time of tokio's clock, which tests can pause.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Microseconds from a fixed time to `at`, never 0.
pub(crate) fn micros(at: Instant) -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(|| at);
    let elapsed = at.saturating_duration_since(start);
    elapsed.as_secs() * 1_000_000 + u64::from(elapsed.subsec_micros()) + 1
}
