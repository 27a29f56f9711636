//! The settings of a connection, in either role.

use std::time::Duration;

use ferrohttp_proto::{Limits, Timeouts};

use crate::crossing::{limit, validation};

/// `limits` with the strictness `number`, one of [`validation`](mod@validation).
#[must_use]
pub const fn with_validation(limits: Limits, number: u32) -> Limits {
    Limits {
        lenient: number == validation::INSECURE,
        relaxed_values: number == validation::RELAXED,
        ..limits
    }
}

/// The settings of a client's connection.
#[derive(Clone, Copy, Debug)]
pub struct ClientConfig {
    /// Sizes and leniency. `max_headers_count` is 0 by default, because Node's client drops surplus fields instead of refusing
    /// the response, which JavaScript does.
    pub limits: Limits,
    /// Initial inactivity timeout of the socket, which begins with the attempt to connect.
    pub socket_timeout: Option<Duration>,
    /// Body bytes that may be on their way to JavaScript unread.
    pub body_window: u32,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            limits: Limits {
                max_headers_count: 0,
                ..Limits::default()
            },
            socket_timeout: None,
            body_window: limit::BODY_WINDOW,
        }
    }
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) socket_timeout: Option<Duration>,
    pub(crate) body_window: u32,
}

impl From<ClientConfig> for Settings {
    fn from(config: ClientConfig) -> Self {
        Self {
            limits: config.limits,
            timeouts: Timeouts {
                headers: None,
                request: None,
                keep_alive: None,
            },
            socket_timeout: config.socket_timeout,
            body_window: config.body_window,
        }
    }
}
