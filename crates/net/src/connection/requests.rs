//! A server's input: what its clients ask for.

use ferrohttp_proto::{BodyLength, Event, Scratch};

use super::input::last_packet;
use super::{Connection, Engine, Reading, State};
use crate::handoff::Batch;
use crate::io_thread::now;
use crate::settings::Settings;

impl Connection {
    /// Passes `input` to the engine and returns how many bytes of it were consumed. The first `seen` bytes are from earlier reads.
    pub(super) fn parse_requests(
        &self,
        state: &mut State,
        config: &Settings,
        input: &[u8],
        seen: usize,
        scratch: &mut Scratch,
        batch: &mut Batch,
    ) -> usize {
        let now = now();
        let mut used = 0;
        state.waiting.refresh(self.environment.inbox());
        loop {
            if used < input.len() && state.awaits_credit() {
                return used;
            }
            if !state.engine.is_receiving() && state.awaits_reader() || state.has_many_heads() {
                return used;
            }
            let before = batch.memory();
            let Engine::Server(engine, _) = &mut state.engine else {
                return used;
            };
            let step = match engine.handle_data(now, &config.limits, &input[used..], scratch) {
                Ok(step) => step,
                Err(error) => {
                    let (at, packet) = last_packet(input, seen, used + error.bytes_parsed);
                    batch.error(self.id, error.kind, at, packet);
                    state.reading = Reading::Discard;
                    state.failed = Some(error.kind);
                    return input.len();
                }
            };
            used += step.consumed;
            match step.event {
                None => return used,
                Some(Event::Request(head)) => {
                    // keepAliveTimeout has replaced what the program had set for the socket, as in Node; but not where
                    // the request before this one is still to be answered.
                    if std::mem::replace(&mut state.served, true)
                        && state.engine.unanswered() == 1
                        && config.timeouts.keep_alive.is_some()
                    {
                        state.socket_timeout = config.socket_timeout;
                    }
                    state.without_body = head.body == BodyLength::None;
                    state.body_left = match head.body {
                        BodyLength::Length(length) => length,
                        BodyLength::UntilClose => u64::MAX,
                        _ => 0,
                    };
                    state.upgrade_pending = head.upgrade;
                    let after = if head.upgrade { &input[used..] } else { &[] };
                    batch.head(self.id, &head, after);
                    if state.engine.unanswered() == 1 {
                        state.waiting.forget_heads();
                    }
                    state.waiting.add_head(batch.memory() - before);
                }
                Some(Event::Data(data)) => self.take_data(state, data, batch),
                Some(Event::End(trailers)) => {
                    if !state.without_body {
                        batch.end(self.id, &trailers, false);
                        state.waiting.add_head(batch.memory() - before);
                    }
                    state.body_left = 0;
                }
            }
        }
    }
}
