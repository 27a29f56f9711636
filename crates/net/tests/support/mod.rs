//! JavaScript's part, played by a test: reads batches of records, and answers with flushes of records.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test binary uses its part of this module"
)]

mod client;
mod js;
mod records;
mod wire;

pub use client::{Accepting, client_config, to};
pub use js::{Js, Server, config, loopback};
pub use records::{Close, Event, Failure, Head, Out, Response, flag, head_flag, response_flag};
pub use wire::{Peer, content, ends};

/// Time limit of steps that end soon unless something is broken.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
