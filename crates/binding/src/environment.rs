//! The queues of a JavaScript thread, as an object of JavaScript.

use std::sync::Arc;
use std::time::Duration;

use ferrohttp_net::{
    Backlog, Batch, Chunk, ConnectionId, Environment, Held, Outbound, ServerOptions, ServerTls,
    phase_word,
};
use napi::bindgen_prelude::{Buffer, BufferSlice, Function, JsObjectValue, Object, Result};
use napi::{Env, JsValue};
use napi_derive::napi;

use crate::connect::{BindingConnectOptions, BindingConnecting};
use crate::guard::BindingGuard;
use crate::held::Released;
use crate::options::{BindingListenOptions, BindingListening, BindingServerConfig, millis};
use crate::pinned::Pinned;
use crate::statistics::BindingConnectionStates;
use crate::tls::{self, BindingKeyingMaterial, BindingTls, BindingTlsClient, BindingTlsSessions};
use crate::wake::{Waker, misuse};

/// The time that `close_listener` waits for the I/O thread, which never blocks. It guards against bugs of ours only.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// The time that the end of the process waits for the I/O threads, which apply a flush within about 100 µs.
const SETTLE_WAIT: Duration = Duration::from_secs(1);

/// See `js/internal/bridge/environment.ts`, the only user.
#[napi]
pub struct BindingEnvironment {
    environment: Arc<Environment>,
    waker: Waker,
    released: Released,
    inbound: Pinned,
    outbound: Pinned,
    /// Words that JavaScript and the waker share.
    phase: Pinned,
    /// A batch that is not completely copied to JavaScript yet.
    batch: Option<Batch>,
    copied: usize,
    /// The buffers that records of the next flush may name.
    holding: Vec<Held>,
    /// The acknowledgements of the last flush.
    acks: Batch,
}

impl BindingEnvironment {
    /// Reports how many requests JavaScript has passed to handlers so far.
    fn note_served(&self) {
        let at = phase_word::SERVED as usize * size_of::<u32>();
        let word = self.phase.as_slice().get(at..at + size_of::<u32>());
        if let Some(Ok(word)) = word.map(TryInto::try_into) {
            self.environment.note_served(u32::from_ne_bytes(word));
        }
    }

    /// For functions that ask about connections.
    pub(crate) fn shared(&self) -> Arc<Environment> {
        Arc::clone(&self.environment)
    }
}

