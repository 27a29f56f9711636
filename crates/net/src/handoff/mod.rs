//! The hand-off between I/O threads and JavaScript's thread.
//!
//! Both ways it is one flat byte sequence of records, so that a crossing costs the same for one
//! record as for a hundred. A record is a run of little-endian `u32` words:
//!
//! | word | meaning |
//! |---|---|
//! | 0 | type in the low byte, flags above it |
//! | 1 | length of the whole record in bytes, a multiple of 4 |
//! | 2 | connection slot (or server id where the type says so) |
//! | 3 | connection generation |
//! | 4… | the type's own words, then its bytes, then padding |
//!
//! Outbound, the text of all records follows the last one, in their order and without padding.
//!
//! `inbound` is I/O → JavaScript, whose queue is `inbox`; `outbound` is JavaScript → I/O. The numbers are mirrored in
//! `js/internal/records.ts`; a test compares the two.

pub(crate) mod chunk;
mod flush;
mod inbound;
mod inbox;
mod offer;
mod outbound;
#[cfg(test)]
mod tests;

pub(crate) use chunk::CHUNK;
pub use chunk::Chunk;
pub use flush::Malformed;
pub(crate) use flush::check;
pub use inbound::Batch;
pub(crate) use inbound::{Addresses, Timeout};
pub(crate) use inbox::Until;
pub use inbox::{Inbox, Wake};
pub(crate) use outbound::{CloseMode, Command, Payload, Records};
pub use outbound::{Held, HeldBytes};

/// Words before a record's own: type and flags, length, slot, generation.
pub(crate) const HEADER_WORDS: usize = 4;
/// The same in bytes.
pub(crate) const HEADER_BYTES: usize = HEADER_WORDS * 4;

/// Rounds up to the record alignment.
pub(crate) const fn padded(len: usize) -> usize {
    (len + 3) & !3
}
