//! Receives bytes from the socket, passes them to the engine, and writes the records of its events: the part that both roles share.
//! The rest is in `requests` and `responses`.

use std::cell::RefCell;
use std::io::{self, ErrorKind};

use ferrohttp_proto::{BodyLength, Scratch};

use super::waiting::Waiting;
use super::{Lifecycle, Role, State, Turn, Writing};
use crate::handoff::{CHUNK, Chunk, chunk};
use crate::messages::Input;
use crate::settings::Settings;

/// When at least this much of a body is outstanding, reads go straight into the chunk that JavaScript receives.
const DIRECT_BODY: u64 = 16 * 1024;
/// When less than this is outstanding, the chunk has just that size.
const SMALL_BODY: usize = CHUNK / 2;

/// When the peer leaves this much of our output unread, no further request is read. Otherwise answers to pipelined requests
/// would pile up without a limit. Node's limit is the socket's highWaterMark, 64 KiB.
const UNREAD_OUTPUT: u64 = 64 * 1024;

/// Largest number of reads after a failed write: more than a server sends when it refuses a request.
const LAST_READS: usize = 16;
/// Size of one of them.
const LAST_READ: usize = 16 * 1024;

/// The receiving direction of a connection.
pub(super) struct Incoming {
    pub(super) reading: Reading,
    pub(super) fin: Fin,
    /// Received and not consumed. Without capacity most of the time.
    pub(super) buffer: Vec<u8>,
    pub(super) waiting: Waiting,
    /// Body bytes that JavaScript is still ready to receive.
    pub(super) credit: i64,
    /// Outstanding bytes of a body with Content-Length. Decides whether it pays to read straight into a chunk.
    pub(super) body_left: u64,
    pub(super) bytes_read: u64,
    /// The last turn did not read, although the socket may have bytes.
    pub(super) held: bool,
    /// The program has paused its HTTP socket, so nothing is read.
    pub(super) paused: bool,
    /// The program wants a copy of the bytes that are read.
    pub(super) tapped: bool,
    /// `buffer` was received early, see `look_for_probe`.
    pub(super) unshown: bool,
}

/// The handling of received bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// They are HTTP.
    Http,
    /// They are passed to JavaScript unchanged: after an upgrade or CONNECT.
    Raw,
    /// They are ignored, but read, so that the peer can read our last bytes: a close with unread bytes would send a reset.
    /// Ends with the peer's FIN or at the deadline.
    Discard,
}

/// The end of the peer's sending direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fin {
    Awaited,
    /// Received, and not reported to JavaScript yet.
    Received,
    Reported,
}

impl Incoming {
    pub(super) fn new(body_window: u32) -> Self {
        Self {
            reading: Reading::Http,
            fin: Fin::Awaited,
            buffer: Vec::new(),
            waiting: Waiting::default(),
            credit: i64::from(body_window),
            body_left: 0,
            bytes_read: 0,
            held: false,
            paused: false,
            tapped: false,
            unshown: false,
        }
    }

    /// A body part of this size has been passed to JavaScript.
    pub(super) const fn spend(&mut self, len: usize) {
        self.credit -= len as i64;
        self.body_left = self.body_left.saturating_sub(len as u64);
    }

    /// A message begins whose body has this length.
    pub(super) const fn expect_body(&mut self, body: BodyLength) {
        self.body_left = match body {
            BodyLength::Length(length) => length,
            // Only the peer's FIN ends it.
            BodyLength::UntilClose => u64::MAX,
            _ => 0,
        };
    }

    /// Keeps the bytes of `input` that follow the first `used`.
    fn keep_from(&mut self, used: usize, mut input: Vec<u8>) {
        if used == input.len() {
            return;
        }
        input.drain(..used);
        if input.capacity() > 2 * input.len() {
            input.shrink_to_fit();
        }
        self.buffer = input;
    }
}

struct Buffers {
    /// Of one read; a thread needs only one.
    read: Vec<u8>,
    scratch: Scratch,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> =
        RefCell::new(Buffers { read: chunk::memory(), scratch: Scratch::new() });
}

/// The result of one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// The socket may have more.
    More,
    /// The socket is empty.
    Drained,
    /// The peer's FIN.
    Eof,
}

