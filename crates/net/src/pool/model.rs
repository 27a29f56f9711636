//! Compares the pool with a simple model of it.

use std::collections::HashSet;

use super::tests::{INFINITY, connection, pool};
use super::*;

/// The pool's state of a name.
#[derive(Default)]
struct Name {
    active: Vec<u32>,
    idle: Vec<u32>,
    waiting: usize,
    /// When the first of its waiting requests began to wait.
    since: u64,
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Random requests, released and closed connections, names, limits and orders: every result is that of the model.
#[test]
fn results_equal_those_of_a_model() {
    let (seeds, steps) = if cfg!(miri) { (3, 200) } else { (60, 2000) };
    for seed in 1..=seeds {
        let mut random = Random(seed);
        let bound = |random: &mut Random| [1.0, 2.0, 3.0, 7.0, INFINITY][random.below(5)];
        let limits = PoolLimits {
            max_sockets: bound(&mut random),
            max_total_sockets: bound(&mut random),
            max_free_sockets: bound(&mut random),
            keep_alive: random.below(4) > 0,
            oldest_first: random.below(2) == 0,
        };
        let mut pool = pool(limits);
        let origins = ["a", "b", "c"].map(|name| pool.origin(name).unwrap());
        let mut names = [(); 3].map(|()| Name::default());
        let mut dead = HashSet::new();
        for time in 0..steps {
            let at = random.below(3);
            let origin = origins[at];
            let total: usize = names.iter().map(|of| of.active.len() + of.idle.len()).sum();
            let count = names[at].active.len() + names[at].idle.len();
            match random.below(5) {
                0 | 1 => {
                    let of = &mut names[at];
                    let fit = |member: &u32| !dead.contains(member);
                    let chosen = if limits.oldest_first {
                        of.idle.iter().position(fit)
                    } else {
                        of.idle.iter().rposition(fit)
                    };
                    let acquired = pool.acquire(origin, of.waiting, |id| !dead.contains(&id.slot));
                    if let Some(chosen) = chosen {
                        let member = of.idle.remove(chosen);
                        assert_eq!(acquired, Acquired::Reuse(member));
                        of.active.push(member);
                    } else if (count as f64) < limits.max_sockets
                        && (total as f64) < limits.max_total_sockets
                    {
                        assert_eq!(acquired, Acquired::Connect);
                        of.active.push(pool.opened(origin).unwrap());
                    } else {
                        assert_eq!(acquired, Acquired::Wait);
                        if of.waiting == 0 {
                            of.since = time;
                        }
                        of.waiting += 1;
                    }
                }
                2 if !names[at].active.is_empty() => {
                    let others_wait = names.iter().any(|of| of.waiting > 0);
                    let of = &mut names[at];
                    let index = random.below(of.active.len());
                    let member = of.active[index];
                    let reusable = random.below(5) > 0;
                    let released = pool.released(origin, reusable);
                    if of.waiting > 0 {
                        assert_eq!(released, Released::Serve);
                        of.waiting -= 1;
                        continue;
                    }
                    let keep = reusable
                        && limits.keep_alive
                        && total as f64 <= limits.max_total_sockets
                        && count as f64 <= limits.max_sockets
                        && (of.idle.len() as f64) < limits.max_free_sockets;
                    let expected = if keep {
                        Released::Keep
                    } else {
                        Released::Close
                    };
                    assert_eq!(released, expected);
                    if keep {
                        let kept = pool.keep(member, connection(member));
                        assert_eq!(kept, !others_wait);
                        if kept {
                            of.idle.push(of.active.remove(index));
                        }
                    }
                }
                3 if count > 0 => {
                    let of = &mut names[at];
                    let index = random.below(count);
                    let member = if index < of.active.len() {
                        of.active.remove(index)
                    } else {
                        of.idle.remove(index - of.active.len())
                    };
                    assert!(pool.removed(member));
                    dead.remove(&member);
                    let oldest = (0..3)
                        .filter(|&other| names[other].waiting > 0)
                        .min_by_key(|&other| names[other].since);
                    let next = match oldest {
                        _ if names[at].waiting > 0 => Some(at),
                        Some(other) if names[other].active.is_empty() => Some(other),
                        _ => None,
                    };
                    match pool.next(origin) {
                        Next::For(other) => assert_eq!(Some(other), next.map(|at| origins[at])),
                        Next::NameIsServed(_) | Next::NoConnection => assert_eq!(next, None),
                    }
                }
                _ => {
                    if let Some(&member) = names[at].idle.first() {
                        dead.insert(member);
                    }
                }
            }
            let sum = |count: fn(&Name) -> usize| names.iter().map(count).sum::<usize>();
            let expected = PoolCounts {
                active: sum(|of| of.active.len()),
                idle: sum(|of| of.idle.len()),
                waiting: sum(|of| of.waiting),
            };
            assert_eq!(pool.counts(), expected, "seed {seed}, step {time}");
        }
    }
}
