//! The queue of batches from I/O threads to JavaScript.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, PoisonError};
use std::task::Waker;

use super::batch::Batch;
use crate::sync::shared::{AtomicBool, Mutex, MutexGuard, Ordering};
use crate::time::clock::{micros, now};

/// Wakes JavaScript's thread. Never called while a lock is held.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// Bytes of memory of the empty batches that are kept for reuse. Pipelined requests fill tens of batches of some kilobytes before
/// JavaScript reads the first of them, and each would grow from nothing again.
const SPARE_BYTES: usize = 2 * 1024 * 1024;

/// Number of bytes in the queue at which the I/O threads stop reading. They continue at half of it. JavaScript's thread empties
/// the queue in every turn of its event loop, so the queue fills only while the program blocks that thread. 10 Gbit/s fill it in
/// 13 ms.
const FULL: usize = 16 * 1024 * 1024;

/// The event that a connection awaits before it is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// JavaScript's thread takes a batch.
    Taken,
    /// JavaScript's thread finds the queue empty, so it has seen everything.
    Emptied,
    /// JavaScript's thread has taken so much that the queue is not full any more.
    Room,
}

/// A thread with tasks that wait for JavaScript.
pub(crate) trait TaskThread: Send + Sync {
    /// Wakes tasks of this thread. To wake each by itself would cost the caller a system call each.
    fn wake_together(&self, tasks: Vec<Waker>);
}

/// A waiting task, and its thread.
type Task = (Arc<dyn TaskThread>, Waker);

#[derive(Default)]
struct Queue {
    batches: VecDeque<Batch>,
    spare: Vec<Batch>,
    /// Bytes of memory of `spare`.
    spare_bytes: usize,
    /// Number of bytes in `batches`.
    memory: usize,
    /// Number of requests in `batches`.
    requests: usize,
    /// Waiting tasks, by the event that they await.
    waiting: [Vec<Task>; 3],
}

/// The queue of one JavaScript thread, which any I/O thread fills.
pub struct Inbox {
    queue: Mutex<Queue>,
    /// JavaScript was woken, and has not emptied the queue since.
    scheduled: AtomicBool,
    wake: Wake,
    full: AtomicBool,
    /// When the oldest batch was queued, 0 if there is none.
    oldest: AtomicU64,
    /// Number of requests that were queued, which wraps around.
    entered: AtomicU32,
    /// How often each `Until` has happened.
    happened: [AtomicU32; 3],
}

impl Inbox {
    /// An empty queue, which calls `wake` for its first batch.
    #[must_use]
    pub fn new(wake: Wake) -> Self {
        Self {
            queue: Mutex::default(),
            scheduled: AtomicBool::new(false),
            wake,
            full: AtomicBool::new(false),
            oldest: AtomicU64::new(0),
            entered: AtomicU32::new(0),
            happened: Default::default(),
        }
    }

    /// When the oldest batch in the queue was put into it, see `micros`. 0 if the queue is empty.
    pub(crate) fn oldest(&self) -> u64 {
        self.oldest.load(Ordering::Relaxed)
    }

    /// Number of requests so far that were put into the queue. Wraps around.
    pub(crate) fn entered(&self) -> u32 {
        self.entered.load(Ordering::Relaxed)
    }

    /// Number of requests in the queue.
    pub(crate) fn requests(&self) -> usize {
        self.lock().requests
    }

    /// Whether the queue holds so much that no connection should be read.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// How often the event has happened so far. Wraps around.
    pub(crate) fn happened(&self, what: Until) -> u32 {
        self.happened[what as usize].load(Ordering::Relaxed)
    }

