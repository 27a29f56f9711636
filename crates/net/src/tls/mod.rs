//! TLS by rustls, without I/O: the configuration of a server, and the state of one connection.
//!
//! An option that rustls does not support is reported as [`Unsupported`], and node:tls then serves the program's server.

mod ciphers;
mod failure;
mod provider;
mod server;
mod session;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use self::failure::Failure;
pub use self::server::{Identity, TlsServer, TlsServerOptions};
pub(crate) use self::session::{Established, Session};

/// The option that an I/O thread does not support, with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported(pub String);
