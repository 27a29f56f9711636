//! Time limits. They run on the I/O thread, also while JavaScript is blocked.
//!
//! A timeout is reported to JavaScript first, because the program may listen for 'clientError' or 'timeout'. If JavaScript has not
//! reacted after `FALLBACK`, the I/O thread does what Node does without listeners: it answers a late request with 408, and
//! closes an idle connection. Without such a listener, an idle connection is closed at once, and a late request of which JavaScript has
//! seen nothing is answered at once: thousands of them would occupy JavaScript's thread for as many times 50 µs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrohttp_proto::{TimeoutKind, encode_error_response};

use super::input::Reading;
use super::{Connection, State, Turn, Writing};
use crate::handoff::{Batch, Timeout};
use crate::settings::Settings;
use crate::time::clock::now;
use crate::time::timer::TimerKey;

/// The time that JavaScript has to answer a late request by itself: well above the turn of a busy event loop, well below the
/// delay that a peer would notice after headersTimeout.
const FALLBACK: Duration = Duration::from_millis(500);

/// When a deadline of a connection on loan has passed, it is checked again after this time. By then the bytes that are in the
/// socket have been read, because the runtime polls sockets before timers.
const REREAD: Duration = Duration::from_millis(10);

/// The time that a peer which keeps sending has to read our last bytes and close.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// The state on which the deadlines of a connection depend, in addition to its protocol engine.
pub(super) struct Deadlines {
    /// The connection's entry in the wheel of its I/O thread.
    pub(super) timer: Option<(TimerKey, Instant)>,
    pub(super) socket_timeout: Option<Duration>,
    pub(super) last_activity: Instant,
    /// When the I/O thread acts by itself because JavaScript has not, see the module.
    pub(super) fallback_at: Option<Instant>,
    /// The socket timeout was reported, and no bytes have been sent or received since.
    pub(super) socket_timed_out: bool,
    /// The end of keepAliveTimeout was reported, and no bytes have been received since.
    pub(super) keep_alive_reported: bool,
}

impl Deadlines {
    pub(super) const fn new(socket_timeout: Option<Duration>, now: Instant) -> Self {
        Self {
            timer: None,
            socket_timeout,
            last_activity: now,
            fallback_at: None,
            socket_timed_out: false,
            keep_alive_reported: false,
        }
    }

    /// Bytes were sent or received. Returns whether the socket timeout, which had been reported, begins again.
    pub(super) fn note_activity(&mut self) -> bool {
        if self.socket_timeout.is_none() {
            return false;
        }
        self.last_activity = now();
        std::mem::take(&mut self.socket_timed_out)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Protocol(TimeoutKind),
    Socket,
    Fallback,
    Handshake,
}

impl State {
    /// JavaScript has reacted to the end of keepAliveTimeout.
    pub(super) fn idle_fallback_over(&mut self) {
        if self.incoming.reading == Reading::Http && self.writing == Writing::Open {
            self.deadlines.fallback_at = None;
        }
    }

    fn next_deadline(&self, settings: &Settings) -> Option<(Instant, Due)> {
        // A client's socket timeout also limits its handshake.
        if let Some(secure) = self
            .secure
            .as_ref()
            .filter(|secure| secure.is_handshaking() && !self.role.is_client())
        {
            return secure.handshake_deadline().map(|at| (at, Due::Handshake));
        }
        let deadlines = &self.deadlines;
        if let Some(at) = deadlines.fallback_at {
            return Some((at, Due::Fallback));
        }
        let protocol = match self.incoming.reading {
            Reading::Http if self.writing == Writing::Open => {
                self.engine.poll_timeout(&settings.timeouts)
            }
            _ => None,
        };
        let protocol = protocol.and_then(|(at, kind)| match (kind, settings.timeouts.keep_alive) {
            // A peer that is still reading the last response cannot send the next request. Its time begins after that.
            (TimeoutKind::KeepAlive, _)
                if deadlines.keep_alive_reported || !self.output.is_empty() =>
            {
                None
            }
            // Bytes after the peer's last request are ignored, and do not prolong it.
            (TimeoutKind::KeepAlive, Some(limit)) if self.engine.may_read(&settings.limits) => {
                Some((at.max(deadlines.last_activity + limit), Due::Protocol(kind)))
            }
            _ => Some((at, Due::Protocol(kind))),
        });
        // keepAliveTimeout takes the place of the socket's own limit, as in Node.
        let between_requests = self.role.server().is_some_and(|role| role.served)
            && self.incoming.reading == Reading::Http
            && self.engine.is_idle()
            && self.output.is_empty()
            && settings.timeouts.keep_alive.is_some();
        let socket = deadlines
            .socket_timeout
            .filter(|_| !deadlines.socket_timed_out && !between_requests)
            .map(|timeout| (deadlines.last_activity + timeout, Due::Socket));
        match (protocol, socket) {
            (Some(a), Some(b)) => Some(if b.0 < a.0 { b } else { a }),
            (a, b) => a.or(b),
        }
    }
}

impl Connection {
    /// Makes sure that the wheel has an entry that is due no later than the connection's next deadline. I/O thread only.
    pub(super) fn arm(self: &Arc<Self>, state: &mut State, settings: &Settings, now: Instant) {
        let at = match state.next_deadline(settings) {
            Some((at, _)) => at,
            // While a handler runs no deadline is due, but its response starts keepAliveTimeout, perhaps on JavaScript's thread,
            // which does not touch the wheel. So the deadlines are checked again by then.
            None => match settings.timeouts.keep_alive {
                Some(keep_alive) if state.incoming.reading == Reading::Http => now + keep_alive,
                _ => return,
            },
        };
        // A deadline that has passed is checked after the sockets have been polled, because bytes that came in time count.
        let at = if at <= now { now + REREAD } else { at };
        match state.deadlines.timer {
            Some((_, armed)) if armed <= at => {}
            previous => {
                if let Some((key, _)) = previous {
                    self.thread.stop_timer(key);
                }
                let key = self.start_timer(at);
                state.deadlines.timer = Some((key, at));
            }
        }
    }

