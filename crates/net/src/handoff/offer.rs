//! Memory of what is parsed, given away for a body part of it instead of being copied.

use std::ops::{Deref, DerefMut};

use super::chunk::{self, CHUNK, Chunk};
use super::inbound::Batch;
use crate::crossing::layout;
use crate::id::ConnectionId;

/// What the body parts are in that are being told of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Source {
    /// Something that stays where it is.
    #[default]
    Kept,
    /// Memory that may be given away.
    Offered,
    /// Parts of it have been told of.
    Claimed(Claim),
}

/// Parts of the memory on offer that share a chunk, which an empty one holds the place of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    chunk: usize,
    /// Of the first part.
    address: usize,
    /// Of what follows the last part.
    end: usize,
    /// In all parts.
    bytes: usize,
}

/// From so many bytes in its parts on memory is given away, rather than copied.
const CLAIMED: usize = CHUNK / 2;

/// A batch that may keep the memory of what it is told of.
pub(crate) struct Offer<'a>(&'a mut Batch);

impl Offer<'_> {
    /// Ends it. If the large body parts are worth it, `memory`, which they are in, becomes their chunk, and other memory takes
    /// its place.
    pub(crate) fn settle(self, memory: &mut Vec<u8>) {
        let Source::Claimed(claim) = self.0.source else {
            return;
        };
        let base = memory.as_ptr().addr();
        let (start, end) = (claim.address - base, claim.end - base);
        let chunk = if claim.bytes < CLAIMED {
            Chunk::copy_of(&memory[start..end])
        } else {
            let mut given = std::mem::replace(memory, chunk::memory());
            given.truncate(end);
            Chunk::new(given, start)
        };
        self.0.chunk_memory += chunk.memory();
        self.0.chunks[claim.chunk] = chunk;
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
        let address = data.as_ptr().addr();
        let (chunk, offset) = match &mut self.source {
            Source::Claimed(claim) if address >= claim.end => {
                claim.end = address + data.len();
                claim.bytes += data.len();
                (claim.chunk, address - claim.address)
            }
            Source::Offered => {
                let chunk = self.chunks.len();
                self.source = Source::Claimed(Claim {
                    chunk,
                    address,
                    end: address + data.len(),
                    bytes: data.len(),
                });
                self.chunks.push(Chunk::default());
                (chunk, 0)
            }
            Source::Kept | Source::Claimed(_) => {
                self.body_chunk(id, Chunk::copy_of(data), raw);
                return;
            }
        };
        let part = layout::LargeBody {
            length: data.len() as u32,
            chunk: chunk as u32,
            offset: offset as u32,
        };
        self.chunk_record(id, raw, part);
    }

    /// For telling of what is in memory that may be given away.
    pub(crate) const fn offer(&mut self) -> Offer<'_> {
        self.source = Source::Offered;
        Offer(self)
    }
}
