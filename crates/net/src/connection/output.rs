//! The output of a connection: framing and small bodies in one buffer, large bodies by reference.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};

use crate::handoff::Held;
use crate::socket::stream::Stream;

/// Largest number of slices for one `writev`. Linux accepts 1024; beyond a few dozen copying dominates.
const MAX_SLICES: usize = 32;

/// Number of buffers that a thread keeps for connections with output. Idle connections own none.
const POOLED_BUFFERS: usize = 64;
const POOLED_CAPACITY: usize = 64 * 1024;

/// Largest number of bytes that one flush writes, in about 100 µs. A fast reader of a large response must not occupy the thread,
/// above all JavaScript's.
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

/// The result of a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flush {
    /// Everything is written.
    Done,
    /// The kernel accepts no more for now.
    Blocked,
    /// The kernel would accept more, but other connections are served first.
    Paused,
}

/// The output of one connection.
#[derive(Default)]
pub(super) struct Output {
    /// Precede `tail`. Empty unless held buffers are being written.
    segments: VecDeque<Segment>,
    tail: Vec<u8>,
    /// Number of bytes of the first segment, or of `tail` when there is none, that are written.
    written_of_first: usize,
    /// Position of the first byte of `tail` in the connection's output.
    tail_at: u64,
    /// Number of bytes so far that the kernel has accepted.
    written: u64,
    /// Positions to be acknowledged, ascending.
    marks: VecDeque<u64>,
    /// Whether the poller has ever reported the socket as writable.
    polled: bool,
}

impl Output {
    /// The buffer to append to.
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

    /// Requests an acknowledgement for when the kernel has accepted everything appended so far.
    pub(super) fn mark(&mut self) {
        self.marks.push_back(self.end());
    }

    /// Number of marks that have been reached since the last call.
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

    /// Whether there is nothing to write and nothing to acknowledge. A mark may be set after the last byte was written, because
    /// the end of a body with Content-Length has no bytes.
    pub(super) fn is_settled(&self) -> bool {
        self.marks.is_empty() && self.is_empty()
    }

    /// Whether nothing has ever been appended.
    pub(super) const fn is_unused(&self) -> bool {
        self.end() == 0
    }

    /// Position after the last byte.
    pub(super) const fn end(&self) -> u64 {
        self.tail_at + self.tail.len() as u64
    }

    /// Number of bytes that the kernel has not accepted.
    pub(super) const fn unwritten(&self) -> u64 {
        self.end() - self.written
    }

    pub(super) const fn bytes_written(&self) -> u64 {
        self.written
    }

    /// Drops everything that is not written, and releases held buffers.
    pub(super) fn clear(&mut self) {
        *self = Self {
            written: self.written,
            tail_at: self.written,
            ..Self::default()
        };
    }

    /// Writes as much as the kernel accepts. `closing`: the socket is closed as soon as everything is written, so the kernel may
    /// delay the bytes until then.
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
        self.return_buffer();
        Ok(Flush::Done)
    }

    /// Writes before the poller has reported a new socket as writable. As in Node the kernel must have the bytes even if the
    /// program destroys the socket in the next tick.
    fn write_unpolled(&mut self, stream: &Stream, room: usize) -> io::Result<usize> {
        let result = self.write_vectored(room, |slices| stream.write_now(slices));
        if !matches!(&result, Err(error) if error.kind() == ErrorKind::WouldBlock) {
            return result;
        }
        // Once more through the poller, so that it reports when there is room.
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

    /// Passes at most `limit` bytes to `write`, which consumes all of them.
    pub(super) fn take(&mut self, limit: usize, write: impl FnMut(&[u8])) {
        let mut write = write;
        let mut taken = 0;
        // Slices end where buffers do.
        let result = self.write_vectored(limit, |slices| {
            for slice in slices {
                write(slice);
                taken += slice.len();
            }
            Ok(taken)
        });
        if let Ok(count) = result {
            self.advance(count);
        }
        if self.is_empty() {
            self.return_buffer();
        }
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

    /// Removes the written bytes of a tail that never becomes empty. Otherwise a steady stream to a slow reader would keep every
    /// byte. Moves fewer bytes than were written since the last time.
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

    /// Returns the buffer to the thread's pool after everything has been written.
    fn return_buffer(&mut self) {
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
