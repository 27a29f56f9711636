//! Wire vectors: how they are written down, and how a connection's answers to them are written up.

pub(crate) mod transcript;
pub(crate) mod vector;
