//! The pool of an agent: decides which connection a request gets, which requests wait, and which connections are kept.
//!
//! Its input are events of requests and connections, and the agent's limits. Its output are decisions. It has no socket, thread
//! or clock, and runs on JavaScript's thread, where `addRequest` and 'free' need a decision before they return. Follows
//! `lib/_http_agent.js` of Node 24 in everything that a program can see.
//!
//! ```text
//!  request → acquire → Reuse(member)                   connection → opened → member, active
//!                    → Connect ───────────────────────↗
//!                    → Wait ⇠ ⇠ ⇠ ⇠ ⇠ ⇠ Serve ← released ← a response is complete
//!                                       Keep → keep → member, idle → acquire
//!                                       Close
//!  connection is gone → removed, next → whose request gets a connection of its own
//! ```
//!
//! Names, connections and the like are numbers of an arena. An old number finds nothing.

mod arena;
mod idle_time;
#[cfg(test)]
mod model;
mod origin;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use self::arena::Arena;
pub use self::idle_time::idle_time;
use self::origin::{Origin, State};
use crate::id::ConnectionId;

/// The agent's limits. The numbers are compared as in JavaScript: each may be `Infinity`, or `NaN`, which allows nothing.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// Connections for one name.
    pub max_sockets: f64,
    /// Connections for all names.
    pub max_total_sockets: f64,
    /// Idle connections for one name.
    pub max_free_sockets: f64,
    /// Whether idle connections are kept.
    pub keep_alive: bool,
    /// `scheduling: 'fifo'`: uses the connection that has been idle for longest, and not the latest one.
    pub oldest_first: bool,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            max_sockets: f64::INFINITY,
            max_total_sockets: f64::INFINITY,
            max_free_sockets: 256.0,
            keep_alive: false,
            oldest_first: false,
        }
    }
}

/// The decision for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// An idle connection, which is active now.
    Reuse(u32),
    /// A new connection, which the caller makes.
    Connect,
    /// A place in the queue of its name. It is a promise: released connections of the name go to the waiting requests in their
    /// order, so `released` need not be called while there are any.
    Wait,
}

/// The decision for a connection whose exchange is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// It serves the oldest request in the queue of its name, which has left the queue.
    Serve,
    /// It may be kept.
    Keep,
    /// It should be closed.
    Close,
}

/// The decision about a new connection in place of one that has closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// No connection is made, because no request waits.
    NoConnection,
    /// A connection for the oldest request of this name, which stays in the queue until the connection is released.
    For(u32),
    /// No connection is made, because this name, which is next, has connections already, one of which will be released.
    NameIsServed(u32),
}

/// Sums over a pool's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// Connections in use.
    pub active: usize,
    /// Idle connections.
    pub idle: usize,
    /// Requests in queues.
    pub waiting: usize,
}

struct Member {
    origin: u32,
    state: State,
    /// The id of a native connection, by which the I/O thread knows whether it is open.
    connection: Option<ConnectionId>,
}

/// See the module. One for each agent.
#[derive(Default)]
pub struct Pool {
    limits: PoolLimits,
    names: HashMap<Rc<str>, u32>,
    origins: Arena<Origin>,
    members: Arena<Member>,
    /// Names with waiting requests, in the order in which the first of them began to wait.
    queue: VecDeque<u32>,
    /// Members.
    total: usize,
    /// The amount by which `agent.totalSocketCount` exceeds `total`.
    beyond_total: f64,
}

impl Pool {
    /// The agent's limits have changed.
    pub fn set_limits(&mut self, limits: PoolLimits) {
        self.limits = limits;
    }

    /// Sets the number by which `agent.totalSocketCount` exceeds the pool's own connections. Programs reserve room with it.
    pub fn set_beyond_total(&mut self, beyond: f64) {
        self.beyond_total = beyond;
    }

    /// The number of a name. None if there are millions of names.
    pub fn origin(&mut self, name: &str) -> Option<u32> {
        if let Some(&known) = self.names.get(name) {
            return Some(known);
        }
        let name: Rc<str> = name.into();
        let number = self.origins.insert(Origin::new(Rc::clone(&name)))?;
        self.names.insert(name, number);
        Some(number)
    }

    /// Removes a name, if the pool has neither connections nor requests for it.
    pub fn forget(&mut self, origin: u32) -> bool {
        if !self.origins.get(origin).is_some_and(Origin::is_empty) {
            return false;
        }
        if let Some(gone) = self.origins.remove(origin) {
            self.names.remove(&gone.name);
        }
        true
    }

    /// Sets what the program's views have for a name: the number by which `agent.sockets` exceeds the pool's own connections
    /// (`beyond`), and the number of requests in `agent.requests`.
    pub fn set_shown(&mut self, origin: u32, beyond: i64, waiting: usize) {
        if let Some(of) = self.origins.get_mut(origin) {
            of.beyond = beyond;
            self.set_waiting(origin, waiting);
        }
    }

    /// A request wants a connection, while `waiting` other requests of its name have none. `is_open` returns whether an idle
    /// native connection is open: its peer may have closed it while JavaScript's thread was busy, and the request would be lost.
    /// A closed connection is skipped, and stays a member until it is `removed`.
    pub fn acquire(
        &mut self,
        origin: u32,
        waiting: usize,
        mut is_open: impl FnMut(ConnectionId) -> bool,
    ) -> Acquired {
        self.set_waiting(origin, waiting);
        let Some(of) = self.origins.get_mut(origin) else {
            return Acquired::Connect;
        };
        let members = &self.members;
        let reused = of.take_idle(self.limits.oldest_first, |number| {
            members
                .get(number)
                .is_some_and(|member| member.connection.is_none_or(&mut is_open))
        });
        if let Some(number) = reused {
            of.active += 1;
            if let Some(member) = self.members.get_mut(number) {
                member.state = State::Active;
            }
            return Acquired::Reuse(number);
        }
        if of.connections() < self.limits.max_sockets
            && self.total_shown() < self.limits.max_total_sockets
        {
            return Acquired::Connect;
        }
        self.set_waiting(origin, waiting + 1);
        Acquired::Wait
    }

