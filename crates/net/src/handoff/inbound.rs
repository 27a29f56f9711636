//! Writes records of events, from I/O threads to JavaScript.

use std::io::Write;
use std::mem::offset_of;
use std::net::SocketAddr;
use std::time::Duration;

use ferrohttp_proto::{BodyLength, ErrorKind, Expect, Fields, RequestHead, ResponseHead};
use rustls::pki_types::CertificateDer;

use super::batch::{Batch, OpenBody};
use super::chunk::Chunk;
use crate::crossing::layout::{self, HEADER_BYTES, Layout, padded};
use crate::crossing::{
    body_flag, end_flag, first_word, head_flag, hello_flag, inbound as kind, line, response_flag,
    timeout,
};
use crate::id::ConnectionId;
use crate::socket::connect::Failure;
use crate::tls::{HandshakeResult, Question};

/// Largest size of a body part inside its record. For larger ones the copies into the record, into JavaScript's batch buffer and
/// out of it cost more than taking a chunk.
pub(super) const INLINE_BODY: usize = 8 * 1024;

/// The timeout that a TIMEOUT record reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Timeout {
    /// headersTimeout or requestTimeout: answered with 408.
    Request = timeout::REQUEST,
    /// The socket's own inactivity timeout.
    Socket = timeout::SOCKET,
    /// keepAliveTimeout.
    KeepAlive = timeout::KEEP_ALIVE,
    /// headersTimeout or requestTimeout, and the I/O thread has answered.
    Answered = timeout::ANSWERED,
    /// keepAliveTimeout, and the I/O thread closes the connection.
    ClosedIdle = timeout::CLOSED_IDLE,
}

/// Number of parts in a row that stay separate as the peer has sent them, because programs see it: a chunk is often a message.
/// Further parts share a record, because otherwise a body of tiny chunks would take far more memory than it costs credit.
pub(super) const SEPARATE: u32 = 64;

/// Local and remote address, where they are known.
pub(crate) type Addresses = (Option<SocketAddr>, Option<SocketAddr>);

/// One function for each kind of record.
impl Batch {
    /// A connection was accepted by server `server`.
    pub(crate) fn open(&mut self, id: ConnectionId, server: u32, addresses: Addresses) {
        self.endpoints(kind::OPEN, id, server, addresses);
    }

