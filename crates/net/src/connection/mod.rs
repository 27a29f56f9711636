//! One connection of a server or a client: its protocol engine, its socket, and the state between them.
//!
//! Two threads drive a connection, so its state is protected by a mutex: the connection's I/O thread, and JavaScript's thread when
//! a flush is so small that waking the I/O thread would cost more than the write itself. Only the I/O thread closes the socket,
//! touches timers and, except for connections on loan (`loan`), reads. JavaScript's thread applies commands and writes, and
//! wakes the connection's task when there is more to do.

mod command;
mod connecting;
mod deadline;
mod give_up;
mod input;
mod lifecycle;
mod loan;
mod observe;
mod output;
mod own;
mod requests;
mod responses;
mod role;
mod secure;
mod task;
#[cfg(test)]
mod tests;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::{Duration, Instant};

pub(crate) use self::command::DirectFlush;
pub(crate) use self::connecting::connect;
use self::deadline::Deadlines;
pub use self::give_up::GivenUp;
use self::input::{Fin, Incoming, Reading};
use self::lifecycle::Lifecycle;
pub(crate) use self::loan::LENT_AFTER;
pub(crate) use self::observe::{Activity, Observed};
use self::output::{Flush, Output};
use self::role::{ClientRole, Role, ServerRole};
use self::secure::Secure;
pub(crate) use self::task::serve;
use crate::handoff::Batch;
use crate::id::ConnectionId;
use crate::messages::Engine;
use crate::server::Server;
use crate::server::lingering::Lingers;
use crate::settings::Settings;
use crate::socket::connect::ConnectOptions;
use crate::socket::stream::Stream;
use crate::sync::{lock, prefetch};
use crate::table::TableEntry;
use crate::threads::io_thread::IoThread;
use crate::threads::js_thread::JsThread;
use crate::threads::staging;
use crate::threads::timers::Timed;
use crate::time::clock::now;
use crate::tls::{Judge, Session, TlsConnect};

/// See the module. A connection knows its two threads and how to leave the table, and not who listens or who looks it up.
pub(crate) struct Connection {
    entry: TableEntry<Self>,
    js: Arc<JsThread>,
    pub(crate) thread: Arc<IoThread>,
    state: Mutex<State>,
}

/// The state of the sending direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Open,
    /// FIN is sent once the output is empty.
    HalfClose,
    /// The connection is closed once the output is empty.
    Close,
    /// The program destroyed the socket: the task closes the connection, and output that the kernel has not accepted is dropped.
    Destroy,
    /// FIN has been sent.
    Shut,
}

struct State {
    lifecycle: Lifecycle,
    /// None where the socket's bytes are HTTP.
    secure: Option<Box<Secure>>,
    engine: Engine,
    role: Role,
    incoming: Incoming,
    writing: Writing,
    output: Output,
    deadlines: Deadlines,
    /// Of the connection's task.
    waker: Option<Waker>,
    /// Errno of a failed write. The kernel reports it only once, so JavaScript's thread keeps it for the connection's task.
    write_failed: Option<i32>,
    /// The kernel did not accept all bytes of the last write.
    write_blocked: bool,
    /// A command needs the connection's task, which is woken when all commands of the flush have been applied.
    wake_due: bool,
    /// The program has destroyed a tunnel, and FIN is sent with that flush.
    fin_due: bool,
}

/// The context of one turn of a connection, whose phases use it while the lock is held: reading, parsing, writing, deadlines.
struct Turn<'t> {
    connection: &'t Arc<Connection>,
    state: &'t mut State,
    /// As they were when the turn began.
    settings: &'t Settings,
    /// When the turn began. A turn takes microseconds, and reading the clock for each use would be a percent of a small request.
    now: Instant,
    /// Receives the records for JavaScript.
    batch: &'t mut Batch,
}

/// Where a connection belongs.
pub(crate) struct Place {
    pub(crate) entry: TableEntry<Connection>,
    pub(crate) js: Arc<JsThread>,
    pub(crate) thread: Arc<IoThread>,
}

/// A server's side of TLS with the judge of its client, and how long the handshake may take.
pub(crate) type AcceptedTls = ((Session, Option<Judge>), Option<Duration>);

