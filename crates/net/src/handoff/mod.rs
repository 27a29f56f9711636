//! The hand-off between I/O threads and JavaScript's thread.
//!
//! In both directions it is one flat sequence of records, so that a crossing costs the same for one record as for a hundred.
//! `crate::crossing` has the layout of records. In an outbound flush the text of all records follows the last one, in their order
//! and without padding.
//!
//! `inbound` writes the records of a `batch`, I/O → JavaScript, whose queue is `inbox`; `outbound` is JavaScript → I/O.

mod batch;
pub(crate) mod chunk;
mod flush;
mod inbound;
mod inbox;
mod offer;
mod outbound;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub(crate) use chunk::CHUNK;
pub use chunk::Chunk;
pub use flush::Malformed;
pub(crate) use flush::check;
pub(crate) use inbound::{Addresses, Timeout, write_addresses};
pub use inbox::{Inbox, Wake};
pub(crate) use inbox::{TaskThread, Until};
pub(crate) use outbound::{CloseMode, Command, Payload, Record, Records};
pub use outbound::{Held, HeldBytes, Outbound};
