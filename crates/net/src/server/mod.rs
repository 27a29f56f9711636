//! The state that the connections of one server share.

pub(crate) mod guard;
pub(crate) mod lingering;
pub(crate) mod overload;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::time::Duration;

use ferrohttp_proto::{Limits, Timeouts};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::crossing::limit;
use crate::measure::counters::Counters;
use crate::server::guard::{Guard, GuardOptions};
use crate::server::lingering::Lingering;
use crate::server::overload::Overload;
use crate::settings::Settings;
use crate::socket::descriptor::Descriptor;
use crate::tls::TlsServer;

/// Settings that may change while a server runs. Connections read them in every turn.
#[derive(Clone, Copy, Debug)]
pub struct ServerConfig {
    /// Sizes and counts.
    pub limits: Limits,
    /// headersTimeout, requestTimeout, keepAliveTimeout.
    pub timeouts: Timeouts,
    /// `server.timeout`: initial inactivity timeout of a socket.
    pub socket_timeout: Option<Duration>,
    /// `server.maxConnections`. Further connections are dropped.
    pub max_connections: Option<usize>,
    /// TCP_NODELAY on accepted sockets.
    pub no_delay: bool,
    /// SO_KEEPALIVE on accepted sockets, with the initial delay.
    pub tcp_keep_alive: Option<Duration>,
    /// Body bytes that may be on their way to JavaScript unread, for each connection.
    pub body_window: u32,
    /// New connections are paused: JavaScript shows their sockets to the program before anything is read.
    pub paused: bool,
    /// The program listens for 'clientError', so JavaScript answers late requests.
    pub client_errors: bool,
    /// The program listens for 'timeout' of the server or a socket, so JavaScript decides whether an idle connection stays.
    pub timeout_events: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            socket_timeout: None,
            max_connections: None,
            no_delay: true,
            tcp_keep_alive: None,
            body_window: limit::BODY_WINDOW,
            paused: false,
            client_errors: true,
            timeout_events: true,
        }
    }
}

/// A server's TLS. Its connections keep what they began with.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// The configuration of handshakes.
    pub config: TlsServer,
    /// `handshakeTimeout`.
    pub handshake_timeout: Option<Duration>,
}

/// The options with which a server begins to listen.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// None if connections are plain HTTP.
    pub tls: Option<ServerTls>,
    /// None if JavaScript answers every request.
    pub guard: Option<GuardOptions>,
}

/// A server that accepts.
pub(crate) struct Accepting {
    pub(crate) task: AbortHandle,
    /// Has the task accept the connections in the accept queue, and end.
    pub(crate) stop_request: Arc<Notify>,
    /// Ends when the task's socket is closed.
    pub(crate) closed: mpsc::Receiver<()>,
    /// A further descriptor of that socket, for `descriptor`. None if the process had no further one.
    pub(crate) socket: Option<Descriptor>,
}

/// One listening server.
pub(crate) struct Server {
    pub(crate) id: u32,
    config: RwLock<ServerConfig>,
    /// None where connections are plain HTTP, which never changes.
    tls: Option<RwLock<ServerTls>>,
    /// None if JavaScript answers every request.
    pub(crate) guard: Option<Guard>,
    /// Of its JavaScript thread.
    pub(crate) counters: Arc<Counters>,
    connections: AtomicUsize,
    pub(crate) lingering: Lingering,
    ended: AtomicU64,
    pub(crate) accepting: Mutex<Option<Accepting>>,
    /// The socket was passed on and is still listening, so the path of a Unix socket is not removed.
    pub(crate) given_up: AtomicBool,
}

impl Server {
    pub(crate) fn new(
        id: u32,
        config: ServerConfig,
        fixed: ServerOptions,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            id,
            config: RwLock::new(config),
            tls: fixed.tls.map(RwLock::new),
            guard: fixed.guard.map(Guard::new),
            counters,
            connections: AtomicUsize::new(0),
            lingering: Lingering::new(),
            ended: AtomicU64::new(0),
            accepting: Mutex::new(None),
            given_up: AtomicBool::new(false),
        }
    }

    /// Number of requests that were refused because of overload.
    pub(crate) fn refused(&self) -> u64 {
        let guard = self.guard.as_ref();
        guard
            .and_then(|guard| guard.overload.as_ref())
            .map_or(0, Overload::refused)
    }

    pub(crate) fn config(&self) -> ServerConfig {
        *self.config.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The settings of a connection.
    pub(crate) fn settings(&self) -> Settings {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        Settings {
            limits: config.limits,
            timeouts: config.timeouts,
            socket_timeout: config.socket_timeout,
            body_window: config.body_window,
        }
    }

    pub(crate) fn configure(&self, config: ServerConfig) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    pub(crate) fn tls(&self) -> Option<ServerTls> {
        let tls = self.tls.as_ref()?.read();
        Some(tls.unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Changes the configuration of further handshakes. No effect on a server without TLS.
    pub(crate) fn set_tls(&self, new: ServerTls) {
        if let Some(tls) = &self.tls {
            *tls.write().unwrap_or_else(PoisonError::into_inner) = new;
        }
    }

    /// Counts one more connection, unless there are `max` already.
    pub(crate) fn admit(&self, max: Option<usize>) -> bool {
        let max = max.unwrap_or(usize::MAX);
        self.connections
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < max).then_some(count + 1)
            })
            .is_ok()
    }

    /// Closes lingering connections until they and the open ones are at most `max`.
    pub(crate) fn make_room(&self, max: Option<usize>) {
        if let Some(max) = max {
            let open = self.connections.load(Ordering::Relaxed);
            self.lingering.shrink(max.saturating_sub(open));
        }
    }

    /// An admitted connection has closed; `served` if it has had a request.
    pub(crate) fn release(&self, served: bool) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
        self.ended.fetch_add(u64::from(served), Ordering::Relaxed);
    }

    /// Number of connections so far that have had a request and are closed.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }
}
