//! The threads of both sides: I/O threads, what they know of a JavaScript thread, and the records that they collect for it.

pub(crate) mod io_thread;
pub(crate) mod js_thread;
pub(crate) mod meter;
pub(crate) mod pulse;
pub(crate) mod staging;
pub(crate) mod timers;
