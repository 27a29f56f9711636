//! The connections of one JavaScript thread, by id. The table does not know what a connection is.
//!
//! Not a `slab::Slab` or a `slotmap::SlotMap`: a slot keeps its generation and the counters of the last connection that has
//! left it, which `slab` cannot, and both halves of the id are words of a record, which keys of `slotmap` do not show.

use std::sync::{Arc, Mutex};

use crate::id::ConnectionId;
use crate::sync::lock;

struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    generation: u32,
    connection: Option<Arc<T>>,
    /// Of the last connection that has left the slot. JavaScript may ask before it is notified of the end.
    left: Option<(u32, Counters)>,
}

/// Bytes received and bytes written.
pub(crate) type Counters = (u64, u64);

/// See the module.
pub(crate) struct Table<T> {
    slots: Mutex<Slots<T>>,
}

/// A connection's entry of the table: its id, and the means to free its slot.
pub(crate) struct TableEntry<T> {
    pub(crate) id: ConnectionId,
    table: Arc<Table<T>>,
}

impl<T> TableEntry<T> {
    /// Frees the slot. From now on the id finds no connection.
    pub(crate) fn leave(&self, counters: Counters) {
        self.table.remove(self.id, counters);
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            slots: Mutex::new(Slots {
                slots: Vec::new(),
                free: Vec::new(),
            }),
        }
    }
}

impl<T> Slots<T> {
    fn get(&self, id: ConnectionId) -> Option<Arc<T>> {
        let slot = self.slots.get(id.slot as usize)?;
        if slot.generation == id.generation {
            slot.connection.clone()
        } else {
            None
        }
    }
}

impl<T> Table<T> {
    /// Adds the connection that `make` builds for its entry.
    pub(crate) fn insert(self: &Arc<Self>, make: impl FnOnce(TableEntry<T>) -> Arc<T>) -> Arc<T> {
        let mut slots = lock(&self.slots);
        let slot = slots.free.pop().unwrap_or_else(|| {
            slots.slots.push(Slot {
                generation: 0,
                connection: None,
                left: None,
            });
            (slots.slots.len() - 1) as u32
        });
        let free = &mut slots.slots[slot as usize];
        let id = ConnectionId {
            slot,
            generation: free.generation,
        };
        let connection = make(TableEntry {
            id,
            table: Arc::clone(self),
        });
        free.connection = Some(Arc::clone(&connection));
        connection
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<Arc<T>> {
        lock(&self.slots).get(id)
    }

    /// Appends the connection of each id, None where it is gone.
    pub(crate) fn get_each(
        &self,
        ids: impl Iterator<Item = ConnectionId>,
        found: &mut Vec<Option<Arc<T>>>,
    ) {
        let slots = lock(&self.slots);
        found.extend(ids.map(|id| slots.get(id)));
    }

    fn remove(&self, id: ConnectionId, counters: Counters) {
        let mut slots = lock(&self.slots);
        let Some(slot) = slots.slots.get_mut(id.slot as usize) else {
            return;
        };
        if slot.generation != id.generation || slot.connection.take().is_none() {
            return;
        }
        slot.left = Some((slot.generation, counters));
        slot.generation = slot.generation.wrapping_add(1);
        slots.free.push(id.slot);
    }

    /// The counters of a connection that has left its slot, unless another has left it since.
    pub(crate) fn counters_left(&self, id: ConnectionId) -> Option<Counters> {
        let slots = lock(&self.slots);
        let (generation, counters) = slots.slots.get(id.slot as usize)?.left?;
        (generation == id.generation).then_some(counters)
    }

    /// All connections that are open now.
    pub(crate) fn all(&self) -> Vec<Arc<T>> {
        lock(&self.slots)
            .slots
            .iter()
            .filter_map(|slot| slot.connection.clone())
            .collect()
    }
}
