//! Names of connections that outlive them safely.

/// A slot in an environment's connection table and the generation of its tenant. A command that
/// carries an old generation finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    /// Index into the table.
    pub slot: u32,
    /// Counts the tenants of the slot.
    pub generation: u32,
}
