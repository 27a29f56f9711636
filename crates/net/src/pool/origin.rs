//! One name that an agent's `getName` has returned, with its connections and its queue.

use std::collections::VecDeque;
use std::rc::Rc;

/// The state of a member.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Active,
    Idle,
    /// Closed, and not given to a request any more. It counts for the total until it is `removed`.
    Left,
}

/// See `Pool`. Counts are the pool's own; `beyond` is what the program's view shows on top of them.
pub(super) struct Origin {
    pub(super) name: Rc<str>,
    /// Connections that serve a request, or are being made for one.
    pub(super) active: usize,
    /// Idle members, the one that has idled for longest first.
    pub(super) idle: VecDeque<u32>,
    /// Members that were found closed while idle, and whose 'close' has not come yet.
    pub(super) left: usize,
    /// Requests that wait for a connection.
    pub(super) waiting: usize,
    /// Sockets that programs have added to `agent.sockets`, minus those that they have removed.
    pub(super) beyond: i64,
}

impl Origin {
    pub(super) const fn new(name: Rc<str>) -> Self {
        Self {
            name,
            active: 0,
            idle: VecDeque::new(),
            left: 0,
            waiting: 0,
            beyond: 0,
        }
    }

    /// Whether the name can be forgotten.
    pub(super) fn is_empty(&self) -> bool {
        self.active == 0 && self.left == 0 && self.waiting == 0 && self.idle.is_empty()
    }

    /// Connections in use as `agent.sockets` shows them.
    pub(super) fn in_use(&self) -> i64 {
        self.active as i64 + self.beyond
    }

    /// All connections, as limits count them.
    pub(super) fn connections(&self) -> f64 {
        (self.in_use() + self.idle.len() as i64) as f64
    }

    /// Removes and returns the first idle member for which `fit` holds, in the order that `oldest_first` says.
    pub(super) fn take_idle(
        &mut self,
        oldest_first: bool,
        mut fit: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        let mut fit = |&at: &usize| self.idle.get(at).is_some_and(|&member| fit(member));
        let mut positions = 0..self.idle.len();
        let at = if oldest_first {
            positions.find(&mut fit)
        } else {
            positions.rfind(&mut fit)
        }?;
        self.idle.remove(at)
    }

    /// Removes a member from those in `state`.
    pub(super) fn leave(&mut self, state: State, member: u32) {
        match state {
            State::Active => self.active -= 1,
            State::Idle => {
                // The first one, as a rule.
                if let Some(at) = self.idle.iter().position(|&other| other == member) {
                    self.idle.remove(at);
                }
            }
            State::Left => self.left -= 1,
        }
    }
}
