//! I/O threads → JavaScript: events, as records.

use std::io::Write;
use std::net::SocketAddr;

use ferrohttp_proto::{BodyLength, ErrorKind, Expect, Fields, RequestHead, ResponseHead};

use super::chunk::Chunk;
use super::offer::Source;
use super::{HEADER_BYTES, padded};
use crate::connect::Failure;
use crate::id::ConnectionId;

/// Record types. Mirrored in `js/internal/records.ts`.
pub(super) mod kind {
    pub(in crate::handoff) const OPEN: u32 = 1;
    pub(in crate::handoff) const HEAD: u32 = 2;
    pub(in crate::handoff) const BODY: u32 = 3;
    pub(in crate::handoff) const END: u32 = 4;
    pub(in crate::handoff) const ERROR: u32 = 5;
    pub(in crate::handoff) const CLOSED: u32 = 6;
    pub(in crate::handoff) const ACK: u32 = 7;
    pub(in crate::handoff) const TIMEOUT: u32 = 8;
    pub(in crate::handoff) const EOF: u32 = 9;
    pub(in crate::handoff) const LISTENER_CLOSED: u32 = 10;
    pub(in crate::handoff) const DROPPED: u32 = 11;
    pub(in crate::handoff) const RESPONSE: u32 = 12;
    pub(in crate::handoff) const CONNECTED: u32 = 13;
    pub(in crate::handoff) const CONNECT_FAILED: u32 = 14;
}

/// Flags of a RESPONSE record; the first three mean what they mean in a HEAD record.
pub(crate) struct ResponseFlags;
impl ResponseFlags {
    /// The connection may be kept after this response.
    pub(crate) const KEEP_ALIVE: u32 = 1;
    /// The connection is the user's from here.
    pub(crate) const UPGRADE: u32 = 2;
    /// An interim response: the final one is still to come.
    pub(crate) const INFORMATION: u32 = 8;
}

/// Flags of a HEAD record.
pub(crate) struct HeadFlags;
impl HeadFlags {
    /// The connection may be kept after this request.
    pub(crate) const KEEP_ALIVE: u32 = 1;
    /// `Connection: upgrade` with `Upgrade`, or CONNECT.
    pub(crate) const UPGRADE: u32 = 2;
    /// The request is complete with this record: no BODY and no END follow.
    pub(crate) const COMPLETE: u32 = 4;
    /// `Expect: 100-continue`.
    pub(crate) const EXPECT_CONTINUE: u32 = 8;
    /// Any other expectation.
    pub(crate) const EXPECT_OTHER: u32 = 16;
    /// There is a Host field: JavaScript need not look through the fields to know.
    pub(crate) const HAS_HOST: u32 = 32;
}

/// Flag of an END record: the client's connection, which may have learned so from the trailers, carries no further request.
pub(super) const END_LAST: u32 = 1;

/// Flag of a BODY record: raw bytes of an upgraded connection.
pub(super) const BODY_RAW: u32 = 1;
/// Flag of a BODY record: the bytes are not inline; word 5 names a chunk, word 6 says where in it they begin. It is taken with
/// its first part, and the others follow.
pub(super) const BODY_TAKE: u32 = 2;
/// Flag of a BODY record: a copy of bytes that have been parsed, for the socket's 'data' listeners.
pub(super) const BODY_TAP: u32 = 4;

/// Body parts up to this size travel inside the record. Above it the copy into the record, the copy
/// into JavaScript's batch buffer and the copy out of it cost more than taking the chunk by itself.
pub(super) const INLINE_BODY: usize = 8 * 1024;

/// Which timeout a TIMEOUT record tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Timeout {
    /// headersTimeout or requestTimeout: answered with 408.
    Request = 1,
    /// The socket's own inactivity timeout.
    Socket = 2,
    /// keepAliveTimeout.
    KeepAlive = 3,
}

/// Where a record begins, and how many like it there are in a row.
#[derive(Clone, Copy, Debug)]
struct OpenBody {
    start: usize,
    row: u32,
}

/// So many parts in a row stay as the peer made them, because programs see it: a chunk is often a message. More than that
/// share a record, or a body of tiny chunks would take far more memory than the credit it costs.
pub(super) const SEPARATE: u32 = 64;

/// Records in the order they happened on one I/O thread. An I/O thread fills its own without a lock
/// and publishes it when it has nothing else to do, or when it has grown to a worthwhile size.
#[derive(Default)]
pub struct Batch {
    /// Records, whole.
    pub bytes: Vec<u8>,
    /// Large body parts that BODY records refer to by index, so that they are not copied through `bytes`.
    pub chunks: Vec<Chunk>,
    /// The last record if it is a BODY record that may still grow.
    open_body: Option<OpenBody>,
    /// Bytes in `chunks`.
    chunk_bytes: usize,
    /// Memory of `chunks`, which may be more.
    pub(super) chunk_memory: usize,
    pub(super) source: Source,
    heads: usize,
    urgent: bool,
}

