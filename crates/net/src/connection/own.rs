//! Requests that the I/O thread answers itself, see `guard`. JavaScript is not notified of them.
//!
//! The I/O thread answers a request only if the connection has no other unanswered request, so responses keep their order. JavaScript
//! answers a probe that follows an unanswered request. While a server refuses requests, the I/O thread parses the next request of a
//! connection after the earlier ones are answered.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use ferrohttp_proto::{
    BodyLength, Event, Expect, Limits, Method, RequestHead, Scratch, ServerConnection, Step,
};

use super::input::{Fin, Reading};
use super::role::ServerRole;
use super::{Connection, Lifecycle, Role, State, Turn, Writing};
use crate::server::Server;
use crate::server::guard::{Form, Guard, Probe};
use crate::server::overload::{Decision, Overload};
use crate::threads::js_thread::JsThread;
use crate::threads::staging;
use crate::time::clock::now;

/// Bytes of a refused request's body that are received and dropped. For a larger body, and one of unknown length, the connection is
/// closed (RFC 9110 section 9.3.1 permits both).
const DROPPED_BODY: u64 = 64 * 1024;

/// A request that the I/O thread answers when it has been received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Own {
    answer: Answer,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Health(Probe),
    Refusal,
}

/// A request that the I/O thread answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnRequest {
    own: Own,
    /// Its body is not received.
    is_answered_at_once: bool,
    /// The server begins to refuse requests with it.
    begins_overload: bool,
}

/// Decides whether the I/O thread answers the request that has just begun.
pub(super) fn decide(
    guard: &Guard,
    js: &JsThread,
    head: &RequestHead<'_>,
    now: Instant,
) -> Option<OwnRequest> {
    if let Some(probe) = probe_of(guard, head) {
        return is_answerable(head).then(|| OwnRequest {
            own: Own {
                answer: Answer::Health(probe),
                form: form_of(head),
            },
            is_answered_at_once: false,
            begins_overload: false,
        });
    }
    let overload = guard.overload.as_ref()?;
    // JavaScript answers 400.
    if lacks_host(head) || overload.is_exempt(head.target) {
        return None;
    }
    let decision = overload.decide(now, || js.lag(now));
    if decision == Decision::Accept {
        return None;
    }
    let is_short = match head.body {
        BodyLength::None => true,
        BodyLength::Length(length) => length <= DROPPED_BODY,
        BodyLength::Chunked | BodyLength::Unreadable | BodyLength::UntilClose => false,
    };
    let is_received = is_short && is_plain(head);
    let mut form = form_of(head);
    form.keep_alive &= is_received;
    Some(OwnRequest {
        own: Own {
            answer: Answer::Refusal,
            form,
        },
        is_answered_at_once: !is_received,
        begins_overload: decision == Decision::RefuseFirst,
    })
}

/// The probe that a request is, if it is one.
fn probe_of(guard: &Guard, head: &RequestHead<'_>) -> Option<Probe> {
    matches!(head.method, Method::GET | Method::HEAD)
        .then(|| guard.probe(head.target))
        .flatten()
}

/// Whether the I/O thread answers a probe with this head. Otherwise JavaScript does.
fn is_answerable(head: &RequestHead<'_>) -> bool {
    is_plain(head) && head.body == BodyLength::None && !lacks_host(head)
}

/// Whether the request asks for nothing that JavaScript decides about.
fn is_plain(head: &RequestHead<'_>) -> bool {
    head.expect == Expect::None && !head.upgrade
}

fn lacks_host(head: &RequestHead<'_>) -> bool {
    head.minor_version == 1 && !head.has_host()
}

fn form_of(head: &RequestHead<'_>) -> Form {
    Form {
        is_head: head.method == Method::HEAD,
        keep_alive: head.keep_alive,
    }
}

