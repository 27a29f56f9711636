//! The clock of deadlines.

use std::time::Instant;

/// The current time of tokio's clock, which tests can pause.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