impl Turn<'_> {
    /// Reads once and parses the received bytes.
    pub(super) fn read(&mut self) -> io::Result<Read> {
        let before = self.batch.memory();
        let incoming = &self.state.incoming;
        let (kept, reading) = (incoming.buffer.len(), incoming.reading);
        let is_empty = kept == 0;
        let is_long_body = incoming.body_left >= DIRECT_BODY && reading == Reading::Http;
        let count = BUFFERS.with_borrow_mut(|buffers| {
            if is_empty && is_long_body {
                self.read_body(buffers)
            } else if is_empty {
                self.read_through(buffers)
            } else {
                self.read_behind(buffers)
            }
        })?;
        let kept_now = self.state.incoming.buffer.len();
        if kept_now > kept && (self.state.waits_for_answers() || self.state.has_many_heads()) {
            self.batch.hold(kept_now - kept);
        }
        let secure = self.state.secure.as_ref();
        let closed_by_tls = secure.is_some_and(|secure| secure.is_closed_by_peer());
        let has_more = secure.is_some_and(|secure| secure.has_more());
        let incoming = &mut self.state.incoming;
        incoming.waiting.add_memory(self.batch.memory() - before);
        match count {
            None if has_more => Ok(Read::More),
            None => Ok(Read::Drained),
            Some((0, _)) => {
                if incoming.fin == Fin::Awaited {
                    incoming.fin = Fin::Received;
                }
                Ok(Read::Eof)
            }
            Some((count, capacity)) => {
                incoming.bytes_read += count as u64;
                if incoming.fin == Fin::Awaited && closed_by_tls {
                    incoming.fin = Fin::Received;
                }
                self.state.deadlines.keep_alive_reported = false;
                self.state.note_activity();
                Ok(if count < capacity && !has_more {
                    Read::Drained
                } else {
                    Read::More
                })
            }
        }
    }

    /// The usual case: reads into the thread's buffer, and keeps only the bytes that the engine has not consumed.
    fn read_through(&mut self, buffers: &mut Buffers) -> Counted {
        let Buffers { read, scratch } = buffers;
        read.clear();
        let capacity = read.capacity();
        let Some(count) = self.attempt_read(read)? else {
            return Ok(None);
        };
        let wanted = self.state.is_next_read_parsed(self.settings);
        let mut offer = self.batch.offer();
        let mut turn = Turn {
            connection: self.connection,
            state: &mut *self.state,
            settings: self.settings,
            now: self.now,
            batch: &mut offer,
        };
        let used = turn.consume(Input::new(read), scratch);
        if wanted {
            turn.tap(read);
        }
        turn.state.incoming.buffer.extend_from_slice(&read[used..]);
        offer.settle(read);
        Ok(Some((count, capacity)))
    }

    /// Reads when earlier reads have left bytes that the engine has not consumed, and appends to those. Their buffer grows by
    /// what was read and little more, because a peer may leave thousands of heads unfinished.
    fn read_behind(&mut self, buffers: &mut Buffers) -> Counted {
        let Buffers { read, scratch } = buffers;
        read.clear();
        let capacity = read.capacity();
        let Some(count) = self.attempt_read(read)? else {
            return Ok(None);
        };
        if count > 0 {
            let mut bytes = std::mem::take(&mut self.state.incoming.buffer);
            let seen = bytes.len();
            bytes.reserve_exact(count.max(seen / 4));
            bytes.extend_from_slice(read);
            let wanted = self.state.is_next_read_parsed(self.settings);
            let input = Input {
                bytes: &bytes,
                seen,
                used: 0,
            };
            let used = self.consume(input, scratch);
            if wanted {
                self.tap(read);
            }
            self.state.incoming.keep_from(used, bytes);
        }
        Ok(Some((count, capacity)))
    }

    /// Within a long body: the chunk that is read into goes to JavaScript without being copied.
    fn read_body(&mut self, buffers: &mut Buffers) -> Counted {
        let mut chunk = match usize::try_from(self.state.incoming.body_left) {
            Ok(left @ ..SMALL_BODY) => Vec::with_capacity(left),
            _ => chunk::memory(),
        };
        let capacity = chunk.capacity();
        let count = self.attempt_read(&mut chunk);
        let chunk = Chunk::new(chunk, 0);
        let Some(count) = count? else {
            return Ok(None);
        };
        if count == 0 {
            return Ok(Some((0, capacity)));
        }
        let id = self.connection.id();
        let limits = &self.settings.limits;
        let engine = &mut self.state.engine;
        let read = engine.read_data(self.now, limits, &chunk, &mut buffers.scratch);
        let whole = matches!(read, Some((_, data)) if data.len() == chunk.len());
        let incoming = &mut self.state.incoming;
        if whole && (count as u64) < incoming.body_left {
            incoming.body_left -= count as u64;
            incoming.credit -= count as i64;
            if incoming.tapped {
                self.batch.body(id, &chunk, false);
                self.tap(&chunk);
            } else if count * 4 >= capacity {
                self.batch.body_chunk(id, chunk, false);
            } else {
                self.batch.body(id, &chunk, false);
            }
            return Ok(Some((count, capacity)));
        }
        // The body ends here, or the engine reports an error: both are reported in the ordinary way.
        let mut used = 0;
        if let Some((consumed, data)) = read {
            self.batch.body(id, data, false);
            self.state.incoming.spend(data.len());
            used = consumed;
        }
        used += self.consume(Input::new(&chunk[used..]), &mut buffers.scratch);
        self.tap(&chunk);
        self.state.incoming.buffer.extend_from_slice(&chunk[used..]);
        Ok(Some((count, capacity)))
    }

    /// Reads into the spare capacity of `buffer`. Returns the number of bytes, None when there are none.
    pub(super) fn attempt_read(&mut self, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
        let state = &mut *self.state;
        let Some(stream) = state.lifecycle.stream() else {
            return Ok(None);
        };
        let count = match &mut state.secure {
            None => stream.try_read_spare(buffer),
            Some(secure) => secure.read(stream, buffer),
        };
        let count = match count {
            Ok(count) => Ok(Some(count)),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        };
        self.check_tls(count)
    }

    /// Shows the program the bytes that were read, if it asked for them.
    fn tap(&mut self, bytes: &[u8]) {
        if self.state.incoming.tapped && !bytes.is_empty() {
            self.batch.tapped(self.connection.id(), bytes);
        }
    }

    /// Parses the bytes that were left when an earlier turn had to stop.
    pub(super) fn resume(&mut self) {
        let State {
            engine,
            role,
            incoming,
            ..
        } = &*self.state;
        // Within a request an END may be due that no further byte announces.
        if role.is_upgrade_pending() || (incoming.buffer.is_empty() && !engine.is_receiving()) {
            return;
        }
        self.parse_buffer();
    }

    /// Parses the bytes that earlier reads have left.
    pub(super) fn parse_buffer(&mut self) {
        let input = std::mem::take(&mut self.state.incoming.buffer);
        let before = self.batch.memory();
        let used = BUFFERS
            .with_borrow_mut(|buffers| self.consume(Input::new(&input), &mut buffers.scratch));
        if self.state.incoming.unshown && !self.waits_for_javascript() {
            self.state.incoming.unshown = false;
            self.tap(&input);
        }
        let incoming = &mut self.state.incoming;
        incoming.waiting.add_memory(self.batch.memory() - before);
        incoming.keep_from(used, input);
        if incoming.buffer.is_empty() {
            incoming.unshown = false;
        }
    }

    /// Reads what the peer had sent before a write failed, because the poller may not have reported it: the response of a server
    /// that refuses a request and closes, or the rest of a request's body. An EOF is not an orderly close then, because the failed
    /// write has consumed the kernel's error. No further request is read, because it could not be answered. Of a server that
    /// JavaScript has not approved nothing is read, because its bytes would be parsed at once.
    pub(super) fn read_after_write_error(&mut self) {
        let mut buffer = vec![0; LAST_READ];
        for _ in 0..LAST_READS {
            let state = &mut *self.state;
            if state.incoming.reading != Reading::Http
                || !state.wants_read(self.settings)
                || !(state.role.is_client() || state.engine.is_receiving())
                || state.incoming.waiting.is_full()
                || state.has_many_heads()
                || !state.has_open_tls()
            {
                return;
            }
            let Some(stream) = state.lifecycle.stream() else {
                return;
            };
            let received = &mut state.incoming.buffer;
            let kept = received.len();
            let read = match &mut state.secure {
                None => stream.read_now(&mut buffer).inspect(|&count| {
                    received.extend_from_slice(&buffer[..count]);
                }),
                Some(secure) => secure.read_now(stream, received),
            };
            match read {
                Ok(count @ 1..) => {
                    state.incoming.bytes_read += count as u64;
                    let shown = if state.incoming.tapped {
                        received[kept..].to_vec()
                    } else {
                        Vec::new()
                    };
                    self.parse_buffer();
                    self.tap(&shown);
                }
                _ => return,
            }
        }
    }

    /// Passes `input` to the engine, or after an upgrade to JavaScript. Returns how many bytes of it were consumed.
    fn consume(&mut self, input: Input<'_>, scratch: &mut Scratch) -> usize {
        let State {
            role,
            incoming,
            writing,
            ..
        } = &mut *self.state;
        let bytes = input.bytes;
        match (incoming.reading, role) {
            (Reading::Discard, role) => {
                // A program that listens for 'clientError' and leaves the connection open receives the following bytes, as in
                // Node, but no more of them than of a body that it does not read.
                if let Some(kind) = role.server().and_then(|role| role.failed)
                    && *writing == Writing::Open
                    && !bytes.is_empty()
                    && incoming.credit > 0
                {
                    incoming.credit -= bytes.len() as i64;
                    self.batch.error(self.connection.id(), kind, 0, bytes);
                }
                bytes.len()
            }
            // The read brought FIN only.
            (Reading::Raw, _) if bytes.is_empty() => 0,
            (Reading::Raw, _) => {
                incoming.credit -= bytes.len() as i64;
                self.batch.body(self.connection.id(), bytes, true);
                bytes.len()
            }
            (Reading::Http, Role::Server(_)) => self.parse_requests(input, scratch),
            (Reading::Http, Role::Client(_)) => self.parse_responses(input, scratch),
        }
    }

    /// Reports the peer's FIN, once everything that came before it has been parsed.
    pub(super) fn report_eof(&mut self) {
        let state = &*self.state;
        if state.incoming.fin != Fin::Received
            || state.role.is_upgrade_pending()
            || state.lifecycle.is_reported_closed()
        {
            return;
        }
        // Responses that were written since the last turn may allow another request.
        self.resume();
        let state = &mut *self.state;
        let held = !state.engine.may_read(&self.settings.limits)
            || state.has_many_heads()
            || state.is_guarded() && state.waits_for_answers()
            || if state.engine.is_receiving() {
                state.incoming.credit <= 0
            } else {
                !state.role.is_client() && state.awaits_peer()
            };
        if state.incoming.reading == Reading::Http && held && !state.incoming.buffer.is_empty() {
            return;
        }
        state.incoming.fin = Fin::Reported;
        if state.incoming.reading != Reading::Http {
            self.batch.eof(self.connection.id());
        } else if state.role.is_client() {
            self.end_of_responses();
        } else {
            self.end_of_requests();
        }
    }
}

