//! A client's input: what the server says.
//!
//! Whatever arrives while no response is due ends the connection, so that it never becomes the answer
//! to a later request. Errors end it as well; JavaScript is told the reason first.

use ferrohttp_proto::{BodyLength, ClientEvent, ErrorKind, Scratch};

use super::input::last_packet;
use super::{Connection, Engine, Reading, State, Writing};
use crate::handoff::Batch;
use crate::settings::Settings;
use crate::stream::Stream;

/// Reads after a failed write: more than a server says when it refuses a request.
const LAST_READS: usize = 16;
/// One of them.
const LAST_READ: usize = 16 * 1024;

impl Connection {
    /// As `parse`, of responses.
    pub(super) fn parse_responses(
        &self,
        state: &mut State,
        config: &Settings,
        input: &[u8],
        seen: usize,
        scratch: &mut Scratch,
        batch: &mut Batch,
    ) -> usize {
        let mut used = 0;
        let mut ended = false;
        state.waiting.refresh(self.environment.inbox());
        loop {
            if used < input.len() && (state.awaits_credit() || state.has_many_heads()) {
                return used;
            }
            let before = batch.memory();
            let Engine::Client(engine, _) = &mut state.engine else {
                return used;
            };
            let step = match engine.handle_data(&config.limits, &input[used..], scratch) {
                Ok(step) => step,
                // No request is to be told of what nobody asked for, unless it came right behind its response.
                Err(error) if error.kind == ErrorKind::Unsolicited && !ended => {
                    state.destroy();
                    return input.len();
                }
                Err(error) => {
                    let (at, packet) = last_packet(input, seen, used + error.bytes_parsed);
                    self.fail_response(state, error.kind, at, packet, batch);
                    return input.len();
                }
            };
            used += step.consumed;
            match step.event {
                None => return used,
                Some(ClientEvent::Information(head)) => {
                    batch.response(self.id, &head, true, &[]);
                    state.waiting.add_head(batch.memory() - before);
                }
                Some(ClientEvent::Response(head)) => {
                    if head.upgrade {
                        batch.response(self.id, &head, false, &input[used..]);
                        state.reading = Reading::Raw;
                        return input.len();
                    }
                    state.body_left = match head.body {
                        BodyLength::Length(length) => length,
                        // Nothing but the server's end ends it.
                        BodyLength::UntilClose => u64::MAX,
                        _ => 0,
                    };
                    batch.response(self.id, &head, false, &[]);
                    state.waiting.add_head(batch.memory() - before);
                }
                Some(ClientEvent::Data(data)) => self.take_data(state, data, batch),
                Some(ClientEvent::End(trailers)) => {
                    batch.end(self.id, &trailers, engine.close_reason().is_some());
                    state.waiting.add_head(batch.memory() - before);
                    state.body_left = 0;
                    state.close_if_spent();
                    ended = true;
                }
            }
        }
    }

    /// The server's FIN, once everything before it has been parsed.
    pub(super) fn end_of_responses(&self, state: &mut State, batch: &mut Batch) {
        let Engine::Client(engine, ..) = &mut state.engine else {
            return;
        };
        match engine.handle_eof() {
            Ok(end) => {
                if let Some(ClientEvent::End(trailers)) = end {
                    batch.end(self.id, &trailers, true);
                    state.body_left = 0;
                }
                state.close_if_spent();
            }
            Err(error) => {
                let packet = std::mem::take(&mut state.input);
                self.fail_response(state, error.kind, error.bytes_parsed, &packet, batch);
            }
        }
        state.input = Vec::new();
    }

    /// `packet` is what was being parsed.
    fn fail_response(
        &self,
        state: &mut State,
        error: ErrorKind,
        bytes_parsed: usize,
        packet: &[u8],
        batch: &mut Batch,
    ) {
        batch.error(self.id, error, bytes_parsed, packet);
        state.destroy();
    }

    /// After a failed write: a server that refuses a request may answer, close, and reset what is still
    /// being sent. Its answer is there to be read, though the poller may not have said so yet. An end is
    /// no end then: the write has taken the kernel's word for what became of the connection.
    pub(super) fn read_last_words(&self, state: &mut State, config: &Settings, batch: &mut Batch) {
        let mut buffer = vec![0; LAST_READ];
        for _ in 0..LAST_READS {
            if state.reading != Reading::Http || !Self::wants_read(state, config) {
                return;
            }
            match state
                .socket
                .stream()
                .map(|stream| stream.read_now(&mut buffer))
            {
                Some(Ok(count @ 1..)) => {
                    state.bytes_read += count as u64;
                    state.input.extend_from_slice(&buffer[..count]);
                    self.parse_input(state, config, batch);
                }
                _ => return,
            }
        }
    }
}

impl Connection {
    /// Whether it stands; a client's also as far as the kernel knows, because the next request would be lost.
    pub(crate) fn stands(&self) -> bool {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.is_closed() {
            return false;
        }
        if state.engine.is_client() && state.is_spoilt() {
            state.wake();
            return false;
        }
        true
    }
}

impl State {
    /// Closes a client's connection that no further request can use, also when the last one is not
    /// complete: its response is.
    pub(super) fn close_if_spent(&mut self) {
        if self.engine.is_spent_client() && !self.destroying {
            self.writing = Writing::Close;
        }
    }

    /// A client's connection that has carried nothing yet. Some servers speak before they are asked: what
    /// they say answers the first request, as in Node, since no earlier one could have asked for it.
    pub(super) const fn is_unused(&self) -> bool {
        self.output.is_unused()
    }

    /// Before a request is sent: whether there is something already that would be taken for its answer,
    /// or the server has closed. The connection then ends without the request.
    pub(super) fn is_spoilt(&mut self) -> bool {
        if !self.engine.is_idle() || self.is_unused() {
            return false;
        }
        match self.socket.stream().map(Stream::has_unread) {
            None | Some(Ok(false)) => return false,
            Some(Ok(true)) => self.destroy(),
            Some(Err(error)) => self.write_failed = Some(error.raw_os_error().unwrap_or(0)),
        }
        true
    }
}
