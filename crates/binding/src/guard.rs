//! Options of requests that I/O threads answer themselves.

use std::time::Duration;

use ferrohttp_net::{GuardOptions, HealthOptions, OverloadOptions};
use napi_derive::napi;

use crate::options::millis;

/// The requests to a server that I/O threads answer themselves.
#[napi(object)]
pub struct BindingGuard {
    /// Absent if no path is a probe.
    pub health: Option<BindingHealth>,
    /// Absent if no request is refused.
    pub overload: Option<BindingOverload>,
}

/// Paths that report a server's health.
#[napi(object)]
pub struct BindingHealth {
    /// Whether JavaScript's thread turns its event loop.
    pub live: Option<String>,
    /// Whether, besides, the server is not being drained.
    pub ready: Option<String>,
    /// In milliseconds.
    pub max_delay: f64,
    /// Status code and reason phrase for a server that is not healthy.
    pub failure: String,
}

/// When a server refuses requests. Times are in milliseconds.
#[napi(object)]
pub struct BindingOverload {
    /// The time that requests may wait for JavaScript; absent for any time.
    pub max_queue_delay: Option<f64>,
    /// The time for which they have to wait longer.
    pub interval: f64,
    /// Number of requests that may be unanswered; absent for any number.
    pub max_pending: Option<u32>,
    /// In seconds.
    pub retry_after: u32,
    /// Paths of requests that are never refused.
    pub exempt: Vec<String>,
}

impl BindingOverload {
    fn into_net(self) -> OverloadOptions {
        let millis = |value: f64| Duration::from_secs_f64(value.clamp(0.0, 1e12) / 1e3);
        OverloadOptions {
            max_queue_delay: self.max_queue_delay.map(millis),
            interval: millis(self.interval),
            max_pending: self.max_pending.map(|count| count as usize),
            retry_after: self.retry_after,
            exempt: self.exempt.into_iter().map(String::into_bytes).collect(),
        }
    }
}

impl BindingGuard {
    pub(crate) fn into_net(self) -> GuardOptions {
        GuardOptions {
            health: self.health.map(|health| HealthOptions {
                live: health.live.map(String::into_bytes),
                ready: health.ready.map(String::into_bytes),
                max_delay: millis(health.max_delay).unwrap_or_default(),
                failure: health.failure,
            }),
            overload: self.overload.map(BindingOverload::into_net),
        }
    }
}
