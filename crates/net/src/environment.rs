//! One JavaScript thread, as the addon sees it: its queues, its connections, its servers.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::connection::{self, Connection, DirectFlush, GivenUp, Place};
use crate::handoff::{self, Batch, CloseMode, Command, Malformed, Outbound, Records, Wake};
use crate::id::ConnectionId;
use crate::listen::adopted::{self, Adopted};
use crate::listen::error::ListenError;
use crate::listen::listener::{self, Backlog, BoundAddress, ListenOptions};
use crate::measure::histogram::Histogram;
use crate::registry::Registry;
use crate::registry::commands::Commands;
use crate::registry::connection_counts::{self, ConnectionCounts};
use crate::registry::loans::Loans;
use crate::server::guard::GuardOptions;
use crate::server::{Server, ServerConfig, ServerOptions, ServerTls};
use crate::settings::ClientConfig;
use crate::socket::connect::{ConnectOptions, ConnectTarget};
use crate::socket::descriptor::Descriptor;
use crate::socket::errno;
use crate::sync::lock;
use crate::threads::io_thread::{self, IoThread};
use crate::threads::js_thread::JsThread;
use crate::threads::pulse::Pulse;
use crate::time::clock::now;
use crate::tls::{TlsAnswer, TlsConnect};

/// Largest number of writes in a flush that JavaScript's thread makes itself, because waking the I/O thread would cost more. With
/// about ten concurrent connections and more the opposite holds.
const DIRECT_WRITES: usize = 2;

/// See the module. Created once for the main thread and once for each worker.
pub struct Environment {
    js: Arc<JsThread>,
    registry: Arc<Registry>,
    servers: Mutex<HashMap<u32, Arc<Server>>>,
    next_server: Mutex<u32>,
    pub(crate) loans: Loans,
}

impl Environment {
    /// `wake` is called from I/O threads whenever there is something to `take`.
    #[must_use]
    pub fn new(wake: Wake) -> Arc<Self> {
        let js = JsThread::new(wake);
        Arc::new(Self {
            registry: Registry::new(Arc::clone(&js)),
            js,
            servers: Mutex::default(),
            next_server: Mutex::new(1),
            loans: Loans::new(),
        })
    }

