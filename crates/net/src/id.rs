//! Ids of connections. An id remains valid when its connection has closed, and finds no other one.

/// The id of a connection: a slot of an environment's connection table, and a number that distinguishes the connections of the
/// slot. A command with an old generation has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    /// Index into the table.
    pub slot: u32,
    /// Counts the connections of the slot.
    pub generation: u32,
}
