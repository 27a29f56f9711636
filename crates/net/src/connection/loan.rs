//! A connection on loan to JavaScript's thread, see `loans`.

use std::sync::Arc;

use super::input::{Read, Reading};
use super::lifecycle::Loan;
use super::{Connection, Lifecycle, Role, State, Turn, Writing};
use crate::handoff::Batch;
use crate::settings::Settings;
use crate::socket::poller::Poller;
use crate::socket::stream::Stream;
use crate::time::clock::now;
use crate::time::timer::NEAR;

/// Number of requests in a row that JavaScript's thread must have answered by itself before a connection is lent.
pub(crate) const LENT_AFTER: u8 = 32;

impl State {
    pub(super) const fn is_on_loan(&self) -> bool {
        matches!(self.lifecycle, Lifecycle::OnLoan(_))
    }

    /// Whether the connection carries whole requests and their responses only, and no other event is due.
    pub(super) fn is_ordinary(&self, settings: &Settings) -> bool {
        self.incoming.reading == Reading::Http
            && self.writing == Writing::Open
            && self.write_failed.is_none()
            && self.deadlines.fallback_at.is_none()
            && !self.incoming.tapped
            && self
                .deadlines
                .socket_timeout
                .is_none_or(|limit| limit >= NEAR)
            && self.incoming.buffer.is_empty()
            && self.output.is_empty()
            && !self.is_handshaking()
            && !self.has_ciphertext()
            && !self.role.is_client()
            && !self.engine.is_receiving()
            && self.wants_read(settings)
    }

    /// Counts an answer that JavaScript's thread has written. Returns true once in `LENT_AFTER` answers of a server's connection,
    /// which may then be lent.
    pub(super) fn count_direct_answer(&mut self) -> bool {
        if self.is_on_loan() || !self.engine.is_idle() {
            return false;
        }
        let Role::Server(role) = &mut self.role else {
            return false;
        };
        role.answered_directly += 1;
        let is_due = role.answered_directly >= LENT_AFTER;
        if is_due {
            role.answered_directly = 0;
        }
        is_due
    }

    /// Begins to count direct answers anew.
    pub(super) fn forget_direct_answers(&mut self) {
        if let Some(role) = self.role.server_mut() {
            role.answered_directly = 0;
        }
    }

    /// Gives the socket back to the I/O thread. Either thread.
    pub(super) fn take_back(&mut self, connection: &Connection) {
        if !self.is_on_loan() {
            return;
        }
        self.forget_direct_answers();
        let Lifecycle::OnLoan(loan) = std::mem::replace(&mut self.lifecycle, Lifecycle::Lost)
        else {
            return;
        };
        let attached = loan.end().and_then(|lent| {
            let _runtime = connection.thread.handle.enter();
            Stream::attach(lent)
        });
        match attached {
            Ok(stream) => self.lifecycle = Lifecycle::Open(stream),
            Err(error) => self.write_failed = Some(error.raw_os_error().unwrap_or(0)),
        }
        self.wake();
    }
}

impl Connection {
    pub(crate) fn is_on_loan(&self) -> bool {
        self.lock().is_on_loan()
    }

    /// The number of the loan, see `lend`. None if the connection is not on loan.
    pub(crate) fn loan(&self) -> Option<u64> {
        match &self.lock().lifecycle {
            Lifecycle::OnLoan(loan) => Some(loan.number()),
            _ => None,
        }
    }

    /// Returns whether the connection was lent. No other loan of the JavaScript thread has the number.
    pub(crate) fn lend(self: &Arc<Self>, poller: &Arc<Poller>, number: u64) -> bool {
        let mut guard = self.lock();
        let state = &mut *guard;
        if !matches!(state.lifecycle, Lifecycle::Open(_))
            || !state.engine.is_idle()
            || !state.is_ordinary(&state.role.settings())
        {
            return false;
        }
        let Lifecycle::Open(stream) = std::mem::replace(&mut state.lifecycle, Lifecycle::Lost)
        else {
            return false;
        };
        match stream.detach() {
            Ok(lent) => {
                let (loan, added) = Loan::begin(lent, poller, number);
                state.lifecycle = Lifecycle::OnLoan(loan);
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

    /// Reads once. Returns whether bytes were received, and whether the loan continues. JavaScript's thread only.
    pub(crate) fn read_on_loan(self: &Arc<Self>, batch: &mut Batch) -> (bool, bool) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if !state.is_on_loan() {
            return (false, false);
        }
        let settings = state.role.settings();
        let before = state.incoming.bytes_read;
        let mut turn = Turn {
            connection: self,
            state: &mut *state,
            settings: &settings,
            now: now(),
            batch: &mut *batch,
        };
        let drained = match turn.read() {
            Ok(read) => read == Read::Drained,
            Err(error) => {
                // The kernel reports an error only once, so it is kept for the task.
                state.write_failed = Some(error.raw_os_error().unwrap_or(0));
                false
            }
        };
        let stays = drained && state.is_ordinary(&settings);
        if !stays {
            state.take_back(self);
        }
        // Before the lock is released, so that these records precede those of the I/O thread.
        if self.js.is_alive() {
            self.js.inbox.push(batch);
        }
        (state.incoming.bytes_read > before, stays)
    }

    pub(crate) fn end_loan(&self) {
        self.lock().take_back(self);
    }
}
