//! How much of a connection waits for JavaScript's thread, which bounds what its peer piles up while that is blocked.
//!
//! Credit bounds the body bytes that JavaScript has and the program has not consumed; here is what JavaScript has not even
//! taken: heads, trailers and body parts alike. At most `MEMORY` and one read of 64 KiB, 160 KiB, are read between two
//! batches that it takes, and at most `HEADS` and one head are parsed before it has seen them. The queue's own bound,
//! `Inbox::is_full`, is that of all connections.

use std::task::Waker;

use super::input::Reading;
use super::{Connection, State, Turn};
use crate::handoff::{Inbox, Until};

/// From so many bytes of heads on, no further message is parsed before JavaScript has seen them, or answered them all. Credit
/// does not count them, and one of 16 KiB may be every second one.
const HEADS: u32 = 16 * 1024;

/// From so many bytes on nothing is read before JavaScript takes a batch. A read brings up to 64 KiB more.
const MEMORY: u32 = 96 * 1024;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waiting {
    /// Bytes of heads, since JavaScript last had seen everything.
    heads: u32,
    /// Bytes of memory, since JavaScript last took a batch.
    memory: u32,
    emptied: u32,
    taken: u32,
    /// The task is woken when this happens next, after it had happened so often.
    awaited: Option<(Until, u32)>,
}

impl Waiting {
    /// Forgets what JavaScript has seen by now.
    pub(super) fn refresh(&mut self, inbox: &Inbox) {
        let emptied = inbox.happened(Until::Emptied);
        if emptied != self.emptied {
            self.emptied = emptied;
            self.heads = 0;
        }
        let taken = inbox.happened(Until::Taken);
        if taken != self.taken {
            self.taken = taken;
            self.memory = 0;
        }
    }

    /// So many bytes of a head or of trailers have been parsed.
    pub(super) fn add_head(&mut self, bytes: usize) {
        self.heads = self
            .heads
            .saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// The program has answered every request, or has sent the next one: it has seen all heads.
    pub(super) const fn forget_heads(&mut self) {
        self.heads = 0;
    }

    /// A read has made a batch so many bytes larger.
    pub(super) fn add_memory(&mut self, bytes: usize) {
        self.memory = self
            .memory
            .saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }
}

impl State {
    /// Between messages: JavaScript has to see the heads that there are before another one is parsed.
    pub(super) fn has_many_heads(&self) -> bool {
        self.incoming.waiting.heads >= HEADS
            && !self.role.is_receiving()
            && (self.role.is_client() || self.role.unanswered() > 0)
    }
}

impl Turn<'_> {
    /// Forgets what JavaScript has seen by now.
    pub(super) fn refresh_waiting(&mut self) {
        let inbox = &self.connection.js.inbox;
        self.state.incoming.waiting.refresh(inbox);
    }
}

impl Connection {
    /// Whether the connection is not to be read before JavaScript's thread has caught up. The task is woken then.
    pub(super) fn awaits_javascript(&self, state: &mut State, waker: &Waker) -> bool {
        let reading = state.incoming.reading;
        if reading == Reading::Discard {
            return false;
        }
        let inbox = &self.js.inbox;
        loop {
            state.incoming.waiting.refresh(inbox);
            let until = if inbox.is_full() {
                Until::Room
            } else if reading == Reading::Http && state.has_many_heads() {
                Until::Emptied
            } else if state.incoming.waiting.memory >= MEMORY {
                Until::Taken
            } else {
                return false;
            };
            let seen = match until {
                Until::Room => inbox.happened(Until::Room),
                Until::Emptied => state.incoming.waiting.emptied,
                Until::Taken => state.incoming.waiting.taken,
            };
            let awaited = Some((until, seen));
            if state.incoming.waiting.awaited == awaited
                || inbox.await_javascript(until, seen, waker)
            {
                state.incoming.waiting.awaited = awaited;
                return true;
            }
        }
    }
}