#[napi]
impl BindingEnvironment {
    /// `on_wake` is called when there is something to drain, with whether the event loop has begun another turn since the last
    /// call. `on_phase_end` is called at the end of each phase of the event loop for which `memory.phase` asks. `memory` has
    /// three Uint8Arrays: `phase`, `inbound` for records to JavaScript, and `outbound` for those of JavaScript.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        on_wake: Function<'static, bool, ()>,
        on_phase_end: Function<'static, (), ()>,
        memory: Object<'static>,
    ) -> Result<Self> {
        let pin = |name| Pinned::new(env, &memory.get_named_property::<Object<'static>>(name)?);
        let waker = Waker::new(env, &on_wake)?;
        let mut phase = pin("phase")?;
        let on_event = waker.clone();
        let environment = Environment::new(Box::new(move || on_event.wake()));
        let pulse = environment.pulse();
        waker.watch_phases(env, &on_phase_end, phase.as_mut_slice(), pulse)?;
        if let Some(descriptor) = environment.loans_descriptor() {
            let lender = Arc::clone(&environment);
            // Connections are not lent if the event loop cannot watch the descriptor.
            if waker
                .watch(env, descriptor, move || lender.read_loans())
                .is_ok()
            {
                environment.lend();
            }
        }
        let (gone, disarmed) = (Arc::clone(&environment), waker.clone());
        env.add_env_cleanup_hook((), move |()| {
            disarmed.disarm();
            gone.shutdown();
        })?;
        Ok(Self {
            environment,
            waker,
            released: Released::default(),
            inbound: pin("inbound")?,
            outbound: pin("outbound")?,
            phase,
            batch: None,
            copied: 0,
            holding: Vec::new(),
            acks: Batch::default(),
        })
    }

    /// Sets a larger inbound buffer, after `drain` has asked for it.
    #[napi(catch_unwind)]
    pub fn set_inbound(&mut self, env: Env, inbound: Object<'static>) -> Result<()> {
        let old = std::mem::replace(&mut self.inbound, Pinned::new(env, &inbound)?);
        old.release(env);
        Ok(())
    }

    /// Sets a larger outbound buffer.
    #[napi(catch_unwind)]
    pub fn set_outbound(&mut self, env: Env, outbound: Object<'static>) -> Result<()> {
        let old = std::mem::replace(&mut self.outbound, Pinned::new(env, &outbound)?);
        old.release(env);
        Ok(())
    }

    /// Copies complete records into the inbound buffer. Returns their number of bytes, 0 when there is no record, and `-n` when
    /// the next record needs a buffer of `n` bytes. The chunks of the previous call's records must have been taken.
    #[napi(catch_unwind)]
    pub fn drain(&mut self, env: Env) -> Result<i32> {
        self.released.collect(env);
        self.note_served();
        if self
            .batch
            .as_ref()
            .is_none_or(|batch| self.copied == batch.records().len())
        {
            let used = self.batch.take();
            self.batch = self.environment.take(used);
            self.copied = 0;
        }
        let Some(batch) = &self.batch else {
            return Ok(0);
        };
        let rest = &batch.records()[self.copied..];
        let into = self.inbound.as_mut_slice();
        let len = whole_records(rest, into.len());
        if len == 0 {
            return Ok(-(record_length(rest).unwrap_or(0) as i32));
        }
        into[..len].copy_from_slice(&rest[..len]);
        self.copied += len;
        Ok(len as i32)
    }

    /// Takes a large body part of the records that were drained last.
    #[napi(catch_unwind)]
    pub fn take_chunk<'env>(&mut self, env: &'env Env, index: u32) -> Result<BufferSlice<'env>> {
        let chunk = self
            .batch
            .as_mut()
            .and_then(|batch| batch.chunks.get_mut(index as usize));
        let chunk = chunk
            .map(std::mem::take)
            .ok_or_else(|| misuse("no such chunk"))?;
        external(env, chunk)
    }

    /// Keeps a Uint8Array alive until the next flush has written it. Returns the number by which that flush's records name it. A
    /// buffer that none of them names is released.
    #[napi(catch_unwind)]
    pub fn hold(&mut self, env: Env, bytes: Object<'static>) -> Result<u32> {
        let held = self.released.hold(env, bytes.value().value)?;
        self.holding.push(held);
        Ok((self.holding.len() - 1) as u32)
    }

    /// Carries out the records in the first `records` bytes of the outbound buffer. The text of the records is in the `text`
    /// bytes that follow.
    /// `at_once`: this thread writes everything itself. Returns the number of bytes of ACK records that are in the buffer now, plus
    /// one. The result is negative when the flush did not parse, see `ferrohttp_net::Malformed`.
    #[napi(catch_unwind)]
    pub fn flush(&mut self, records: u32, text: u32, at_once: bool) -> Result<i32> {
        self.note_served();
        let held = std::mem::take(&mut self.holding);
        let (records, text) = self
            .outbound
            .as_slice()
            .split_at_checked(records as usize)
            .and_then(|(records, rest)| Some((records, rest.get(..text as usize)?)))
            .ok_or_else(|| misuse("more than there is"))?;
        self.acks.reset();
        let out = Outbound {
            records,
            text,
            held,
        };
        let flushed = self.environment.flush(out, at_once, &mut self.acks);
        // Nothing fails from here on, because after an error JavaScript sends the records again.
        let acks = self.acks.records();
        let length = acks.len() as i32 + 1;
        if let Some(into) = self.outbound.as_mut_slice().get_mut(..acks.len()) {
            into.copy_from_slice(acks);
        } else {
            self.environment.acknowledge_later(&mut self.acks);
        }
        Ok(if flushed.is_ok() { length } else { -length })
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

    /// Changes what further handshakes of a server go by that has had `tls` from the start.
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

/// Sets the number of I/O threads. Returns false when they run already.
#[napi(catch_unwind)]
#[must_use]
pub fn request_io_threads(count: u32) -> bool {
    ferrohttp_net::request_threads(count as usize)
}

fn server_tls(tls: &BindingTls, handshake_timeout: Option<f64>) -> ServerTls {
    ServerTls {
        config: tls.to_net(),
        handshake_timeout: handshake_timeout.and_then(millis),
    }
}

fn record_length(records: &[u8]) -> Option<usize> {
    let word = records.get(4..8)?.try_into().ok()?;
    Some(u32::from_le_bytes(word) as usize)
}

/// Length of the longest run of complete records within `limit`.
fn whole_records(records: &[u8], limit: usize) -> usize {
    if records.len() <= limit {
        return records.len();
    }
    let mut len = 0;
    while let Some(next) = record_length(&records[len..]) {
        if len + next > limit {
            break;
        }
        len += next;
    }
    len
}
