//! From the socket through the engine to the batch: what both roles do alike. `requests` and `responses` do the rest.

use std::cell::RefCell;
use std::io::{self, ErrorKind};

use ferrohttp_proto::{Event, Scratch};

use super::{Connection, Engine, Reading, State, Writing};
use crate::handoff::{Batch, CHUNK, Chunk, chunk};
use crate::io_thread::now;
use crate::settings::Settings;

/// From this much outstanding body on, reads go straight into the chunk that JavaScript gets.
const DIRECT_BODY: u64 = 16 * 1024;
/// … and up to this much, into one of its size.
const SMALL_BODY: usize = CHUNK / 2;

/// A peer that leaves this much of our output unread gets no further request read, or pipelining would pile up
/// answers without end. Node's mark is the socket's highWaterMark, 64 KiB.
const UNREAD_OUTPUT: u64 = 64 * 1024;

struct Buffers {
    /// Of one read; a thread needs only one.
    read: Vec<u8>,
    scratch: Scratch,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> =
        RefCell::new(Buffers { read: chunk::memory(), scratch: Scratch::new() });
}

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// The socket may have more.
    More,
    /// The socket is empty.
    Drained,
    /// The peer's FIN.
    Eof,
}

impl Connection {
    /// Whether bytes could be used now.
    pub(super) fn wants_read(state: &State, config: &Settings) -> bool {
        if state.eof_seen || state.upgrade_pending || state.given_up {
            return false;
        }
        match state.reading {
            Reading::Discard => true,
            Reading::Raw => state.credit > 0,
            Reading::Http if state.paused => false,
            Reading::Http => {
                if state.engine.is_receiving() {
                    state.credit > 0
                } else if state.engine.is_client() {
                    // Also when no response is due: what comes then ends the connection.
                    // One whose own direction the program has ended is only waited for: the server ends it.
                    !state.is_unused() || state.writing != Writing::Open
                } else {
                    // Behind the last request the engine ignores bytes; reading them shows when the peer goes.
                    state.engine.unanswered() < config.limits.max_pipelined.max(1)
                        && !state.awaits_reader()
                }
            }
        }
    }

    /// Reads once and parses what came.
    pub(super) fn read(
        &self,
        state: &mut State,
        config: &Settings,
        batch: &mut Batch,
    ) -> io::Result<Read> {
        let before = batch.memory();
        let count = BUFFERS.with_borrow_mut(|buffers| {
            if state.input.is_empty()
                && state.body_left >= DIRECT_BODY
                && state.reading == Reading::Http
            {
                self.read_body(state, config, buffers, batch)
            } else if state.input.is_empty() {
                self.read_through(state, config, buffers, batch)
            } else {
                self.read_behind(state, config, buffers, batch)
            }
        })?;
        state.waiting.add_memory(batch.memory() - before);
        match count {
            None => Ok(Read::Drained),
            Some((0, _)) => {
                state.eof_seen = true;
                Ok(Read::Eof)
            }
            Some((count, capacity)) => {
                state.bytes_read += count as u64;
                state.keep_alive_told = false;
                state.moved();
                Ok(if count < capacity {
                    Read::Drained
                } else {
                    Read::More
                })
            }
        }
    }

    /// The usual case: through the thread's buffer, keeping only what the engine leaves.
    fn read_through(
        &self,
        state: &mut State,
        config: &Settings,
        buffers: &mut Buffers,
        batch: &mut Batch,
    ) -> Counted {
        let Buffers { read, scratch } = buffers;
        read.clear();
        let capacity = read.capacity();
        let Some(count) = attempt(state, |stream| stream.try_read_spare(read))? else {
            return Ok(None);
        };
        let wanted = Self::is_wanted(state, config);
        let mut offer = batch.offer();
        let used = self.consume(state, config, read, 0, scratch, &mut offer);
        if wanted {
            self.tap(state, read, &mut offer);
        }
        state.input.extend_from_slice(&read[used..]);
        offer.settle(read);
        Ok(Some((count, capacity)))
    }

