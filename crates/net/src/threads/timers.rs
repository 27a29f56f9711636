//! The timers of one I/O thread: a wheel, and the task that sleeps until its next timer.

use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use tokio::sync::Notify;

use crate::sync::lock;
use crate::time::clock::now;
use crate::time::timer::{TimerKey, Wheel};

/// Something with a deadline.
pub(crate) trait Timed: Send + Sync {
    /// The deadline has passed. Called on the I/O thread.
    fn expire(self: Arc<Self>);
}

struct State {
    wheel: Wheel<Weak<dyn Timed>>,
    /// Until when the task sleeps. None while there is no timer.
    wakes_at: Option<Instant>,
}

/// See the module.
pub(super) struct Timers {
    state: Mutex<State>,
    /// A timer was started that is due before the task wakes.
    earlier: Notify,
}

impl Timers {
    pub(super) fn new() -> Self {
        let state = State {
            wheel: Wheel::new(now()),
            wakes_at: None,
        };
        Self {
            state: Mutex::new(state),
            earlier: Notify::new(),
        }
    }

    /// Starts a timer. `at` is compared with the time until which the task sleeps, and not with the wheel's next check: a timer of a
    /// later turn of the wheel makes that check earlier, and the task does not know of it.
    pub(super) fn start(&self, at: Instant, timed: Weak<dyn Timed>) -> TimerKey {
        let mut state = lock(&self.state);
        let key = state.wheel.insert(now(), at, timed);
        if state.wakes_at.is_none_or(|wakes_at| at < wakes_at) {
            self.earlier.notify_one();
        }
        key
    }

    pub(super) fn stop(&self, key: TimerKey) {
        lock(&self.state).wheel.remove(key);
    }

    fn next_wake(&self) -> Option<Instant> {
        let mut state = lock(&self.state);
        state.wakes_at = state.wheel.next_expiry();
        state.wakes_at
    }

    /// Expires timers. Never ends.
    pub(super) async fn run(&self) {
        let mut expired = Vec::new();
        loop {
            let wakes_at = self.next_wake();
            let earlier = self.earlier.notified();
            match wakes_at {
                None => earlier.await,
                Some(at) => drop(tokio::time::timeout_at(at.into(), earlier).await),
            }
            lock(&self.state).wheel.expire(now(), &mut expired);
            for timed in expired
                .drain(..)
                .filter_map(|weak: Weak<dyn Timed>| weak.upgrade())
            {
                timed.expire();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Expired(Mutex<Option<Instant>>);

    impl Timed for Expired {
        fn expire(self: Arc<Self>) {
            *lock(&self.0) = Some(now());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_is_not_late_after_one_of_a_later_turn_of_the_wheel() {
        let timers = Arc::new(Timers::new());
        let task = Arc::clone(&timers);
        tokio::spawn(async move { task.run().await });
        let begin = now();
        let start = |millis| {
            let expired = Arc::new(Expired(Mutex::new(None)));
            let timed: Arc<dyn Timed> = expired.clone();
            timers.start(
                begin + Duration::from_millis(millis),
                Arc::downgrade(&timed),
            );
            expired
        };
        let first = start(6_000);
        // The task sleeps until the first timer.
        tokio::task::yield_now().await;
        // In the wheel's slot of 500 ms, one turn later.
        let later = start(10_240 + 500);
        let soon = start(3_000);
        tokio::time::sleep(Duration::from_secs(12)).await;
        for (timer, due) in [(soon, 3_000), (first, 6_000), (later, 10_740)] {
            let at = lock(&timer.0).expect("expired");
            let late = at.duration_since(begin).as_millis().abs_diff(due);
            assert!(late <= 20, "{due} ms: {late} ms late");
        }
    }
}