    /// The pulse of the thread's event loop.
    pub fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.js.pulse)
    }

    /// The thread's side that I/O threads know.
    #[cfg(test)]
    pub(crate) fn js(&self) -> &Arc<JsThread> {
        &self.js
    }

    /// A connection that is open.
    pub(crate) fn connection(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.registry.connections.get(id)
    }

    /// The next batch of records, in exchange for the last one.
    pub fn take(&self, used: Option<Batch>) -> Option<Batch> {
        let next = self.js.inbox.take(used);
        self.js
            .meter
            .begin(next.as_ref().map_or(0, Batch::requests_queued_at));
        next
    }

    /// JavaScript has passed `served` requests to handlers so far, a number that wraps around. Called before `take` and `flush`.
    pub fn note_served(&self, served: u32) {
        self.js.meter.look(served, &self.js.inbox);
    }

    /// The descriptor that an event loop on JavaScript's thread has to watch, and to call `read_loans` while it is readable.
    /// `allow_loans` is called when it does. None where connections are never lent.
    pub fn loans_descriptor(&self) -> Option<i32> {
        self.loans.poller().and_then(|poller| poller.descriptor())
    }

    /// Allows connections to be lent from now on.
    pub fn allow_loans(&self) {
        self.loans.allow();
    }

    /// Whether JavaScript's thread reads a connection.
    pub fn is_on_loan(&self, id: ConnectionId) -> bool {
        self.connection(id)
            .is_some_and(|connection| connection.is_on_loan())
    }

    /// Reads the connections on loan, whose records can be taken then. JavaScript's thread only.
    pub fn read_loans(&self) {
        self.loans.read(&self.registry);
    }

    /// Carries out what JavaScript has written since the last flush. Writes that connections have made by the time this returns are
    /// acknowledged in `acks`, so that the program is notified before the peer's answer, as in Node.
    ///
    /// `at_once`: JavaScript's thread writes everything, however much it is, because the program may look at the outcome.
    ///
    /// # Errors
    /// The flush does not parse. None of it is sent, and the connections that it names are closed.
    pub fn flush(
        self: &Arc<Self>,
        mut out: Outbound<'_>,
        at_once: bool,
        acks: &mut Batch,
    ) -> Result<(), Malformed> {
        let (records, text) = (out.records, out.text);
        let writes = match handoff::check(records, text, &mut out.held, DIRECT_WRITES + 1) {
            Ok(writes) => writes,
            Err(malformed) => {
                self.destroy_all(&malformed.connections, acks);
                return Err(malformed);
            }
        };
        if at_once {
            // The program looks at the outcome next, and bytes that are still under way would count as refused by the kernel.
            self.wait_for_flushes();
        }
        // Overtaking an earlier flush on its way through a thread would send, for example, a body before its head.
        if (at_once || writes <= DIRECT_WRITES) && !self.js.has_flushes_under_way() {
            self.flush_directly(out, acks);
        } else {
            self.flush_through_threads(out);
        }
        Ok(())
    }

    fn destroy_all(&self, connections: &[ConnectionId], acks: &mut Batch) {
        let now = now();
        for connection in connections.iter().filter_map(|&id| self.connection(id)) {
            connection.apply(Command::Close(CloseMode::Destroy), None, now);
            self.carry_out(&connection, || connection.after_direct_commands(acks));
        }
    }

    fn flush_directly(&self, out: Outbound<'_>, acks: &mut Batch) {
        let mut flush = DirectFlush::new(out, now());
        while let Some(next) = flush.next() {
            if let Some(connection) = self.connection(next.0.id) {
                self.carry_out(&connection, || {
                    connection.apply_directly(next, &mut flush, acks)
                });
            }
        }
    }

    /// `act` carries out commands of a connection, and returns whether this thread should read it from now on. A panic costs this
    /// connection only: the other connections of the flush get their bytes.
    fn carry_out(&self, connection: &Arc<Connection>, act: impl FnOnce() -> bool) {
        let finish = || {
            if act() {
                self.loans.lend(&self.registry, connection);
            }
        };
        if catch_unwind(AssertUnwindSafe(finish)).is_err() {
            connection.give_up_after_panic();
        }
    }

    /// Passes acknowledgements to JavaScript by the inbox.
    pub fn acknowledge_later(&self, acks: &mut Batch) {
        if self.js.inbox.push(acks) {
            self.js.inbox.wake_javascript();
        }
    }

    fn flush_through_threads(&self, out: Outbound<'_>) {
        // With so many writes at a time it is better that the threads share the work.
        self.loans.end(&self.registry);
        if let [only] = io_thread::running_threads() {
            let mut commands = Commands::new(&self.registry);
            commands.records = out.records.to_vec();
            commands.text = out.text.to_vec();
            commands.held = out.held;
            only.send(Box::new(commands));
            return;
        }
        let mut parts: Vec<(Arc<IoThread>, Commands)> = Vec::new();
        let mut held = out.held.into_iter();
        let mut last: Option<(ConnectionId, usize)> = None;
        for record in Records::new(out.records, out.text) {
            let buffer = record.command.held().and_then(|_| held.next());
            let index = match last {
                Some((id, index)) if id == record.id => index,
                _ => {
                    let Some(connection) = self.connection(record.id) else {
                        continue;
                    };
                    let thread = &connection.thread;
                    let known = parts
                        .iter()
                        .position(|(other, _)| Arc::ptr_eq(other, thread));
                    let index = known.unwrap_or_else(|| {
                        parts.push((Arc::clone(thread), Commands::new(&self.registry)));
                        parts.len() - 1
                    });
                    last = Some((record.id, index));
                    index
                }
            };
            let commands = &mut parts[index].1;
            commands.records.extend_from_slice(record.bytes);
            commands.text.extend_from_slice(record.text);
            commands.held.extend(buffer);
        }
        for (thread, commands) in parts {
            thread.send(Box::new(commands));
        }
    }

    /// Binds and starts to accept. Returns the server's id and where it is bound.
    ///
    /// # Errors
    /// The operating system's, at the step that failed.
    pub fn listen(
        self: &Arc<Self>,
        options: &ListenOptions,
        config: ServerConfig,
    ) -> Result<(u32, BoundAddress), ListenError> {
        self.listen_with(options, config, ServerOptions::default())
    }

    /// As `listen`, with TLS or a guard.
    ///
    /// # Errors
    /// As of `listen`.
    pub fn listen_with(
        self: &Arc<Self>,
        options: &ListenOptions,
        config: ServerConfig,
        fixed: ServerOptions,
    ) -> Result<(u32, BoundAddress), ListenError> {
        let thread = io_thread::next_thread().map_err(ListenError::threads)?;
        self.listen_on(&thread, options, config, fixed)
    }

    pub(crate) fn listen_on(
        self: &Arc<Self>,
        thread: &Arc<IoThread>,
        options: &ListenOptions,
        config: ServerConfig,
        fixed: ServerOptions,
    ) -> Result<(u32, BoundAddress), ListenError> {
        let listening = listener::listen(options, &config, thread)?;
        let server = self.add_server(config, fixed);
        let address = listening.address.clone();
        listener::start(listening, thread, &self.registry, &server);
        Ok((server.id, address))
    }

    fn add_server(&self, config: ServerConfig, fixed: ServerOptions) -> Arc<Server> {
        if fixed
            .guard
            .as_ref()
            .is_some_and(|guard| guard.health.is_some())
        {
            self.js.pulse.watch();
        }
        let id = {
            let mut next = lock(&self.next_server);
            let id = *next;
            *next = next.wrapping_add(1);
            id
        };
        let counters = Arc::clone(&self.js.counters);
        let server = Arc::new(Server::new(id, config, fixed, counters));
        lock(&self.servers).insert(id, Arc::clone(&server));
        server
    }

    /// Key material of a connection with TLS, as RFC 5705 has it. None of others, of one that is gone, and where it is too much.
    pub fn export_keying_material(
        &self,
        id: ConnectionId,
        length: usize,
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Option<Vec<u8>> {
        self.connection(id)?
            .export_keying_material(length, label, context)
    }

    /// Limits the plaintext of further records of a connection with TLS. Returns whether there is one, and TLS allows the size.
    pub fn set_tls_fragment(&self, id: ConnectionId, size: usize) -> bool {
        let connection = self.connection(id);
        connection.is_some_and(|connection| connection.set_tls_fragment(size))
    }

    /// The program's decision about a client that IN_HELLO was about. No effect if the connection has ended or continues already.
    pub fn answer_hello(&self, id: ConnectionId, answer: TlsAnswer) {
        if let Some(connection) = self.connection(id) {
            connection.answer_hello(answer);
        }
    }

    /// Changes the configuration of further handshakes of a server with TLS.
    pub fn set_tls(&self, server: u32, tls: ServerTls) {
        if let Some(server) = lock(&self.servers).get(&server) {
            server.set_tls(tls);
        }
    }

    /// Adds a server that has no listening socket, and gets its connections by `adopt`. Returns its id. `close_listener` ends it.
    pub fn open_server(&self, config: ServerConfig, guard: Option<GuardOptions>) -> u32 {
        let fixed = ServerOptions { tls: None, guard };
        self.add_server(config, fixed).id
    }

    /// The server is being drained, or is not any more.
    pub fn set_draining(&self, server: u32, on: bool) {
        let servers = lock(&self.servers);
        if let Some(guard) = servers
            .get(&server)
            .and_then(|server| server.guard.as_ref())
        {
            guard.set_draining(on);
        }
    }

    /// Numbers of probes that I/O threads have answered, and of requests that they have refused.
    pub fn own_answers(&self) -> (u64, u64) {
        self.js.counters.own_answers()
    }

    /// Number of requests that were passed to handlers.
    pub fn served(&self) -> u64 {
        self.js.meter.served()
    }

    /// Measured times in microseconds: of waiting for JavaScript's thread, of handlers on that thread, and from a request's head to
    /// the end of its response. For each their sum and the largest, and the counts of the histogram's buckets.
    pub fn times(&self) -> [Vec<u64>; 3] {
        let JsThread {
            meter, counters, ..
        } = &*self.js;
        [&meter.queue_delay, &meter.handler_time, &counters.duration].map(Histogram::read)
    }

    /// Counts of servers' connections, and of clients'.
    pub fn connection_counts(&self) -> [ConnectionCounts; 2] {
        connection_counts::count(|| self.registry.connections.all(), &self.js)
    }

    /// Serves a connection that the program's libuv has accepted, and on which nothing has been read or written. There is no OPEN
    /// record, because the caller reports the connection.
    ///
    /// # Errors
    /// I/O threads cannot be started, the server is closed, or the kernel refuses the descriptor.
    pub fn adopt(self: &Arc<Self>, server: u32, descriptor: Descriptor) -> io::Result<Adopted> {
        let thread = io_thread::next_thread().map_err(io::Error::from_raw_os_error)?;
        self.adopt_on(&thread, server, descriptor)
    }

    pub(crate) fn adopt_on(
        self: &Arc<Self>,
        thread: &Arc<IoThread>,
        server: u32,
        descriptor: Descriptor,
    ) -> io::Result<Adopted> {
        let server = lock(&self.servers).get(&server).map(Arc::clone);
        let server = server.ok_or(io::ErrorKind::NotConnected)?;
        adopted::adopt(descriptor, thread, &self.registry, &server)
    }

    /// Begins to connect. Commands in the meantime take effect when the connection is established. The outcome is a CONNECTED or
    /// CONNECT_FAILED record, or CLOSED if the connection is closed before.
    ///
    /// # Errors
    /// The error number when I/O threads cannot be started; EINVAL without any address.
    pub fn connect(
        self: &Arc<Self>,
        options: ConnectOptions,
        config: ClientConfig,
        tls: Option<TlsConnect>,
    ) -> Result<ConnectionId, i32> {
        if matches!(&options.target, ConnectTarget::Addresses(none) if none.is_empty()) {
            return Err(errno::INVALID);
        }
        Ok(self.connect_on(&io_thread::next_thread()?, options, config, tls))
    }

    pub(crate) fn connect_on(
        self: &Arc<Self>,
        thread: &Arc<IoThread>,
        options: ConnectOptions,
        config: ClientConfig,
        tls: Option<TlsConnect>,
    ) -> ConnectionId {
        let connection = self.registry.connections.insert(|entry| {
            let place = Place {
                entry,
                js: Arc::clone(&self.js),
                thread: Arc::clone(thread),
            };
            Arc::new(Connection::connecting(place, &options, config.into(), tls))
        });
        let id = connection.id();
        thread
            .handle
            .spawn(connection::connect(connection, options));
        id
    }

    /// Changes the settings of a server and its connections.
    pub fn configure(&self, server: u32, config: ServerConfig) {
        let Some(server) = lock(&self.servers).get(&server).map(Arc::clone) else {
            return;
        };
        server.configure(config);
        for connection in self.registry.connections.all() {
            connection.reconfigured(&server);
        }
    }

    /// Stops accepting. The port is free when the returned receiver is disconnected. Connections stay open.
    #[must_use]
    pub fn close_listener(&self, server: u32, backlog: Backlog) -> Option<mpsc::Receiver<()>> {
        let server = lock(&self.servers).remove(&server)?;
        Some(listener::stop(&server, backlog))
    }

    /// The returned receiver is disconnected when all I/O threads have carried out the flushes so far.
    #[must_use]
    pub fn settled(self: &Arc<Self>) -> mpsc::Receiver<()> {
        let (done, settled) = mpsc::channel::<()>();
        for thread in io_thread::running_threads() {
            let done = done.clone();
            let (js, its) = (Arc::clone(&self.js), Arc::clone(thread));
            // After the connections' tasks, which were woken before.
            thread.handle.spawn(async move {
                its.carry_out_work_of(&js);
                drop(done);
            });
        }
        settled
    }

    /// Gives up a connection's socket, see `GivenUp`, after the flushes so far.
    ///
    /// # Errors
    /// The connection is not open or is being closed, or there is no further descriptor.
    pub fn give_up(self: &Arc<Self>, id: ConnectionId) -> io::Result<GivenUp> {
        self.wait_for_flushes();
        match self.connection(id) {
            Some(connection) => connection.give_up_socket(),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// A descriptor of a server's listening socket. With `give_up` the receiver of the descriptor accepts from now on, and the
    /// caller calls `close_listener`.
    ///
    /// # Errors
    /// The server does not listen, or there is no further descriptor.
    pub fn listening_descriptor(&self, server: u32, give_up: bool) -> io::Result<Descriptor> {
        let server = lock(&self.servers).get(&server).map(Arc::clone);
        let server = server.ok_or(io::ErrorKind::NotConnected)?;
        listener::descriptor(&server, give_up)
    }

    /// Waits until the I/O threads have carried out all flushes. They never block, so this takes little time. The limit guards
    /// against bugs of ours.
    fn wait_for_flushes(self: &Arc<Self>) {
        const LIMIT: Duration = Duration::from_secs(2);
        let until = Instant::now() + LIMIT;
        while self.js.has_flushes_under_way() && Instant::now() < until {
            // Disconnected is the expected result.
            let _ = self.settled().recv_timeout(LIMIT);
        }
    }

    /// Bytes received and bytes written of a connection, None when its slot has had another connection since. Waits for flushes
    /// that are on their way through an I/O thread, because bytes that the program has written count.
    pub fn counters(self: &Arc<Self>, id: ConnectionId) -> Option<(u64, u64)> {
        self.wait_for_flushes();
        match self.connection(id) {
            Some(connection) => Some(connection.counters()),
            None => self.registry.connections.counters_left(id),
        }
    }

    /// Bytes that were written to a connection and that the kernel has not accepted. None after the connection has ended or
    /// failed. Waits for flushes that are on their way through an I/O thread.
    pub fn unsent(self: &Arc<Self>, id: ConnectionId) -> Option<u64> {
        self.wait_for_flushes();
        self.connection(id)?.unsent()
    }

    /// Whether a connection is open, and a client's connection can carry another request.
    pub fn is_open(&self, id: ConnectionId) -> bool {
        self.connection(id)
            .is_some_and(|connection| connection.is_open())
    }

    /// Number of connections accepted so far.
    pub fn accepted(&self) -> u64 {
        self.registry.accepted()
    }

    /// Number of connections that are open now, of servers and clients.
    pub fn open_connections(&self) -> usize {
        self.registry.connections.all().len()
    }

    /// Number of clients' connections that are open now, including attempts to connect.
    pub fn open_clients(&self) -> usize {
        let all = self.registry.connections.all();
        all.iter()
            .filter(|connection| connection.is_client())
            .count()
    }

    /// Closes everything. When it returns, no I/O thread holds a buffer of this environment.
    pub fn shutdown(self: &Arc<Self>) {
        self.js.end();
        let servers: Vec<_> = lock(&self.servers)
            .drain()
            .map(|(_, server)| server)
            .collect();
        for server in servers {
            let _ = listener::stop(&server, Backlog::Reset).recv_timeout(Duration::from_secs(5));
        }
        for thread in io_thread::running_threads() {
            let (done, finished) = mpsc::channel::<()>();
            let environment = Arc::clone(self);
            let thread_too = Arc::clone(thread);
            thread.handle.spawn(async move {
                let mut batch = Batch::default();
                // Bytes that the program wrote before its end are sent, as far as the kernel accepts them now.
                thread_too.carry_out_work_of(&environment.js);
                for connection in environment.registry.connections.all() {
                    if Arc::ptr_eq(&connection.thread, &thread_too) {
                        connection.abandon(&mut batch);
                    }
                }
                // Closes the sockets.
                drop(batch);
                drop(done);
            });
            // Returns an error as soon as the task above has ended, or was dropped with its runtime.
            let _ = finished.recv();
        }
    }
}
