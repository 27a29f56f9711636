//! One name that an agent's `getName` has answered, and what the pool has for it.

use std::collections::VecDeque;
use std::rc::Rc;

/// What a member does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Active,
    Idle,
    /// Dead, and no longer offered; it counts for the total until it is `removed`.
    Left,
}

/// See `Pool`. Counts are the pool's own; `beyond` is what the program's view shows on top of them.
pub(super) struct Origin {
    pub(super) name: Rc<str>,
    /// Connections that serve a request, or are being made for one.
    pub(super) active: usize,
    /// Members that idle, the one that has for longest first.
    pub(super) idle: VecDeque<u32>,
    /// Members that were found dead while they idled and have not said so yet.
    pub(super) left: usize,
    /// Requests that wait for a connection.
    pub(super) waiting: usize,
    /// What programs have put into `agent.sockets` themselves, less what they have taken out.
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

    /// Takes out the first idle member, in the order of `oldest_first`, that is `fit`. The others stay.
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

    /// A member is in `state` no longer.
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
