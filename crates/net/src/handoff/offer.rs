//! Gives the memory of parsed bytes to the body parts in it, instead of copying them.

use std::ops::{Deref, DerefMut};

use super::batch::Batch;
use super::chunk::{self, CHUNK, Chunk};
use crate::crossing::layout;
use crate::id::ConnectionId;

/// The memory of the body parts that are being recorded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Source {
    /// Memory that must not be given away.
    #[default]
    Kept,
    /// Memory that may be given away.
    Offered,
    /// Memory that may be given away, and parts of which have been recorded.
    Claimed(Claim),
}

/// Parts of the offered memory that share a chunk. An empty chunk keeps its place until then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    chunk: usize,
    /// Address of the first part.
    address: usize,
    /// Address of the byte after the last part.
    end: usize,
    /// Number of bytes in all parts.
    bytes: usize,
}

/// With this many bytes in its parts, memory is given away. Otherwise the parts are copied.
const CLAIMED: usize = CHUNK / 2;

/// A batch that may keep the memory of the body parts that are recorded.
pub(crate) struct Offer<'a>(&'a mut Batch);

impl Offer<'_> {
    /// Ends the offer. If the large body parts have enough bytes, `memory`, which contains them, becomes their chunk and is
    /// replaced by other memory.
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
    /// Also when parsing panics, because all connections of the thread share the batch.
    fn drop(&mut self) {
        self.0.source = Source::Kept;
    }
}

impl Batch {
    /// Records a body part that is too long for its record.
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

    /// Offers the memory of the next body parts.
    pub(crate) const fn offer(&mut self) -> Offer<'_> {
        self.source = Source::Offered;
        Offer(self)
    }
}
