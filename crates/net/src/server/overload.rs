//! Requests that an overloaded server refuses, so that those it accepts are answered in time.
//!
//! As CoDel does with packets (RFC 8289), a server begins to refuse requests when each of them has had to wait too long for JavaScript's
//! thread during a whole interval, so a short burst is served late rather than refused. From then on a request is accepted if it is
//! expected to wait no longer than the limit. The server stops refusing after an interval in which it had to refuse none.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::sync::lock;

/// Options of a server that refuses requests.
#[derive(Clone, Debug)]
pub struct OverloadOptions {
    /// The time that requests may wait for JavaScript's thread. None if it has no limit.
    pub max_queue_delay: Option<Duration>,
    /// The time for which they have to wait longer before the server begins to refuse.
    pub interval: Duration,
    /// Number of requests that may be unanswered. None if it has no limit.
    pub max_pending: Option<usize>,
    /// Retry-After of refusals, in seconds.
    pub retry_after: u32,
    /// Paths of requests that are never refused. `*` at the end stands for any further characters.
    pub exempt: Vec<Vec<u8>>,
}

/// How long requests wait for JavaScript's thread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lag {
    /// The time since the oldest batch with work for the thread was queued: that of requests it serves now, or any it has not taken.
    pub(crate) oldest: Duration,
    /// As `oldest`, of batches that the thread has not taken yet.
    pub(crate) untaken: Duration,
    /// The time that a request is expected to wait.
    pub(crate) expected: Duration,
}

/// The decision about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Accept,
    Refuse,
    /// The first refusal after a time without.
    RefuseFirst,
}

#[derive(Default)]
struct Codel {
    /// Since when each request has had to wait too long.
    late_since: Option<Instant>,
    /// That has lasted for an interval.
    is_late: bool,
    last_refusal: Option<Instant>,
}

/// See the module.
pub(crate) struct Overload {
    options: OverloadOptions,
    codel: Mutex<Codel>,
    /// Changed under the lock of `codel`.
    is_refusing: AtomicBool,
    pending: AtomicUsize,
    refused: AtomicU64,
}

impl Overload {
    pub(crate) fn new(options: OverloadOptions) -> Self {
        Self {
            options,
            codel: Mutex::default(),
            is_refusing: AtomicBool::new(false),
            pending: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
        }
    }

    pub(crate) const fn interval(&self) -> Duration {
        self.options.interval
    }

    pub(crate) const fn retry_after(&self) -> u32 {
        self.options.retry_after
    }

