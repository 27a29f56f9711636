//! A hashed timer wheel: O(1) to start and to stop a timer, and one sleep for all. Timers that are due within `NEAR` are kept
//! separately, sorted and to the millisecond, because a tick would be a large part of their timeout.
//!
//! Other deadlines are coarse on purpose. A connection has at most one entry, never later than its earliest deadline. When the
//! entry is due, the connection computes its real deadline. So the hot path, which moves deadlines with every request, hardly
//! ever touches the wheel.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use slab::Slab;

/// Resolution of the wheel. A timer on the wheel expires up to this much late.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Timers that are due sooner than this are not put on the wheel.
pub(crate) const NEAR: Duration = Duration::from_millis(20);

/// Resolution of those timers.
const FINE_TICK: Duration = Duration::from_millis(1);

/// Bit in a node's `tick`: the tick counts `FINE_TICK`s, and the node is in `near` instead of on the wheel.
const FINE: u64 = 1 << 63;

/// One turn of the wheel is `SLOTS * TICK`, about 10 s. A later timer stays for more turns.
const SLOTS: usize = 1024;

const NONE: u32 = u32::MAX;

/// The key of an entry until it expires or is removed.
pub(crate) type TimerKey = u32;

struct Node<T> {
    previous: u32,
    next: u32,
    tick: u64,
    value: T,
}

/// See the module.
pub(crate) struct Wheel<T> {
    origin: Instant,
    /// The first tick that has not expired yet.
    current: u64,
    heads: Box<[u32; SLOTS]>,
    /// Ticks and keys of the timers that are due within `NEAR`.
    near: BTreeSet<(u64, TimerKey)>,
    nodes: Slab<Node<T>>,
}