    /// Reads when earlier reads have left bytes that the engine has not consumed, and appends to those. Their buffer grows by
    /// what was read and little more, because a peer may leave thousands of heads unfinished.
    fn read_behind(
        &self,
        state: &mut State,
        config: &Settings,
        buffers: &mut Buffers,
        batch: &mut Batch,
    ) -> Counted {
        let Buffers { read, scratch } = buffers;
        read.clear();
        let capacity = read.capacity();
        let Some(count) = attempt(state, |stream| stream.try_read_spare(read))? else {
            return Ok(None);
        };
        if count > 0 {
            let mut input = std::mem::take(&mut state.input);
            let before = input.len();
            input.reserve_exact(count.max(before / 4));
            input.extend_from_slice(read);
            let wanted = Self::is_wanted(state, config);
            let used = self.consume(state, config, &input, before, scratch, batch);
            if wanted {
                self.tap(state, read, batch);
            }
            state.keep_from(used, input);
        }
        Ok(Some((count, capacity)))
    }

    /// Inside a long body: what comes is given away without being copied.
    fn read_body(
        &self,
        state: &mut State,
        config: &Settings,
        buffers: &mut Buffers,
        batch: &mut Batch,
    ) -> Counted {
        let mut chunk = match usize::try_from(state.body_left) {
            // What it takes, where that is little.
            Ok(left @ ..SMALL_BODY) => Vec::with_capacity(left),
            _ => chunk::memory(),
        };
        let capacity = chunk.capacity();
        let count = attempt(state, |stream| stream.try_read_spare(&mut chunk));
        let chunk = Chunk::new(chunk, 0);
        let Some(count) = count? else {
            return Ok(None);
        };
        if count == 0 {
            return Ok(Some((0, capacity)));
        }
        let read = state
            .engine
            .read_data(now(), &config.limits, &chunk, &mut buffers.scratch);
        let whole = matches!(read, Some((_, data)) if data.len() == chunk.len());
        if whole && (count as u64) < state.body_left {
            state.body_left -= count as u64;
            state.credit -= count as i64;
            if state.tapped {
                batch.body(self.id, &chunk, false);
                self.tap(state, &chunk, batch);
            } else if count * 4 >= capacity {
                batch.body_chunk(self.id, chunk, false);
            } else {
                batch.body(self.id, &chunk, false);
            }
            return Ok(Some((count, capacity)));
        }
        // The body ends here (or the engine objects): say so through the ordinary path.
        let mut used = 0;
        if let Some((consumed, data)) = read {
            self.take_data(state, data, batch);
            used = consumed;
        }
        used += self.consume(
            state,
            config,
            &chunk[used..],
            0,
            &mut buffers.scratch,
            batch,
        );
        self.tap(state, &chunk, batch);
        state.input.extend_from_slice(&chunk[used..]);
        Ok(Some((count, capacity)))
    }

    /// Whether what is read goes somewhere. What is only read to be ignored has no limit, so nobody may be told of it.
    fn is_wanted(state: &State, config: &Settings) -> bool {
        state.reading == Reading::Http
            && (state.engine.is_receiving() || state.engine.may_read(&config.limits))
    }

    /// Shows the program what has been read, if it asked for that.
    fn tap(&self, state: &State, bytes: &[u8], batch: &mut Batch) {
        if state.tapped && !bytes.is_empty() {
            batch.tapped(self.id, bytes);
        }
    }

    /// Parses what was left when the last turn had to stop.
    pub(super) fn resume(&self, state: &mut State, config: &Settings, batch: &mut Batch) {
        // Inside a request there may be an End to come that no further byte announces.
        if state.upgrade_pending || (state.input.is_empty() && !state.engine.is_receiving()) {
            return;
        }
        self.parse_input(state, config, batch);
    }

    /// Parses what is left from before.
    pub(super) fn parse_input(&self, state: &mut State, config: &Settings, batch: &mut Batch) {
        let input = std::mem::take(&mut state.input);
        let before = batch.memory();
        let used = BUFFERS.with_borrow_mut(|buffers| {
            self.consume(state, config, &input, 0, &mut buffers.scratch, batch)
        });
        state.waiting.add_memory(batch.memory() - before);
        state.keep_from(used, input);
    }