    fn start_timer(self: &Arc<Self>, at: Instant) -> TimerKey {
        let weak = Arc::downgrade(self);
        self.thread.start_timer(at, weak)
    }

    /// The entry in the wheel is due. I/O thread only.
    pub(super) fn check_deadlines(self: &Arc<Self>, batch: &mut Batch) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.deadlines.timer = None;
        if state.is_closed() {
            return;
        }
        let settings = state.role.settings();
        let now = now();
        let due = state.next_deadline(&settings).filter(|(at, _)| *at <= now);
        if state.is_on_loan() && due.is_some() {
            // The peer may have sent in time what JavaScript's thread was too busy to read.
            state.take_back(self);
            let at = now + REREAD;
            let key = self.start_timer(at);
            state.deadlines.timer = Some((key, at));
            return;
        }
        if let Some((_, due)) = due {
            let mut turn = Turn {
                connection: self,
                state: &mut *state,
                settings: &settings,
                now,
                batch,
            };
            turn.act_on(due);
        }
        self.arm(state, &settings, now);
    }
}

impl Turn<'_> {
    fn act_on(&mut self, due: Due) {
        let id = self.connection.id();
        let State {
            deadlines,
            incoming,
            ..
        } = &mut *self.state;
        match due {
            Due::Protocol(TimeoutKind::KeepAlive) => {
                deadlines.keep_alive_reported = true;
                if self.state.is_closed_without_javascript() {
                    self.batch.timeout(id, Timeout::ClosedIdle);
                    self.act_for_javascript();
                    self.state.wake();
                } else {
                    self.batch.timeout(id, Timeout::KeepAlive);
                    self.state.deadlines.fallback_at = Some(self.now + FALLBACK);
                }
            }
            Due::Protocol(TimeoutKind::Headers | TimeoutKind::Request) => {
                incoming.reading = Reading::Discard;
                if self.state.is_refused_without_javascript() {
                    self.batch.timeout(id, Timeout::Answered);
                    self.act_for_javascript();
                    self.state.wake();
                } else {
                    self.batch.timeout(id, Timeout::Request);
                    self.state.deadlines.fallback_at = Some(self.now + FALLBACK);
                }
            }
            Due::Socket => {
                deadlines.socket_timed_out = true;
                self.batch.timeout(id, Timeout::Socket);
            }
            Due::Fallback => {
                deadlines.fallback_at = None;
                self.act_for_javascript();
                self.state.wake();
            }
            Due::Handshake => self.handshake_timed_out(),
        }
    }

    /// JavaScript has not reacted to a timeout.
    fn act_for_javascript(&mut self) {
        let state = &mut *self.state;
        match state.writing {
            // An idle connection.
            Writing::Open if state.incoming.reading == Reading::Http => {
                if state.engine.is_idle() && state.incoming.buffer.is_empty() {
                    state.writing = Writing::Close;
                }
            }
            // A late request.
            Writing::Open => {
                let answer = encode_error_response(408);
                match state.engine.unanswered() {
                    0 => state.output.buffer().extend_from_slice(answer),
                    // The late request itself, unless its response has begun.
                    1 if state.engine.is_receiving() => {
                        let buffer = state.output.buffer();
                        let _ = state.engine.send_head(None, answer, false, buffer);
                    }
                    _ => {}
                }
                state.writing = Writing::Close;
                // A peer that does not read this answer has the same time as one that keeps sending.
                state.linger();
            }
            // The peer has not closed its end.
            _ => self.connection.close(state, 0, self.batch),
        }
    }
}

impl State {
    /// Whether the answer to a late request does not depend on JavaScript: it has not seen the request, nor a request before it that
    /// is unanswered, and no listener for 'clientError' decides.
    fn is_refused_without_javascript(&self) -> bool {
        self.writing == Writing::Open
            && self.engine.unanswered() == 0
            && self
                .role
                .server()
                .is_some_and(|role| !role.server.config().client_errors)
    }

    /// Whether the end of an idle connection does not depend on JavaScript: no listener for 'timeout' decides.
    fn is_closed_without_javascript(&self) -> bool {
        self.incoming.buffer.is_empty()
            && self
                .role
                .server()
                .is_some_and(|role| !role.server.config().timeout_events)
    }

    /// The program has ended the socket of a server's connection, and still receives the bytes of the peer. The connection is closed
    /// after `LINGER`, because a peer that never closes would keep it open.
    pub(super) fn limit_half_close(&mut self) {
        if !self.role.is_client() && self.incoming.reading != Reading::Raw {
            self.deadlines.fallback_at = Some(now() + LINGER);
        }
    }

    /// The connection is closed after `LINGER` at the latest.
    pub(super) fn linger(&mut self) {
        self.incoming.reading = Reading::Discard;
        self.deadlines.fallback_at = Some(now() + LINGER);
    }
}