impl Batch {
    /// Whether the batch should be published without waiting for the thread to run out of work:
    /// JavaScript would otherwise idle while a busy I/O thread keeps collecting.
    pub(crate) const fn is_worthwhile(&self) -> bool {
        self.urgent
            || self.heads >= WORTHWHILE_HEADS
            || self.bytes.len() >= WORTHWHILE_BYTES
            || self.chunk_bytes >= WORTHWHILE_CHUNKS
    }

    /// Bytes of memory that it takes until JavaScript has seen it.
    pub(crate) const fn memory(&self) -> usize {
        self.bytes.len() + self.chunk_memory
    }

    /// Messages that begin in it.
    pub(crate) const fn heads(&self) -> usize {
        self.heads
    }

    /// The thread has more to do than it can do at once and may not be idle for long: what there is
    /// should not wait for that.
    pub(crate) const fn hurry(&mut self) {
        self.urgent = !self.bytes.is_empty();
    }

    /// Forgets the content and keeps a reasonable capacity.
    pub(crate) fn reset(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_CAPACITY);
        self.chunks.clear();
        self.open_body = None;
        self.chunk_bytes = 0;
        self.chunk_memory = 0;
        self.heads = 0;
        self.urgent = false;
    }
}

/// See `Batch::is_worthwhile`.
const WORTHWHILE_HEADS: usize = 64;
const WORTHWHILE_BYTES: usize = 256 * 1024;
/// Read in about the time that so many heads take. With a quarter of it uploads of 64 KiB cost a tenth more, and a third
/// more on JavaScript's thread.
const WORTHWHILE_CHUNKS: usize = 1024 * 1024;
/// A burst may grow a batch; this much stays for the next one.
const KEPT_CAPACITY: usize = 256 * 1024;

/// Local and remote, as far as they are known.
pub(crate) type Addresses = (Option<SocketAddr>, Option<SocketAddr>);

/// Appending records.
impl Batch {
    fn begin(&mut self, kind: u32, flags: u32, first: u32, second: u32, payload: usize) {
        self.open_body = None;
        let bytes = &mut self.bytes;
        bytes.reserve(HEADER_BYTES + padded(payload));
        let length = (HEADER_BYTES + padded(payload)) as u32;
        for word in [kind | flags << 8, length, first, second] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
    }

    fn word(&mut self, word: u32) {
        self.bytes.extend_from_slice(&word.to_le_bytes());
    }

    /// Fills in a length that was not known when its word was written.
    fn set_word(&mut self, at: usize, length: usize) {
        self.bytes[at..at + 4].copy_from_slice(&(length as u32).to_le_bytes());
    }

    fn pad(&mut self) {
        let len = padded(self.bytes.len());
        self.bytes.resize(len, 0);
    }

    fn simple(&mut self, kind: u32, id: ConnectionId, word: u32) {
        self.begin(kind, 0, id.slot, id.generation, 4);
        self.word(word);
    }

    /// A connection was accepted by server `server`.
    pub(crate) fn open(&mut self, id: ConnectionId, server: u32, addresses: Addresses) {
        self.with_addresses(kind::OPEN, id, server, addresses);
    }

    /// With one word and both ends of a connection as text, `address LF port` each, local first; nothing where they are not
    /// known. Told at once: the connection may be gone before anybody asks.
    fn with_addresses(&mut self, kind: u32, id: ConnectionId, word: u32, addresses: Addresses) {
        let start = self.bytes.len();
        self.begin(kind, 0, id.slot, id.generation, 8);
        self.word(word);
        self.word(0);
        let text = self.bytes.len();
        if let (Some(local), Some(remote)) = addresses {
            for (part, end) in [(local, "\n"), (remote, "")] {
                // Memory takes whatever is written.
                let _ = write!(self.bytes, "{}\n{}{end}", part.ip(), part.port());
            }
        }
        self.set_word(text - 4, self.bytes.len() - text);
        self.finish(start);
    }

