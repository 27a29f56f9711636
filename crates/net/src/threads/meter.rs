//! Measures JavaScript's thread: how long requests wait for it, and how long their handlers occupy it.
//!
//! JavaScript counts the requests that it passes to handlers, and this thread looks at the count whenever it takes or sends records
//! anyway, so that measuring costs a few nanoseconds a request. Requests that were served between two looks share their times.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::handoff::Inbox;
use crate::measure::histogram::Histogram;
use crate::server::overload::Lag;
use crate::time::clock::{micros, now};

/// See the module. Times are of `micros`. JavaScript's thread alone writes, so stores need no read-modify-write operation, which would
/// cost more than all the rest. Other threads read single fields.
#[derive(Default)]
pub(crate) struct Meter {
    /// Since when requests have been served: the last look, or when the batch was taken.
    since: AtomicU64,
    /// When requests were last served.
    last: AtomicU64,
    /// Requests were waiting at the last look.
    was_behind: AtomicBool,
    /// Number of requests that were served, wraps around.
    served: AtomicU32,
    all_served: AtomicU64,
    /// When the batch was queued whose requests are being served. 0 between batches.
    batch: AtomicU64,
    /// Microseconds of the thread for each request, of late.
    cost: AtomicU32,
    pub(crate) queue_delay: Histogram,
    pub(crate) handler_time: Histogram,
}

impl Meter {
    /// JavaScript's thread has taken a batch with requests that was queued at that time, or one without any, or none (0). Only on
    /// that thread.
    pub(crate) fn begin(&self, queued_at: u64) {
        self.batch.store(queued_at, Ordering::Relaxed);
        if queued_at != 0 {
            self.since.store(micros(now()), Ordering::Relaxed);
        }
    }

    /// JavaScript has passed `served` requests to handlers so far. Only on its thread.
    pub(crate) fn look(&self, served: u32, inbox: &Inbox) {
        let count = served.wrapping_sub(self.served.load(Ordering::Relaxed));
        // Most flushes and drains follow one that has looked already.
        if count == 0 {
            return;
        }
        let now = micros(now());
        let since = self.since.load(Ordering::Relaxed);
        let queued_at = self.batch.load(Ordering::Relaxed);
        if queued_at != 0 {
            let delay = since.saturating_sub(queued_at);
            self.queue_delay.add_alone(delay, count.into());
        }
        let time = now.saturating_sub(since) / u64::from(count);
        self.handler_time.add_alone(time, count.into());
        let whole = if self.was_behind.load(Ordering::Relaxed) {
            now.saturating_sub(self.last.load(Ordering::Relaxed)) / u64::from(count)
        } else {
            time
        };
        self.average(whole, count);
        self.served.store(served, Ordering::Relaxed);
        let all = self.all_served.load(Ordering::Relaxed);
        self.all_served
            .store(all + u64::from(count), Ordering::Relaxed);
        self.since.store(now, Ordering::Relaxed);
        self.last.store(now, Ordering::Relaxed);
        self.was_behind
            .store(inbox.entered() != served, Ordering::Relaxed);
    }

    /// Adds `count` requests of `micros` each to the average, which is that of the last sixteen or so.
    fn average(&self, micros: u64, count: u32) {
        let old = u64::from(self.cost.load(Ordering::Relaxed));
        let weight = u64::from(count.min(16));
        let new = (old * (16 - weight) + micros * weight) / 16;
        let new = u32::try_from(new).unwrap_or(u32::MAX);
        self.cost.store(new, Ordering::Relaxed);
    }

    /// Number of requests that were passed to handlers.
    pub(crate) fn served(&self) -> u64 {
        self.all_served.load(Ordering::Relaxed)
    }

    /// How long requests wait for the thread at `now`. Any thread.
    pub(crate) fn lag(&self, inbox: &Inbox, now: Instant) -> Lag {
        let waiting = inbox
            .entered()
            .wrapping_sub(self.served.load(Ordering::Relaxed));
        // The counts are read one after the other, so the second one may be ahead.
        let waiting = if waiting > u32::MAX / 2 { 0 } else { waiting };
        let cost = self.cost.load(Ordering::Relaxed);
        let now = micros(now);
        let since = |at: u64| match at {
            0 => Duration::ZERO,
            at => Duration::from_micros(now.saturating_sub(at)),
        };
        let untaken = since(inbox.oldest());
        let batch = if waiting == 0 {
            Duration::ZERO
        } else {
            since(self.batch.load(Ordering::Relaxed))
        };
        Lag {
            oldest: batch.max(untaken),
            untaken,
            expected: Duration::from_micros(u64::from(waiting) * u64::from(cost)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handoff::Batch;

    #[test]
    fn requests_share_the_time_between_two_looks() {
        let inbox = Inbox::new(Box::new(|| {}));
        let meter = Meter::default();
        meter.begin(micros(now()));
        meter.look(0, &inbox);
        assert_eq!(meter.handler_time.read(), [0, 0], "nothing was served");
        meter.look(3, &inbox);
        let count_of = |histogram: &Histogram| {
            let [_sum, _max, buckets @ ..] = &histogram.read()[..] else {
                unreachable!("a histogram begins with its sum and its largest value");
            };
            buckets.iter().sum::<u64>()
        };
        assert_eq!(count_of(&meter.handler_time), 3);
        assert_eq!(count_of(&meter.queue_delay), 3);
        meter.begin(0);
        meter.look(4, &inbox);
        assert_eq!(count_of(&meter.handler_time), 4);
        assert_eq!(
            count_of(&meter.queue_delay),
            3,
            "it is not known when it was queued"
        );
    }

    #[test]
    fn the_expected_wait_is_that_of_all_waiting_requests() {
        let inbox = Inbox::new(Box::new(|| {}));
        let meter = Meter::default();
        for _ in 0..3 {
            let mut batch = Batch::default();
            batch.request_for_tests();
            inbox.publish(&mut batch);
        }
        for _ in 0..50 {
            meter.average(2000, 1);
        }
        let lag = meter.lag(&inbox, now());
        assert!(lag.expected > Duration::from_micros(5500), "{lag:?}");
        assert!(lag.expected <= Duration::from_micros(6000), "{lag:?}");
        meter.look(3, &inbox);
        assert_eq!(meter.lag(&inbox, now()).expected, Duration::ZERO);
    }
}
