//! Tests that need the crate's internals: a paused clock, sizes, the sockets.

// On Linux a full accept queue makes an address that does not answer.
#[cfg(target_os = "linux")]
mod connecting;
mod deferred_accept;
mod direct_writes;
#[cfg(unix)]
mod give_up;
mod idle;
mod layers;
#[cfg(target_os = "linux")]
mod loans;
mod paused;
mod secure;
mod secure_clients;
mod secure_floods;
mod secure_questions;
#[cfg(target_os = "linux")]
mod size;
mod socket_options;
#[cfg(unix)]
mod staging;
mod timers;
