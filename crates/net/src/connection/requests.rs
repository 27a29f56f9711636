//! A server's input: requests.

use ferrohttp_proto::{BodyLength, Event, Scratch};

use super::input::{Input, Reading};
use super::{Role, State, Turn, Writing};
use crate::time::clock::now;

impl Turn<'_> {
    /// Passes `input` to the engine and returns how many bytes of it were consumed.
    pub(super) fn parse_requests(&mut self, input: Input<'_>, scratch: &mut Scratch) -> usize {
        let now = now();
        let bytes = input.bytes;
        let id = self.connection.id();
        let mut used = 0;
        self.refresh_waiting();
        loop {
            if used < bytes.len() && self.state.awaits_credit() {
                return used;
            }
            if !self.state.role.is_receiving() && self.state.awaits_reader()
                || self.state.has_many_heads()
            {
                return used;
            }
            let before = self.batch.memory();
            let State {
                role: Role::Server(role),
                incoming,
                deadlines,
                ..
            } = &mut *self.state
            else {
                return used;
            };
            let limits = &self.settings.limits;
            let step = match role
                .engine
                .handle_data(now, limits, &bytes[used..], scratch)
            {
                Ok(step) => step,
                Err(error) => {
                    let (at, packet) = input.last_packet(used + error.bytes_parsed);
                    self.batch.error(id, error.kind, at, packet);
                    incoming.reading = Reading::Discard;
                    role.failed = Some(error.kind);
                    return bytes.len();
                }
            };
            used += step.consumed;
            match step.event {
                None => return used,
                Some(Event::Request(head)) => {
                    let is_only_one = role.engine.unanswered() == 1;
                    // keepAliveTimeout has replaced the timeout that the program had set for the socket, as in Node. While an
                    // earlier request is unanswered it has not.
                    if std::mem::replace(&mut role.served, true)
                        && is_only_one
                        && self.settings.timeouts.keep_alive.is_some()
                    {
                        deadlines.socket_timeout = self.settings.socket_timeout;
                    }
                    role.without_body = head.body == BodyLength::None;
                    incoming.body_left = match head.body {
                        BodyLength::Length(length) => length,
                        BodyLength::UntilClose => u64::MAX,
                        _ => 0,
                    };
                    role.upgrade_pending = head.upgrade;
                    let after = if head.upgrade { &bytes[used..] } else { &[] };
                    self.batch.head(id, &head, after);
                    if is_only_one {
                        incoming.waiting.forget_heads();
                    }
                    incoming.waiting.add_head(self.batch.memory() - before);
                }
                Some(Event::Data(data)) => self.take_data(data),
                Some(Event::End(trailers)) => {
                    if !role.without_body {
                        self.batch.end(id, &trailers, false);
                        incoming.waiting.add_head(self.batch.memory() - before);
                    }
                    incoming.body_left = 0;
                }
            }
        }
    }

    /// The client's FIN, once everything before it has been parsed.
    pub(super) fn end_of_requests(&mut self) {
        let id = self.connection.id();
        let State {
            role: Role::Server(role),
            incoming,
            output,
            writing,
            ..
        } = &mut *self.state
        else {
            return;
        };
        let is_idle = role.engine.is_idle() && incoming.buffer.is_empty() && output.is_empty();
        match role.engine.handle_eof(&incoming.buffer) {
            // No exchange is under way: the usual end of a keep-alive connection.
            Ok(None) if is_idle => *writing = Writing::Close,
            Ok(event) => {
                if let Some(Event::End(trailers)) = event {
                    self.batch.end(id, &trailers, false);
                }
                self.batch.eof(id);
            }
            Err(error) => {
                self.batch
                    .error(id, error.kind, error.bytes_parsed, &incoming.buffer);
                incoming.reading = Reading::Discard;
            }
        }
        incoming.buffer = Vec::new();
    }
}
