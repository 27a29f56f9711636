//! TLS by rustls, without I/O: the configurations of servers and clients, and the state of one connection.
//!
//! An option that rustls does not support is reported as [`Unsupported`], and node:tls then makes the program's connections.

/// Debug without the fields, for types that rustls only uses as trait objects: the code for all of theirs would be in the addon.
macro_rules! opaque_debug {
    ($type:ident) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(stringify!($type))
            }
        }
    };
}

mod certificate;
mod ciphers;
mod client;
mod failure;
mod framing;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzzing;
mod hello;
mod judge;
mod kept_sessions;
mod key_log;
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
pub(crate) use self::hello::Question;
pub use self::hello::TlsAnswer;
pub(crate) use self::judge::Judge;
pub use self::kept_sessions::{TlsResumption, TlsSessions};
pub use self::server::{Asks, ClientCertificates, Identity, TlsServer, TlsServerOptions};
pub(crate) use self::session::{HandshakeResult, Session};
pub use self::trust::TlsTrust;

/// The option that an I/O thread does not support, with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported(pub String);