impl Turn<'_> {
    /// The head of a request was received that the I/O thread answers.
    pub(super) fn begin_own(&mut self, request: OwnRequest) {
        let Some(role) = self.state.role.server_mut() else {
            return;
        };
        role.without_body = true;
        if request.is_answered_at_once {
            self.answer(request.own);
        } else {
            role.own = Some(request.own);
        }
        if request.begins_overload {
            self.begin_overload();
        }
    }

    fn begin_overload(&mut self) {
        let Connection { js, thread, .. } = &**self.connection;
        if let Some(role) = self.state.role.server() {
            let server = &role.server;
            self.batch
                .overload(server.id, true, js.lag(now()).oldest, server.refused());
            let end = end_overload(Arc::clone(server), Arc::clone(js));
            thread.handle.spawn(end);
        }
    }

    /// Answers a request that has been received.
    pub(super) fn answer(&mut self, own: Own) {
        let js = &self.connection.js;
        let state = &mut *self.state;
        let Some(guard) = state
            .role
            .server()
            .and_then(|role| role.server.guard.as_ref())
        else {
            return;
        };
        let (text, close) = match own.answer {
            Answer::Health(probe) => {
                js.counters.count_probe();
                // The next probe shows whether the thread turns its event loop.
                self.batch.request_wake();
                guard.answer_probe(probe, (js.pulse.age(), js.inbox.requests()), own.form)
            }
            Answer::Refusal => {
                js.counters.count_refusal();
                guard.refuse(own.form)
            }
        };
        let sent = state
            .engine
            .send_head(None, text.as_bytes(), false, state.output.buffer());
        if sent.is_ok() {
            let _ = state.send_end(b"", close, now(), false);
        }
    }

    /// Whether `bytes`, which come next, are not parsed yet.
    pub(super) fn holds_back(&self, bytes: &[u8]) -> bool {
        self.state.waits_for_answers()
            || (self.state.incoming.unshown
                && self.waits_for_javascript()
                && !self.state.is_probe(bytes, &self.settings.limits))
    }

    /// Whether bytes that were received early have to wait, unless they are a probe.
    pub(super) fn waits_for_javascript(&self) -> bool {
        self.state.incoming.paused || self.connection.js.inbox.is_full()
    }

    /// Reads a little of a connection that is not read now, because JavaScript has not shown it to the program yet or has too much
    /// to do. A probe is answered, other bytes wait.
    pub(super) fn look_for_probe(&mut self) -> io::Result<()> {
        /// More than the head of a probe. Many peers may send as much.
        const LOOK: usize = 1024;
        let mut bytes = Vec::with_capacity(LOOK);
        let count = self.attempt_read(&mut bytes)?;
        let incoming = &mut self.state.incoming;
        match count {
            None => {}
            Some(0) => incoming.fin = Fin::Received,
            Some(count) => {
                incoming.bytes_read += count as u64;
                incoming.unshown = true;
                incoming.buffer = bytes;
                self.state.note_activity();
            }
        }
        Ok(())
    }
}

/// Waits until the server has to refuse no more requests, and reports that.
async fn end_overload(server: Arc<Server>, js: Arc<JsThread>) {
    let Some(overload) = server
        .guard
        .as_ref()
        .and_then(|guard| guard.overload.as_ref())
    else {
        return;
    };
    let mut rest = overload.interval();
    loop {
        tokio::time::sleep(rest).await;
        match overload.recover(now()) {
            Some(more) => rest = more,
            None => break,
        }
    }
    staging::with_batch(&js, |batch| {
        batch.overload(server.id, false, js.lag(now()).oldest, overload.refused());
    });
}

impl Connection {
    /// Whether the connection's server answers probes.
    pub(crate) fn may_be_probed(&self) -> bool {
        self.lock()
            .role
            .server()
            .is_some_and(ServerRole::has_probes)
    }
}

impl ServerRole {
    fn has_probes(&self) -> bool {
        self.server.guard.as_ref().is_some_and(Guard::has_probes)
    }
}

impl State {
    /// Whether I/O threads may have to answer requests of the connection themselves.
    pub(super) fn is_guarded(&self) -> bool {
        self.role
            .server()
            .is_some_and(|role| role.server.guard.is_some())
    }

    /// Counts the unanswered requests among those of the server. Called whenever their number may have changed.
    pub(super) fn count_pending(&mut self) {
        let Role::Server(role) = &mut self.role else {
            return;
        };
        let guard = role.server.guard.as_ref();
        if let Some(overload) = guard.and_then(|guard| guard.overload.as_ref()) {
            let unanswered = if self.lifecycle.is_reported_closed() {
                0
            } else {
                self.engine.unanswered()
            };
            overload.count_pending(role.pending, unanswered);
            role.pending = unanswered;
        }
    }

    /// Whether the next request is not parsed before the others are answered, because it might have to be refused.
    pub(super) fn waits_for_answers(&self) -> bool {
        self.role.server().is_some_and(|role| {
            let guard = role.server.guard.as_ref();
            let overload = guard.and_then(|guard| guard.overload.as_ref());
            self.engine.unanswered() > 0
                && !self.engine.is_receiving()
                && overload.is_some_and(Overload::may_refuse)
        })
    }

    /// Whether the first bytes of a connection that is not read are looked at, because they may be a probe.
    pub(super) fn may_be_probed(&self) -> bool {
        self.role
            .server()
            .is_some_and(|role| !role.served && role.has_probes())
            && self.engine.is_idle()
            && self.incoming.reading == Reading::Http
            && self.incoming.fin == Fin::Awaited
            && self.incoming.buffer.is_empty()
            && self.writing == Writing::Open
            && matches!(self.lifecycle, Lifecycle::Open(_))
            && !self.is_handshaking()
            && self.has_open_tls()
    }

    /// Whether bytes that were received early are, or belong to, a probe that the I/O thread answers, so that they need not wait for
    /// JavaScript. The head must be complete.
    pub(super) fn is_probe(&self, bytes: &[u8], limits: &Limits) -> bool {
        let Some(role) = self.role.server() else {
            return false;
        };
        if role.own.is_some() {
            return true;
        }
        let Some(guard) = role.server.guard.as_ref() else {
            return false;
        };
        if role.framed_by_javascript || !self.engine.is_idle() || !guard.begins_with_probe(bytes) {
            return false;
        }
        // An engine of its own, because the connection's would have begun with the request.
        let (mut engine, mut scratch) = (ServerConnection::new(now()), Scratch::new());
        let step = engine.handle_data(now(), limits, bytes, &mut scratch);
        matches!(step, Ok(Step { event: Some(Event::Head(head)), .. })
            if probe_of(guard, &head).is_some() && is_answerable(&head))
    }
}