    /// The handshake is complete. `peer`: the verdict on the peer, and its certificates.
    pub(crate) fn secured(
        &mut self,
        id: ConnectionId,
        handshake: &HandshakeResult,
        peer: Option<(u32, &[CertificateDer<'_>])>,
    ) {
        let (verdict, chain) = peer.unwrap_or_default();
        let is_resumed: &[u8] = if handshake.is_resumed { b"1" } else { b"0" };
        let details = [
            handshake.protocol.as_bytes(),
            handshake.cipher.as_bytes(),
            handshake.group.as_bytes(),
            is_resumed,
            handshake
                .server_name
                .as_deref()
                .unwrap_or_default()
                .as_bytes(),
            handshake.alpn.as_deref().unwrap_or_default(),
        ]
        .join(&b'\n');
        let fields = layout::Secured {
            verdict,
            chain_length: chain.iter().map(|der| der.len() as u32).sum(),
            details_length: details.len() as u32,
        };
        let start = self.begin(kind::SECURED, 0, id, fields);
        self.bytes.extend_from_slice(&details);
        for certificate in chain {
            self.bytes.extend_from_slice(certificate);
        }
        self.finish(start);
    }

    /// A client's connection has received a session.
    pub(crate) fn session(&mut self, id: ConnectionId) {
        self.fields_alone(kind::SESSION, 0, id, ());
    }

    /// The program has to decide about a client.
    pub(crate) fn hello(&mut self, id: ConnectionId, question: &Question) {
        let name = question.server_name.as_deref().unwrap_or_default();
        let mut protocols = Vec::new();
        for protocol in &question.protocols {
            // Of at most 255 bytes in the hello.
            protocols.push(protocol.len() as u8);
            protocols.extend_from_slice(protocol);
        }
        let fields = layout::Hello {
            protocols_length: protocols.len() as u32,
            name_length: name.len() as u32,
        };
        let mut flags = 0;
        if question.is_tls13 {
            flags |= hello_flag::TLS13;
        }
        if question.is_refused {
            flags |= hello_flag::REFUSED;
        }
        let start = self.begin(kind::HELLO, flags, id, fields);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(&protocols);
        self.finish(start);
    }

    /// Lines of secrets.
    pub(crate) fn key_log(&mut self, id: ConnectionId, lines: &[u8]) {
        let length = lines.len() as u32;
        let start = self.begin(kind::KEY_LOG, 0, id, layout::KeyLog { length });
        self.bytes.extend_from_slice(lines);
        self.finish(start);
    }

    /// TLS has failed; see the layout about reasons.
    pub(crate) fn tls_failed(&mut self, id: ConnectionId, reason: u32) {
        self.fields_alone(kind::TLS_FAILED, 0, id, layout::TlsFailed { reason });
    }

    /// Appends a record with the addresses of both ends, where they are known. The connection may be closed before JavaScript
    /// needs them.
    fn endpoints(&mut self, kind: u32, id: ConnectionId, number: u32, addresses: Addresses) {
        let fields = layout::Endpoints {
            number,
            addresses_length: 0,
        };
        let start = self.begin(kind, 0, id, fields);
        let payload = self.bytes.len();
        write_addresses(addresses, &mut self.bytes);
        let offset = offset_of!(layout::Endpoints, addresses_length);
        self.set_length(start, offset, self.bytes.len() - payload);
        self.finish(start);
    }

    /// A request head. `after` are the bytes after an upgrade head that have been read.
    pub(crate) fn head(&mut self, id: ConnectionId, head: &RequestHead<'_>, after: &[u8]) {
        let mut flags = 0;
        if head.keep_alive {
            flags |= head_flag::KEEP_ALIVE;
        }
        if head.upgrade {
            flags |= head_flag::UPGRADE;
        }
        if head.body == BodyLength::None {
            flags |= head_flag::COMPLETE;
        }
        match head.expect {
            Expect::None => {}
            Expect::Continue => flags |= head_flag::EXPECT_CONTINUE,
            Expect::Other => flags |= head_flag::EXPECT_OTHER,
        }
        if head.has_host() {
            flags |= head_flag::HAS_HOST;
        }
        let fields = layout::Head {
            line: u32::from(head.method.index())
                | version(head.major_version, head.minor_version) << line::METHOD_BITS,
            target_length: head.target.len() as u32,
            field_count: head.fields.len() as u32,
            block_length: 0,
            after_length: after.len() as u32,
        };
        let start = self.begin(kind::HEAD, flags, id, fields);
        let length = self.block(head.target, &head.fields);
        self.set_length(start, offset_of!(layout::Head, block_length), length);
        self.bytes.extend_from_slice(after);
        self.finish(start);
        // After the record is whole: one that a panic cuts short is not read, and must not be waited for.
        self.heads += 1;
        self.requests += 1;
    }

    /// A response head. `after` are the bytes after an upgrade head that have been read.
    pub(crate) fn response(&mut self, id: ConnectionId, head: &ResponseHead<'_>, after: &[u8]) {
        let mut flags = 0;
        if head.keep_alive {
            flags |= response_flag::KEEP_ALIVE;
        }
        if head.upgrade {
            flags |= response_flag::UPGRADE;
        }
        if head.interim {
            flags |= response_flag::INFORMATION;
        }
        let fields = layout::Response {
            line: u32::from(head.status)
                | version(head.major_version, head.minor_version) << line::STATUS_BITS,
            reason_length: head.reason.len() as u32,
            field_count: head.fields.len() as u32,
            keep_alive_hint: head
                .keep_alive_timeout
                .map_or(0, |seconds| seconds.saturating_add(1)),
            block_length: 0,
            after_length: after.len() as u32,
        };
        let start = self.begin(kind::RESPONSE, flags, id, fields);
        let length = self.block(head.reason, &head.fields);
        self.set_length(start, offset_of!(layout::Response, block_length), length);
        self.bytes.extend_from_slice(after);
        self.finish(start);
        self.heads += 1;
    }

    /// Appends the block of a head, which is the text of the start line and the fields, and returns its length.
    fn block(&mut self, text: &[u8], fields: &Fields<'_>) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.block_fields(fields, true);
        self.bytes.len() - start
    }

    /// Appends `name LF value` pairs joined by LF. A field never contains an LF, so JavaScript splits at it.
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

    /// Body bytes: the bytes of one read, or of one chunk.
    pub(crate) fn body(&mut self, id: ConnectionId, data: &[u8], raw: bool) {
        let first = first_word(kind::BODY, if raw { body_flag::RAW } else { 0 });
        let mut row = 0;
        // Taken out, so that no part is added to a record whose writer panicked.
        if let Some(open) = self.open_body.take()
            && [
                read_word(&self.bytes, open.start),
                read_word(&self.bytes, open.start + 8),
                read_word(&self.bytes, open.start + 12),
            ] == [first, id.slot, id.generation]
        {
            let start = open.start;
            let offset = offset_of!(layout::Body, length);
            let have = read_word(&self.bytes, start + HEADER_BYTES + offset) as usize;
            row = open.row;
            if row >= SEPARATE && have + data.len() <= INLINE_BODY {
                let payload = start + HEADER_BYTES + layout::Body::BYTES;
                self.whole = start;
                self.bytes.truncate(payload + have);
                self.bytes.extend_from_slice(data);
                self.set_length(start, offset, have + data.len());
                self.finish(start);
                self.open_body = Some(open);
                return;
            }
        }
        if data.len() > INLINE_BODY {
            self.large_body(id, data, raw);
            return;
        }
        let start = self.inline(if raw { body_flag::RAW } else { 0 }, id, data);
        self.open_body = Some(OpenBody {
            start,
            row: row + 1,
        });
    }

    /// Body bytes inside the record, however many: for a reader that takes no chunks.
    pub(crate) fn whole_body(&mut self, id: ConnectionId, data: &[u8]) {
        self.inline(0, id, data);
    }

    /// A copy of bytes that are parsed as well.
    pub(crate) fn tapped(&mut self, id: ConnectionId, data: &[u8]) {
        self.inline(body_flag::TAP, id, data);
    }

    fn inline(&mut self, flags: u32, id: ConnectionId, data: &[u8]) -> usize {
        let fields = layout::Body {
            length: data.len() as u32,
            reserved: 0,
        };
        let start = self.begin(kind::BODY, flags, id, fields);
        self.bytes.reserve(padded(data.len()));
        self.bytes.extend_from_slice(data);
        self.finish(start);
        start
    }

    /// A large body part, in memory of its own.
    pub(crate) fn body_chunk(&mut self, id: ConnectionId, data: Chunk, raw: bool) {
        let (length, index) = (data.len(), self.chunks.len());
        self.chunk_memory += data.memory();
        // The chunk precedes the record that names it.
        self.chunks.push(data);
        let part = layout::LargeBody {
            length: length as u32,
            chunk: index as u32,
            offset: 0,
        };
        self.chunk_record(id, raw, part);
    }

    /// A body part in a chunk. The first part of each chunk begins where the chunk does.
    pub(super) fn chunk_record(&mut self, id: ConnectionId, raw: bool, part: layout::LargeBody) {
        let flags = body_flag::TAKE | if raw { body_flag::RAW } else { 0 };
        self.chunk_bytes += part.length as usize;
        self.fields_alone(kind::BODY, flags, id, part);
    }

    /// The message is complete. `last`: the connection carries no further request.
    pub(crate) fn end(&mut self, id: ConnectionId, trailers: &Fields<'_>, last: bool) {
        let flags = if last { end_flag::LAST } else { 0 };
        let start = self.begin(kind::END, flags, id, layout::End { trailers_length: 0 });
        let payload = self.bytes.len();
        self.block_fields(trailers, false);
        let offset = offset_of!(layout::End, trailers_length);
        self.set_length(start, offset, self.bytes.len() - payload);
        self.finish(start);
    }

    /// The peer has sent malformed bytes. `packet` are the bytes that were being parsed.
    pub(crate) fn error(
        &mut self,
        id: ConnectionId,
        error: ErrorKind,
        bytes_parsed: usize,
        packet: &[u8],
    ) {
        let fields = layout::Error {
            kind: u32::from(error.index()),
            bytes_parsed: bytes_parsed as u32,
            packet_length: packet.len() as u32,
        };
        let start = self.begin(kind::ERROR, 0, id, fields);
        self.bytes.reserve(padded(packet.len()));
        self.bytes.extend_from_slice(packet);
        self.finish(start);
    }

    /// The connection has closed. `errno` is 0 after an orderly end. `counters` are the bytes received, and those that the kernel
    /// has accepted, which cannot be read later. `requests` are those of a client of which it may have accepted a byte.
    pub(crate) fn closed(
        &mut self,
        id: ConnectionId,
        errno: i32,
        counters: (u64, u64),
        requests: u32,
    ) {
        let (received, sent) = counters;
        let errno = errno.unsigned_abs();
        let fields = layout::Closed {
            errno,
            received,
            sent,
            requests,
        };
        self.fields_alone(kind::CLOSED, 0, id, fields);
    }

    /// A client's connection is established. `index` is the position of its address in the list, 0 for a path.
    pub(crate) fn connected(&mut self, id: ConnectionId, index: u32, addresses: Addresses) {
        self.endpoints(kind::CONNECTED, id, index, addresses);
    }

    /// A client's connection could not be established: its last record. `failures` are in the order in which the attempts
    /// began.
    pub(crate) fn connect_failed(&mut self, id: ConnectionId, failures: &[Failure]) {
        let fields = layout::ConnectFailed {
            attempts: failures.len() as u32,
        };
        let room = failures.len() * layout::Failure::BYTES;
        let start = self.begin(kind::CONNECT_FAILED, 0, id, fields);
        self.bytes.reserve(padded(room));
        for failure in failures {
            let fields = layout::Failure {
                errno: failure.errno.unsigned_abs(),
                step: failure.step as u32,
                index: failure.index,
            };
            fields.append(&mut self.bytes);
        }
        self.finish(start);
    }

    /// The kernel has accepted `count` more of the writes that asked for an acknowledgement.
    pub(crate) fn ack(&mut self, id: ConnectionId, count: u32) {
        self.fields_alone(kind::ACK, 0, id, layout::Ack { count });
    }

    /// A deadline has passed.
    pub(crate) fn timeout(&mut self, id: ConnectionId, timeout: Timeout) {
        let deadline = timeout as u32;
        self.fields_alone(kind::TIMEOUT, 0, id, layout::Timeout { deadline });
    }

    /// The peer will send no more.
    pub(crate) fn eof(&mut self, id: ConnectionId) {
        self.fields_alone(kind::EOF, 0, id, ());
    }

    /// The listening socket of `server` is closed.
    pub(crate) fn listener_closed(&mut self, server: u32) {
        self.fields_alone(kind::LISTENER_CLOSED, 0, of_server(server), ());
    }

    /// A connection was refused because `server` has `maxConnections` already.
    pub(crate) fn dropped(&mut self, server: u32, addresses: Addresses) {
        self.endpoints(kind::DROPPED, of_server(server), 0, addresses);
    }

    /// A server has begun to refuse requests, or has stopped. `delay` is the time that the oldest request waits, and `refused` the
    /// number of requests that the server has refused.
    pub(crate) fn overload(
        &mut self,
        server: u32,
        is_refusing: bool,
        delay: Duration,
        refused: u64,
    ) {
        let delay = delay.as_micros() as u64;
        let fields = layout::Overload { delay, refused };
        let id = of_server(server);
        self.fields_alone(kind::OVERLOAD, u32::from(is_refusing), id, fields);
    }
}

/// The id of a server, in the place of a connection's.
const fn of_server(server: u32) -> ConnectionId {
    ConnectionId {
        slot: server,
        generation: 0,
    }
}

/// Appends the addresses of both ends as text, `address LF port` each, local first; nothing if they are not known.
pub(crate) fn write_addresses(addresses: Addresses, out: &mut Vec<u8>) {
    if let (Some(local), Some(remote)) = addresses {
        for (part, end) in [(local, "\n"), (remote, "")] {
            // Writing to memory does not fail.
            let _ = write!(out, "{}\n{}{end}", part.ip(), part.port());
        }
    }
}

/// The parts of the field `line` are as large as the engine's types.
const _: () = assert!(
    line::METHOD_MASK == u8::MAX as u32
        && line::STATUS_MASK == u16::MAX as u32
        && line::MAJOR_MASK == u8::MAX as u32
);

/// The version of a start line, for the field `line` of a head.
fn version(major: u8, minor: u8) -> u32 {
    u32::from(major) | u32::from(minor) << line::MAJOR_BITS
}

fn read_word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}
