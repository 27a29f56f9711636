//! Times, counted in buckets: the histogram of all times takes a few kilobytes, and adding a time takes a few nanoseconds.
//!
//! As in HDR histograms each power of two is divided into equal buckets, so a quantile is at most a sixteenth too large. The crate
//! `hdrhistogram` cannot be added to by several threads at the same time without a lock or a queue, which is what this is for.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::crossing::histogram;

/// Number of bits after a value's highest one that select its bucket within a power of two.
const PRECISION: u32 = histogram::STEPS.trailing_zeros();
/// Buckets for each power of two.
const STEPS: u64 = histogram::STEPS as u64;
/// Values of 2^36 microseconds, 19 hours, and more share the last bucket.
const BUCKETS: usize = ((36 - PRECISION as usize) + 1) * STEPS as usize;

/// See the module. Values are microseconds.
pub(crate) struct Histogram {
    counts: [AtomicU64; BUCKETS],
    sum: AtomicU64,
    max: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; BUCKETS],
            sum: AtomicU64::new(0),
            max: AtomicU64::new(0),
        }
    }
}

/// The bucket of a value. `js/internal/extensions/histogram.ts` has the inverse.
fn bucket(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let shift = u64::BITS - 1 - value.leading_zeros() - PRECISION;
    let step = (value >> shift) - STEPS;
    let index = (u64::from(shift) + 1) * STEPS + step;
    (index as usize).min(BUCKETS - 1)
}

impl Histogram {
    /// Adds `value` as often as `times`.
    pub(crate) fn add(&self, value: u64, times: u64) {
        self.counts[bucket(value)].fetch_add(times, Ordering::Relaxed);
        self.sum
            .fetch_add(value.saturating_mul(times), Ordering::Relaxed);
        if value > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(value, Ordering::Relaxed);
        }
    }

    /// As `add`, in a fraction of the time. No other thread may add to this histogram: its values could get lost.
    pub(crate) fn add_alone(&self, value: u64, times: u64) {
        let add = |to: &AtomicU64, more: u64| {
            to.store(
                to.load(Ordering::Relaxed).wrapping_add(more),
                Ordering::Relaxed,
            );
        };
        add(&self.counts[bucket(value)], times);
        add(&self.sum, value.saturating_mul(times));
        if value > self.max.load(Ordering::Relaxed) {
            self.max.store(value, Ordering::Relaxed);
        }
    }

    /// The sum and the largest of all values, and the count of each bucket up to the last one that is not empty.
    pub(crate) fn read(&self) -> Vec<u64> {
        let counts = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        let mut all = vec![
            self.sum.load(Ordering::Relaxed),
            self.max.load(Ordering::Relaxed),
        ];
        all.extend(counts);
        while all.len() > histogram::HEADER as usize && all.last() == Some(&0) {
            all.pop();
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_contiguous_and_no_wider_than_a_sixteenth() {
        let mut begin = 0;
        for value in 1..100_000_u64 {
            let (before, this) = (bucket(value - 1), bucket(value));
            assert!(this == before || this == before + 1, "{value}");
            if this != before {
                begin = value;
            }
            assert!(value - begin <= begin / 16, "{value}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!(bucket((1 << 36) - 1), BUCKETS - 1);
    }

    #[test]
    fn it_reads_what_was_added() {
        let histogram = Histogram::default();
        assert_eq!(histogram.read(), [0, 0]);
        histogram.add(3, 2);
        histogram.add(1, 1);
        assert_eq!(histogram.read(), [7, 3, 0, 1, 0, 2]);
        histogram.add_alone(2, 4);
        assert_eq!(histogram.read(), [15, 3, 0, 1, 4, 2]);
        histogram.add_alone(4, 1);
        assert_eq!(histogram.read(), [19, 4, 0, 1, 4, 2, 1]);
    }
}
