//! The queues of a JavaScript thread, as an object of JavaScript.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ferrohttp_net::{
    Backlog, Chunk, ConnectionId, Environment, ServerOptions, ServerTls, TlsAnswer,
};
use napi::Env;
use napi::bindgen_prelude::{Buffer, BufferSlice, Function, Object, Result};
use napi_derive::napi;

use crate::connect::{BindingConnectOptions, BindingConnecting};
use crate::crossing::{self, Crossing, Memory};
use crate::guard::BindingGuard;
use crate::options::{BindingListenOptions, BindingListening, BindingServerConfig, millis};
use crate::statistics::BindingConnectionStates;
use crate::tls::{self, BindingKeyingMaterial, BindingTls, BindingTlsClient, BindingTlsSessions};
use crate::wake::Waker;

/// The time that `close_listener` waits for the I/O thread, which never blocks. It guards against bugs of ours only.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// The time that the end of the process waits for the I/O threads, which apply a flush within about 100 µs.
const SETTLE_WAIT: Duration = Duration::from_secs(1);

/// See `js/internal/bridge/environment.ts`, the only user.
#[napi]
pub struct BindingEnvironment {
    environment: Arc<Environment>,
    waker: Waker,
    crossing: Rc<RefCell<Crossing>>,
}

impl BindingEnvironment {
    /// For functions that ask about connections.
    pub(crate) fn shared(&self) -> Arc<Environment> {
        Arc::clone(&self.environment)
    }
}

