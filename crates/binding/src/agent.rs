//! The pools of agents. The calls for each request are functions of numbers: a method of a class would cost three times as much
//! (0.35 µs instead of 0.11), because Node-API finds the object of `this` by two look-ups of properties.

use std::cell::RefCell;
use std::sync::Arc;

use ferrohttp_net::{
    Acquired, ConnectionId, Environment, Next, Pool, PoolCounts, PoolLimits, Released, idle_time,
    pool_answer,
};
use napi::bindgen_prelude::Result;
use napi_derive::napi;
use slab::Slab;

use crate::environment::BindingEnvironment;
use crate::wake::misuse;

/// A pool with the environment that knows its native connections.
struct PoolEntry {
    pool: Pool,
    environment: Arc<Environment>,
}

thread_local! {
    /// The pools of this JavaScript thread, by number.
    static POOLS: RefCell<Slab<PoolEntry>> = const { RefCell::new(Slab::new()) };
}

/// Returns `absent` for a number that has no pool.
fn with<T>(pool: u32, absent: T, ask: impl FnOnce(&mut Pool, &Environment) -> T) -> T {
    // The access does not fail: a thread that ends runs no JavaScript, and no JavaScript is called here, so nothing is borrowed twice.
    let found = POOLS.try_with(|pools| {
        let mut pools = pools.try_borrow_mut().ok()?;
        let entry = pools.get_mut(pool as usize)?;
        Some((ask)(&mut entry.pool, &entry.environment))
    });
    found.ok().flatten().unwrap_or(absent)
}

fn id(slot: i32, generation: u32) -> Option<ConnectionId> {
    let slot = u32::try_from(slot).ok()?;
    Some(ConnectionId { slot, generation })
}

fn number(found: Option<u32>) -> Result<u32> {
    found.ok_or_else(|| misuse("no such pool, or too much in it"))
}

/// An agent's pool, which exists as long as this object. See `js/internal/client/pool.ts`, the only user.
#[napi]
pub struct BindingAgent {
    number: u32,
}

#[napi]
impl BindingAgent {
    /// An empty pool, which asks `environment` whether native connections are open.
    #[napi(constructor, catch_unwind)]
    pub fn new(environment: &BindingEnvironment) -> Self {
        let entry = PoolEntry {
            pool: Pool::default(),
            environment: environment.shared(),
        };
        let number = POOLS.with_borrow_mut(|pools| pools.insert(entry));
        Self {
            number: number as u32,
        }
    }

