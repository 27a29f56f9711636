//! The task that drives a connection on its I/O thread.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::input::Read;
use super::{Connection, Flush, Reading, State, Writing};
use crate::handoff::Batch;
use crate::staging;

/// Turns of the loop in one poll. Each is at most one read of 64 KiB, so a peer that sends without
/// pause holds the thread for some tens of microseconds before the others have theirs.
const TURNS: usize = 4;

/// Runs until the connection is closed. Dropping the future leaves the connection to `abandon`.
pub(crate) async fn serve(connection: Arc<Connection>) {
    poll_fn(|cx| {
        // A panic is our bug; it may cost this connection, not the thread with all the others.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            staging::with_batch(&connection.environment, |batch| connection.poll(cx, batch))
        }));
        polled.unwrap_or_else(|_| {
            staging::with_batch(&connection.environment, |batch| connection.abandon(batch));
            Poll::Ready(())
        })
    })
    .await;
}

/// Whether the loop of `Connection::poll` goes round again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Again,
    Wait,
}

impl Connection {
    fn poll(self: &Arc<Self>, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<()> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let config = state.engine.settings();
        if state.is_on_loan() && !state.is_ordinary(&config) {
            state.take_back(self);
        }
        let mut turn = Turn::Again;
        for _ in 0..TURNS {
            if state.is_closed() {
                return Poll::Ready(());
            }
            let wrote = self.drive_write(state, cx, batch);
            if wrote.is_err() && state.engine.is_client() {
                self.read_last_words(state, &config, batch);
            }
            // After the write: what the peer has read makes room for requests that are here already.
            self.resume(state, &config, batch);
            // After a failed write there is nothing to read but an end that is none.
            let went = wrote.and_then(|wrote| Ok((wrote, self.drive_read(state, cx, batch)?)));
            turn = match went {
                Ok((wrote, read)) => {
                    self.tell_eof(state, &config, batch);
                    // Also while there is more to read: a peer that never stops sending must not prevent the close.
                    let closing = self.advance_close(state, batch);
                    if [wrote, read, closing].contains(&Turn::Again) {
                        Turn::Again
                    } else {
                        Turn::Wait
                    }
                }
                Err(errno) => {
                    self.close(state, errno, batch);
                    Turn::Wait
                }
            };
            if turn == Turn::Wait {
                break;
            }
        }
        if state.is_closed() {
            return Poll::Ready(());
        }
        if turn == Turn::Again {
            cx.waker().wake_by_ref();
            batch.hurry();
        }
        match &state.waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            _ => state.waker = Some(cx.waker().clone()),
        }
        self.arm(state, &config);
        Poll::Pending
    }

    fn drive_write(
        &self,
        state: &mut State,
        cx: &mut Context<'_>,
        batch: &mut Batch,
    ) -> Result<Turn, i32> {
        if let Some(errno) = state.write_failed {
            return Err(errno);
        }
        loop {
            match self.flush(state, batch)? {
                Flush::Done => return Ok(Turn::Wait),
                Flush::Paused => return Ok(Turn::Again),
                Flush::Blocked => state.take_back(self),
            }
            let Some(stream) = state.socket.stream() else {
                return Ok(Turn::Wait);
            };
            match stream.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Err(error.raw_os_error().unwrap_or(0)),
                Poll::Pending => return Ok(Turn::Wait),
            }
        }
    }

    fn drive_read(
        &self,
        state: &mut State,
        cx: &mut Context<'_>,
        batch: &mut Batch,
    ) -> Result<Turn, i32> {
        let config = state.engine.settings();
        let behind = self.awaits_javascript(state, cx.waker());
        state.read_held = behind || !Self::wants_read(state, &config);
        if state.read_held || state.is_on_loan() {
            return Ok(Turn::Wait);
        }
        let Some(stream) = state.socket.stream() else {
            return Ok(Turn::Wait);
        };
        match stream.poll_read_ready(cx) {
            Poll::Pending => return Ok(Turn::Wait),
            Poll::Ready(Err(error)) => return Err(error.raw_os_error().unwrap_or(0)),
            Poll::Ready(Ok(())) => {}
        }
        match self.read(state, &config, batch) {
            Ok(Read::More) => Ok(Turn::Again),
            Ok(Read::Drained) => {
                if let Some(stream) = state.socket.stream() {
                    stream.clear_read_ready();
                }
                Ok(Turn::Again)
            }
            Ok(Read::Eof) => Ok(Turn::Again),
            Err(error) => Err(error.raw_os_error().unwrap_or(0)),
        }
    }

    /// Moves a connection that is to be closed one step on, once its output is written.
    fn advance_close(self: &Arc<Self>, state: &mut State, batch: &mut Batch) -> Turn {
        if state.destroying {
            state.output.clear();
        }
        if !state.output.is_empty() {
            return Turn::Wait;
        }
        if state.given_up {
            if state.writing == Writing::HalfClose {
                self.shut(state);
            }
            self.close(state, 0, batch);
            return Turn::Again;
        }
        match state.writing {
            Writing::Open => Turn::Wait,
            Writing::HalfClose => {
                self.shut(state);
                Turn::Again
            }
            Writing::Close => {
                if state.everything_read() {
                    if state.shared && !state.destroying {
                        self.shut(state);
                    }
                    self.close(state, 0, batch);
                } else {
                    self.shut(state);
                    Self::linger(state);
                    if !state.engine.is_client() {
                        self.part(state, batch);
                    }
                }
                Turn::Again
            }
            // After a half-close the other direction goes on, up to the peer's FIN.
            Writing::Shut
                if state.eof_seen && (state.eof_told || state.reading == Reading::Discard) =>
            {
                self.close(state, 0, batch);
                Turn::Wait
            }
            Writing::Shut => Turn::Wait,
        }
    }

    fn shut(&self, state: &mut State) {
        state.writing = Writing::Shut;
        if let Some(stream) = state.socket.stream() {
            // ENOTCONN after a reset: the read side reports it.
            drop(stream.shutdown_write());
        }
    }
}
