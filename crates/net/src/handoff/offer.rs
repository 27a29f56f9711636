//! Memory of what is parsed, given away for a body part of it instead of being copied.

use std::ops::{Deref, DerefMut};

use super::chunk::{self, CHUNK, Chunk};
use super::inbound::Batch;
use crate::id::ConnectionId;

/// What the body parts are in that are being told of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Source {
    /// Something that stays where it is.
    #[default]
    Kept,
    /// Memory that may be given away.
    Offered,
    /// It is to be given away.
    Claimed(Claim),
}

/// A part of memory on offer, for which an empty chunk holds the place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    chunk: usize,
    address: usize,
    length: usize,
}

/// The least part of memory on offer for which it is given away, rather than copied.
const CLAIMED: usize = CHUNK / 2;

/// A batch that may keep the memory of what it is told of.
pub(crate) struct Offer<'a>(&'a mut Batch);

impl Offer<'_> {
    /// Ends it. If a body part was large enough to be worth it, `memory`, which it is in, becomes that part's chunk, and
    /// other memory takes its place.
    pub(crate) fn settle(self, memory: &mut Vec<u8>) {
        let Source::Claimed(claim) = self.0.source else {
            return;
        };
        let start = claim.address - memory.as_ptr().addr();
        let mut given = std::mem::replace(memory, chunk::memory());
        given.truncate(start + claim.length);
        self.0.chunks[claim.chunk] = Chunk::new(given, start);
    }
}

impl Deref for Offer<'_> {
    type Target = Batch;

    fn deref(&self) -> &Batch {
        self.0
    }
}

impl DerefMut for Offer<'_> {
    fn deref_mut(&mut self) -> &mut Batch {
        self.0
    }
}

impl Drop for Offer<'_> {
    /// Also when parsing panics: the batch is everybody's.
    fn drop(&mut self) {
        self.0.source = Source::Kept;
    }
}

impl Batch {
    /// A body part that is too long for its record.
    pub(super) fn large_body(&mut self, id: ConnectionId, data: &[u8], raw: bool) {
        if data.len() < CLAIMED || !matches!(self.source, Source::Offered) {
            self.body_chunk(id, Chunk::copy_of(data), raw);
            return;
        }
        self.source = Source::Claimed(Claim {
            chunk: self.chunks.len(),
            address: data.as_ptr().addr(),
            length: data.len(),
        });
        self.chunk_record(id, data.len(), raw);
        self.chunks.push(Chunk::default());
    }

    /// For telling of what is in memory that may be given away.
    pub(crate) const fn offer(&mut self) -> Offer<'_> {
        self.source = Source::Offered;
        Offer(self)
    }
}
