//! I/O threads → JavaScript: the queue of batches.

use std::collections::VecDeque;
use std::sync::PoisonError;

use super::inbound::Batch;
use crate::sync::shared::{AtomicBool, Mutex, MutexGuard, Ordering};

/// Wakes JavaScript's thread; never called while a lock is held.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// Empty batches kept for reuse, enough for each I/O thread to fill one while JavaScript reads another.
const SPARE_BATCHES: usize = 8;

#[derive(Default)]
struct Queue {
    batches: VecDeque<Batch>,
    spare: Vec<Batch>,
}

/// The queue of one environment, filled by any I/O thread and emptied by JavaScript's.
pub struct Inbox {
    queue: Mutex<Queue>,
    /// A wake-up is under way that JavaScript has not answered by emptying the queue.
    scheduled: AtomicBool,
    wake: Wake,
}

impl Inbox {
    /// An empty queue that tells of its first batch through `wake`.
    #[must_use]
    pub fn new(wake: Wake) -> Self {
        Self {
            queue: Mutex::default(),
            scheduled: AtomicBool::new(false),
            wake,
        }
    }

    /// Puts `batch` at the end, leaves an empty one in its place, and wakes JavaScript unless that
    /// has been done since it last found the queue empty.
    pub(crate) fn publish(&self, batch: &mut Batch) {
        if self.push(batch) {
            self.tell();
        }
    }

    /// As `publish`, but wakes nobody; answers whether there was anything. Under a connection's lock this
    /// puts what happened to that connection ahead of what other threads make happen next.
    pub(crate) fn push(&self, batch: &mut Batch) -> bool {
        if batch.bytes.is_empty() {
            return false;
        }
        let mut queue = self.lock();
        let empty = queue.spare.pop().unwrap_or_default();
        queue.batches.push_back(std::mem::replace(batch, empty));
        true
    }

    /// The second half, without any lock.
    pub(crate) fn tell(&self) {
        if !self.scheduled.swap(true, Ordering::AcqRel) {
            (self.wake)();
        }
    }

    /// A panic of another thread leaves whole records in the queue: a record's length is written last.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch in exchange for the last one, or None when there is nothing.
    pub fn take(&self, used: Option<Batch>) -> Option<Batch> {
        let mut queue = self.lock();
        if let Some(mut used) = used
            && queue.spare.len() < SPARE_BATCHES
        {
            used.reset();
            queue.spare.push(used);
        }
        let next = queue.batches.pop_front();
        if next.is_none() {
            // Within the lock: a thread that publishes after this sees `scheduled` false and wakes again. A swap, which
            // follows the last `tell` in the order of changes by itself, so that loom can prove it.
            self.scheduled.swap(false, Ordering::AcqRel);
        }
        next
    }
}
