//! The options for connecting.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ferrohttp_net::{
    ClientConfig, ConnectOptions, ConnectTarget, ConnectionId, Descriptor, with_validation,
};
use ferrohttp_proto::Limits;
use napi::bindgen_prelude::Result;
use napi_derive::napi;

use crate::options::{millis, socket_address};
use crate::wake::misuse;

/// Where to connect, and the settings of the connection. `path`, `connected`, or `addresses` and `port`. Times are in milliseconds, 0
/// for none.
#[napi(object)]
pub struct BindingConnectOptions {
    /// A host's IP addresses in the resolver's order; `%` and a scope may follow one.
    pub addresses: Option<Vec<String>>,
    /// The port of all addresses.
    pub port: Option<u16>,
    /// A Unix socket.
    pub path: Option<String>,
    /// The descriptor of a connected socket. The caller closes it.
    pub connected: Option<i32>,
    /// An IP address to bind; of the peer's scope, if any.
    pub local_address: Option<String>,
    /// A port to bind.
    pub local_port: Option<u16>,
    /// autoSelectFamilyAttemptTimeout; absent without autoSelectFamily.
    pub attempt_timeout: Option<f64>,
    /// noDelay.
    pub no_delay: bool,
    /// keepAliveInitialDelay when keepAlive is on.
    pub tcp_keep_alive: Option<f64>,
    /// The inactivity timeout until OUT_SOCKET_TIMEOUT changes it.
    pub socket_timeout: f64,
    /// maxHeaderSize in bytes.
    pub max_header_size: u32,
    /// One of VALIDATION_STRICT and the others.
    pub validation: u32,
}

impl BindingConnectOptions {
    pub(crate) fn to_net(&self) -> Result<(ConnectOptions, ClientConfig)> {
        let target = match (self.connected, &self.path, &self.addresses, self.port) {
            (Some(number), ..) => {
                let descriptor = Descriptor::of_number(number)
                    .map_err(|_| misuse("connected has no further descriptor"))?;
                ConnectTarget::Connected(Arc::new(descriptor))
            }
            (None, Some(path), _, _) => ConnectTarget::Path(PathBuf::from(path)),
            (None, None, Some(addresses), Some(port)) => ConnectTarget::Addresses(
                addresses
                    .iter()
                    .map(|address| {
                        socket_address(address, port)
                            .ok_or_else(|| misuse("addresses must be IP addresses"))
                    })
                    .collect::<Result<_>>()?,
            ),
            _ => {
                return Err(misuse("addresses and port, path, or connected is required"));
            }
        };
        let local_address = match &self.local_address {
            Some(address) => Some(ip_address(address)?),
            None => None,
        };
        let options = ConnectOptions {
            target,
            local_address,
            local_port: self.local_port,
            attempt_timeout: self.attempt_timeout.and_then(millis),
            no_delay: self.no_delay,
            tcp_keep_alive: self
                .tcp_keep_alive
                .map(|delay| millis(delay).unwrap_or_default()),
        };
        let defaults = ClientConfig::default();
        let config = ClientConfig {
            limits: with_validation(
                Limits {
                    max_header_size: self.max_header_size as usize,
                    ..defaults.limits
                },
                self.validation,
            ),
            socket_timeout: millis(self.socket_timeout),
            ..defaults
        };
        Ok((options, config))
    }
}

fn ip_address(text: &str) -> Result<IpAddr> {
    let (address, _) = text.split_once('%').unwrap_or((text, ""));
    address
        .parse()
        .map_err(|_| misuse("addresses must be IP addresses"))
}

/// Outcome of `connect`: with `errno` 0 the attempt is under way.
#[napi(object)]
pub struct BindingConnecting {
    /// The operating system's error number, positive.
    pub errno: i32,
    /// The slot of the connection. With `generation` it is its id in records and calls.
    pub slot: u32,
    /// Counts the connections of the slot.
    pub generation: u32,
}

impl BindingConnecting {
    pub(crate) fn new(outcome: std::result::Result<ConnectionId, i32>) -> Self {
        let none = ConnectionId {
            slot: 0,
            generation: 0,
        };
        let ConnectionId { slot, generation } = outcome.unwrap_or(none);
        Self {
            errno: outcome.err().unwrap_or(0),
            slot,
            generation,
        }
    }
}
