//! A client's input: responses.
//!
//! Bytes that arrive while no response is due end the connection, so that they never become the response to a later request. So
//! does an error, which is reported to JavaScript first.

use ferrohttp_proto::{ErrorKind, Scratch};

use super::input::Reading;
use super::{Connection, State, Turn, Writing};
use crate::messages::{Input, Reported, Translator};

impl Turn<'_> {
    /// As `parse_requests`, of responses.
    pub(super) fn parse_responses(&mut self, mut input: Input<'_>, scratch: &mut Scratch) -> usize {
        let now = self.now;
        let mut ended = false;
        self.refresh_waiting();
        loop {
            if !input.is_empty() && (self.state.awaits_credit() || self.state.has_many_heads()) {
                return input.used;
            }
            let before = self.batch.memory();
            let State {
                engine, incoming, ..
            } = &mut *self.state;
            let mut translator = Translator {
                id: self.connection.id(),
                now,
                limits: &self.settings.limits,
                batch: &mut *self.batch,
                whole_bodies: false,
                without_body: &mut false,
            };
            let reported = match engine.report_next(&mut translator, &mut input, scratch) {
                Ok(reported) => reported,
                Err(error) => {
                    // Bytes that no request has asked for are reported to none, unless they follow a response immediately.
                    if error.kind != ErrorKind::Unsolicited || ended {
                        translator.error(error, &input);
                    }
                    self.state.destroy();
                    return input.bytes.len();
                }
            };
            match reported {
                Reported::Nothing => return input.used,
                Reported::Head { upgrade: true, .. } => {
                    incoming.reading = Reading::Raw;
                    return input.bytes.len();
                }
                Reported::Head { body, interim, .. } => {
                    if !interim {
                        incoming.expect_body(body);
                    }
                    incoming.waiting.add_head(self.batch.memory() - before);
                }
                Reported::Data(length) => incoming.spend(length),
                Reported::End => {
                    incoming.waiting.add_head(self.batch.memory() - before);
                    incoming.body_left = 0;
                    self.state.close_if_spent();
                    ended = true;
                }
            }
        }
    }

    /// The server's FIN, once everything before it has been parsed.
    pub(super) fn end_of_responses(&mut self) {
        let State {
            engine, incoming, ..
        } = &mut *self.state;
        let mut translator = Translator {
            id: self.connection.id(),
            now: self.now,
            limits: &self.settings.limits,
            batch: &mut *self.batch,
            whole_bodies: false,
            without_body: &mut false,
        };
        match engine.report_fin(&mut translator, &incoming.buffer) {
            Ok(ended) => {
                if ended {
                    incoming.body_left = 0;
                }
                self.state.close_if_spent();
            }
            Err(_) => self.state.destroy(),
        }
        self.state.incoming.buffer = Vec::new();
    }
}

impl Connection {
    /// Whether the connection is open. A client's connection is also checked with the kernel, because a request sent on a closed
    /// one would be lost.
    pub(crate) fn is_open(&self) -> bool {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.is_closed() {
            return false;
        }
        if state.role.is_client() && state.is_unusable() {
            state.wake();
            return false;
        }
        true
    }
}

impl State {
    /// Closes a client's connection that no further request can use. The last request need not be complete, only its response.
    pub(super) fn close_if_spent(&mut self) {
        if self.engine.is_spent() && !self.is_destroyed() {
            self.writing = Writing::Close;
        }
    }

    /// Whether a client's connection has carried nothing yet. Some servers send a response before the first request. It becomes
    /// the response to that request, as in Node, because no earlier request can have asked for it.
    pub(super) const fn is_unused(&self) -> bool {
        self.output.is_unused()
    }

    /// Whether the server has closed, or has sent bytes that would become the response to the next request. Called before a
    /// request is sent. If so, the connection ends without the request.
    pub(super) fn is_unusable(&mut self) -> bool {
        if !self.engine.is_idle() {
            return false;
        }
        let is_unused = self.is_unused();
        let Some(stream) = self.lifecycle.stream() else {
            return false;
        };
        let is_unusable = match &mut self.secure {
            // Bytes become the response to the first request.
            None if is_unused => stream.has_ended(),
            None => stream.has_unread(),
            Some(_) if is_unused => return false,
            Some(secure) => secure.has_unread(stream),
        };
        match is_unusable {
            Ok(false) => return false,
            Ok(true) => self.destroy(),
            Err(error) => self.write_failed = Some(error.raw_os_error().unwrap_or(0)),
        }
        true
    }
}
