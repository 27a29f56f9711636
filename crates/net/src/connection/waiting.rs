//! Limits the bytes of a connection that wait for JavaScript's thread, and so what a peer can pile up while that thread is blocked.
//!
//! Credit limits body bytes that the program has not consumed. This module limits heads, trailers and body parts that
//! JavaScript's thread has not read yet. At most `MEMORY` and one read of 64 KiB, 160,000 bytes together, are read between two
//! batches that it takes, and at most `HEADS` and one head are parsed before it has seen them. `Inbox::is_full` is the limit for
//! all connections together.

use std::task::Waker;

use super::input::Reading;
use super::{Connection, State, Turn};
use crate::handoff::{CHUNK, Inbox, Until};

/// With this many bytes of heads, no further message is parsed before JavaScript has seen or answered all of them. Credit does
/// not count heads, and a small message may have one of 16 KiB.
const HEADS: u32 = 16 * 1024;

/// With this many bytes, nothing is read before JavaScript takes a batch. A read brings up to 64 KiB more.
const MEMORY: u32 = TOGETHER - CHUNK as u32;

/// The same with the last read.
const TOGETHER: u32 = 160_000;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waiting {
    /// Bytes of heads since JavaScript had last seen everything.
    heads: u32,
    /// Bytes of memory since JavaScript last took a batch.
    memory: u32,
    emptied: u32,
    taken: u32,
    /// The event that wakes the task, and how often it had happened when the task began to wait.
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

    /// Counts the bytes of a head, or of trailers, that were parsed.
    pub(super) fn add_head(&mut self, bytes: usize) {
        self.heads = self
            .heads
            .saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// The program has seen all heads, because it has answered every request, or has sent the next one.
    pub(super) const fn forget_heads(&mut self) {
        self.heads = 0;
    }

    /// Whether nothing is read before JavaScript takes a batch.
    pub(super) const fn is_full(&self) -> bool {
        self.memory >= MEMORY
    }

    /// Counts the bytes by which a read has made a batch larger.
    pub(super) fn add_memory(&mut self, bytes: usize) {
        self.memory = self
            .memory
            .saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }
}

impl State {
    /// Between messages: whether JavaScript has to see the heads so far before another one is parsed.
    pub(super) fn has_many_heads(&self) -> bool {
        self.incoming.waiting.heads >= HEADS
            && !self.engine.is_receiving()
            && (self.role.is_client() || self.engine.unanswered() > 0)
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
    /// Whether reading has to wait for JavaScript's thread. If so, `waker` is woken when that thread has caught up.
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
            } else if state.incoming.waiting.is_full() {
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
                || inbox.await_javascript(until, seen, (&self.thread, waker))
            {
                state.incoming.waiting.awaited = awaited;
                return true;
            }
        }
    }
}
