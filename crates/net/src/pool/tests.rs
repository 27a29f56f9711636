//! The pool's decisions, one by one.

use super::*;

pub(super) const INFINITY: f64 = f64::INFINITY;

fn limits(max_sockets: f64, max_total_sockets: f64) -> PoolLimits {
    PoolLimits {
        max_sockets,
        max_total_sockets,
        keep_alive: true,
        ..PoolLimits::default()
    }
}

pub(super) fn pool(limits: PoolLimits) -> Pool {
    let mut pool = Pool::default();
    pool.set_limits(limits);
    pool
}

/// Acquires a connection, with the number of waiting requests that the pool has.
fn acquire(pool: &mut Pool, origin: u32, is_open: impl FnMut(ConnectionId) -> bool) -> Acquired {
    let waiting = pool.origins.get(origin).map_or(0, |of| of.waiting);
    pool.acquire(origin, waiting, is_open)
}

pub(super) const fn connection(slot: u32) -> Option<ConnectionId> {
    Some(ConnectionId {
        slot,
        generation: 0,
    })
}

const fn always(_: ConnectionId) -> bool {
    true
}

/// `count` idle connections of a name, in the order in which they were made.
fn idle(pool: &mut Pool, origin: u32, count: u32) -> Vec<u32> {
    let members: Vec<u32> = (0..count).map(|_| pool.opened(origin).unwrap()).collect();
    for (slot, &member) in members.iter().enumerate() {
        assert_eq!(pool.released(origin, true), Released::Keep);
        assert!(pool.keep(member, connection(slot as u32)));
    }
    members
}

#[test]
fn requests_beyond_the_limits_wait() {
    use Acquired::{Connect, Wait};
    let cases: &[(f64, f64, &[Acquired])] = &[
        (INFINITY, INFINITY, &[Connect, Connect, Connect]),
        (2.0, INFINITY, &[Connect, Connect, Wait]),
        (INFINITY, 1.0, &[Connect, Wait, Wait]),
        (1.5, INFINITY, &[Connect, Connect, Wait]),
        (0.0, INFINITY, &[Wait, Wait]),
        (f64::NAN, INFINITY, &[Wait]),
        (INFINITY, f64::NAN, &[Wait]),
    ];
    for &(max_sockets, max_total_sockets, expected) in cases {
        let mut pool = pool(limits(max_sockets, max_total_sockets));
        let origin = pool.origin("a").unwrap();
        for &outcome in expected {
            let acquired = acquire(&mut pool, origin, always);
            assert_eq!(acquired, outcome, "{max_sockets} {max_total_sockets}");
            if acquired == Connect {
                pool.opened(origin).unwrap();
            }
        }
    }
}

#[test]
fn new_limits_apply_to_the_next_call() {
    let mut pool = pool(limits(1.0, INFINITY));
    let origin = pool.origin("a").unwrap();
    pool.opened(origin).unwrap();
    assert_eq!(acquire(&mut pool, origin, always), Acquired::Wait);
    pool.set_limits(limits(2.0, INFINITY));
    assert_eq!(acquire(&mut pool, origin, always), Acquired::Connect);
}

#[test]
fn scheduling_chooses_the_latest_or_the_oldest() {
    for (oldest_first, order) in [(false, [2, 1, 0]), (true, [0, 1, 2])] {
        let mut pool = pool(PoolLimits {
            oldest_first,
            ..limits(INFINITY, INFINITY)
        });
        let origin = pool.origin("a").unwrap();
        let members = idle(&mut pool, origin, 3);
        for at in order {
            let acquired = acquire(&mut pool, origin, always);
            assert_eq!(acquired, Acquired::Reuse(members[at]));
        }
        assert_eq!(acquire(&mut pool, origin, always), Acquired::Connect);
    }
}

#[test]
fn closed_idle_connections_are_skipped_and_count_until_they_are_removed() {
    for (oldest_first, chosen) in [(false, 1), (true, 1)] {
        let mut pool = pool(PoolLimits {
            oldest_first,
            ..limits(3.0, INFINITY)
        });
        let origin = pool.origin("a").unwrap();
        let members = idle(&mut pool, origin, 3);
        let is_open = |id: ConnectionId| id.slot == 1;
        assert_eq!(
            acquire(&mut pool, origin, is_open),
            Acquired::Reuse(members[chosen])
        );
        assert_eq!(acquire(&mut pool, origin, is_open), Acquired::Wait);
        assert_eq!(pool.counts().idle, 2);
        assert!(pool.removed(members[0]));
        assert_eq!(pool.next(origin), Next::For(origin));
    }
}