    /// Wakes a task of `thread` when the event happens next. Returns false, and does nothing, if it has happened more than `seen`
    /// times already.
    pub(crate) fn await_javascript<T: TaskThread + 'static>(
        &self,
        what: Until,
        seen: u32,
        (thread, waker): (&Arc<T>, &Waker),
    ) -> bool {
        let mut queue = self.lock();
        let waits = self.happened(what) == seen && (what != Until::Room || self.is_full());
        if waits {
            let thread = Arc::clone(thread);
            queue.waiting[what as usize].push((thread, waker.clone()));
        }
        waits
    }

    /// Drops all waiting tasks: JavaScript's thread takes no more batches.
    pub(crate) fn forget_waiting(&self) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        drop(waiting);
    }

    /// Moves the content of `batch` to the end of the queue, and wakes JavaScript, unless it was woken since it last found the
    /// queue empty.
    pub(crate) fn publish(&self, batch: &mut Batch) {
        if self.push(batch) {
            self.wake_javascript();
        }
        batch.closing.clear();
    }

    /// As `publish`, without the wake-up. Returns whether there was anything to publish. A caller that holds a connection's lock
    /// puts the connection's records before those that other threads publish after it.
    pub(crate) fn push(&self, batch: &mut Batch) -> bool {
        if batch.records().is_empty() {
            return false;
        }
        batch.queued_at = micros(now());
        let mut queue = self.lock();
        if queue.batches.is_empty() {
            self.oldest.store(batch.queued_at, Ordering::Relaxed);
        }
        // Written under the lock only.
        let entered = self.entered().wrapping_add(batch.requests() as u32);
        self.entered.store(entered, Ordering::Relaxed);
        let empty = queue
            .spare
            .pop()
            .inspect(|spare| queue.spare_bytes -= spare.capacity());
        queue.memory += batch.memory();
        queue.requests += batch.requests();
        if queue.memory >= FULL {
            self.full.store(true, Ordering::Relaxed);
        }
        let mut full = std::mem::replace(batch, empty.unwrap_or_default());
        // Closed by `publish`, after the wake-up.
        std::mem::swap(&mut full.closing, &mut batch.closing);
        queue.batches.push_back(full);
        true
    }

    /// The wake-up of `publish`. The caller holds no lock.
    pub(crate) fn wake_javascript(&self) {
        if !self.scheduled.swap(true, Ordering::AcqRel) {
            (self.wake)();
        }
    }

    /// Wakes JavaScript, also if the queue is empty. The caller holds no lock.
    pub(crate) fn wake_without_records(&self) {
        (self.wake)();
    }

    /// A panic of another thread leaves the queue as it was: a batch is moved into it whole, and its readers see whole records
    /// only.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch in exchange for the last one, or None when there is nothing.
    pub fn take(&self, used: Option<Batch>) -> Option<Batch> {
        let mut queue = self.lock();
        if let Some(mut used) = used {
            used.reset();
            if queue.spare_bytes + used.capacity() <= SPARE_BYTES {
                queue.spare_bytes += used.capacity();
                queue.spare.push(used);
            }
        }
        let next = queue.batches.pop_front();
        let oldest = queue.batches.front().map_or(0, |batch| batch.queued_at);
        self.oldest.store(oldest, Ordering::Relaxed);
        if let Some(next) = &next {
            queue.memory -= next.memory();
            queue.requests -= next.requests();
        } else {
            // Within the lock: a thread that publishes after this sees `scheduled` false and wakes again. A swap, which
            // follows the last `wake_javascript` in the order of changes by itself, so that loom can prove it.
            self.scheduled.swap(false, Ordering::AcqRel);
        }
        let mut woken = self.happens(&mut queue, Until::Taken);
        if next.is_none() {
            woken.append(&mut self.happens(&mut queue, Until::Emptied));
        }
        if self.is_full() && queue.memory <= FULL / 2 {
            self.full.store(false, Ordering::Relaxed);
            woken.append(&mut self.happens(&mut queue, Until::Room));
        }
        drop(queue);
        wake_all(woken);
        next
    }

    fn happens(&self, queue: &mut Queue, what: Until) -> Vec<Task> {
        self.happened[what as usize].fetch_add(1, Ordering::Relaxed);
        std::mem::take(&mut queue.waiting[what as usize])
    }
}

fn wake_all(mut tasks: Vec<Task>) {
    while let Some((thread, _)) = tasks.first() {
        let thread = Arc::clone(thread);
        let its = tasks
            .extract_if(.., |(other, _)| Arc::ptr_eq(other, &thread))
            .map(|(_, waker)| waker)
            .collect();
        thread.wake_together(its);
    }
}
