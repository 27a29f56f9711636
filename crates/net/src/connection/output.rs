//! Bytes on their way out: framing and small bodies in one buffer, large bodies by reference.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};

use crate::handoff::Held;
use crate::stream::Stream;

/// Slices offered to one `writev`. Linux takes 1024; past a few dozen the call is bound by copying.
const MAX_SLICES: usize = 32;

/// Buffers kept by a thread for connections that have something to send. Idle connections own none.
const POOLED_BUFFERS: usize = 64;
const POOLED_CAPACITY: usize = 64 * 1024;

/// Bytes written in one go, some 100 us: a fast reader of a large response must not hold the thread,
/// least of all JavaScript's.
const FLUSH_BOUND: u64 = 1024 * 1024;

/// See `Output::compact`.
const COMPACT_FROM: usize = 64 * 1024;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

enum Segment {
    Bytes(Vec<u8>),
    Held(Held),
}

impl Segment {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Held(held) => held.bytes(),
        }
    }
}

/// What became of an attempt to write everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flush {
    /// Nothing is left.
    Done,
    /// The kernel takes no more for now.
    Blocked,
    /// It would take more, but others have their turn.
    Paused,
}

/// The output of one connection.
#[derive(Default)]
pub(super) struct Output {
    /// Before `tail`; empty unless held buffers are on their way.
    segments: VecDeque<Segment>,
    tail: Vec<u8>,
    /// How much of the first segment (of `tail` when there is none) is written.
    written_of_first: usize,
    /// Position in the connection's output of the first byte of `tail`.
    tail_at: u64,
    /// Bytes with the kernel, ever.
    written: u64,
    /// Positions that somebody wants to know of, ascending.
    marks: VecDeque<u64>,
    /// The poller has reported at least once that there is room to write.
    polled: bool,
}

impl Output {
    /// Where to append.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        if self.tail.capacity() == 0 {
            self.tail = POOL.with_borrow_mut(Vec::pop).unwrap_or_default();
        }
        &mut self.tail
    }

    /// Appends a buffer by reference.
    pub(super) fn hold(&mut self, held: Held) {
        if held.bytes().is_empty() {
            return;
        }
        if !self.tail.is_empty() {
            let tail = std::mem::take(&mut self.tail);
            self.tail_at += tail.len() as u64;
            self.segments.push_back(Segment::Bytes(tail));
        }
        self.tail_at += held.bytes().len() as u64;
        self.segments.push_back(Segment::Held(held));
    }

    /// Asks to be told when everything appended so far is with the kernel.
    pub(super) fn mark(&mut self) {
        let position = self.tail_at + self.tail.len() as u64;
        self.marks.push_back(position);
    }

    /// How many marks have been reached since the last call.
    pub(super) fn take_reached_marks(&mut self) -> u32 {
        let mut reached = 0;
        while self.marks.front().is_some_and(|&mark| mark <= self.written) {
            self.marks.pop_front();
            reached += 1;
        }
        reached
    }

    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.tail.len() == self.written_of_first
    }

    /// Nothing is left to write or to tell of. A mark behind the last byte may come after that byte was
    /// written: the end of a body with Content-Length has no bytes of its own.
    pub(super) fn is_settled(&self) -> bool {
        self.marks.is_empty() && self.is_empty()
    }

    /// Whether there has never been anything to write.
    pub(super) const fn is_unused(&self) -> bool {
        self.tail_at + self.tail.len() as u64 == 0
    }

    /// Bytes that the kernel has not taken.
    pub(super) const fn unwritten(&self) -> u64 {
        self.tail_at + self.tail.len() as u64 - self.written
    }

    pub(super) const fn bytes_written(&self) -> u64 {
        self.written
    }

    /// Forgets what has not been written, giving held buffers back.
    pub(super) fn clear(&mut self) {
        *self = Self {
            written: self.written,
            tail_at: self.written,
            ..Self::default()
        };
    }

    /// Writes as much as the kernel takes. `closing`: if that is everything, the close follows at once, and what is
    /// written may wait for it.
    pub(super) fn flush(&mut self, stream: &Stream, closing: bool) -> io::Result<Flush> {
        let until = self.written + FLUSH_BOUND;
        self.polled = self.polled || stream.is_reported_writable();
        while !self.is_empty() {
            let room = (until - self.written) as usize;
            if room == 0 {
                return Ok(Flush::Paused);
            }
            let result = if !self.polled {
                self.write_unpolled(stream, room)
            } else if self.segments.is_empty() {
                let rest = &self.tail[self.written_of_first..];
                if closing && rest.len() <= room {
                    stream.try_write_last(rest)
                } else {
                    stream.try_write(&rest[..rest.len().min(room)])
                }
            } else {
                self.write_vectored(room, |slices| stream.try_write_vectored(slices))
            };
            match result {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.compact();
                    return Ok(Flush::Blocked);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.give_back();
        Ok(Flush::Done)
    }

    /// Before the poller has reported a new socket: the program may write, and destroy the socket in the next tick, and the kernel
    /// must have the bytes by then, as in Node.
    fn write_unpolled(&mut self, stream: &Stream, room: usize) -> io::Result<usize> {
        let result = self.write_vectored(room, |slices| stream.write_now(slices));
        if !matches!(&result, Err(error) if error.kind() == ErrorKind::WouldBlock) {
            return result;
        }
        // Once more by way of the poller, which is to report when there is room.
        self.polled = true;
        self.write_vectored(room, |slices| stream.try_write_vectored(slices))
    }

    fn write_vectored(
        &self,
        mut room: usize,
        write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let mut count = 0;
        let tail = std::iter::once(self.tail.as_slice());
        for bytes in self
            .segments
            .iter()
            .map(Segment::bytes)
            .chain(tail)
            .take(MAX_SLICES)
        {
            let skip = if count == 0 { self.written_of_first } else { 0 };
            let len = (bytes.len() - skip).min(room);
            slices[count] = IoSlice::new(&bytes[skip..skip + len]);
            room -= len;
            count += 1;
        }
        write(&slices[..count])
    }

    fn advance(&mut self, mut count: usize) {
        self.written += count as u64;
        while let Some(first) = self.segments.front() {
            let left = first.bytes().len() - self.written_of_first;
            if count < left {
                self.written_of_first += count;
                return;
            }
            count -= left;
            self.written_of_first = 0;
            self.segments.pop_front();
        }
        self.written_of_first += count;
    }

    /// Drops what is written of a tail that never gets empty: without this a steady stream to a slow
    /// reader would keep every byte it ever sent. Moves less than it has written since the last time.
    fn compact(&mut self) {
        if self.segments.is_empty()
            && self.written_of_first >= COMPACT_FROM
            && self.written_of_first * 2 >= self.tail.len()
        {
            self.tail.drain(..self.written_of_first);
            self.tail_at += self.written_of_first as u64;
            self.written_of_first = 0;
        }
    }

    /// Everything is written: the buffer goes to the thread's pool.
    fn give_back(&mut self) {
        self.tail_at += self.tail.len() as u64;
        self.written_of_first = 0;
        let mut tail = std::mem::take(&mut self.tail);
        if (1..=POOLED_CAPACITY).contains(&tail.capacity()) {
            tail.clear();
            POOL.with_borrow_mut(|pool| {
                if pool.len() < POOLED_BUFFERS {
                    pool.push(tail);
                }
            });
        }
        if self.segments.capacity() > 0 {
            self.segments = VecDeque::new();
        }
        if self.marks.is_empty() && self.marks.capacity() > 0 {
            self.marks = VecDeque::new();
        }
    }
}
