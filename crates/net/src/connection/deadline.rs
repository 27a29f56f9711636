//! Time limits. They run on the I/O thread, also while JavaScript is blocked.
//!
//! JavaScript is told first, because the program may listen for `clientError` or 'timeout'; if it has
//! not reacted after `FALLBACK` the I/O thread does itself what Node does without listeners: it answers
//! a late request with 408, and closes an idle connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrohttp_proto::{TimeoutKind, encode_error_response};

use super::{Connection, Reading, State, Writing};
use crate::handoff::{Batch, Timeout};
use crate::io_thread::now;
use crate::settings::Settings;
use crate::staging;

/// How long JavaScript may take to answer a late request by itself: well above a busy event loop's
/// turn, well below what a peer would notice after waiting for headersTimeout.
const FALLBACK: Duration = Duration::from_millis(500);

/// A deadline of a connection that was on loan is looked at again so much later, when what is there has been read: the
/// runtime looks at sockets before it looks at timers.
const REREAD: Duration = Duration::from_millis(10);

/// How long a peer may take to read our last words and close, as long as it keeps sending.
pub(super) const LINGER: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Protocol(TimeoutKind),
    Socket,
    Fallback,
}

impl State {
    /// JavaScript has reacted to the end of keepAliveTimeout.
    pub(super) fn idle_fallback_over(&mut self) {
        if self.reading == Reading::Http {
            self.fallback_at = None;
        }
    }

    fn next_deadline(&self, config: &Settings) -> Option<(Instant, Due)> {
        if let Some(at) = self.fallback_at {
            return Some((at, Due::Fallback));
        }
        let protocol = match self.reading {
            Reading::Http if self.writing == Writing::Open => {
                self.engine.poll_timeout(&config.timeouts)
            }
            _ => None,
        };
        let protocol = protocol.and_then(|(at, kind)| match (kind, config.timeouts.keep_alive) {
            // A peer that is still reading the last response cannot send the next request; its time begins after that.
            (TimeoutKind::KeepAlive, _) if self.keep_alive_told || !self.output.is_empty() => None,
            (TimeoutKind::KeepAlive, Some(limit)) => {
                Some((at.max(self.last_activity + limit), Due::Protocol(kind)))
            }
            _ => Some((at, Due::Protocol(kind))),
        });
        // keepAliveTimeout takes the place of the socket's own limit, as in Node.
        let between_requests = self.served
            && self.reading == Reading::Http
            && self.engine.is_idle()
            && self.output.is_empty()
            && config.timeouts.keep_alive.is_some();
        let socket = self
            .socket_timeout
            .filter(|_| !self.socket_timed_out && !between_requests)
            .map(|timeout| (self.last_activity + timeout, Due::Socket));
        match (protocol, socket) {
            (Some(a), Some(b)) => Some(if b.0 < a.0 { b } else { a }),
            (a, b) => a.or(b),
        }
    }
}

impl Connection {
    /// Makes sure that the wheel looks at this connection no later than its next deadline. I/O thread only.
    pub(super) fn arm(self: &Arc<Self>, state: &mut State, config: &Settings) {
        let at = match state.next_deadline(config) {
            Some((at, _)) => at,
            // While a handler works nothing is due, but its answer starts keepAliveTimeout, perhaps
            // on JavaScript's thread, which does not touch the wheel: look again by then.
            None => match config.timeouts.keep_alive {
                Some(keep_alive) if state.reading == Reading::Http => now() + keep_alive,
                _ => return,
            },
        };
        // One that has passed already is looked at once the sockets have been: what has come in time counts.
        let soonest = now();
        let at = if at <= soonest { soonest + REREAD } else { at };
        match state.timer {
            Some((_, armed)) if armed <= at => {}
            previous => {
                if let Some((key, _)) = previous {
                    self.thread.stop_timer(key);
                }
                state.timer = Some((self.thread.start_timer(at, Arc::downgrade(self)), at));
            }
        }
    }

    /// The wheel's entry came up. I/O thread only.
    pub(crate) fn expire(self: &Arc<Self>) {
        staging::with_batch(&self.environment, |batch| self.look_at_deadlines(batch));
    }

    fn look_at_deadlines(self: &Arc<Self>, batch: &mut Batch) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.timer = None;
        if state.is_closed() {
            return;
        }
        let config = state.engine.settings();
        let due = state.next_deadline(&config).filter(|(at, _)| *at <= now());
        if state.is_on_loan() && due.is_some() {
            // The peer may have sent in time what JavaScript's thread was too busy to read.
            state.take_back(self);
            let at = now() + REREAD;
            state.timer = Some((self.thread.start_timer(at, Arc::downgrade(self)), at));
            return;
        }
        if let Some((_, due)) = due {
            self.act(state, due, batch);
        }
        self.arm(state, &config);
    }

    fn act(&self, state: &mut State, due: Due, batch: &mut Batch) {
        match due {
            Due::Protocol(TimeoutKind::KeepAlive) => {
                state.keep_alive_told = true;
                batch.timeout(self.id, Timeout::KeepAlive);
                state.fallback_at = Some(now() + FALLBACK);
            }
            Due::Protocol(TimeoutKind::Headers | TimeoutKind::Request) => {
                batch.timeout(self.id, Timeout::Request);
                state.reading = Reading::Discard;
                state.fallback_at = Some(now() + FALLBACK);
            }
            Due::Socket => {
                state.socket_timed_out = true;
                batch.timeout(self.id, Timeout::Socket);
            }
            Due::Fallback => {
                state.fallback_at = None;
                match state.writing {
                    // JavaScript has not said what becomes of an idle connection.
                    Writing::Open if state.reading == Reading::Http => {
                        if state.engine.is_idle() && state.input.is_empty() {
                            state.writing = Writing::Close;
                        }
                    }
                    // Nobody answered.
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
                        // A peer that does not read this either has its time, as when lingering.
                        Self::linger(state);
                    }
                    // The peer does not go away by itself.
                    _ => self.close(state, 0, batch),
                }
                state.wake();
            }
        }
    }

    /// The connection shall be gone after `LINGER` at the latest.
    pub(super) fn linger(state: &mut State) {
        state.reading = Reading::Discard;
        state.fallback_at = Some(now() + LINGER);
    }
}