    /// A connection has been made for a name. The limits were checked when it was decided.
    pub fn opened(&mut self, origin: u32) -> Option<u32> {
        self.enter(origin, State::Active, None)
    }

    /// The exchange of a connection is over. `reusable` is false if the exchange has announced the close.
    pub fn released(&mut self, origin: u32, reusable: bool) -> Released {
        let Some(of) = self.origins.get(origin) else {
            return Released::Close;
        };
        let limits = &self.limits;
        if of.waiting > 0 {
            self.set_waiting(origin, of.waiting - 1);
            Released::Serve
        } else if reusable
            && limits.keep_alive
            && self.total_shown() <= limits.max_total_sockets
            && of.connections() <= limits.max_sockets
            && (of.idle.len() as f64) < limits.max_free_sockets
        {
            Released::Keep
        } else {
            Released::Close
        }
    }

    /// Marks an active connection as idle, unless a request of another name waits, which could have its place. In that case it
    /// returns false and does nothing. The caller then calls `removed`, serves the other request, and has this connection
    /// `adopted`, which may exceed the total limit, as in Node.
    pub fn keep(&mut self, number: u32, connection: Option<ConnectionId>) -> bool {
        if !self.queue.is_empty() {
            return false;
        }
        let Some(member) = self.members.get_mut(number) else {
            return false;
        };
        let Some(of) = self.origins.get_mut(member.origin) else {
            return false;
        };
        if member.state != State::Active {
            return false;
        }
        member.state = State::Idle;
        member.connection = connection;
        of.active -= 1;
        of.idle.push_back(number);
        true
    }

    /// Adds an idle connection that is not a member.
    pub fn adopted(&mut self, origin: u32, connection: Option<ConnectionId>) -> Option<u32> {
        self.enter(origin, State::Idle, connection)
    }

    /// A member has got its native connection.
    pub fn named(&mut self, number: u32, connection: Option<ConnectionId>) {
        if let Some(member) = self.members.get_mut(number) {
            member.connection = connection;
        }
    }

    /// The member that has been idle for longest.
    #[must_use]
    pub fn oldest(&self, origin: u32) -> Option<u32> {
        self.origins.get(origin)?.idle.front().copied()
    }

    /// A connection is known to be closed. It is not offered any more, and does not count for its name.
    pub fn left(&mut self, number: u32) {
        let Some(member) = self.members.get_mut(number) else {
            return;
        };
        let before = std::mem::replace(&mut member.state, State::Left);
        if let Some(of) = self.origins.get_mut(member.origin) {
            of.leave(before, number);
            of.left += 1;
        }
    }

    /// A connection has closed, or has left the agent. Returns whether there is room for another one in its place. The place of a
    /// connection that had `left` before may have been used since. Node does not check that, and exceeds maxSockets.
    pub fn removed(&mut self, number: u32) -> bool {
        let Some(member) = self.members.remove(number) else {
            return true;
        };
        self.total -= 1;
        let Some(of) = self.origins.get_mut(member.origin) else {
            return true;
        };
        of.leave(member.state, number);
        member.state != State::Left || of.connections() < self.limits.max_sockets
    }

    /// Decides who gets a connection after one of `origin` has closed: the queue of `origin` first, then the name with the
    /// longest wait, if none of its connections is in use. Other names are not considered, as in Node.
    #[must_use]
    pub fn next(&self, origin: u32) -> Next {
        if self.origins.get(origin).is_some_and(|of| of.waiting > 0) {
            return Next::For(origin);
        }
        let Some(&first) = self.queue.front() else {
            return Next::NoConnection;
        };
        if self.origins.get(first).is_some_and(|of| of.in_use() > 0) {
            Next::NameIsServed(first)
        } else {
            Next::For(first)
        }
    }

    /// Sums over all names.
    #[must_use]
    pub fn counts(&self) -> PoolCounts {
        self.origins
            .values()
            .fold(PoolCounts::default(), |sum, of| PoolCounts {
                active: sum.active + of.active,
                idle: sum.idle + of.idle.len(),
                waiting: sum.waiting + of.waiting,
            })
    }

    /// Each name with its connections and requests.
    pub fn origins(&self) -> impl Iterator<Item = (&str, PoolCounts)> {
        self.origins.values().map(|of| {
            let counts = PoolCounts {
                active: of.active,
                idle: of.idle.len(),
                waiting: of.waiting,
            };
            (&*of.name, counts)
        })
    }

    fn total_shown(&self) -> f64 {
        self.total as f64 + self.beyond_total
    }

    fn enter(
        &mut self,
        origin: u32,
        state: State,
        connection: Option<ConnectionId>,
    ) -> Option<u32> {
        let of = self.origins.get_mut(origin)?;
        let number = self.members.insert(Member {
            origin,
            state,
            connection,
        })?;
        if state == State::Idle {
            of.idle.push_back(number);
        } else {
            of.active += 1;
        }
        self.total += 1;
        Some(number)
    }

    fn set_waiting(&mut self, origin: u32, waiting: usize) {
        let Some(of) = self.origins.get_mut(origin) else {
            return;
        };
        let before = std::mem::replace(&mut of.waiting, waiting);
        if before == 0 && waiting > 0 {
            self.queue.push_back(origin);
        } else if before > 0 && waiting == 0 {
            self.queue.retain(|&other| other != origin);
        }
    }
}