impl State {
    /// Whether received bytes could be used now.
    pub(super) fn wants_read(&self, settings: &Settings) -> bool {
        let incoming = &self.incoming;
        if incoming.fin != Fin::Awaited
            || self.role.is_upgrade_pending()
            || self.awaits_approval()
            || matches!(self.lifecycle, Lifecycle::GivenUp(_))
        {
            return false;
        }
        match incoming.reading {
            _ if self.is_handshaking() => true,
            Reading::Discard => true,
            Reading::Raw => incoming.credit > 0,
            Reading::Http if incoming.paused => false,
            Reading::Http => {
                if self.engine.is_receiving() {
                    incoming.credit > 0
                } else if self.role.is_client() {
                    // Also when no response is due: bytes that come then end the connection. A connection that has carried
                    // nothing is read when the program has ended its own direction, because then the server ends the other one.
                    !self.is_unused() || self.writing != Writing::Open
                } else {
                    // The engine ignores bytes that follow the last request. Reading them shows when the peer closes.
                    self.engine.unanswered() < settings.limits.max_pipelined.max(1)
                        && !self.awaits_peer()
                }
            }
        }
    }

    /// Whether the bytes of the next read are parsed. Bytes that are read and ignored have no limit, so they are not reported.
    fn is_next_read_parsed(&self, settings: &Settings) -> bool {
        self.incoming.reading == Reading::Http
            && (self.engine.is_receiving() || self.engine.may_read(&settings.limits))
    }

    /// Whether a body has to wait for credit. The end of a body costs none, so a message without a body does not wait.
    pub(super) fn awaits_credit(&self) -> bool {
        self.incoming.credit <= 0
            && self.engine.is_receiving()
            && !self.role.server().is_some_and(|role| role.without_body)
    }

    /// Whether the peer has to read our output before we read its next request.
    pub(super) const fn awaits_peer(&self) -> bool {
        self.output.unwritten() >= UNREAD_OUTPUT
    }
}

/// The number of bytes read and the room there was for them; None when there was nothing to read.
type Counted = io::Result<Option<(usize, usize)>>;
