//! Each I/O thread's unpublished records.
//!
//! Waking JavaScript for each record would cost more than the record. A thread collects until it
//! runs out of work (tokio's park hook) or the batch is worth a wake-up of its own.

use std::cell::RefCell;
use std::sync::Arc;

use crate::environment::Environment;
use crate::handoff::Batch;

thread_local! {
    static STAGED: RefCell<Vec<(Arc<Environment>, Batch)>> = const { RefCell::new(Vec::new()) };
}

/// Runs `fill` with this thread's batch for `environment`. Must not be nested.
pub(crate) fn with_batch<R>(
    environment: &Arc<Environment>,
    fill: impl FnOnce(&mut Batch) -> R,
) -> R {
    STAGED.with_borrow_mut(|staged| {
        let index = staged
            .iter()
            .position(|(owner, _)| Arc::ptr_eq(owner, environment))
            .unwrap_or_else(|| {
                staged.push((Arc::clone(environment), Batch::default()));
                staged.len() - 1
            });
        let batch = &mut staged[index].1;
        let result = fill(batch);
        if batch.is_worthwhile() {
            publish(environment, batch);
        }
        result
    })
}

/// To an environment that has ended nothing is told: once `Environment::shutdown` has been on this
/// thread, its JavaScript is not woken any more.
fn publish(environment: &Environment, batch: &mut Batch) {
    if environment.is_alive() {
        environment.inbox().publish(batch);
    }
}

/// Publishes everything and forgets environments that have ended.
pub(crate) fn publish_all() {
    STAGED.with_borrow_mut(|staged| {
        for (environment, batch) in staged.iter_mut() {
            publish(environment, batch);
        }
        staged.retain(|(environment, _)| environment.is_alive());
    });
}
