//! The connections of one JavaScript thread: what listeners and flushes need to add and to find them.

pub(crate) mod commands;
pub(crate) mod connection_counts;
pub(crate) mod loans;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::connection::Connection;
use crate::table::Table;
use crate::threads::js_thread::JsThread;

/// See the module.
pub(crate) struct Registry {
    pub(crate) js: Arc<JsThread>,
    pub(crate) connections: Arc<Table<Connection>>,
    accepted: AtomicU64,
}

impl Registry {
    pub(crate) fn new(js: Arc<JsThread>) -> Arc<Self> {
        Arc::new(Self {
            js,
            connections: Arc::default(),
            accepted: AtomicU64::new(0),
        })
    }

    pub(crate) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// Connections accepted so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }
}