#[test]
fn liveness_is_checked_for_own_connections_only() {
    let mut pool = pool(limits(INFINITY, INFINITY));
    let origin = pool.origin("a").unwrap();
    let foreign = pool.adopted(origin, None).unwrap();
    let never = |_| -> bool { panic!("asked") };
    assert_eq!(acquire(&mut pool, origin, never), Acquired::Reuse(foreign));
    // They may get a connection later.
    assert!(pool.keep(foreign, None));
    pool.named(foreign, connection(7));
    assert_eq!(
        acquire(&mut pool, origin, |id| id.slot != 7),
        Acquired::Connect,
        "one that has died"
    );
}

#[test]
fn a_released_connection_is_used_kept_or_closed() {
    let kept = limits(INFINITY, INFINITY);
    let cases = [
        ("kept", kept, true, 0, 0, Released::Keep),
        ("the last exchange", kept, false, 0, 0, Released::Close),
        ("served", kept, false, 0, 1, Released::Serve),
        (
            "an agent that keeps nothing",
            PoolLimits {
                keep_alive: false,
                ..kept
            },
            true,
            0,
            0,
            Released::Close,
        ),
        (
            "enough idle ones",
            PoolLimits {
                max_free_sockets: 2.0,
                ..kept
            },
            true,
            2,
            0,
            Released::Close,
        ),
        (
            "room for another idle one",
            PoolLimits {
                max_free_sockets: 2.0,
                ..kept
            },
            true,
            1,
            0,
            Released::Keep,
        ),
        (
            "too many of the name",
            limits(2.0, INFINITY),
            true,
            2,
            0,
            Released::Close,
        ),
        (
            "as many as allowed",
            limits(3.0, INFINITY),
            true,
            2,
            0,
            Released::Keep,
        ),
        (
            "too many in all",
            limits(INFINITY, 2.0),
            true,
            2,
            0,
            Released::Close,
        ),
    ];
    for (title, limits, reusable, idle_before, waiting, expected) in cases {
        let mut pool = pool(PoolLimits {
            keep_alive: true,
            ..PoolLimits::default()
        });
        let origin = pool.origin("a").unwrap();
        idle(&mut pool, origin, idle_before);
        pool.opened(origin).unwrap();
        pool.set_shown(origin, 0, waiting);
        pool.set_limits(limits);
        assert_eq!(pool.released(origin, reusable), expected, "{title}");
        assert_eq!(pool.counts().waiting, 0, "{title}");
    }
}

#[test]
fn the_own_queue_is_served_first_then_the_name_that_waits_longest() {
    let mut pool = pool(limits(INFINITY, 1.0));
    let [a, b, c] = ["a", "b", "c"].map(|name| pool.origin(name).unwrap());
    let member = pool.opened(a).unwrap();
    for origin in [c, b, a] {
        assert_eq!(acquire(&mut pool, origin, always), Acquired::Wait);
    }
    assert!(
        !pool.keep(member, None),
        "others wait: it is to be removed first"
    );
    assert!(pool.removed(member));
    assert_eq!(pool.next(a), Next::For(a));
    assert_eq!(pool.released(a, true), Released::Serve);
    assert_eq!(pool.next(a), Next::For(c));
    pool.opened(c).unwrap();
    assert_eq!(
        pool.next(a),
        Next::NameIsServed(c),
        "one of its own will be released"
    );
    pool.set_shown(c, -1, 1);
    assert_eq!(pool.next(a), Next::For(c), "the program has taken that out");
    assert_eq!(pool.released(c, true), Released::Serve);
    assert_eq!(pool.next(a), Next::For(b));
    pool.set_shown(b, 0, 0);
    assert_eq!(pool.next(a), Next::NoConnection);
}

