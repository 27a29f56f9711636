//! A connection on loan to JavaScript's thread, see `loans`.

use std::sync::Arc;

use super::input::Read;
use super::{Connection, Reading, Socket, State, Writing};
use crate::handoff::Batch;
use crate::poller::Poller;
use crate::settings::Settings;
use crate::stream::Stream;
use crate::timer::NEAR;

/// Requests in a row that JavaScript's thread has answered by itself before a connection is lent.
pub(crate) const LENT_AFTER: u8 = 32;

impl State {
    pub(super) const fn is_on_loan(&self) -> bool {
        matches!(self.socket, Socket::Open(Stream::Detached(_)))
    }

    /// Nothing but whole requests and their answers.
    pub(super) fn is_ordinary(&self, settings: &Settings) -> bool {
        self.reading == Reading::Http
            && self.writing == Writing::Open
            && self.write_failed.is_none()
            && self.fallback_at.is_none()
            && !self.tapped
            && self.socket_timeout.is_none_or(|limit| limit >= NEAR)
            && self.input.is_empty()
            && self.output.is_empty()
            && !self.engine.is_client()
            && !self.engine.is_receiving()
            && Connection::wants_read(self, settings)
    }

    /// Counts an answer that JavaScript's thread has written. Returns true once in `LENT_AFTER`: the connection may be lent.
    pub(super) fn count_direct_answer(&mut self) -> bool {
        if self.is_on_loan() || !self.engine.is_idle() {
            return false;
        }
        self.answered_directly += 1;
        let is_due = self.answered_directly >= LENT_AFTER;
        if is_due {
            self.answered_directly = 0;
        }
        is_due
    }

    /// Gives the socket back to the I/O thread. Either thread.
    pub(super) fn take_back(&mut self, connection: &Connection) {
        if !self.is_on_loan() {
            return;
        }
        self.answered_directly = 0;
        // Until it is there: a socket that the poller does not take is lost.
        let Socket::Open(Stream::Detached(lent)) =
            std::mem::replace(&mut self.socket, Socket::Lost)
        else {
            return;
        };
        connection.environment.loans.forget(&lent);
        let _runtime = connection.thread.handle.enter();
        match Stream::attach(lent) {
            Ok(stream) => self.socket = Socket::Open(stream),
            Err(error) => self.write_failed = Some(error.raw_os_error().unwrap_or(0)),
        }
        self.wake();
    }
}

impl Connection {
    pub(crate) fn is_on_loan(&self) -> bool {
        self.lock().is_on_loan()
    }

    /// Answers whether it was lent.
    pub(crate) fn lend(self: &Arc<Self>, poller: &Poller) -> bool {
        let mut guard = self.lock();
        let state = &mut *guard;
        if !matches!(&state.socket, Socket::Open(stream) if !stream.is_detached())
            || !state.engine.is_idle()
            || !state.is_ordinary(&state.engine.settings())
        {
            return false;
        }
        let Socket::Open(stream) = std::mem::replace(&mut state.socket, Socket::Lost) else {
            return false;
        };
        match stream.detach() {
            Ok(lent) => {
                let added = poller.add(&lent.socket);
                state.socket = Socket::Open(Stream::Detached(lent));
                if added.is_err() {
                    state.take_back(self);
                }
                added.is_ok()
            }
            Err(error) => {
                state.write_failed = Some(error.raw_os_error().unwrap_or(0));
                state.wake();
                false
            }
        }
    }

    /// Reads what has come. Answers whether anything has, and whether the loan goes on. JavaScript's thread only.
    pub(crate) fn read_on_loan(&self, batch: &mut Batch) -> (bool, bool) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if !state.is_on_loan() {
            return (false, false);
        }
        let settings = state.engine.settings();
        let before = state.bytes_read;
        let drained = match self.read(state, &settings, batch) {
            Ok(read) => read == Read::Drained,
            Err(error) => {
                // The kernel tells of it once, and the task is to hear of it.
                state.write_failed = Some(error.raw_os_error().unwrap_or(0));
                false
            }
        };
        let stays = drained && state.is_ordinary(&settings);
        if !stays {
            state.take_back(self);
        }
        // Under the lock: ahead of what the I/O thread finds next.
        if self.environment.is_alive() {
            self.environment.inbox().push(batch);
        }
        (state.bytes_read > before, stays)
    }

    pub(crate) fn end_loan(&self) {
        self.lock().take_back(self);
    }
}
