//! Counts and times, for programs that watch themselves.

pub(crate) mod counters;
pub(crate) mod histogram;
pub(crate) mod thread_usage;
