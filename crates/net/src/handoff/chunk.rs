//! Reusable memory for large reads.
//!
//! A part goes to JavaScript in the memory into which it was read. The garbage collector releases it later, on another thread and
//! together with many others. If it went back to the system each time, its pages would be cleared again: 4.7 page faults for an
//! upload of 64 KiB, instead of less than one.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::sync::lock;

/// Size of a chunk in bytes. The kernel rarely has more for one read.
pub(crate) const CHUNK: usize = 64 * 1024;

/// Largest number of free chunks, 32 MiB. A full collection of a process that reads large bodies releases some 850 at once. With 256,
/// the system's allocator cleared pages for most of the others again; with 1,024, the process has 10 MB more and saves little more.
const KEPT: usize = 512;

/// Chunks that have not been used for this time are returned to the system.
const UNUSED: Duration = Duration::from_secs(1);

struct Pool {
    free: Vec<Vec<u8>>,
    /// The smallest number of free chunks since the last check.
    fewest: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    free: Vec::new(),
    fewest: 0,
});

/// The runtime of the task that returns unused chunks.
static RUNTIME: OnceLock<Handle> = OnceLock::new();

/// Whether the task that returns unused chunks runs.
static IS_RETURNING: AtomicBool = AtomicBool::new(false);

/// Sets the runtime of the task that returns unused chunks to the system.
pub(crate) fn return_unused_on(runtime: &Handle) {
    RUNTIME.get_or_init(|| runtime.clone());
}

/// Returns empty memory with room for at least `CHUNK` bytes.
pub(crate) fn memory() -> Vec<u8> {
    let kept = {
        let mut pool = lock(&POOL);
        let kept = pool.free.pop();
        pool.fewest = pool.fewest.min(pool.free.len());
        kept
    };
    kept.unwrap_or_else(|| Vec::with_capacity(CHUNK))
}

fn recycle(mut memory: Vec<u8>) {
    memory.clear();
    {
        let mut pool = lock(&POOL);
        if pool.free.len() == KEPT {
            return;
        }
        pool.free.push(memory);
    }
    if !IS_RETURNING.swap(true, Ordering::Relaxed) {
        match RUNTIME.get() {
            Some(runtime) => drop(runtime.spawn(return_unused())),
            None => IS_RETURNING.store(false, Ordering::Relaxed),
        }
    }
}

/// Returns unused chunks to the system until the pool is empty.
async fn return_unused() {
    loop {
        tokio::time::sleep(UNUSED).await;
        let mut pool = lock(&POOL);
        let needed = pool.free.len().saturating_sub(pool.fewest);
        let unused = pool.free.split_off(needed);
        pool.fewest = needed;
        if needed == 0 {
            IS_RETURNING.store(false, Ordering::Relaxed);
        }
        drop(pool);
        drop(unused);
        if needed == 0 {
            return;
        }
    }
}

/// Bytes that were read, in memory of their own.
#[derive(Debug, Default)]
pub struct Chunk {
    memory: Vec<u8>,
    start: usize,
}

impl Chunk {
    /// `memory` from `start` on.
    pub(crate) fn new(memory: Vec<u8>, start: usize) -> Self {
        let start = start.min(memory.len());
        Self { memory, start }
    }

    /// Number of bytes that it keeps allocated.
    pub(crate) fn memory(&self) -> usize {
        self.memory.capacity()
    }

    pub(crate) fn copy_of(data: &[u8]) -> Self {
        Self::new(data.to_vec(), 0)
    }
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..]
    }
}

impl DerefMut for Chunk {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..]
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if self.memory.capacity() == CHUNK {
            recycle(std::mem::take(&mut self.memory));
        }
    }
}
