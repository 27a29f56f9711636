//! One connection, a server's or a client's: the engine, its socket and what lies between.
//!
//! The state is behind a mutex because two threads drive it: its I/O thread, and JavaScript's when a
//! batch is so small that waking the I/O thread would cost more than the write itself. Only the I/O
//! thread closes and touches timers, and it reads, but for connections on loan (`loan`); JavaScript's
//! thread applies commands and writes, and wakes the connection's task when there is more to do.

mod command;
mod connecting;
mod deadline;
mod engine;
mod give_up;
mod input;
mod loan;
mod output;
mod requests;
mod responses;
mod socket;
mod task;
#[cfg(test)]
mod tests;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::{Duration, Instant};

use ferrohttp_proto::ErrorKind;

pub(crate) use self::connecting::connect;
use self::engine::Engine;
pub use self::give_up::GivenUp;
pub(crate) use self::input::last_packet;
pub(crate) use self::loan::LENT_AFTER;
use self::output::{Flush, Output};
use self::socket::Socket;
pub(crate) use self::task::serve;
use self::waiting::Waiting;
use crate::connect::ConnectOptions;
use crate::environment::Environment;
use crate::handoff::Batch;
use crate::id::ConnectionId;
use crate::io_thread::IoThread;
use crate::server::Server;
use crate::settings::Settings;
use crate::staging;
use crate::stream::Stream;
use crate::sync::lock;
use crate::timer::TimerKey;

/// See the module.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) thread: Arc<IoThread>,
    environment: Arc<Environment>,
    state: Mutex<State>,
}

/// What is done with the bytes that come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// They are HTTP.
    Http,
    /// They go to JavaScript as they are: after an upgrade or CONNECT.
    Raw,
    /// Nobody wants them any more, but the peer should be able to read our last words: a close with
    /// unread bytes would be a reset. Ends with the peer's FIN or at the deadline.
    Discard,
}

/// What is to happen with our direction once the output is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Open,
    HalfClose,
    Close,
    /// FIN is sent.
    Shut,
}

struct State {
    socket: Socket,
    engine: Engine,
    reading: Reading,
    writing: Writing,
    /// How the peer broke the protocol.
    failed: Option<ErrorKind>,
    /// What the kernel does not take at once is dropped: the program destroyed the socket.
    destroying: bool,
    /// The program has destroyed a tunnel, whose FIN leaves with that flush.
    fin_due: bool,
    /// The head of an upgrade request is with JavaScript, which has not decided yet.
    upgrade_pending: bool,
    /// Body bytes that JavaScript is still ready to take.
    credit: i64,
    /// The last head said COMPLETE: its End is not told again.
    without_body: bool,
    /// What remains of a body with Content-Length: says when reading straight into a chunk pays.
    body_left: u64,
    /// Received and not consumed. Without capacity most of the time.
    input: Vec<u8>,
    waiting: Waiting,
    /// The peer's FIN was seen.
    eof_seen: bool,
    /// … and JavaScript told.
    eof_told: bool,
    /// The last turn stopped although bytes may be waiting in the socket.
    read_held: bool,
    output: Output,
    waker: Option<Waker>,
    timer: Option<(TimerKey, Instant)>,
    socket_timeout: Option<Duration>,
    last_activity: Instant,
    /// What JavaScript's thread was told when it wrote: the kernel tells it once.
    write_failed: Option<i32>,
    /// The kernel did not take everything the last time.
    write_blocked: bool,
    /// 'timeout' was told and nothing has moved since.
    socket_timed_out: bool,
    /// The end of keepAliveTimeout was told and nothing has come since.
    keep_alive_told: bool,
    /// A request has been told: the next one finds the timeouts as the server has them.
    served: bool,
    /// Nothing is read while the program has paused its HTTP socket.
    paused: bool,
    /// The program wants a copy of what is read.
    tapped: bool,
    /// The program has the socket by another descriptor, see `give_up`.
    given_up: bool,
    /// Another process may have the socket open, too: see `accepted`.
    shared: bool,
    /// JavaScript has been told of the end, and the slot may be another's.
    parted: bool,
    /// A command has been applied that the task is to see, once all of its flush have been.
    wake_due: bool,
    /// The connection's number in the server's `lingering`, 0 before it parts.
    lingering: u64,
    /// When the I/O thread acts by itself because JavaScript has not: see `deadline`.
    fallback_at: Option<Instant>,
    bytes_read: u64,
    /// Requests in a row that JavaScript's thread has answered by itself, see `LENT_AFTER`.
    answered_directly: u8,
}

