//! The task that drives a connection on its I/O thread.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::input::{Fin, Read, Reading};
use super::{Connection, Flush, Lifecycle, State, Turn, Writing};
use crate::handoff::Batch;
use crate::threads::staging;
use crate::time::clock::now;

/// Rounds of the loop in one poll. Each reads at most once, up to 64 KiB, so a peer that sends without pause occupies the thread
/// for some tens of microseconds before other connections are served.
const ROUNDS: usize = 4;

/// Runs until the connection is closed. Dropping the future leaves the connection to `abandon`.
pub(crate) async fn serve(connection: Arc<Connection>) {
    poll_fn(|cx| {
        // A panic is our bug. It costs this connection, and not the thread with all its connections.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            staging::with_batch(&connection.js, |batch| connection.poll(cx, batch))
        }));
        polled.unwrap_or_else(|_| {
            staging::with_batch(&connection.js, |batch| connection.abandon(batch));
            Poll::Ready(())
        })
    })
    .await;
}

/// Whether the loop of `Connection::poll` has another round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Again,
    Wait,
}

impl Connection {
    fn poll(self: &Arc<Self>, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<()> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let settings = state.role.settings();
        let now = now();
        if state.is_on_loan() && !state.is_ordinary(&settings) {
            state.take_back(self);
        }
        let mut turn = Turn {
            connection: self,
            state: &mut *state,
            settings: &settings,
            now,
            batch: &mut *batch,
        };
        let next = turn.run(cx);
        if state.is_closed() {
            return Poll::Ready(());
        }
        if next == Next::Again {
            cx.waker().wake_by_ref();
            batch.publish_soon();
        }
        match &state.waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            _ => state.waker = Some(cx.waker().clone()),
        }
        self.arm(state, &settings, now);
        Poll::Pending
    }
}

