//! Each I/O thread's unpublished records.
//!
//! Waking JavaScript for each record would cost more than the record. A thread collects until it
//! runs out of work (tokio's park hook) or the batch is worth a wake-up of its own.

use std::cell::RefCell;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::environment::Environment;
use crate::handoff::Batch;

/// Messages in a batch from which on the thread polls its sockets once more before it parks. Messages that arrive together are
/// seldom all there are, and on a shared core JavaScript's thread would take the core from this one.
pub(crate) const SEVERAL: usize = 4;

#[derive(Default)]
struct Staged {
    batches: Vec<(Arc<Environment>, Batch)>,
    /// Messages in them at the last such poll.
    seen: usize,
    /// Keeps the thread from parking; None on a thread that has no task for it.
    again: Option<Arc<Notify>>,
}

thread_local! {
    static STAGED: RefCell<Staged> = RefCell::default();
}

/// Runs `fill` with this thread's batch for `environment`. Must not be nested.
pub(crate) fn with_batch<R>(
    environment: &Arc<Environment>,
    fill: impl FnOnce(&mut Batch) -> R,
) -> R {
    STAGED.with_borrow_mut(|Staged { batches, .. }| {
        let index = batches
            .iter()
            .position(|(owner, _)| Arc::ptr_eq(owner, environment))
            .unwrap_or_else(|| {
                batches.push((Arc::clone(environment), Batch::default()));
                batches.len() - 1
            });
        let batch = &mut batches[index].1;
        let result = fill(batch);
        if batch.is_worthwhile() {
            publish(environment, batch);
        }
        result
    })
}

/// Nothing is reported to an environment that has ended: after `Environment::shutdown` has run on this thread, its JavaScript is
/// not woken any more.
fn publish(environment: &Environment, batch: &mut Batch) {
    if environment.is_alive() {
        environment.inbox().publish(batch);
    }
}

/// Called when the thread is out of work. Publishes everything and drops environments that have ended. While each poll of the
/// sockets brings several messages, it has tokio poll once more before the thread parks.
pub(crate) fn on_park() {
    STAGED.with_borrow_mut(|staged| {
        let messages: usize = staged.batches.iter().map(|(_, batch)| batch.heads()).sum();
        if let Some(again) = &staged.again
            && messages >= SEVERAL
            && messages > staged.seen
        {
            staged.seen = messages;
            // Work for the thread, so it polls the sockets and does not sleep.
            again.notify_one();
            return;
        }
        staged.seen = 0;
        for (environment, batch) in &mut staged.batches {
            publish(environment, batch);
        }
        staged
            .batches
            .retain(|(environment, _)| environment.is_alive());
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