impl Connection {
    /// One that `server` has accepted. `shared`: it came from another process, which may not have closed its descriptor yet,
    /// so that closing ours sends nothing to the peer.
    pub(crate) fn accepted(
        id: ConnectionId,
        stream: Stream,
        shared: bool,
        environment: Arc<Environment>,
        server: Arc<Server>,
        thread: Arc<IoThread>,
        now: Instant,
    ) -> Self {
        let paused = server.config().paused;
        let engine = Engine::server(server, now);
        let mut state = State::new(Socket::Open(stream), engine, now);
        state.paused = paused;
        state.shared = shared;
        Self {
            id,
            thread,
            environment,
            state: Mutex::new(state),
        }
    }

    /// One that is to become a client's.
    pub(crate) fn connecting(
        id: ConnectionId,
        options: &ConnectOptions,
        settings: Settings,
        environment: Arc<Environment>,
        thread: Arc<IoThread>,
        now: Instant,
    ) -> Self {
        let socket = Socket::Connecting {
            no_delay: options.no_delay,
            tcp_keep_alive: options.tcp_keep_alive,
        };
        let state = State::new(socket, Engine::client(settings), now);
        Self {
            id,
            thread,
            environment,
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Shows an open connection's socket.
    #[cfg(all(test, target_os = "linux"))]
    pub(crate) fn with_stream(&self, look: impl FnOnce(&Stream)) {
        look(self.lock().socket.stream().expect("open"));
    }

    /// Bytes received so far, and bytes sent, those the kernel has not taken yet included.
    pub(crate) fn counters(&self) -> (u64, u64) {
        let state = self.lock();
        let sent = state.output.bytes_written() + state.output.unwritten();
        (state.bytes_read, sent)
    }

    /// Bytes that were written and that the kernel has not taken, None where it takes no more: what was written last is lost.
    pub(crate) fn unsent(&self) -> Option<u64> {
        let state = self.lock();
        let takes_more = !state.is_closed() && !state.destroying && state.write_failed.is_none();
        takes_more.then(|| state.output.unwritten())
    }

    /// Writes what there is and tells JavaScript of acknowledged writes. Either thread.
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
        if state.output.is_settled() {
            return Ok(Flush::Done);
        }
        let Some(stream) = state.socket.stream() else {
            return Ok(Flush::Done);
        };
        let result = state.output.flush(stream, closing);
        let reached = state.output.take_reached_marks();
        if reached > 0 {
            batch.ack(self.id, reached);
        }
        let was_blocked = std::mem::replace(
            &mut state.write_blocked,
            matches!(result, Ok(Flush::Blocked)),
        );
        if was_blocked {
            state.last_activity = crate::io_thread::now();
        }
        state.moved();
        result.map_err(|error| error.raw_os_error().unwrap_or(0))
    }

    /// Ends the connection. I/O thread only.
    fn close(&self, state: &mut State, errno: i32, batch: &mut Batch) {
        let counters = (state.bytes_read, state.output.bytes_written());
        if self.retire(state) {
            batch.closed(self.id, errno, counters);
        }
    }

    /// Tells JavaScript that the connection has ended, as Node has it as soon as the last words are with the kernel. The
    /// socket stays for a peer that is still sending, see `Reading::Discard`. I/O thread only.
    fn part(self: &Arc<Self>, state: &mut State, batch: &mut Batch) {
        // Whoever reads it on loan goes by the slot.
        state.take_back(self);
        let counters = (state.bytes_read, state.output.bytes_written());
        if self.give_up_slot(state) {
            batch.closed(self.id, 0, counters);
            if let Engine::Server(_, server) = &state.engine {
                state.lingering = server.lingering.add(Arc::downgrade(self));
            }
        }
    }

    /// Closes a lingering connection, whose place another one needs. I/O thread only.
    pub(crate) fn make_way(&self) {
        staging::with_batch(&self.environment, |batch| self.abandon(batch));
    }

    /// Whether the slot was still this connection's.
    fn give_up_slot(&self, state: &mut State) -> bool {
        if std::mem::replace(&mut state.parted, true) {
            return false;
        }
        let counters = (state.bytes_read, state.output.bytes_written());
        self.environment.connections.remove(self.id, counters);
        match &state.engine {
            Engine::Server(_, server) => server.release(state.served),
            Engine::Client(..) => self.environment.forget_client(),
        }
        true
    }

    /// Lets go of the socket and of the slot; answers whether JavaScript is to be told. I/O thread only.
    fn retire(&self, state: &mut State) -> bool {
        match std::mem::replace(&mut state.socket, Socket::Closed) {
            Socket::Closed => return false,
            // The poller would watch it for as long as another descriptor of the socket is open: libuv's, of one that was adopted.
            Socket::Open(Stream::Detached(lent)) => self.environment.loans.forget(&lent),
            _ => {}
        }
        state.output.clear();
        state.input = Vec::new();
        // The task ends when it next runs; without this a close from outside would leave it waiting for good.
        state.wake();
        if let Some((key, _)) = state.timer.take() {
            self.thread.stop_timer(key);
        }
        if let Engine::Server(_, server) = &state.engine
            && state.lingering != 0
        {
            server.lingering.remove(state.lingering);
        }
        self.give_up_slot(state)
    }

    /// Has the task look at its deadlines again if it is `server`'s: they may have come closer.
    pub(crate) fn reconfigured(&self, server: &Arc<Server>) {
        let mut state = self.lock();
        if matches!(&state.engine, Engine::Server(_, its) if Arc::ptr_eq(its, server)) {
            state.wake();
        }
    }

    /// Closes at once: the environment goes away, or our own code has panicked.
    pub(crate) fn abandon(&self, batch: &mut Batch) {
        self.close(&mut self.lock(), 0, batch);
    }
}

impl State {
    fn new(socket: Socket, engine: Engine, now: Instant) -> Self {
        let settings = engine.settings();
        Self {
            socket,
            engine,
            reading: Reading::Http,
            writing: Writing::Open,
            failed: None,
            destroying: false,
            fin_due: false,
            upgrade_pending: false,
            credit: i64::from(settings.body_window),
            without_body: false,
            body_left: 0,
            input: Vec::new(),
            waiting: Waiting::default(),
            eof_seen: false,
            eof_told: false,
            read_held: false,
            output: Output::default(),
            waker: None,
            timer: None,
            socket_timeout: settings.socket_timeout,
            last_activity: now,
            write_failed: None,
            write_blocked: false,
            socket_timed_out: false,
            keep_alive_told: false,
            served: false,
            paused: false,
            tapped: false,
            given_up: false,
            shared: false,
            parted: false,
            wake_due: false,
            lingering: 0,
            fallback_at: None,
            bytes_read: 0,
            answered_directly: 0,
        }
    }

    /// Nothing that the peer has sent, as far as we know, would turn a close into a reset.
    fn everything_read(&self) -> bool {
        self.eof_seen
            || (self.input.is_empty()
                && self.reading == Reading::Http
                && !self.engine.is_receiving())
    }

    const fn is_closed(&self) -> bool {
        matches!(self.socket, Socket::Closed)
    }

    /// Bytes went one way or the other.
    fn moved(&mut self) {
        if self.socket_timeout.is_some() {
            self.last_activity = crate::io_thread::now();
            if std::mem::take(&mut self.socket_timed_out) {
                // No timer runs, and only the task may start one.
                self.wake();
            }
        }
    }

    /// Has the connection's task run soon.
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
