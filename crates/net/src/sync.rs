//! Locks that survive a panic elsewhere, what the hand-off queue is made of, and the CPU's cache.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The parts of a queue between threads: the standard library's, or loom's when a test explores the interleavings
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

/// Asks the CPU to load a value into its cache while the thread does something else. Has no effect on other architectures, where
/// the standard library has no stable call for it.
#[inline]
pub(crate) fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        const CACHE_LINE: usize = 64;
        let start = std::ptr::from_ref(value).cast::<i8>();
        for offset in (0..size_of::<T>()).step_by(CACHE_LINE) {
            // SAFETY: a prefetch reads and changes nothing that a program can see, and an invalid address would not fault.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(offset)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
