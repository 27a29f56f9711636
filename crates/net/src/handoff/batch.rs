//! A batch of records from an I/O thread to JavaScript's: its memory, and what the queue asks about it.

use super::chunk::Chunk;
use super::offer::Source;
use crate::crossing::first_word;
use crate::crossing::layout::{HEADER_BYTES, Layout, padded};
use crate::id::ConnectionId;
use crate::socket::stream::Stream;

/// The offset of a record, and the number of records like it in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenBody {
    pub(super) start: usize,
    pub(super) row: u32,
}

/// Records in the order of their events on one I/O thread. An I/O thread fills its own batch without a lock, and publishes it
/// when it has nothing else to do, or when the batch is large enough.
#[derive(Default)]
pub struct Batch {
    /// Records. The bytes after the first `whole` are a record that is being written, or one whose writer has panicked.
    pub(super) bytes: Vec<u8>,
    /// Length of the complete records. Only these are read: an incomplete record has bytes of a peer, which JavaScript would read
    /// as records of other connections.
    pub(super) whole: usize,
    /// Large body parts that BODY records refer to by index, so that they are not copied through `bytes`.
    pub chunks: Vec<Chunk>,
    /// The last record, if it is a BODY record that may grow.
    pub(super) open_body: Option<OpenBody>,
    /// Number of bytes in `chunks`.
    pub(super) chunk_bytes: usize,
    /// Memory of `chunks` in bytes, which may be more.
    pub(super) chunk_memory: usize,
    /// See `hold`.
    held: usize,
    pub(super) source: Source,
    pub(super) heads: usize,
    /// Number of the heads that are requests.
    pub(super) requests: usize,
    urgent: bool,
    wake_requested: bool,
    /// When it was put into the queue, see `micros`.
    pub(super) queued_at: u64,
    /// See `close_after_publishing`.
    pub(super) closing: Vec<Stream>,
}

impl Batch {
    /// Whether the batch should be published before the thread runs out of work. Otherwise JavaScript would idle while a busy I/O
    /// thread continues to collect.
    pub(crate) const fn is_worthwhile(&self) -> bool {
        self.urgent
            || self.heads >= WORTHWHILE_HEADS
            || self.whole >= WORTHWHILE_BYTES
            || self.chunk_bytes >= WORTHWHILE_CHUNKS
    }

    /// Number of bytes of memory that are taken until JavaScript has read the batch.
    pub(crate) const fn memory(&self) -> usize {
        self.whole + self.chunk_memory + self.held
    }

    /// Counts bytes that a connection keeps unparsed until JavaScript has read the batch.
    pub(crate) const fn hold(&mut self, bytes: usize) {
        self.held += bytes;
    }

    /// Number of messages that begin in it.
    pub(crate) const fn heads(&self) -> usize {
        self.heads
    }

    /// When its requests were put into the queue, see `micros`. 0 if it has none.
    pub(crate) const fn requests_queued_at(&self) -> u64 {
        if self.requests == 0 {
            return 0;
        }
        self.queued_at
    }

    /// A record of a request, as far as the queue is concerned.
    #[cfg(test)]
    pub(crate) fn request_for_tests(&mut self) {
        let id = ConnectionId {
            slot: 0,
            generation: 0,
        };
        self.ack(id, 1);
        self.requests += 1;
    }

    /// Number of requests that begin in this batch.
    pub(crate) const fn requests(&self) -> usize {
        self.requests
    }

    /// Requests that JavaScript's thread is woken when the batch is published, even if the batch is empty.
    pub(crate) const fn request_wake(&mut self) {
        self.wake_requested = true;
    }

    /// Whether `request_wake` was called since the last call.
    pub(crate) const fn take_wake_request(&mut self) -> bool {
        std::mem::replace(&mut self.wake_requested, false)
    }

    /// Publishes the batch at the end of this turn: the thread has more work than it does in one turn, so the batch would wait long
    /// for it to become idle; or what the next turn does must not precede the records.
    pub(crate) const fn publish_soon(&mut self) {
        self.urgent = self.whole > 0;
    }

    /// Closes a socket after the batch is published. The peer may be in the same process: as in Node, the end of a connection is on its
    /// way to JavaScript before the peer can observe it.
    pub(crate) fn close_after_publishing(&mut self, stream: Stream) {
        self.closing.push(stream);
    }

    /// Whether the batch is published at the end of this turn.
    pub(crate) const fn is_urgent(&self) -> bool {
        self.urgent
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> &[u8] {
        self.bytes.get(..self.whole).unwrap_or_default()
    }

    /// Bytes of memory that the batch occupies also when it is empty.
    pub(crate) const fn capacity(&self) -> usize {
        size_of::<Self>() + self.bytes.capacity() + self.chunks.capacity() * size_of::<Chunk>()
    }

    /// Forgets the content and keeps a reasonable capacity.
    pub fn reset(&mut self) {
        self.bytes.clear();
        self.whole = 0;
        self.bytes.shrink_to(KEPT_CAPACITY);
        self.chunks.clear();
        self.open_body = None;
        self.chunk_bytes = 0;
        self.chunk_memory = 0;
        self.held = 0;
        self.heads = 0;
        self.requests = 0;
        self.urgent = false;
        self.wake_requested = false;
    }
}

/// See `Batch::is_worthwhile`.
const WORTHWHILE_HEADS: usize = 64;
const WORTHWHILE_BYTES: usize = 256 * 1024;
/// Size in bytes that JavaScript reads in about the time of as many heads. With a quarter of it, uploads of 64 KiB cost a tenth
/// more, and a third more on JavaScript's thread.
const WORTHWHILE_CHUNKS: usize = 1024 * 1024;
/// Capacity in bytes that a batch keeps for the next use, after a burst has made it larger.
const KEPT_CAPACITY: usize = 256 * 1024;

/// Appending records: `inbound` has one function for each kind.
impl Batch {
    /// Appends the header and the fields of a record. `finish` sets its length. Returns the record's offset.
    pub(super) fn begin<L: Layout>(
        &mut self,
        kind: u32,
        flags: u32,
        id: ConnectionId,
        fields: L,
    ) -> usize {
        self.open_body = None;
        let bytes = &mut self.bytes;
        bytes.truncate(self.whole);
        let start = bytes.len();
        bytes.reserve(HEADER_BYTES + L::BYTES);
        let length = (HEADER_BYTES + L::BYTES) as u32;
        let header = [first_word(kind, flags), length, id.slot, id.generation];
        bytes.extend_from_slice(header.map(u32::to_le_bytes).as_flattened());
        fields.append(bytes);
        start
    }

    /// Appends a record without a payload.
    pub(super) fn fields_alone<L: Layout>(
        &mut self,
        kind: u32,
        flags: u32,
        id: ConnectionId,
        fields: L,
    ) {
        self.begin(kind, flags, id, fields);
        self.whole = self.bytes.len();
    }

    /// Sets a length field of the record at `start` that was not known before.
    pub(super) fn set_length(&mut self, start: usize, offset: usize, length: usize) {
        let at = start + HEADER_BYTES + offset;
        self.bytes[at..at + 4].copy_from_slice(&(length as u32).to_le_bytes());
    }

    /// Pads the record at `start` and sets its length.
    pub(super) fn finish(&mut self, start: usize) {
        let len = padded(self.bytes.len());
        self.bytes.resize(len, 0);
        let length = (len - start) as u32;
        self.bytes[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
        self.whole = len;
    }
}
