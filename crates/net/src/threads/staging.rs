//! Each I/O thread's unpublished records.
//!
//! Waking JavaScript for each record would cost more than the record. A thread collects records until it runs out of work
//! (tokio's park hook), or until the batch is large enough.

use std::cell::RefCell;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::handoff::Batch;
use crate::threads::js_thread::JsThread;

/// With this many messages in a batch, the thread polls its sockets once more before it parks. When messages arrive together,
/// more of them are usually about to arrive, and on a shared core JavaScript's thread would preempt this one.
pub(crate) const SEVERAL: usize = 4;

#[derive(Default)]
struct Staged {
    batches: Vec<(Arc<JsThread>, Batch)>,
    /// Number of messages in the batches at the last such poll.
    seen: usize,
    /// Keeps the thread from parking. None on a thread without the task `keep_looking`.
    again: Option<Arc<Notify>>,
}

thread_local! {
    static STAGED: RefCell<Staged> = RefCell::default();
}

/// Runs `fill` with this thread's batch for `js`. Must not be nested.
pub(crate) fn with_batch<R>(js: &Arc<JsThread>, fill: impl FnOnce(&mut Batch) -> R) -> R {
    STAGED.with_borrow_mut(|Staged { batches, .. }| {
        let index = batches
            .iter()
            .position(|(owner, _)| Arc::ptr_eq(owner, js))
            .unwrap_or_else(|| {
                batches.push((Arc::clone(js), Batch::default()));
                batches.len() - 1
            });
        let batch = &mut batches[index].1;
        let result = fill(batch);
        if batch.is_worthwhile() {
            publish(js, batch);
        }
        result
    })
}

/// Nothing is reported to a thread that has ended: after `Environment::shutdown` has run on this I/O thread, JavaScript is not
/// woken any more.
fn publish(js: &JsThread, batch: &mut Batch) {
    if js.is_alive() {
        if batch.take_wake_request() {
            js.inbox.wake_without_records();
        }
        js.inbox.publish(batch);
    }
}

/// Called when the thread is out of work. Publishes everything, and forgets JavaScript threads that have ended. While each poll
/// of the sockets brings several messages, it has tokio poll once more before the thread parks.
pub(crate) fn on_park() {
    STAGED.with_borrow_mut(|staged| {
        let messages: usize = staged.batches.iter().map(|(_, batch)| batch.heads()).sum();
        if let Some(again) = &staged.again
            && messages >= SEVERAL
            && messages > staged.seen
        {
            staged.seen = messages;
            // The thread has work now, so it polls the sockets and does not sleep.
            again.notify_one();
            return;
        }
        staged.seen = 0;
        for (js, batch) in &mut staged.batches {
            publish(js, batch);
        }
        staged.batches.retain(|(js, _)| js.is_alive());
    });
}

/// The task that `on_park` wakes. Never ends.
pub(crate) async fn keep_looking() {
    let again = Arc::new(Notify::new());
    STAGED.with_borrow_mut(|staged| staged.again = Some(Arc::clone(&again)));
    loop {
        again.notified().await;
    }
}
