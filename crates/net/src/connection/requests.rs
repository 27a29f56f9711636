//! A server's input: requests.

use ferrohttp_proto::{RequestHead, Scratch};

use super::input::Reading;
use super::own::decide;
use super::{Role, State, Turn, Writing};
use crate::messages::{Input, Reported, Translator};
use crate::time::clock::micros;

impl Turn<'_> {
    /// Passes `input` to the engine and returns how many bytes of it were consumed.
    pub(super) fn parse_requests(&mut self, mut input: Input<'_>, scratch: &mut Scratch) -> usize {
        let now = self.now;
        self.refresh_waiting();
        let is_guarded = self.state.is_guarded();
        loop {
            if !input.is_empty() && self.state.awaits_credit() {
                return input.used;
            }
            if !self.state.engine.is_receiving() && self.state.awaits_peer()
                || self.state.has_many_heads()
                || is_guarded && self.holds_back(input.rest())
            {
                return input.used;
            }
            let before = self.batch.memory();
            let State {
                role: Role::Server(role),
                engine,
                incoming,
                deadlines,
                ..
            } = &mut *self.state
            else {
                return input.used;
            };
            let server = &role.server;
            let framed_by_javascript = role.framed_by_javascript;
            let js = &self.connection.js;
            let mut decided = None;
            let mut translator = Translator {
                id: self.connection.id(),
                now,
                limits: &self.settings.limits,
                batch: &mut *self.batch,
                whole_bodies: false,
                without_body: &mut role.without_body,
            };
            let reported = match &server.guard {
                None => engine
                    .report_next(&mut translator, &mut input, scratch)
                    .map(Some),
                Some(guard) => {
                    let answers = |head: &RequestHead<'_>, unanswered| {
                        let is_first = unanswered == 1 && !framed_by_javascript;
                        decided = is_first.then(|| decide(guard, js, head, now)).flatten();
                        decided.is_some()
                    };
                    let own = (role.own.is_some(), answers);
                    engine.report_unless(&mut translator, &mut input, scratch, own)
                }
            };
            let reported = match reported {
                Ok(Some(reported)) => reported,
                Ok(None) => {
                    if let Some(decision) = decided {
                        self.begin_own(decision);
                    }
                    continue;
                }
                Err(error) => {
                    translator.error(error, &input);
                    incoming.reading = Reading::Discard;
                    role.failed = Some(error.kind);
                    return input.bytes.len();
                }
            };
            match reported {
                Reported::Nothing => return input.used,
                Reported::Head { body, upgrade, .. } => {
                    let is_only_one = engine.unanswered() == 1;
                    // keepAliveTimeout has replaced the timeout that the program had set for the socket, as in Node. While an
                    // earlier request is unanswered it has not.
                    if std::mem::replace(&mut role.served, true)
                        && is_only_one
                        && self.settings.timeouts.keep_alive.is_some()
                    {
                        deadlines.socket_timeout = self.settings.socket_timeout;
                    }
                    incoming.expect_body(body);
                    role.upgrade_pending = upgrade;
                    if is_only_one {
                        role.received_at = micros(now);
                        incoming.waiting.forget_heads();
                    }
                    incoming.waiting.add_head(self.batch.memory() - before);
                    if is_guarded {
                        self.state.count_pending();
                    }
                }
                Reported::Data(length) => incoming.spend(length),
                Reported::End => {
                    if let Some(own) = role.own.take() {
                        self.answer(own);
                        continue;
                    }
                    if !role.without_body {
                        incoming.waiting.add_head(self.batch.memory() - before);
                    }
                    incoming.body_left = 0;
                }
            }
        }
    }

    /// The client's FIN, once everything before it has been parsed.
    pub(super) fn end_of_requests(&mut self) {
        let State {
            role: Role::Server(role),
            engine,
            incoming,
            output,
            writing,
            ..
        } = &mut *self.state
        else {
            return;
        };
        let is_idle = engine.is_idle() && incoming.buffer.is_empty() && output.is_empty();
        let mut translator = Translator {
            id: self.connection.id(),
            now: self.now,
            limits: &self.settings.limits,
            batch: &mut *self.batch,
            whole_bodies: false,
            without_body: &mut role.without_body,
        };
        match engine.report_fin(&mut translator, &incoming.buffer) {
            // No exchange is under way: the usual end of a keep-alive connection.
            Ok(false) if is_idle => *writing = Writing::Close,
            Ok(_) => translator.eof(),
            Err(_) => incoming.reading = Reading::Discard,
        }
        incoming.buffer = Vec::new();
    }
}