    /// A request head. `after` is what follows an upgrade head, as far as it has been read.
    pub(crate) fn head(&mut self, id: ConnectionId, head: &RequestHead<'_>, after: &[u8]) {
        let mut flags = 0;
        if head.keep_alive {
            flags |= HeadFlags::KEEP_ALIVE;
        }
        if head.upgrade {
            flags |= HeadFlags::UPGRADE;
        }
        if head.body == BodyLength::None {
            flags |= HeadFlags::COMPLETE;
        }
        match head.expect {
            Expect::None => {}
            Expect::Continue => flags |= HeadFlags::EXPECT_CONTINUE,
            Expect::Other => flags |= HeadFlags::EXPECT_OTHER,
        }
        self.heads += 1;
        if head
            .fields
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(b"host"))
        {
            flags |= HeadFlags::HAS_HOST;
        }
        let start = self.bytes.len();
        self.begin(kind::HEAD, flags, id.slot, id.generation, 20);
        self.word(
            u32::from(head.method.index())
                | u32::from(head.major_version) << 8
                | u32::from(head.minor_version) << 16,
        );
        self.word(head.target.len() as u32);
        self.word(head.fields.len() as u32);
        self.finish_head(start, head.target, &head.fields, after);
    }

    /// A response head. `after` is what follows an upgrade head, as far as it has been read.
    pub(crate) fn response(
        &mut self,
        id: ConnectionId,
        head: &ResponseHead<'_>,
        information: bool,
        after: &[u8],
    ) {
        let mut flags = 0;
        if head.keep_alive {
            flags |= ResponseFlags::KEEP_ALIVE;
        }
        if head.upgrade {
            flags |= ResponseFlags::UPGRADE;
        }
        if information {
            flags |= ResponseFlags::INFORMATION;
        }
        self.heads += 1;
        let start = self.bytes.len();
        self.begin(kind::RESPONSE, flags, id.slot, id.generation, 24);
        self.word(
            u32::from(head.status)
                | u32::from(head.major_version) << 16
                | u32::from(head.minor_version) << 24,
        );
        self.word(head.reason.len() as u32);
        self.word(head.fields.len() as u32);
        // Seconds and one, so that 0 says that there is no hint.
        self.word(
            head.keep_alive_timeout
                .map_or(0, |seconds| seconds.saturating_add(1)),
        );
        self.finish_head(start, head.reason, &head.fields, after);
    }

    /// The end of the HEAD or RESPONSE record begun at `start`: the length of a block and of what follows the head, and
    /// both. The block is the start line's text and the fields.
    fn finish_head(&mut self, start: usize, text: &[u8], fields: &Fields<'_>, after: &[u8]) {
        let block_len_at = self.bytes.len();
        self.word(0);
        self.word(after.len() as u32);
        let block_at = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.block_fields(fields, true);
        self.set_word(block_len_at, self.bytes.len() - block_at);
        self.bytes.extend_from_slice(after);
        self.finish(start);
    }

    /// `name LF value` pairs joined by LF; a field never holds an LF, so JavaScript splits on it.
    fn block_fields(&mut self, fields: &Fields<'_>, leading: bool) {
        let bytes = &mut self.bytes;
        let mut separate = leading;
        for (name, value) in fields.iter() {
            if separate {
                bytes.push(b'\n');
            }
            separate = true;
            bytes.extend_from_slice(name);
            bytes.push(b'\n');
            bytes.extend_from_slice(value);
        }
    }

    /// Pads the record begun at `start` and sets its length.
    fn finish(&mut self, start: usize) {
        self.pad();
        self.set_word(start + 4, self.bytes.len() - start);
    }

    /// Body bytes: what one read brought of a body, or one chunk of it.
    pub(crate) fn body(&mut self, id: ConnectionId, data: &[u8], raw: bool) {
        let first = kind::BODY | if raw { BODY_RAW << 8 } else { 0 };
        let mut row = 0;
        if let Some(open) = self.open_body
            && [
                read_word(&self.bytes, open.start),
                read_word(&self.bytes, open.start + 8),
                read_word(&self.bytes, open.start + 12),
            ] == [first, id.slot, id.generation]
        {
            let start = open.start;
            let at = start + HEADER_BYTES;
            let have = read_word(&self.bytes, at) as usize;
            row = open.row;
            if row >= SEPARATE && have + data.len() <= INLINE_BODY {
                self.bytes.truncate(at + 8 + have);
                self.bytes.extend_from_slice(data);
                self.set_word(at, have + data.len());
                self.finish(start);
                return;
            }
        }
        if data.len() > INLINE_BODY {
            self.large_body(id, data, raw);
            return;
        }
        let start = self.bytes.len();
        self.inline(if raw { BODY_RAW } else { 0 }, id, data);
        self.open_body = Some(OpenBody {
            start,
            row: row + 1,
        });
    }

    /// Body bytes within the record, however many: for a reader who takes no chunks.
    pub(crate) fn whole_body(&mut self, id: ConnectionId, data: &[u8]) {
        self.inline(0, id, data);
    }

    /// What was read, once more, beside what the parser made of it.
    pub(crate) fn tapped(&mut self, id: ConnectionId, data: &[u8]) {
        self.inline(BODY_TAP, id, data);
    }

    fn inline(&mut self, flags: u32, id: ConnectionId, data: &[u8]) {
        self.begin(kind::BODY, flags, id.slot, id.generation, 8 + data.len());
        self.word(data.len() as u32);
        self.word(0);
        self.bytes.extend_from_slice(data);
        self.pad();
    }

    /// A large body part, given away.
    pub(crate) fn body_chunk(&mut self, id: ConnectionId, data: Chunk, raw: bool) {
        self.chunk_record(id, data.len(), raw, self.chunks.len(), 0);
        self.chunk_memory += data.memory();
        self.chunks.push(data);
    }

    /// Tells of `length` bytes of a chunk. The first part of each chunk begins where the chunk does.
    pub(super) fn chunk_record(
        &mut self,
        id: ConnectionId,
        length: usize,
        raw: bool,
        chunk: usize,
        offset: usize,
    ) {
        let flags = BODY_TAKE | if raw { BODY_RAW } else { 0 };
        self.begin(kind::BODY, flags, id.slot, id.generation, 12);
        self.word(length as u32);
        self.word(chunk as u32);
        self.word(offset as u32);
        self.chunk_bytes += length;
    }

    /// The request is complete.
    pub(crate) fn end(&mut self, id: ConnectionId, trailers: &Fields<'_>, last: bool) {
        let start = self.bytes.len();
        let flags = if last { END_LAST } else { 0 };
        self.begin(kind::END, flags, id.slot, id.generation, 4);
        let len_at = self.bytes.len();
        self.word(0);
        self.block_fields(trailers, false);
        self.set_word(len_at, self.bytes.len() - len_at - 4);
        self.finish(start);
    }

    /// The peer sent what cannot be parsed; `packet` is what was being parsed.
    pub(crate) fn error(
        &mut self,
        id: ConnectionId,
        error: ErrorKind,
        bytes_parsed: usize,
        packet: &[u8],
    ) {
        let start = self.bytes.len();
        self.begin(kind::ERROR, 0, id.slot, id.generation, 12 + packet.len());
        self.word(u32::from(error.index()));
        self.word(bytes_parsed as u32);
        self.word(packet.len() as u32);
        self.bytes.extend_from_slice(packet);
        self.finish(start);
    }

    /// The connection is gone. `errno` is 0 for an orderly end; `counters` are the bytes received and given to the
    /// kernel, which nobody could ask for any more.
    pub(crate) fn closed(&mut self, id: ConnectionId, errno: i32, counters: (u64, u64)) {
        self.begin(kind::CLOSED, 0, id.slot, id.generation, 20);
        self.word(errno.unsigned_abs());
        for count in [counters.0, counters.1] {
            self.word(count as u32);
            self.word((count >> 32) as u32);
        }
    }

    /// A client's connection stands. `index`: which of the addresses it was asked for, 0 for a path.
    pub(crate) fn connected(&mut self, id: ConnectionId, index: u32, addresses: Addresses) {
        self.with_addresses(kind::CONNECTED, id, index, addresses);
    }

    /// A client's connection has not come about: nothing further is told of it. The words are the
    /// number of attempts, and for each, in the order of their beginning, the operating system's error
    /// number, the step that failed (1 connect, 2 bind), and which of the addresses it was.
    pub(crate) fn connect_failed(&mut self, id: ConnectionId, failures: &[Failure]) {
        let len = 4 + failures.len() * 12;
        self.begin(kind::CONNECT_FAILED, 0, id.slot, id.generation, len);
        self.word(failures.len() as u32);
        for failure in failures {
            self.word(failure.errno.unsigned_abs());
            self.word(failure.step as u32);
            self.word(failure.index);
        }
    }

    /// `count` more of the writes that asked for it are with the kernel.
    pub(crate) fn ack(&mut self, id: ConnectionId, count: u32) {
        self.simple(kind::ACK, id, count);
    }

    /// A deadline passed.
    pub(crate) fn timeout(&mut self, id: ConnectionId, timeout: Timeout) {
        self.simple(kind::TIMEOUT, id, timeout as u32);
    }

    /// The peer will send no more.
    pub(crate) fn eof(&mut self, id: ConnectionId) {
        self.simple(kind::EOF, id, 0);
    }

    /// The listening socket of `server` is closed.
    pub(crate) fn listener_closed(&mut self, server: u32) {
        self.begin(kind::LISTENER_CLOSED, 0, server, 0, 0);
    }

    /// A connection was refused because `server` has `maxConnections` already.
    pub(crate) fn dropped(&mut self, server: u32, addresses: Addresses) {
        let nobody = ConnectionId {
            slot: server,
            generation: 0,
        };
        self.with_addresses(kind::DROPPED, nobody, 0, addresses);
    }
}

fn read_word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}