impl<T> Wheel<T> {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            origin: now,
            current: 0,
            heads: Box::new([NONE; SLOTS]),
            near: BTreeSet::new(),
            nodes: Slab::new(),
        }
    }

    /// The tick at whose beginning `at` has passed.
    fn tick_of(&self, at: Instant, resolution: Duration) -> u64 {
        (at.saturating_duration_since(self.origin)
            .as_nanos()
            .div_ceil(resolution.as_nanos())) as u64
    }

    fn instant_of(&self, tick: u64, resolution: Duration) -> Instant {
        self.origin + Duration::from_nanos(tick.saturating_mul(resolution.as_nanos() as u64))
    }

    /// Number of ticks that have passed.
    fn reached(&self, now: Instant, resolution: Duration) -> u64 {
        (now.saturating_duration_since(self.origin).as_nanos() / resolution.as_nanos()) as u64
    }

    /// Starts a timer.
    pub(crate) fn insert(&mut self, now: Instant, at: Instant, value: T) -> TimerKey {
        if at.saturating_duration_since(now) < NEAR {
            let tick = self.tick_of(at, FINE_TICK) | FINE;
            let node = Node {
                previous: NONE,
                next: NONE,
                tick,
                value,
            };
            let key = self.nodes.insert(node) as TimerKey;
            self.near.insert((tick, key));
            return key;
        }
        let tick = self.tick_of(at, TICK).max(self.current);
        let slot = (tick % SLOTS as u64) as usize;
        let head = self.heads[slot];
        let node = Node {
            previous: NONE,
            next: head,
            tick,
            value,
        };
        let key = self.nodes.insert(node) as TimerKey;
        if head != NONE {
            self.nodes[head as usize].previous = key;
        }
        self.heads[slot] = key;
        key
    }

    /// Stops a timer.
    pub(crate) fn remove(&mut self, key: TimerKey) -> Option<T> {
        let Node {
            previous,
            next,
            tick,
            value,
        } = self.nodes.try_remove(key as usize)?;
        if tick & FINE != 0 {
            self.near.remove(&(tick, key));
        } else if previous == NONE {
            self.heads[(tick % SLOTS as u64) as usize] = next;
        } else {
            self.nodes[previous as usize].next = next;
        }
        if next != NONE {
            self.nodes[next as usize].previous = previous;
        }
        if self.nodes.is_empty() {
            self.nodes = Slab::new();
        }
        Some(value)
    }

    /// Removes all timers that are due, and appends their values to `expired`.
    pub(crate) fn expire(&mut self, now: Instant, expired: &mut Vec<T>) {
        let reached = self.reached(now, TICK);
        let fine = self.reached(now, FINE_TICK) | FINE;
        while let Some(&(tick, key)) = self.near.first()
            && tick <= fine
        {
            expired.extend(self.remove(key));
        }
        if self.nodes.len() == self.near.len() {
            self.current = self.current.max(reached + 1);
            return;
        }
        // After a long sleep every slot has passed at least once, and checking each of them once is enough.
        let first = self.current.max((reached + 1).saturating_sub(SLOTS as u64));
        for tick in first..=reached {
            let mut key = self.heads[(tick % SLOTS as u64) as usize];
            while key != NONE && !self.nodes.is_empty() {
                let node = &self.nodes[key as usize];
                let next = node.next;
                if node.tick <= reached {
                    expired.extend(self.remove(key));
                }
                key = next;
            }
        }
        self.current = self.current.max(reached + 1);
    }

    /// The time of the next check: no later than the earliest timer, and at most one turn away.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        let near = self
            .near
            .first()
            .map(|(tick, _)| self.instant_of(tick & !FINE, FINE_TICK));
        if self.nodes.len() == self.near.len() {
            return near;
        }
        let far = self.current + SLOTS as u64 - 1;
        let tick =
            (self.current..far).find(|tick| self.heads[(tick % SLOTS as u64) as usize] != NONE);
        let on_wheel = self.instant_of(tick.unwrap_or(far), TICK);
        Some(near.map_or(on_wheel, |near| near.min(on_wheel)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn expired(wheel: &mut Wheel<&'static str>, now: Instant) -> Vec<&'static str> {
        let mut out = Vec::new();
        wheel.expire(now, &mut out);
        out.sort_unstable();
        out
    }

    #[test]
    fn fires_not_before_its_time_and_within_a_tick_after() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        wheel.insert(start, start + ms(25), "a");
        assert_eq!(expired(&mut wheel, start + ms(24)), [""; 0]);
        assert!(wheel.next_expiry().is_some_and(|at| at <= start + ms(35)));
        assert_eq!(expired(&mut wheel, start + ms(35)), ["a"]);
        assert_eq!(wheel.next_expiry(), None);
    }

    #[test]
    fn a_timer_several_turns_away_stays() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        let turn = TICK * SLOTS as u32;
        wheel.insert(start, start + turn * 3, "far");
        wheel.insert(start, start + ms(10), "near");
        assert_eq!(expired(&mut wheel, start + ms(10)), ["near"]);
        let mut now = start;
        for _ in 0..29 {
            now += turn / 10;
            assert_eq!(expired(&mut wheel, now), [""; 0]);
        }
        assert_eq!(expired(&mut wheel, start + turn * 3 + TICK), ["far"]);
    }

    #[test]
    fn a_sleep_of_many_turns_misses_nothing() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        for at in [0, 9, 10, 11, 500, 10_239, 10_240, 25_000] {
            wheel.insert(start, start + ms(at), "x");
        }
        assert_eq!(expired(&mut wheel, start + ms(1_000_000)).len(), 8);
    }

    #[test]
    fn removal_unlinks_in_any_order() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        let keys: Vec<_> = (0..4)
            .map(|_| wheel.insert(start, start + ms(50), "x"))
            .collect();
        for key in [keys[1], keys[3], keys[0]] {
            assert_eq!(wheel.remove(key), Some("x"));
            assert_eq!(wheel.remove(key), None);
        }
        assert_eq!(expired(&mut wheel, start + ms(60)), ["x"]);
        wheel.insert(start + ms(60), start + ms(100), "y");
        assert_eq!(expired(&mut wheel, start + ms(110)), ["y"]);
    }

    #[test]
    fn a_past_deadline_fires_at_the_next_check() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        assert_eq!(expired(&mut wheel, start + ms(500)), [""; 0]);
        wheel.insert(start + ms(500), start + ms(100), "late");
        assert_eq!(expired(&mut wheel, start + ms(500)), ["late"]);
    }

    #[test]
    fn near_timers_are_kept_to_the_millisecond() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        let now = start + ms(1003);
        wheel.insert(now, now + ms(7), "later");
        wheel.insert(now, now + ms(3), "soon");
        let stopped = wheel.insert(now, now + ms(2), "stopped");
        wheel.insert(now, now + ms(30), "on the wheel");
        assert_eq!(wheel.remove(stopped), Some("stopped"));
        assert_eq!(wheel.remove(stopped), None);
        assert_eq!(wheel.next_expiry(), Some(now + ms(3)));
        assert_eq!(expired(&mut wheel, now + ms(2)), [""; 0]);
        assert_eq!(expired(&mut wheel, now + ms(3)), ["soon"]);
        assert_eq!(wheel.next_expiry(), Some(now + ms(7)));
        assert_eq!(expired(&mut wheel, now + ms(7)), ["later"]);
        assert_eq!(expired(&mut wheel, now + ms(40)), ["on the wheel"]);
        assert_eq!(wheel.next_expiry(), None);
    }
}
