//! The connections of an environment, by id.
//!
//! Not a `slab::Slab` or a `slotmap::SlotMap`: a slot keeps its generation and the counters of the last connection that has
//! left it, which `slab` cannot, and both halves of the id are words of a record, which keys of `slotmap` do not show.

use std::sync::{Arc, Mutex};

use crate::connection::Connection;
use crate::id::ConnectionId;
use crate::sync::lock;

#[derive(Default)]
struct Slots {
    entries: Vec<Entry>,
    free: Vec<u32>,
}

struct Entry {
    generation: u32,
    connection: Option<Arc<Connection>>,
    /// Of the last connection that has left the slot. JavaScript may ask before it is notified of the end.
    left: Option<(u32, Counters)>,
}

/// Bytes received and bytes written.
pub(crate) type Counters = (u64, u64);

/// The connections of one environment.
#[derive(Default)]
pub(crate) struct Table {
    slots: Mutex<Slots>,
}

impl Table {
    /// Gives a slot to the connection that `make` builds for the id.
    pub(crate) fn insert(
        &self,
        make: impl FnOnce(ConnectionId) -> Arc<Connection>,
    ) -> Arc<Connection> {
        let mut slots = lock(&self.slots);
        let slot = slots.free.pop().unwrap_or_else(|| {
            slots.entries.push(Entry {
                generation: 0,
                connection: None,
                left: None,
            });
            (slots.entries.len() - 1) as u32
        });
        let entry = &mut slots.entries[slot as usize];
        let connection = make(ConnectionId {
            slot,
            generation: entry.generation,
        });
        entry.connection = Some(Arc::clone(&connection));
        connection
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        let slots = lock(&self.slots);
        let entry = slots.entries.get(id.slot as usize)?;
        if entry.generation == id.generation {
            entry.connection.clone()
        } else {
            None
        }
    }

    /// Frees the slot; ids given out for it find nobody from now on.
    pub(crate) fn remove(&self, id: ConnectionId, counters: Counters) {
        let mut slots = lock(&self.slots);
        let Some(entry) = slots.entries.get_mut(id.slot as usize) else {
            return;
        };
        if entry.generation != id.generation || entry.connection.take().is_none() {
            return;
        }
        entry.left = Some((entry.generation, counters));
        entry.generation = entry.generation.wrapping_add(1);
        slots.free.push(id.slot);
    }

    /// The counters of a connection that has left its slot, unless another has left it since.
    pub(crate) fn counters_left(&self, id: ConnectionId) -> Option<Counters> {
        let slots = lock(&self.slots);
        let (generation, counters) = slots.entries.get(id.slot as usize)?.left?;
        (generation == id.generation).then_some(counters)
    }

    /// Everybody, as of now.
    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        lock(&self.slots)
            .entries
            .iter()
            .filter_map(|entry| entry.connection.clone())
            .collect()
    }
}
