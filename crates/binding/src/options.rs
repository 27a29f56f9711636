//! Objects of options.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ferrohttp_net::{
    BoundAddress, ListenError, ListenOptions, ListenTarget, ServerConfig, scope_id, with_validation,
};
use ferrohttp_proto::{Limits, Timeouts};
use napi_derive::napi;

use crate::guard::BindingGuard;

/// Where to listen. Either `path`, or `port` with or without `host`.
#[napi(object)]
pub struct BindingListenOptions {
    /// 0 for any.
    pub port: Option<u16>,
    /// An IP address, which is resolved already; absent for all addresses. `%` and a scope may follow an IPv6 address.
    pub host: Option<String>,
    /// A Unix socket.
    pub path: Option<String>,
    /// Length of the accept queue.
    pub backlog: i32,
    /// No dual stack.
    pub ipv6_only: bool,
    /// SO_REUSEPORT.
    pub reuse_port: bool,
    /// The requests that I/O threads answer themselves; absent for none.
    pub guard: Option<BindingGuard>,
}

impl BindingListenOptions {
    pub(crate) fn to_net(&self) -> Result<ListenOptions, ListenError> {
        let target = match (&self.path, &self.host, self.port) {
            (Some(path), _, _) => ListenTarget::Path(PathBuf::from(path)),
            (None, None, Some(port)) => ListenTarget::AnyAddress(port),
            (None, Some(host), Some(port)) => {
                ListenTarget::Address(socket_address(host, port).ok_or_else(ListenError::invalid)?)
            }
            (None, _, None) => return Err(ListenError::invalid()),
        };
        Ok(ListenOptions {
            target,
            backlog: self.backlog,
            ipv6_only: self.ipv6_only,
            reuse_port: self.reuse_port,
        })
    }
}

/// The address of a socket from an IP address, which `%` and a scope may follow.
pub(crate) fn socket_address(text: &str, port: u16) -> Option<SocketAddr> {
    let (ip, scope) = match text.split_once('%') {
        Some((ip, scope)) => (ip, Some(scope)),
        None => (text, None),
    };
    let mut address = SocketAddr::new(ip.parse().ok()?, port);
    if let (SocketAddr::V6(address), Some(scope)) = (&mut address, scope) {
        address.set_scope_id(scope_id(scope));
    }
    Some(address)
}

/// Outcome of `listen`: with `errno` 0 the server runs.
#[napi(object)]
pub struct BindingListening {
    /// The operating system's error number, positive.
    pub errno: i32,
    /// The step that failed.
    pub syscall: String,
    /// The id of the server in records and calls.
    pub server: u32,
    /// The address to which it is bound. After a failure the address that was tried last, if it differs from the given one. Absent
    /// for a path.
    pub address: Option<String>,
    /// The port to which it is bound.
    pub port: Option<u16>,
}

impl BindingListening {
    pub(crate) fn new(outcome: Result<(u32, BoundAddress), ListenError>) -> Self {
        let (server, bound) = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                let syscall = error.syscall.to_owned();
                return Self {
                    errno: error.errno,
                    syscall,
                    server: 0,
                    address: error.fell_back.then(|| Ipv4Addr::UNSPECIFIED.to_string()),
                    port: None,
                };
            }
        };
        let (address, port) = match bound {
            BoundAddress::Ip(address) => (Some(address.ip().to_string()), Some(address.port())),
            BoundAddress::Path(_) => (None, None),
        };
        Self {
            errno: 0,
            syscall: String::new(),
            server,
            address,
            port,
        }
    }
}

/// The settings of a server's connections. Times are in milliseconds, 0 for none.
#[napi(object)]
pub struct BindingServerConfig {
    /// maxHeaderSize in bytes.
    pub max_header_size: u32,
    /// Fields in a head, 0 for any number.
    pub max_headers_count: u32,
    /// One of VALIDATION_STRICT and the others.
    pub validation: u32,
    /// headersTimeout.
    pub headers_timeout: f64,
    /// requestTimeout.
    pub request_timeout: f64,
    /// keepAliveTimeout with its buffer.
    pub keep_alive_timeout: f64,
    /// server.timeout.
    pub socket_timeout: f64,
    /// maxConnections; absent for any number.
    pub max_connections: Option<u32>,
    /// noDelay.
    pub no_delay: bool,
    /// keepAliveInitialDelay when keepAlive is on.
    pub tcp_keep_alive: Option<f64>,
    /// Nothing is read from a new connection before an OUT_PAUSE of 0.
    pub paused: bool,
    /// The program listens for 'clientError'.
    pub client_errors: bool,
    /// The program listens for 'timeout' of the server or of a socket.
    pub timeout_events: bool,
}

pub(crate) fn millis(value: f64) -> Option<Duration> {
    // As 0, Infinity and NaN mean no limit. The cap keeps the arithmetic of Instant in range.
    (value > 0.0 && value.is_finite()).then(|| Duration::from_secs_f64(value.min(1e12) / 1e3))
}

impl BindingServerConfig {
    pub(crate) fn to_net(&self) -> ServerConfig {
        ServerConfig {
            limits: with_validation(
                Limits {
                    max_header_size: self.max_header_size as usize,
                    max_headers_count: self.max_headers_count as usize,
                    ..Limits::default()
                },
                self.validation,
            ),
            timeouts: Timeouts {
                headers: millis(self.headers_timeout),
                request: millis(self.request_timeout),
                keep_alive: millis(self.keep_alive_timeout),
            },
            socket_timeout: millis(self.socket_timeout),
            max_connections: self.max_connections.map(|count| count as usize),
            no_delay: self.no_delay,
            tcp_keep_alive: self
                .tcp_keep_alive
                .map(|delay| millis(delay).unwrap_or_default()),
            paused: self.paused,
            client_errors: self.client_errors,
            timeout_events: self.timeout_events,
            ..ServerConfig::default()
        }
    }
}
