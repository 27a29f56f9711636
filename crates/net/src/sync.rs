//! Locks that survive a panic elsewhere, and what the hand-off queue is made of.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a queue between threads is made of: the standard library's, or loom's when a test explores the interleavings
/// of its threads. The configuration has a name of its own because tokio has no sockets under `cfg(loom)`.
pub(crate) mod shared {
    #[cfg(all(test, ferrohttp_loom))]
    pub(crate) use loom::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    };
    #[cfg(not(all(test, ferrohttp_loom)))]
    pub(crate) use std::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    };
}

/// Locks, also after a holder panicked: a connection whose task panicked is closed by its
/// supervisor, and the queues keep whole records because a record is length-prefixed last.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
