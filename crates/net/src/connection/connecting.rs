//! The task of a client's connection until it has a socket.
//!
//! Commands are applied in the meantime: bytes wait in the output, and a close ends the attempt. The outcome is reported to
//! JavaScript once, as CONNECTED, CONNECT_FAILED or CLOSED.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::secure::Secure;
use super::{Connection, Lifecycle, State, Writing, serve};
use crate::handoff::Batch;
use crate::socket::connect::{self, ConnectOptions, Failure, Outcome};
use crate::socket::stream::Stream;
use crate::threads::staging;
use crate::time::clock::now;

/// Connects. The open connection gets another task, because the state of this one is large.
pub(crate) async fn connect(connection: Arc<Connection>, options: ConnectOptions) {
    let mut connecting = pin!(connect::connect(&options));
    let connected = poll_fn(|cx| {
        // As for `serve`: a panic is our bug and may cost this connection only.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            connection.poll_connecting(cx, connecting.as_mut())
        }));
        polled.unwrap_or_else(|_| {
            staging::with_batch(&connection.js, |batch| connection.abandon(batch));
            Poll::Ready(false)
        })
    })
    .await;
    if connected {
        let thread = Arc::clone(&connection.thread);
        thread.handle.spawn(serve(connection));
    }
}

impl Connection {
    /// Ready when the attempt is over, with whether the connection has a socket.
    fn poll_connecting(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        connecting: Pin<&mut impl Future<Output = Outcome>>,
    ) -> Poll<bool> {
        let given_up = staging::with_batch(&self.js, |batch| {
            let mut guard = self.lock();
            let state = &mut *guard;
            if self.give_up(state, batch) {
                return true;
            }
            state.waker = Some(cx.waker().clone());
            self.arm(state, &state.role.settings(), now());
            false
        });
        if given_up {
            return Poll::Ready(false);
        }
        let Poll::Ready(outcome) = connecting.poll(cx) else {
            return Poll::Pending;
        };
        let connected = staging::with_batch(&self.js, |batch| {
            let mut guard = self.lock();
            let state = &mut *guard;
            if self.give_up(state, batch) {
                return false;
            }
            match outcome {
                Ok((stream, index)) => self.connected(state, stream, index, batch),
                Err(failures) => {
                    self.connect_failed(state, &failures, batch);
                    false
                }
            }
        });
        if connected && self.js.is_alive() {
            self.js.inbox.wake_javascript();
        }
        Poll::Ready(connected)
    }

    /// Ends the connection if the program has closed it in the meantime. Returns whether it has ended.
    fn give_up(&self, state: &mut State, batch: &mut Batch) -> bool {
        // Bytes that are written already are sent before an orderly close.
        let unwanted =
            state.is_destroyed() || (state.writing == Writing::Close && state.output.is_empty());
        if unwanted {
            self.close(state, 0, batch);
        }
        state.is_closed()
    }

    /// Returns whether the connection has its socket. Without TLS, if that cannot begin, nothing may be sent.
    fn connected(&self, state: &mut State, stream: Stream, index: u32, batch: &mut Batch) -> bool {
        let Lifecycle::Connecting {
            no_delay,
            tcp_keep_alive,
            ref mut tls,
        } = state.lifecycle
        else {
            return false;
        };
        let begun = tls.take().map(|tls| tls.begin()).transpose();
        let addresses = (stream.local_address(), stream.peer_address());
        batch.connected(self.id(), index, addresses);
        match begun {
            Ok(begun) => state.secure = begun.map(|begun| Box::new(Secure::client(begun))),
            Err(failure) => {
                state.output.clear();
                self.tls_not_begun(failure, batch);
                self.close(state, 0, batch);
                return false;
            }
        }
        state.lifecycle = Lifecycle::Open(stream);
        if no_delay {
            state.lifecycle.set_nodelay(true);
        }
        if let Some(delay) = tcp_keep_alive {
            state.lifecycle.set_tcp_keepalive(true, delay);
        }
        state.deadlines.last_activity = now();
        state.deadlines.socket_timed_out = false;
        // The waiting request is sent at once, so that it is acknowledged before the peer can answer it.
        if let Err(errno) = self.flush(state, batch) {
            state.write_failed = Some(errno);
        }
        // When the lock is released, JavaScript's thread may write, and acknowledge that at once. CONNECTED has to precede it.
        if self.js.is_alive() {
            self.js.inbox.push(batch);
        }
        true
    }

    fn connect_failed(&self, state: &mut State, failures: &[Failure], batch: &mut Batch) {
        if self.retire(state, batch) {
            batch.connect_failed(self.id(), failures);
        }
    }
}