impl Turn<'_> {
    fn run(&mut self, cx: &mut Context<'_>) -> Next {
        for _ in 0..ROUNDS {
            if self.state.is_closed() {
                return Next::Wait;
            }
            let next = self.round(cx).unwrap_or_else(|errno| {
                self.connection.close(self.state, errno, self.batch);
                Next::Wait
            });
            if next == Next::Wait {
                return Next::Wait;
            }
            if self.batch.is_urgent() {
                break;
            }
        }
        Next::Again
    }

    /// Writes, reads, and closes, each as far as it is possible now. The error is that of the socket.
    fn round(&mut self, cx: &mut Context<'_>) -> Result<Next, i32> {
        let wrote = self.drive_write(cx);
        if wrote.is_err() {
            self.read_after_write_error();
        }
        let written = self.state.output.end();
        // After the write, because requests that are here already may have waited for the peer to read.
        self.resume();
        let wrote = wrote?;
        self.report_session();
        let read = self.drive_read(cx)?;
        self.report_eof();
        if self.state.output.end() > written {
            // The I/O thread has answered a request itself.
            return Ok(Next::Again);
        }
        // Also while there is more to read: a peer that never stops sending must not prevent the close.
        let closing = self.advance_close();
        Ok(if [wrote, read, closing].contains(&Next::Again) {
            Next::Again
        } else {
            Next::Wait
        })
    }

    fn drive_write(&mut self, cx: &mut Context<'_>) -> Result<Next, i32> {
        if let Some(errno) = self.state.write_failed {
            return Err(errno);
        }
        loop {
            match self.connection.flush(self.state, self.batch)? {
                Flush::Done => return Ok(Next::Wait),
                Flush::Paused => return Ok(Next::Again),
                Flush::Blocked => self.state.take_back(self.connection),
            }
            let Some(stream) = self.state.lifecycle.stream() else {
                return Ok(Next::Wait);
            };
            match stream.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Err(error.raw_os_error().unwrap_or(0)),
                Poll::Pending => return Ok(Next::Wait),
            }
        }
    }

    fn drive_read(&mut self, cx: &mut Context<'_>) -> Result<Next, i32> {
        let awaits_javascript = self.connection.awaits_javascript(self.state, cx.waker());
        let state = &mut *self.state;
        state.incoming.held = awaits_javascript
            || !state.wants_read(self.settings)
            || state.is_guarded() && !state.incoming.buffer.is_empty() && state.waits_for_answers();
        let looks = state.incoming.held && state.may_be_probed();
        if (state.incoming.held && !looks) || state.is_on_loan() {
            return Ok(Next::Wait);
        }
        let Some(stream) = state.lifecycle.stream() else {
            return Ok(Next::Wait);
        };
        match stream.poll_read_ready(cx) {
            Poll::Pending if state.has_kept_plaintext() || state.has_answer() => {}
            Poll::Pending => return Ok(Next::Wait),
            Poll::Ready(Err(error)) => return Err(error.raw_os_error().unwrap_or(0)),
            Poll::Ready(Ok(())) => {}
        }
        if looks {
            // Also if there was nothing, because only the poller wakes the task when there is.
            return match self.look_for_probe() {
                Ok(()) => Ok(Next::Again),
                Err(error) => Err(error.raw_os_error().unwrap_or(0)),
            };
        }
        match self.read() {
            Ok(Read::More | Read::Eof) => Ok(Next::Again),
            Ok(Read::Drained) => {
                let Some(stream) = self.state.lifecycle.stream() else {
                    return Ok(Next::Again);
                };
                stream.clear_read_ready();
                // Mostly the answer is still to be written by JavaScript, and a second round would do nothing but this.
                let waits = self.only_waits_to_read() && stream.poll_read_ready(cx).is_pending();
                Ok(if waits { Next::Wait } else { Next::Again })
            }
            Err(error) => Err(error.raw_os_error().unwrap_or(0)),
        }
    }

    /// Whether the task has nothing to write, to parse, to report or to close until the peer sends more.
    fn only_waits_to_read(&self) -> bool {
        let State {
            engine,
            output,
            incoming,
            writing,
            ..
        } = &*self.state;
        *writing == Writing::Open
            && output.is_empty()
            && incoming.buffer.is_empty()
            && !self.state.has_kept_plaintext()
            // Its END may be due without a further byte.
            && !engine.is_receiving()
            && !self.state.has_ciphertext()
            && self.state.wants_read(self.settings)
    }

    /// Takes the next step towards the close, if the connection is to be closed and its output is written.
    fn advance_close(&mut self) -> Next {
        if self.state.is_destroyed() {
            self.state.output.clear();
        } else if !self.state.output.is_empty() || self.state.has_ciphertext() {
            return Next::Wait;
        }
        let connection = self.connection;
        let state = &mut *self.state;
        if matches!(state.lifecycle, Lifecycle::GivenUp(_)) {
            if state.writing == Writing::HalfClose {
                state.shut();
            }
            connection.close(state, 0, self.batch);
            return Next::Again;
        }
        match state.writing {
            Writing::Open => Next::Wait,
            Writing::HalfClose => {
                state.shut();
                state.limit_half_close();
                Next::Again
            }
            Writing::Destroy => {
                connection.close(state, 0, self.batch);
                Next::Again
            }
            Writing::Close if state.has_read_everything() => {
                if state.role.server().is_some_and(|role| role.shared) {
                    state.shut();
                } else {
                    state.end_tls();
                }
                connection.close(state, 0, self.batch);
                Next::Again
            }
            Writing::Close => {
                state.shut();
                state.linger();
                connection.leave(state, self.batch);
                Next::Again
            }
            // After a half-close the other direction continues up to the peer's FIN.
            Writing::Shut => {
                let incoming = &state.incoming;
                let is_over = match incoming.fin {
                    Fin::Awaited => false,
                    Fin::Received => incoming.reading == Reading::Discard,
                    Fin::Reported => true,
                };
                if is_over {
                    connection.close(state, 0, self.batch);
                }
                Next::Wait
            }
        }
    }
}

impl State {
    fn shut(&mut self) {
        self.writing = Writing::Shut;
        self.end_tls();
        if let Some(stream) = self.lifecycle.stream() {
            // ENOTCONN after a reset: reading reports the error.
            drop(stream.shutdown_write());
        }
    }
}