impl Connection {
    /// A connection that `server` has accepted. `shared`: the connection came from another process, which may not have closed its
    /// descriptor yet, so closing ours sends nothing to the peer.
    pub(crate) fn accepted(
        place: Place,
        stream: Stream,
        shared: bool,
        server: Arc<Server>,
        tls: Option<AcceptedTls>,
    ) -> Self {
        let paused = server.config().paused;
        let role = Role::Server(ServerRole::new(server, shared));
        let mut state = State::new(Lifecycle::Open(stream), Engine::server(now()), role);
        state.incoming.paused = paused;
        state.secure = tls.map(|(accepted, timeout)| Box::new(Secure::new(accepted, timeout)));
        Self::new(place, state)
    }

    /// A client's connection, which has no socket yet.
    pub(crate) fn connecting(
        place: Place,
        options: &ConnectOptions,
        settings: Settings,
        tls: Option<TlsConnect>,
    ) -> Self {
        let lifecycle = Lifecycle::Connecting {
            no_delay: options.no_delay,
            tcp_keep_alive: options.tcp_keep_alive,
            tls: tls.map(Box::new),
        };
        let role = Role::Client(Box::new(ClientRole::new(settings)));
        Self::new(place, State::new(lifecycle, Engine::client(), role))
    }

    fn new(place: Place, state: State) -> Self {
        Self {
            entry: place.entry,
            js: place.js,
            thread: place.thread,
            state: Mutex::new(state),
        }
    }

    pub(crate) const fn id(&self) -> ConnectionId {
        self.entry.id
    }

    pub(crate) const fn js(&self) -> &Arc<JsThread> {
        &self.js
    }

    pub(crate) fn is_client(&self) -> bool {
        self.lock().role.is_client()
    }