    /// Passes `input` to the engine, or after an upgrade to JavaScript, and returns how many bytes of it were consumed. The
    /// first `seen` bytes are from earlier reads.
    fn consume(
        &self,
        state: &mut State,
        config: &Settings,
        input: &[u8],
        seen: usize,
        scratch: &mut Scratch,
        batch: &mut Batch,
    ) -> usize {
        match state.reading {
            Reading::Discard => {
                // Whoever listens for 'clientError' and leaves the connection open hears of what follows, as in Node.
                if let Some(kind) = state.failed
                    && state.writing == Writing::Open
                    && !input.is_empty()
                    && state.credit > 0
                {
                    // No more of it than of a body that nobody reads.
                    state.credit -= input.len() as i64;
                    batch.error(self.id, kind, 0, input);
                }
                input.len()
            }
            // A read that brought nothing but the peer's end.
            Reading::Raw if input.is_empty() => 0,
            Reading::Raw => {
                state.credit -= input.len() as i64;
                batch.body(self.id, input, true);
                input.len()
            }
            Reading::Http => match &state.engine {
                Engine::Server(..) => {
                    self.parse_requests(state, config, input, seen, scratch, batch)
                }
                Engine::Client(..) => {
                    self.parse_responses(state, config, input, seen, scratch, batch)
                }
            },
        }
    }

    /// Part of a body: costs credit.
    pub(super) fn take_data(&self, state: &mut State, data: &[u8], batch: &mut Batch) {
        state.credit -= data.len() as i64;
        state.body_left = state.body_left.saturating_sub(data.len() as u64);
        batch.body(self.id, data, false);
    }

    /// The peer's FIN, once everything before it has been parsed.
    pub(super) fn tell_eof(&self, state: &mut State, config: &Settings, batch: &mut Batch) {
        if !state.eof_seen || state.eof_told || state.upgrade_pending || state.parted {
            return;
        }
        // Room for another request may have come with what was written since the last look.
        self.resume(state, config, batch);
        let held = !state.engine.may_read(&config.limits)
            || state.has_many_heads()
            || if state.engine.is_receiving() {
                state.credit <= 0
            } else {
                !state.engine.is_client() && state.awaits_reader()
            };
        if state.reading == Reading::Http && held && !state.input.is_empty() {
            return;
        }
        state.eof_told = true;
        if state.reading != Reading::Http {
            batch.eof(self.id);
            return;
        }
        let idle = state.engine.is_idle() && state.input.is_empty() && state.output.is_empty();
        let Engine::Server(engine, _) = &mut state.engine else {
            self.end_of_responses(state, batch);
            return;
        };
        match engine.handle_eof(&state.input) {
            // Nobody waits for anything: the usual end of a keep-alive connection.
            Ok(None) if idle => state.writing = Writing::Close,
            Ok(event) => {
                if let Some(Event::End(trailers)) = event {
                    batch.end(self.id, &trailers, false);
                }
                batch.eof(self.id);
            }
            Err(error) => {
                batch.error(self.id, error.kind, error.bytes_parsed, &state.input);
                state.reading = Reading::Discard;
            }
        }
        state.input = Vec::new();
    }
}

/// What an error at byte `at` of `input` is reported with: Node's parser knows the last piece alone, and counts from its
/// start. `seen` bytes are from earlier reads; where the error is in them, they had not been looked at.
pub(crate) fn last_packet(input: &[u8], seen: usize, at: usize) -> (usize, &[u8]) {
    match at.checked_sub(seen) {
        Some(at) => (at, &input[seen..]),
        None => (at, input),
    }
}

impl State {
    /// Keeps what is left of `input` behind the first `used` bytes.
    fn keep_from(&mut self, used: usize, mut input: Vec<u8>) {
        if used == input.len() {
            return;
        }
        input.drain(..used);
        if input.capacity() > 2 * input.len() {
            input.shrink_to_fit();
        }
        self.input = input;
    }

    /// Within a body for which there is no room. Where nothing is left to be parsed that does not matter: the end of a
    /// body costs no credit.
    pub(super) fn awaits_credit(&self) -> bool {
        self.credit <= 0 && self.engine.is_receiving() && !self.without_body
    }

    /// Between requests: the peer must read before it is read.
    pub(super) const fn awaits_reader(&self) -> bool {
        self.output.unwritten() >= UNREAD_OUTPUT
    }
}

/// None: nothing there. Otherwise bytes read and the room that was offered.
type Counted = io::Result<Option<(usize, usize)>>;

fn attempt(
    state: &State,
    read: impl FnOnce(&crate::stream::Stream) -> io::Result<usize>,
) -> io::Result<Option<usize>> {
    let Some(stream) = state.socket.stream() else {
        return Ok(None);
    };
    match read(stream) {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
