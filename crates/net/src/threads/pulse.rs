//! Whether JavaScript's thread still turns its event loop.
//!
//! A thread without work sleeps and is healthy, so the time since its last turn says nothing. The age of a pulse is the time since the
//! oldest wake-up of the thread that no turn of its event loop has followed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::time::clock::{micros, now};

/// See the module.
#[derive(Default)]
pub struct Pulse {
    /// A server shows the age, so wake-ups are timed.
    is_watched: AtomicBool,
    /// When the oldest wake-up without a turn was sent, see `micros`. 0 if there is none.
    woken: AtomicU64,
}

impl Pulse {
    /// Times wake-ups from now on.
    pub(crate) fn watch(&self) {
        self.is_watched.store(true, Ordering::Relaxed);
    }

    /// The thread is being woken. Any thread.
    pub(crate) fn woken(&self) {
        if self.is_watched.load(Ordering::Relaxed) && self.woken.load(Ordering::Relaxed) == 0 {
            // Of two threads that do this at the same time, the first one sets the time.
            let _ =
                self.woken
                    .compare_exchange(0, micros(now()), Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// The event loop has turned. Only on JavaScript's thread.
    pub fn turned(&self) {
        if self.woken.load(Ordering::Relaxed) != 0 {
            self.woken.store(0, Ordering::Relaxed);
        }
    }

    /// Time since the oldest wake-up that no turn has followed. Zero if there is none.
    pub(crate) fn age(&self) -> Duration {
        match self.woken.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            woken => Duration::from_micros(micros(now()).saturating_sub(woken)),
        }
    }
}
