//! Values by a number that consists of a slot and a generation.
//!
//! Not a `slotmap::SlotMap`, because its keys have 64 bits, and a number here has to fit into V8's small integers (31 bits),
//! which cross without an allocation. Not a `slab::Slab`, because its keys have no generation, so that an old number would find
//! the next value.

use std::collections::VecDeque;

/// The low bits are the slot, the bits above the generation. The sign of an `i32` and one more bit are left for other results.
const SLOT_BITS: u32 = 24;
const SLOTS: usize = 1 << SLOT_BITS;
const GENERATIONS: u32 = 1 << (30 - SLOT_BITS);

const fn slot(number: u32) -> usize {
    number as usize & (SLOTS - 1)
}

struct Entry<T> {
    generation: u32,
    value: Option<T>,
}

/// Values by number. The number of a removed value finds nothing, even when its slot has another value.
pub(super) struct Arena<T> {
    entries: Vec<Entry<T>>,
    /// The slot that has been free for longest is used first, so that generations last.
    free: VecDeque<u32>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free: VecDeque::new(),
        }
    }
}

impl<T> Arena<T> {
    /// None when all slots are used.
    pub(super) fn insert(&mut self, value: T) -> Option<u32> {
        if let Some(free) = self.free.pop_front() {
            let entry = &mut self.entries[free as usize];
            entry.value = Some(value);
            return Some(entry.generation << SLOT_BITS | free);
        }
        if self.entries.len() == SLOTS {
            return None;
        }
        self.entries.push(Entry {
            generation: 0,
            value: Some(value),
        });
        Some((self.entries.len() - 1) as u32)
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        let entry = self.entries.get(slot(number))?;
        if entry.generation == number >> SLOT_BITS {
            entry.value.as_ref()
        } else {
            None
        }
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let entry = self.entries.get_mut(slot(number))?;
        if entry.generation == number >> SLOT_BITS {
            entry.value.as_mut()
        } else {
            None
        }
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<T> {
        let entry = self.entries.get_mut(slot(number))?;
        if entry.generation != number >> SLOT_BITS {
            return None;
        }
        let value = entry.value.take()?;
        entry.generation = (entry.generation + 1) % GENERATIONS;
        self.free.push_back(slot(number) as u32);
        Some(value)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().filter_map(|entry| entry.value.as_ref())
    }
}
