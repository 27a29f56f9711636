//! The pool behind an agent: which connection a request gets, who waits, what is kept.
//!
//! In: what happens to requests and connections, and what the agent's limits are. Out: decisions. It holds no socket,
//! thread or clock, and is driven from JavaScript's thread, where `addRequest` and 'free' need an answer before they
//! return. Follows `lib/_http_agent.js` of Node 24 in everything that a program can see.
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
//! Names, connections and the like are numbers of an arena: one that is out of date finds nobody.

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

/// What the agent's members say. Numbers as JavaScript compares them: any may be `Infinity`, or `NaN`, which allows
/// nothing.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// Connections for one name.
    pub max_sockets: f64,
    /// Connections for all names.
    pub max_total_sockets: f64,
    /// Idle ones for one name.
    pub max_free_sockets: f64,
    /// Whether any is kept.
    pub keep_alive: bool,
    /// `scheduling: 'fifo'`: of the idle ones that has its turn which has idled for longest, not the latest.
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

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// An idle connection, which is active now.
    Reuse(u32),
    /// A connection of its own, which is to be made.
    Connect,
    /// A place in the queue of its name. That is a promise: connections of the name that are released are for those who
    /// wait, in their order, and `released` need not be asked as long as there are any.
    Wait,
}

/// What becomes of a connection whose exchange is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// It is for the request that has waited for its name for longest, which has left the queue.
    Serve,
    /// It may be kept.
    Keep,
    /// It is of no more use.
    Close,
}

/// For whom a connection is made in place of one that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// For nobody.
    Nobody,
    /// The request that has waited for this name for longest. It stays in the queue until the connection is released.
    For(u32),
    /// For nobody, because this name, whose turn it is, has connections already: one of them will come.
    Behind(u32),
}

/// Sums over a pool's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// Connections in use.
    pub active: usize,
    /// Connections that idle.
    pub idle: usize,
    /// Requests in queues.
    pub waiting: usize,
}

struct Member {
    origin: u32,
    state: State,
    /// Of a native connection: whether it stands can be asked.
    connection: Option<ConnectionId>,
}

/// See the module. One for each agent.
#[derive(Default)]
pub struct Pool {
    limits: PoolLimits,
    names: HashMap<Rc<str>, u32>,
    origins: Arena<Origin>,
    members: Arena<Member>,
    /// Names that somebody waits for, in the order in which that began.
    queue: VecDeque<u32>,
    /// Members.
    total: usize,
    /// What `agent.totalSocketCount` shows beyond `total`.
    beyond_total: f64,
}

impl Pool {
    /// An agent's members have changed.
    pub fn set_limits(&mut self, limits: PoolLimits) {
        self.limits = limits;
    }

    /// What `agent.totalSocketCount` shows beyond the pool's own connections: programs reserve room by it.
    pub fn set_beyond_total(&mut self, beyond: f64) {
        self.beyond_total = beyond;
    }

    /// The number of a name; None if there are millions.
    pub fn origin(&mut self, name: &str) -> Option<u32> {
        if let Some(&known) = self.names.get(name) {
            return Some(known);
        }
        let name: Rc<str> = name.into();
        let number = self.origins.insert(Origin::new(Rc::clone(&name)))?;
        self.names.insert(name, number);
        Some(number)
    }

    /// Gives up a name's number, if the pool has nothing for the name.
    pub fn forget(&mut self, origin: u32) -> bool {
        if !self.origins.get(origin).is_some_and(Origin::is_empty) {
            return false;
        }
        if let Some(gone) = self.origins.remove(origin) {
            self.names.remove(&gone.name);
        }
        true
    }

    /// What the program's views show for a name: in `agent.sockets` so many `beyond` the pool's own, in
    /// `agent.requests` so many in all.
    pub fn set_shown(&mut self, origin: u32, beyond: i64, waiting: usize) {
        if let Some(of) = self.origins.get_mut(origin) {
            of.beyond = beyond;
            self.set_waiting(origin, waiting);
        }
    }

    /// A request wants a connection; `waiting` others of its name have none. `stands` tells whether an idle native one still does: its peer may have closed
    /// it while JavaScript's thread was busy, and the request would be lost. One that does not is passed over and
    /// stays until it is `removed`.
    pub fn acquire(
        &mut self,
        origin: u32,
        waiting: usize,
        mut stands: impl FnMut(ConnectionId) -> bool,
    ) -> Acquired {
        self.set_waiting(origin, waiting);
        let Some(of) = self.origins.get_mut(origin) else {
            return Acquired::Connect;
        };
        let members = &self.members;
        let reused = of.take_idle(self.limits.oldest_first, |number| {
            members
                .get(number)
                .is_some_and(|member| member.connection.is_none_or(&mut stands))
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

    /// A connection has been made for a name. Limits were looked at when it was asked for.
    pub fn opened(&mut self, origin: u32) -> Option<u32> {
        self.enter(origin, State::Active, None)
    }

    /// A connection has nothing to do; `reusable` unless it was said that its last exchange is the last.
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

    /// An active connection idles from now on, unless somebody waits for another name who might go on in its place. Then
    /// nothing is done and false returned: the connection is `removed`, the other one served and this one `adopted`,
    /// which may make one too many in all; so Node.
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

    /// A connection that is no member idles from now on.
    pub fn adopted(&mut self, origin: u32, connection: Option<ConnectionId>) -> Option<u32> {
        self.enter(origin, State::Idle, connection)
    }

    /// A member has a connection that can be asked for.
    pub fn named(&mut self, number: u32, connection: Option<ConnectionId>) {
        if let Some(member) = self.members.get_mut(number) {
            member.connection = connection;
        }
    }

    /// The one that has idled for longest.
    #[must_use]
    pub fn oldest(&self, origin: u32) -> Option<u32> {
        self.origins.get(origin)?.idle.front().copied()
    }

    /// A connection is known to be dead: it is no longer offered, nor counted for its name.
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

    /// A connection is gone, or the agent's no longer. Answers whether there is room for another in its place: that of one
    /// that had `left` may have been given away since. Node does not look, and exceeds maxSockets.
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

    /// Whose turn it is now that a connection of `origin` is gone: its own queue first, then the name that has been waited
    /// for longest, provided that none of its connections is in use. Only that one is looked at, as in Node.
    #[must_use]
    pub fn next(&self, origin: u32) -> Next {
        if self.origins.get(origin).is_some_and(|of| of.waiting > 0) {
            return Next::For(origin);
        }
        let Some(&first) = self.queue.front() else {
            return Next::Nobody;
        };
        if self.origins.get(first).is_some_and(|of| of.in_use() > 0) {
            Next::Behind(first)
        } else {
            Next::For(first)
        }
    }

    /// For whoever checks that views and pool are at one.
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