    /// Number of requests that were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The number of unanswered requests has changed on one connection.
    pub(crate) fn count_pending(&self, before: u16, after: u16) {
        let (before, after) = (usize::from(before), usize::from(after));
        if after > before {
            self.pending.fetch_add(after - before, Ordering::Relaxed);
        } else if before > after {
            self.pending.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    /// Whether a request for `target` is never refused.
    pub(crate) fn is_exempt(&self, target: &[u8]) -> bool {
        let path = target.split(|&byte| byte == b'?').next().unwrap_or(target);
        self.options.exempt.iter().any(|exempt| {
            exempt
                .strip_suffix(b"*")
                .map_or(path == exempt, |start| path.starts_with(start))
        })
    }

    /// Whether the next request may be refused.
    pub(crate) fn may_refuse(&self) -> bool {
        self.is_refusing.load(Ordering::Relaxed) || self.is_full()
    }

    /// Whether as many requests are unanswered as may be.
    fn is_full(&self) -> bool {
        self.options
            .max_pending
            .is_some_and(|max| self.pending.load(Ordering::Relaxed) >= max)
    }

    /// Decides about a request that has just been received. `lag` is asked only where requests have a time limit.
    pub(crate) fn decide(&self, now: Instant, lag: impl FnOnce() -> Lag) -> Decision {
        let mut codel = lock(&self.codel);
        if !self.is_full() && !self.is_late(&mut codel, now, lag) {
            return Decision::Accept;
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        codel.last_refusal = Some(now);
        if self.is_refusing.swap(true, Ordering::Relaxed) {
            Decision::Refuse
        } else {
            Decision::RefuseFirst
        }
    }

    fn is_late(&self, codel: &mut Codel, now: Instant, lag: impl FnOnce() -> Lag) -> bool {
        let Some(limit) = self.options.max_queue_delay else {
            return false;
        };
        let lag = lag();
        if codel.is_late {
            // Handlers that continue after they have waited for something delay requests that the thread has not taken yet. The number of
            // requests does not show that.
            return lag.expected > limit || lag.untaken > limit * 2;
        }
        if lag.oldest <= limit {
            codel.late_since = None;
            return false;
        }
        let since = *codel.late_since.get_or_insert(now);
        codel.is_late = now.saturating_duration_since(since) >= self.options.interval;
        codel.is_late
    }

    /// Stops refusing if an interval has passed without a refusal. Returns the time until it may have passed otherwise.
    pub(crate) fn recover(&self, now: Instant) -> Option<Duration> {
        let mut codel = lock(&self.codel);
        let since = codel
            .last_refusal
            .map_or(Duration::MAX, |last| now.saturating_duration_since(last));
        match self.options.interval.checked_sub(since) {
            Some(rest) if !rest.is_zero() => Some(rest),
            _ => {
                *codel = Codel::default();
                self.is_refusing.store(false, Ordering::Relaxed);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(10);
    const INTERVAL: Duration = Duration::from_millis(100);

    fn overload(max_pending: Option<usize>) -> Overload {
        Overload::new(OverloadOptions {
            max_queue_delay: Some(LIMIT),
            interval: INTERVAL,
            max_pending,
            retry_after: 1,
            exempt: vec![b"/a".to_vec(), b"/b/*".to_vec()],
        })
    }

    fn lag(oldest: Duration, expected: Duration) -> Lag {
        Lag {
            oldest,
            untaken: Duration::ZERO,
            expected,
        }
    }

    #[test]
    fn a_burst_is_served_and_a_lasting_wait_refused() {
        let overload = overload(None);
        let begin = Instant::now();
        let late = lag(LIMIT * 2, LIMIT * 2);
        let at = |millis| begin + Duration::from_millis(millis);
        assert_eq!(overload.decide(at(0), || late), Decision::Accept);
        assert_eq!(overload.decide(at(99), || late), Decision::Accept);
        // One request in time.
        assert_eq!(
            overload.decide(at(100), || lag(LIMIT, LIMIT)),
            Decision::Accept
        );
        assert_eq!(overload.decide(at(101), || late), Decision::Accept);
        assert_eq!(overload.decide(at(201), || late), Decision::RefuseFirst);
        assert!(overload.may_refuse());
        assert_eq!(overload.decide(at(202), || late), Decision::Refuse);
        // From now on the expected wait counts.
        assert_eq!(
            overload.decide(at(203), || lag(LIMIT * 2, LIMIT)),
            Decision::Accept
        );
        assert_eq!(overload.decide(at(204), || late), Decision::Refuse);
        assert_eq!(overload.refused(), 3);
    }

    #[test]
    fn what_is_not_taken_in_time_is_refused_however_little_it_is() {
        let overload = overload(None);
        let begin = Instant::now();
        let late = lag(LIMIT * 2, LIMIT * 2);
        overload.decide(begin, || late);
        assert_eq!(
            overload.decide(begin + INTERVAL, || late),
            Decision::RefuseFirst
        );
        let untaken = Lag {
            untaken: LIMIT * 3,
            ..Lag::default()
        };
        assert_eq!(
            overload.decide(begin + INTERVAL, || untaken),
            Decision::Refuse
        );
    }

    #[test]
    fn it_recovers_after_an_interval_without_a_refusal() {
        let overload = overload(Some(0));
        let begin = Instant::now();
        assert_eq!(overload.decide(begin, Lag::default), Decision::RefuseFirst);
        assert_eq!(
            overload.recover(begin + INTERVAL / 4),
            Some(INTERVAL * 3 / 4)
        );
        assert_eq!(overload.recover(begin + INTERVAL), None);
        assert!(!overload.is_refusing.load(Ordering::Relaxed));
        assert_eq!(
            overload.decide(begin + INTERVAL, Lag::default),
            Decision::RefuseFirst
        );
    }

    #[test]
    fn unanswered_requests_are_limited() {
        let overload = overload(Some(2));
        let now = Instant::now();
        overload.count_pending(0, 1);
        assert_eq!(overload.decide(now, Lag::default), Decision::Accept);
        overload.count_pending(1, 2);
        assert_eq!(overload.decide(now, Lag::default), Decision::RefuseFirst);
        overload.count_pending(2, 0);
        assert_eq!(overload.decide(now, Lag::default), Decision::Accept);
    }

    #[test]
    fn exempt_paths() {
        let overload = overload(None);
        for target in ["/a", "/a?x", "/b/", "/b/c?d"] {
            assert!(overload.is_exempt(target.as_bytes()), "{target}");
        }
        for target in ["/", "/ab", "/b", "/c"] {
            assert!(!overload.is_exempt(target.as_bytes()), "{target}");
        }
    }
}
