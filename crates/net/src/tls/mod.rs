//! TLS by rustls, without I/O: the configurations of servers and clients, and the state of one connection.
//!
//! An option that rustls does not support is reported as [`Unsupported`], and node:tls then makes the program's connections.

mod certificate;
mod ciphers;
mod client;
mod failure;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzzing;
mod judge;
mod kept_sessions;
mod provider;
mod server;
mod session;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tickets;
mod trust;
mod verifier;

pub use self::certificate::Purpose;
pub use self::client::{TlsClient, TlsClientOptions, TlsConnect};
pub(crate) use self::failure::Failure;
pub(crate) use self::judge::Judge;
pub use self::kept_sessions::{TlsResumption, TlsSessions};
pub use self::server::{ClientCertificates, Identity, TlsServer, TlsServerOptions};
pub(crate) use self::session::{Established, Session};
pub use self::trust::TlsTrust;

/// The option that an I/O thread does not support, with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported(pub String);