    /// See `sync::prefetch`.
    pub(crate) fn prefetch(&self) {
        prefetch(self);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Shows an open connection's socket.
    #[cfg(all(test, target_os = "linux"))]
    pub(crate) fn with_stream(&self, look: impl FnOnce(&Stream)) {
        look(self.lock().lifecycle.stream().expect("open"));
    }

    /// Bytes received, and bytes sent including those that the kernel has not accepted yet.
    pub(crate) fn counters(&self) -> (u64, u64) {
        let state = self.lock();
        let sent = state.output.bytes_written() + state.output.unwritten();
        (state.incoming.bytes_read, sent)
    }

    /// Bytes that were written and that the kernel has not accepted. None when it accepts no more and the last bytes are lost.
    pub(crate) fn unsent(&self) -> Option<u64> {
        let state = self.lock();
        let accepts_more =
            !state.is_closed() && !state.is_destroyed() && state.write_failed.is_none();
        accepts_more.then(|| state.output.unwritten())
    }

    /// Writes the output and acknowledges the writes that asked for it. Either thread.
    fn flush(&self, state: &mut State, batch: &mut Batch) -> Result<Flush, i32> {
        self.flush_before(state, batch, false)
    }

    /// As `flush`; `closing` as of `Output::flush`.
    fn flush_before(
        &self,
        state: &mut State,
        batch: &mut Batch,
        closing: bool,
    ) -> Result<Flush, i32> {
        if state.output.is_settled() && !state.has_ciphertext() {
            return Ok(Flush::Done);
        }
        let Some(stream) = state.lifecycle.stream() else {
            return Ok(Flush::Done);
        };
        let result = match &mut state.secure {
            None => state.output.flush(stream, closing),
            Some(secure) => secure.flush(&mut state.output, stream, closing),
        };
        let reached = state.output.take_reached_marks();
        if reached > 0 {
            batch.ack(self.id(), reached);
        }
        let was_blocked = std::mem::replace(
            &mut state.write_blocked,
            matches!(result, Ok(Flush::Blocked)),
        );
        if was_blocked {
            state.deadlines.last_activity = now();
        }
        state.note_activity();
        result.map_err(|error| error.raw_os_error().unwrap_or(0))
    }

    /// Ends the connection. I/O thread only.
    fn close(&self, state: &mut State, errno: i32, batch: &mut Batch) {
        let counters = state.counters();
        let requests = state.role.requests_sent(counters.1);
        if self.retire(state, batch) {
            batch.closed(self.id(), errno, counters, requests);
        }
    }

    /// Reports to JavaScript that a server's connection has ended, as Node does as soon as the kernel has the last bytes. The
    /// socket stays open for a peer that is still sending, see `Reading::Discard`. I/O thread only.
    fn leave(self: &Arc<Self>, state: &mut State, batch: &mut Batch) {
        // A loan is found by its slot.
        state.take_back(self);
        let Role::Server(ServerRole { server, .. }) = &state.role else {
            return;
        };
        let server = Arc::clone(server);
        match std::mem::replace(&mut state.lifecycle, Lifecycle::Closed) {
            Lifecycle::Open(stream) => {
                self.free_slot(state);
                batch.closed(self.id(), 0, state.counters(), 0);
                let weak = Arc::downgrade(self);
                let number = server.lingering.add(weak);
                state.lifecycle = Lifecycle::Lingering { stream, number };
            }
            other => state.lifecycle = other,
        }
    }

    fn free_slot(&self, state: &mut State) {
        self.js
            .counters
            .add_bytes(state.role.is_client(), state.counters());
        self.entry.leave(state.counters());
        state.count_pending();
        if let Role::Server(role) = &state.role {
            role.server.release(role.served);
        }
    }

    /// Closes the socket and frees the slot. Returns whether JavaScript has yet to be notified. I/O thread only.
    fn retire(&self, state: &mut State, batch: &mut Batch) -> bool {
        let was_reported_closed = state.lifecycle.is_reported_closed();
        match std::mem::replace(&mut state.lifecycle, Lifecycle::Closed) {
            Lifecycle::Closed => return false,
            Lifecycle::Open(stream) => batch.close_after_publishing(stream),
            Lifecycle::OnLoan(loan) => {
                if let Ok(lent) = loan.end() {
                    batch.close_after_publishing(Stream::Detached(lent));
                }
            }
            Lifecycle::Lingering { number, .. } => {
                if let Role::Server(role) = &state.role {
                    role.server.lingering.remove(number);
                }
            }
            _ => {}
        }
        state.output.clear();
        state.incoming.buffer = Vec::new();
        // The task ends when it next runs. It would wait forever if a connection that another task has closed did not wake it.
        state.wake();
        if let Some((key, _)) = state.deadlines.timer.take() {
            self.thread.stop_timer(key);
        }
        if !was_reported_closed {
            self.free_slot(state);
        }
        !was_reported_closed
    }

    /// Has the task check its deadlines again if the connection belongs to `server`, whose timeouts have changed.
    pub(crate) fn reconfigured(&self, server: &Arc<Server>) {
        let mut state = self.lock();
        if matches!(&state.role, Role::Server(role) if Arc::ptr_eq(&role.server, server)) {
            state.wake();
        }
    }

    /// Closes the connection at once: the environment ends, or our own code has panicked.
    pub(crate) fn abandon(&self, batch: &mut Batch) {
        self.close(&mut self.lock(), 0, batch);
    }
}

impl Lingers for Connection {
    fn close_early(self: Arc<Self>) {
        let thread = Arc::clone(&self.thread);
        thread.handle.spawn(async move {
            staging::with_batch(&self.js, |batch| self.abandon(batch));
        });
    }
}

impl Timed for Connection {
    fn expire(self: Arc<Self>) {
        staging::with_batch(&self.js, |batch| self.check_deadlines(batch));
    }
}

impl State {
    fn new(lifecycle: Lifecycle, engine: Engine, role: Role) -> Self {
        let settings = role.settings();
        Self {
            lifecycle,
            secure: None,
            engine,
            role,
            incoming: Incoming::new(settings.body_window),
            writing: Writing::Open,
            output: Output::default(),
            deadlines: Deadlines::new(settings.socket_timeout, now()),
            waker: None,
            write_failed: None,
            write_blocked: false,
            wake_due: false,
            fin_due: false,
        }
    }

    /// Whether closing the socket now sends FIN: the peer has sent nothing, as far as we know, that would make it a reset.
    fn has_read_everything(&self) -> bool {
        self.incoming.fin != Fin::Awaited
            || (self.incoming.buffer.is_empty()
                && self.incoming.reading == Reading::Http
                && !self.engine.is_receiving())
    }

    const fn is_closed(&self) -> bool {
        matches!(self.lifecycle, Lifecycle::Closed)
    }

    fn is_destroyed(&self) -> bool {
        self.writing == Writing::Destroy
    }

    /// Bytes received, and bytes that the kernel has accepted.
    const fn counters(&self) -> (u64, u64) {
        (self.incoming.bytes_read, self.output.bytes_written())
    }

    /// Bytes were received or sent.
    fn note_activity(&mut self) {
        if self.deadlines.note_activity() {
            // No timer runs, and only the task may start one.
            self.wake();
        }
    }

    /// Has the connection's task run soon.
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