    /// The number of the pool in calls.
    #[napi(getter, catch_unwind)]
    pub fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for BindingAgent {
    fn drop(&mut self) {
        // A thread that ends has dropped all pools.
        let _ = POOLS.try_with(|pools| {
            if let Ok(mut pools) = pools.try_borrow_mut() {
                pools.try_remove(self.number as usize);
            }
        });
    }
}

/// The agent's limits, as numbers.
#[napi(object)]
pub struct BindingPoolLimits {
    pub max_sockets: f64,
    pub max_total_sockets: f64,
    pub max_free_sockets: f64,
    pub keep_alive: bool,
    /// `scheduling` is 'fifo'.
    pub oldest_first: bool,
}

/// Sets the limits of a pool.
#[napi(catch_unwind)]
pub fn pool_set_limits(pool: u32, limits: BindingPoolLimits) {
    with(pool, (), |pool, _| {
        pool.set_limits(PoolLimits {
            max_sockets: limits.max_sockets,
            max_total_sockets: limits.max_total_sockets,
            max_free_sockets: limits.max_free_sockets,
            keep_alive: limits.keep_alive,
            oldest_first: limits.oldest_first,
        });
    });
}

/// Sets the number by which `agent.totalSocketCount` exceeds the members.
#[napi(catch_unwind)]
pub fn pool_set_beyond_total(pool: u32, beyond: f64) {
    with(pool, (), |pool, _| pool.set_beyond_total(beyond));
}

/// The number of a name.
#[napi(catch_unwind)]
pub fn pool_origin(pool: u32, name: String) -> Result<u32> {
    number(with(pool, None, |pool, _| pool.origin(&name)))
}

/// Removes a name without connections and requests. Returns false, and keeps the name, if there are some.
#[napi(catch_unwind)]
#[must_use]
pub fn pool_forget(pool: u32, origin: u32) -> bool {
    with(pool, false, |pool, _| pool.forget(origin))
}

/// Sets the number of sockets by which `agent.sockets` exceeds the members, and the number of requests in `agent.requests`.
#[napi(catch_unwind)]
pub fn pool_set_shown(pool: u32, origin: u32, beyond: i32, waiting: u32) {
    with(pool, (), |pool, _| {
        pool.set_shown(origin, i64::from(beyond), waiting as usize);
    });
}

/// A request wants a connection, while `waiting` other requests of its name have none. Returns the member that it gets,
/// POOL_CONNECT, or POOL_WAIT.
#[napi(catch_unwind)]
#[must_use]
pub fn pool_acquire(pool: u32, origin: u32, waiting: u32) -> i32 {
    with(pool, pool_answer::CONNECT, |pool, environment| {
        match pool.acquire(origin, waiting as usize, |id| environment.is_open(id)) {
            Acquired::Reuse(member) => member as i32,
            Acquired::Connect => pool_answer::CONNECT,
            Acquired::Wait => pool_answer::WAIT,
        }
    })
}

/// A connection has been made. Returns its member.
#[napi(catch_unwind)]
pub fn pool_opened(pool: u32, origin: u32) -> Result<u32> {
    number(with(pool, None, |pool, _| pool.opened(origin)))
}

/// The exchange of a connection is over. Returns POOL_CLOSE, POOL_KEEP, or POOL_SERVE if the oldest request of the queue gets the
/// connection. That request has left the queue.
#[napi(catch_unwind)]
#[must_use]
pub fn pool_released(pool: u32, origin: u32, reusable: bool) -> i32 {
    with(pool, pool_answer::CLOSE, |pool, _| {
        match pool.released(origin, reusable) {
            Released::Close => pool_answer::CLOSE,
            Released::Keep => pool_answer::KEEP,
            Released::Serve => pool_answer::SERVE,
        }
    })
}

/// Marks a member as idle. Returns false if it is not, because a request may wait for its room. A native connection is named by
/// slot and generation, any other by POOL_NO_SLOT.
#[napi(catch_unwind)]
#[must_use]
pub fn pool_keep(pool: u32, member: u32, slot: i32, generation: u32) -> bool {
    with(pool, false, |pool, _| {
        pool.keep(member, id(slot, generation))
    })
}

/// Adds an idle connection that is not a member. Returns its member.
#[napi(catch_unwind)]
pub fn pool_adopted(pool: u32, origin: u32, slot: i32, generation: u32) -> Result<u32> {
    number(with(pool, None, |pool, _| {
        pool.adopted(origin, id(slot, generation))
    }))
}

/// An idle member has got its native connection.
#[napi(catch_unwind)]
pub fn pool_named(pool: u32, member: u32, slot: i32, generation: u32) {
    with(pool, (), |pool, _| pool.named(member, id(slot, generation)));
}

/// The member that has been idle for longest, or POOL_NONE.
#[napi(catch_unwind)]
#[must_use]
pub fn pool_oldest(pool: u32, origin: u32) -> i32 {
    with(pool, None, |pool, _| pool.oldest(origin))
        .map_or(pool_answer::NONE, |member| member as i32)
}

/// A member is known to be closed, and is not offered any more.
#[napi(catch_unwind)]
pub fn pool_left(pool: u32, member: u32) {
    with(pool, (), |pool, _| pool.left(member));
}

/// Removes a member. Returns whether there is room for another one in its place.
#[napi(catch_unwind)]
pub fn pool_removed(pool: u32, member: u32) -> bool {
    with(pool, true, |pool, _| pool.removed(member))
}

/// Decides who gets a connection after one of `origin` has closed: the origin whose oldest request gets it, POOL_NONE, or
/// `POOL_BUSY - origin` when none gets one because that origin has connections.
#[napi(catch_unwind)]
#[must_use]
pub fn pool_next(pool: u32, origin: u32) -> i32 {
    with(pool, pool_answer::NONE, |pool, _| match pool.next(origin) {
        Next::NoConnection => pool_answer::NONE,
        Next::For(origin) => origin as i32,
        Next::NameIsServed(origin) => pool_answer::BUSY - origin as i32,
    })
}

/// The time in milliseconds that a connection may be idle, 0 for any time, -1 if it should not be kept. `timeout` is the agent's,
/// `seconds` the server's hint, `buffer` the time by which the agent closes earlier.
#[napi(catch_unwind)]
#[must_use]
pub fn pool_idle_time(timeout: f64, seconds: f64, buffer: f64) -> f64 {
    idle_time(timeout, Some(seconds), buffer).unwrap_or(-1.0)
}

/// The connections and requests of a name of the pools.
#[napi(object)]
pub struct BindingPoolOrigin {
    /// As `agent.getName()` returns it.
    pub name: String,
    /// Connections in use.
    pub active: u32,
    /// Idle connections.
    pub idle: u32,
    /// Requests that wait.
    pub waiting: u32,
}

/// The names of all pools of this thread. Several pools may have the same name.
#[napi(catch_unwind)]
#[must_use]
pub fn pool_origins() -> Vec<BindingPoolOrigin> {
    POOLS.with_borrow(|pools| {
        let origins = pools.iter().flat_map(|(_, entry)| entry.pool.origins());
        origins
            .map(|(name, counts)| BindingPoolOrigin {
                name: name.to_owned(),
                active: counts.active as u32,
                idle: counts.idle as u32,
                waiting: counts.waiting as u32,
            })
            .collect()
    })
}

/// Sums over all pools of this thread: connections in use, idle connections, waiting requests.
#[napi(catch_unwind)]
#[must_use]
pub fn pool_counts() -> Vec<u32> {
    let sum = POOLS.with_borrow(|pools| {
        let counts = pools.iter().map(|(_, entry)| entry.pool.counts());
        counts.fold(PoolCounts::default(), |sum, own| PoolCounts {
            active: sum.active + own.active,
            idle: sum.idle + own.idle,
            waiting: sum.waiting + own.waiting,
        })
    });
    vec![sum.active as u32, sum.idle as u32, sum.waiting as u32]
}