#[napi]
impl BindingEnvironment {
    /// `on_wake` is called when there is something to drain. `on_phase_end` is called at the end of each phase of the event loop for
    /// which `memory.phase` asks. `memory` has three Uint8Arrays: `phase`, `inbound` for records to JavaScript, and `outbound` for
    /// those of JavaScript.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        on_wake: Function<'static, (), ()>,
        on_phase_end: Function<'static, (), ()>,
        memory: Object<'static>,
    ) -> Result<Self> {
        let mut memory = Memory::new(env, &memory)?;
        let waker = Waker::new(env, &on_wake)?;
        let on_event = waker.clone();
        let environment = Environment::new(Box::new(move || on_event.wake()));
        let pulse = environment.pulse();
        waker.watch_phases(env, &on_phase_end, memory.phase.as_mut_slice(), pulse)?;
        if let Some(descriptor) = environment.loans_descriptor() {
            let lender = Arc::clone(&environment);
            // Connections are not lent if the event loop cannot watch the descriptor.
            if waker
                .watch(env, descriptor, move || lender.read_loans())
                .is_ok()
            {
                environment.allow_loans();
            }
        }
        let crossing = Crossing::new(Arc::clone(&environment), memory);
        let (gone, disarmed) = (Arc::clone(&environment), waker.clone());
        env.add_env_cleanup_hook((), move |()| {
            disarmed.disarm();
            gone.shutdown();
        })?;
        Ok(Self {
            environment,
            waker,
            crossing,
        })
    }

    /// The functions `drain` and `flush`.
    ///
    /// `drain` copies complete records into the inbound buffer. It returns their number of bytes, 0 when there is no record, and
    /// `-n` when the next record needs a buffer of `n` bytes. The chunks of the previous call's records must have been taken.
    ///
    /// `flush` carries out the records in the first bytes of the outbound buffer, whose text is in the bytes that follow; their
    /// numbers are `records` and `text`. `atOnce`: this thread writes everything itself. It returns the number of bytes of ACK
    /// records that are in the buffer now, plus one. The result is negative when the flush did not parse, see
    /// `ferrohttp_net::Malformed`.
    #[napi(
        catch_unwind,
        ts_return_type = "{ drain(): number; flush(records: number, text: number, atOnce: boolean): number }"
    )]
    pub fn crossing<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        crossing::functions(env, &self.crossing)
    }

    /// Sets a larger inbound buffer, after `drain` has asked for it.
    #[napi(catch_unwind)]
    pub fn set_inbound(&self, env: Env, inbound: Object<'static>) -> Result<()> {
        self.crossing.borrow_mut().set_inbound(env, &inbound)
    }

    /// Sets a larger outbound buffer.
    #[napi(catch_unwind)]
    pub fn set_outbound(&self, env: Env, outbound: Object<'static>) -> Result<()> {
        self.crossing.borrow_mut().set_outbound(env, &outbound)
    }

    /// Takes a large body part of the records that were drained last.
    #[napi(catch_unwind)]
    pub fn take_chunk<'env>(&self, env: &'env Env, index: u32) -> Result<BufferSlice<'env>> {
        external(env, self.crossing.borrow_mut().take_chunk(index)?)
    }

    /// Keeps a Uint8Array alive until the next flush has written it. Returns the number by which that flush's records name it. A
    /// buffer that none of them names is released.
    #[napi(catch_unwind)]
    pub fn hold(&self, env: Env, bytes: Object<'static>) -> Result<u32> {
        self.crossing.borrow_mut().hold(env, &bytes)
    }

    /// Waits until the I/O threads have carried out all flushes, so that the kernel has all bytes that it accepts.
    #[napi(catch_unwind)]
    pub fn settle(&self) {
        let _ = self.environment.settled().recv_timeout(SETTLE_WAIT);
    }

    /// Binds and starts to accept; connections of TLS where there is `tls`, whose handshakes may take `handshake_timeout`
    /// milliseconds.
    #[napi(catch_unwind)]
    pub fn listen(
        &self,
        mut options: BindingListenOptions,
        config: BindingServerConfig,
        tls: Option<&BindingTls>,
        handshake_timeout: Option<f64>,
    ) -> BindingListening {
        let guard = options.guard.take().map(BindingGuard::into_net);
        let tls = tls.map(|tls| server_tls(tls, handshake_timeout));
        let fixed = ServerOptions { tls, guard };
        BindingListening::new(options.to_net().and_then(|options| {
            self.environment
                .listen_with(&options, config.to_net(), fixed)
        }))
    }

    /// Key material of a connection with TLS; null where there is none.
    #[napi(catch_unwind)]
    pub fn export_keying_material(
        &self,
        slot: u32,
        generation: u32,
        what: BindingKeyingMaterial,
    ) -> Option<Buffer> {
        let BindingKeyingMaterial {
            length,
            label,
            context,
        } = what;
        let (id, label) = (ConnectionId { slot, generation }, label.as_bytes());
        self.environment
            .export_keying_material(id, length as usize, label, context.as_deref())
            .map(Buffer::from)
    }

    /// Limits the plaintext of further records of a connection with TLS; false where there is none, or where TLS forbids the size.
    #[napi(catch_unwind)]
    pub fn set_tls_fragment(&self, slot: u32, generation: u32, size: u32) -> bool {
        let id = ConnectionId { slot, generation };
        self.environment.set_tls_fragment(id, size as usize)
    }

    /// Continues a handshake that IN_HELLO has reported, as the program has decided. Without `tls` the server's own TLS is used, and
    /// without `protocols` the protocols of that TLS. An empty protocol refuses the client.
    #[napi(catch_unwind)]
    pub fn answer_hello(
        &self,
        slot: u32,
        generation: u32,
        tls: Option<&BindingTls>,
        protocols: Option<Vec<Buffer>>,
    ) {
        let answer = TlsAnswer {
            server: tls.map(BindingTls::to_net),
            protocols: protocols.map(|names| names.iter().map(|name| name.to_vec()).collect()),
        };
        self.environment
            .answer_hello(ConnectionId { slot, generation }, answer);
    }

    /// Changes the configuration of further handshakes of a server with TLS.
    #[napi(catch_unwind)]
    pub fn set_tls(&self, server: u32, tls: &BindingTls, handshake_timeout: Option<f64>) {
        self.environment
            .set_tls(server, server_tls(tls, handshake_timeout));
    }

    /// Adds a server without a listening socket, which gets its connections by `adopt_connection` until `close_listener`.
    #[napi(catch_unwind)]
    pub fn open_server(&self, config: BindingServerConfig, guard: Option<BindingGuard>) -> u32 {
        let guard = guard.map(BindingGuard::into_net);
        self.environment.open_server(config.to_net(), guard)
    }

    /// The server is being drained: probes say so.
    #[napi(catch_unwind)]
    pub fn set_draining(&self, server: u32, on: bool) {
        self.environment.set_draining(server, on);
    }

    /// Numbers of requests that were passed to handlers, of probes that I/O threads have answered, and of requests that they have
    /// refused.
    #[napi(catch_unwind)]
    pub fn request_counts(&self) -> Vec<f64> {
        let (probes, refusals) = self.environment.own_answers();
        [self.environment.served(), probes, refusals]
            .map(|count| count as f64)
            .to_vec()
    }

    /// Measured times in microseconds, see `js/internal/extensions/histogram.ts`: of waiting for this thread, of handlers, of
    /// requests as a whole.
    #[napi(catch_unwind)]
    pub fn times(&self) -> Vec<Vec<f64>> {
        let times = self.environment.times().into_iter();
        times
            .map(|time| time.into_iter().map(|value| value as f64).collect())
            .collect()
    }

    /// Open connections of servers and of clients, by what they are doing.
    #[napi(catch_unwind)]
    pub fn connection_states(&self) -> Vec<BindingConnectionStates> {
        let both = self.environment.connection_counts();
        both.map(BindingConnectionStates::from).into()
    }

    /// Begins to connect. The outcome is a CONNECTED or CONNECT_FAILED record, or CLOSED if the connection is closed before.
    /// Commands in the meantime take effect when the connection is established.
    ///
    /// With `client` the connection has TLS. It sends `server_name` by SNI, and keeps its sessions in `sessions`.
    #[napi(catch_unwind)]
    pub fn connect(
        &self,
        options: BindingConnectOptions,
        client: Option<&BindingTlsClient>,
        server_name: Option<String>,
        sessions: Option<&BindingTlsSessions>,
    ) -> Result<BindingConnecting> {
        let (options, config) = options.to_net()?;
        let tls = match client {
            Some(client) => Some(tls::connect(client, server_name, sessions)?),
            None => None,
        };
        Ok(BindingConnecting::new(
            self.environment.connect(options, config, tls),
        ))
    }

    /// Changes the settings of a server's connections.
    #[napi(catch_unwind)]
    pub fn configure(&self, server: u32, config: BindingServerConfig) {
        self.environment.configure(server, config.to_net());
    }

    /// Stops accepting; the port is free when this returns. `accepts_backlog`: connections that the kernel has established are
    /// accepted before, and not reset.
    #[napi(catch_unwind)]
    pub fn close_listener(&self, server: u32, accepts_backlog: bool) {
        let backlog = if accepts_backlog {
            Backlog::Accept
        } else {
            Backlog::Reset
        };
        if let Some(closed) = self.environment.close_listener(server, backlog) {
            // Disconnected is the expected result: the sender exists exactly as long as the socket.
            let _ = closed.recv_timeout(CLOSE_WAIT);
            // As in Node, idle connections that were closed just before have ended, too.
            let _ = self.environment.settled().recv_timeout(CLOSE_WAIT);
        }
    }

    /// Bytes received and written. Null when the connection is not known any more.
    #[napi(catch_unwind)]
    pub fn counters(&self, slot: u32, generation: u32) -> Option<Vec<f64>> {
        let (read, written) = self
            .environment
            .counters(ConnectionId { slot, generation })?;
        Some(vec![read as f64, written as f64])
    }

    /// Bytes that were written to a connection and that the kernel has not accepted. Null after it has ended. Waits until the I/O
    /// threads have carried out all flushes.
    #[napi(catch_unwind)]
    pub fn unsent(&self, slot: u32, generation: u32) -> Option<f64> {
        let unsent = self.environment.unsent(ConnectionId { slot, generation })?;
        Some(unsent as f64)
    }

    /// Whether a connection is open, as the I/O thread knows it. Its end may not be reported yet.
    #[napi(catch_unwind)]
    pub fn is_open(&self, slot: u32, generation: u32) -> bool {
        self.environment.is_open(ConnectionId { slot, generation })
    }

    /// Calls `on_wake` in the next turn of the event loop.
    #[napi(catch_unwind)]
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// Whether pending events keep the event loop alive.
    #[napi(catch_unwind)]
    pub fn set_ref(&self, env: Env, on: bool) {
        self.waker.set_ref(env, on);
    }

    /// The number of connections accepted so far, of open connections of servers, and of open ones of clients.
    #[napi(catch_unwind)]
    pub fn connection_counts(&self) -> Vec<f64> {
        let clients = self.environment.open_clients();
        let servers = self.environment.open_connections().saturating_sub(clients);
        vec![
            self.environment.accepted() as f64,
            servers as f64,
            clients as f64,
        ]
    }
}

/// Passes a chunk to JavaScript without a copy. V8 counts it as external memory, which influences its collections.
fn external(env: &Env, mut chunk: Chunk) -> Result<BufferSlice<'_>> {
    let (data, size) = (chunk.as_mut_ptr(), chunk.len());
    // SAFETY: the chunk is the hint, so its memory, which does not move with it, exists until the finaliser drops it. There is
    // no other owner.
    unsafe {
        BufferSlice::from_external(env, data, size, chunk, |_: Env, chunk: Chunk| drop(chunk))
    }
}

fn server_tls(tls: &BindingTls, handshake_timeout: Option<f64>) -> ServerTls {
    ServerTls {
        config: tls.to_net(),
        handshake_timeout: handshake_timeout.and_then(millis),
    }
}