#[test]
fn connections_reserved_by_programs_count() {
    let mut pool = pool(limits(2.0, 3.0));
    let [a, b] = ["a", "b"].map(|name| pool.origin(name).unwrap());
    pool.set_shown(a, 2, 0);
    assert_eq!(acquire(&mut pool, a, always), Acquired::Wait);
    assert_eq!(acquire(&mut pool, b, always), Acquired::Connect);
    pool.set_beyond_total(3.0);
    assert_eq!(acquire(&mut pool, b, always), Acquired::Wait);
    pool.set_beyond_total(f64::NAN);
    assert_eq!(acquire(&mut pool, b, always), Acquired::Wait);
}

#[test]
fn the_place_of_a_removed_connection_is_given_to_one_request() {
    let mut pool = pool(limits(1.0, INFINITY));
    let origin = pool.origin("a").unwrap();
    let member = idle(&mut pool, origin, 1)[0];
    assert_eq!(pool.oldest(origin), Some(member));
    pool.left(member);
    assert_eq!(pool.oldest(origin), None);
    assert_eq!(acquire(&mut pool, origin, always), Acquired::Connect);
    pool.opened(origin).unwrap();
    assert!(!pool.removed(member));

    let member = pool.opened(origin).unwrap();
    pool.left(member);
    pool.set_limits(limits(2.0, INFINITY));
    assert!(pool.removed(member), "its place is free");
}

#[test]
fn old_numbers_have_no_effect() {
    let mut pool = pool(limits(1.0, 1.0));
    let a = pool.origin("a").unwrap();
    let member = pool.opened(a).unwrap();
    assert!(!pool.forget(a), "it has a connection");
    pool.removed(member);
    assert!(pool.forget(a));
    assert!(!pool.forget(a));
    let (b, other) = (pool.origin("b").unwrap(), {
        let b = pool.origin("b").unwrap();
        pool.opened(b).unwrap()
    });
    assert_ne!(a, b);
    assert_ne!(member, other);
    let before = pool.counts();
    for stale in [member, u32::MAX, 1 << 30] {
        assert!(!pool.keep(stale, None));
        assert!(pool.removed(stale));
        pool.left(stale);
        pool.named(stale, connection(1));
    }
    for stale in [a, u32::MAX, 1 << 30] {
        assert_eq!(acquire(&mut pool, stale, always), Acquired::Connect);
        assert_eq!(pool.opened(stale), None);
        assert_eq!(pool.adopted(stale, None), None);
        assert_eq!(pool.released(stale, true), Released::Close);
        assert_eq!(pool.next(stale), Next::NoConnection);
        assert_eq!(pool.oldest(stale), None);
        pool.set_shown(stale, 5, 5);
    }
    assert_eq!(pool.counts(), before);
    // A second call, and one out of turn, have no effect.
    pool.left(other);
    pool.left(other);
    assert!(!pool.keep(other, None), "it is dead");
    pool.removed(other);
    pool.removed(other);
    assert_eq!(pool.counts(), PoolCounts::default());
    assert!(pool.forget(b));
}

#[test]
fn a_name_keeps_its_number_while_it_is_in_use() {
    let mut pool = pool(limits(1.0, INFINITY));
    let a = pool.origin("a").unwrap();
    let member = pool.opened(a).unwrap();
    assert_eq!(acquire(&mut pool, a, always), Acquired::Wait);
    assert!(pool.keep(member, None) || pool.removed(member));
    assert!(!pool.forget(a), "a request waits");
    assert_eq!(pool.origin("a"), Some(a));
    assert_eq!(pool.released(a, true), Released::Serve);
    assert!(pool.forget(a));
    assert_ne!(pool.origin("a"), Some(a), "another name has the slot");
}

#[test]
fn the_shortest_idle_time_applies() {
    for (own, hint, buffer, expected) in [
        (0.0, None, 1000.0, Some(0.0)),
        (3000.0, None, 1000.0, Some(3000.0)),
        (3000.0, Some(1.0), 1000.0, None),
        (3000.0, Some(0.0), 0.0, None),
        (3000.0, Some(2.0), 1000.0, Some(1000.0)),
        (3000.0, Some(2.0), 0.0, Some(2000.0)),
        (3000.0, Some(5.0), 1000.0, Some(3000.0)),
        (0.0, Some(5.0), 1000.0, Some(0.0)),
        (0.0, Some(1.0), 1000.0, None),
        (3000.0, Some(INFINITY), 1000.0, Some(3000.0)),
    ] {
        let time = idle_time(own, hint, buffer);
        assert_eq!(time, expected, "{own} {hint:?} {buffer}");
    }
}
