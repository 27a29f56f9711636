//! The schema of everything that crosses between Rust and JavaScript: every number and every record layout, each once.
//!
//! Rust uses what the two macros declare. TypeScript uses `js/native/records.ts` and `js/native/record-fields.ts`, which
//! `typescript` writes from the same declarations: `FERROHTTP_WRITE_RECORDS=1 cargo test -p ferrohttp-net crossing`.
//! Without the variable the same test fails when a generated file is stale.
//!
//! A record is a run of little-endian `u32` words:
//!
//! | word | meaning |
//! |---|---|
//! | 0 | kind in the low byte, flags above it |
//! | 1 | length of the whole record in bytes, a multiple of 4 |
//! | 2 | slot of the connection (the server's id, where the kind says so) |
//! | 3 | generation of the connection |
//! | 4… | the fields of its [`layout`], then its payload, then padding |

pub(crate) mod layout;
mod numbers;
#[cfg(test)]
mod typescript;

pub(crate) use numbers::{
    body_flag, close_mode, end_flag, flag, head_flag, hello_flag, histogram, inbound, line,
    outbound, response_flag, step, timeout, tls_failure, verdict,
};
pub use numbers::{limit, phase_word, pool_answer, request_kind, validation};

/// Bits of a record's first word that hold its kind.
pub(crate) const KIND_BITS: u32 = 8;

/// The first word of a record.
pub(crate) const fn first_word(kind: u32, flags: u32) -> u32 {
    kind | flags << KIND_BITS
}

/// The kind of a record that begins with `first`.
pub(crate) const fn kind_of(first: u32) -> u32 {
    first & ((1 << KIND_BITS) - 1)
}

/// The flags of a record that begins with `first`.
pub(crate) const fn flags_of(first: u32) -> u32 {
    first >> KIND_BITS
}
