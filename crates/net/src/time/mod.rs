//! The clock and the timers of I/O threads.

pub(crate) mod clock;
pub(crate) mod timer;
