//! The driver under ferrohttp: sockets, I/O threads, timers, and the hand-off to JavaScript's thread.
//!
//! Below it `ferrohttp-proto` knows HTTP/1.1 and no socket; above it `ferrohttp-binding` knows Node-API
//! and no protocol. An [`Environment`] is one JavaScript thread: I/O threads fill its inbox with
//! [`Batch`]es of records, it answers with flushes of records.
//!
//! ```text
//!  socket → connection (engine, output) → staging → Inbox ⇒ JavaScript
//!  socket ← connection ← commands of an IoThread ← flush ⇐ JavaScript
//!                      ←────────── direct write, for small flushes
//! ```

#![warn(missing_docs, unreachable_pub)]

mod connection;
mod crossing;
mod environment;
mod handoff;
mod id;
mod listen;
mod measure;
mod messages;
mod pool;
mod registry;
mod server;
mod session;
mod settings;
mod socket;
mod sync;
mod table;
#[cfg(test)]
mod tests;
mod threads;
mod time;
mod tls;

pub use connection::GivenUp;
pub use crossing::{limit, phase_word, pool_answer, request_kind, validation};
pub use environment::Environment;
pub use handoff::{Batch, Chunk, Held, HeldBytes, Inbox, Malformed, Outbound, Wake};
pub use id::ConnectionId;
pub use listen::adopted::Adopted;
pub use listen::error::ListenError;
pub use listen::listener::{Backlog, BoundAddress, ListenOptions, ListenTarget};
pub use pool::{Acquired, Next, Pool, PoolCounts, PoolLimits, Released, idle_time};
pub use registry::connection_counts::ConnectionCounts;
pub use server::guard::{GuardOptions, HealthOptions};
pub use server::overload::OverloadOptions;
pub use server::{ServerConfig, ServerOptions, ServerTls};
pub use session::Session;
pub use settings::{ClientConfig, with_validation};
pub use socket::connect::{ConnectOptions, ConnectTarget, scope_id};
pub use socket::descriptor::Descriptor;
pub use threads::io_thread::{THREADS_VARIABLE, request_threads, thread_usage};
pub use threads::pulse::Pulse;
pub use tls::{
    Asks, ClientCertificates, Identity, Purpose, TlsAnswer, TlsClient, TlsClientOptions,
    TlsConnect, TlsResumption, TlsServer, TlsServerOptions, TlsSessions, TlsTrust, Unsupported,
};

/// Internals that fuzz targets use.
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz {
    use crate::handoff::{self, Held, HeldBytes, Malformed, Records};
    use crate::id::ConnectionId;
    pub use crate::tls::fuzzing::{TlsReceiver, TlsSender};

    struct Zeros(Vec<u8>);

    impl HeldBytes for Zeros {
        fn bytes(&self) -> &[u8] {
            &self.0
        }
    }

    /// Reads a flush with held buffers of these lengths, as an environment does before it carries one out. Returns the
    /// connection of each record and the bytes that the record takes of the flush, text included.
    ///
    /// # Errors
    /// It does not parse.
    pub fn read_flush(
        records: &[u8],
        text: &[u8],
        held: &[u8],
    ) -> Result<Vec<(ConnectionId, usize)>, Malformed> {
        let mut held: Vec<Held> = held
            .iter()
            .map(|&len| Box::new(Zeros(vec![0; len.into()])) as Held)
            .collect();
        handoff::check(records, text, &mut held, usize::MAX)?;
        let read: Vec<_> = Records::new(records, text)
            .inspect(|record| assert!(record.command.held().is_none() || !held.is_empty()))
            .map(|record| (record.id, record.bytes.len() + record.text.len()))
            .collect();
        Ok(read)
    }
}
