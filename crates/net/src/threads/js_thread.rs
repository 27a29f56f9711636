//! One JavaScript thread, as far as I/O threads and connections know it: where their records go, and whether it still reads them.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use crate::handoff::{Inbox, Wake};
use crate::measure::counters::Counters;
use crate::server::overload::Lag;
use crate::threads::meter::Meter;
use crate::threads::pulse::Pulse;

/// See the module.
pub(crate) struct JsThread {
    pub(crate) inbox: Inbox,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) meter: Meter,
    alive: AtomicBool,
    /// Number of flushes that I/O threads have not applied yet.
    flushes_under_way: AtomicUsize,
}

impl JsThread {
    pub(crate) fn new(wake: Wake) -> Arc<Self> {
        let pulse = Arc::<Pulse>::default();
        let its = Arc::clone(&pulse);
        let wake = move || {
            its.woken();
            wake();
        };
        Arc::new(Self {
            inbox: Inbox::new(Box::new(wake)),
            pulse,
            counters: Arc::default(),
            meter: Meter::default(),
            alive: AtomicBool::new(true),
            flushes_under_way: AtomicUsize::new(0),
        })
    }

    /// False once the thread reads no more records.
    pub(crate) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }

    /// The thread reads no more records from now on.
    pub(crate) fn end(&self) {
        self.alive.store(false, Ordering::Release);
        self.inbox.forget_waiting();
    }

    /// How long requests wait for the thread at `now`.
    pub(crate) fn lag(&self, now: Instant) -> Lag {
        self.meter.lag(&self.inbox, now)
    }

    pub(crate) fn has_flushes_under_way(&self) -> bool {
        self.flushes_under_way.load(Ordering::Acquire) > 0
    }
}

/// A flush on its way through an I/O thread. Dropped when the flush has been applied or discarded, so that later flushes need not
/// wait for it.
pub(crate) struct FlushUnderWay(Arc<JsThread>);

impl FlushUnderWay {
    pub(crate) fn new(js: &Arc<JsThread>) -> Self {
        js.flushes_under_way.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(js))
    }
}

impl Deref for FlushUnderWay {
    type Target = Arc<JsThread>;

    fn deref(&self) -> &Arc<JsThread> {
        &self.0
    }
}

impl Drop for FlushUnderWay {
    fn drop(&mut self) {
        self.0.flushes_under_way.fetch_sub(1, Ordering::Release);
    }
}
