//! A flush on its way to connections: carried out by JavaScript's thread itself, or handed to the I/O threads of the connections.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::connection::Connection;
use crate::handoff::{Held, Records};
use crate::registry::Registry;
use crate::table::Table;
use crate::threads::io_thread::Work;
use crate::threads::js_thread::{FlushUnderWay, JsThread};
use crate::threads::staging;
use crate::time::clock::now;

thread_local! {
    /// The connections that a flush has written to. Kept for its memory; empty between flushes.
    static TOUCHED: RefCell<Vec<Arc<Connection>>> = const { RefCell::new(Vec::new()) };
}

/// Commands of one flush, for the connections of one I/O thread.
pub(crate) struct Commands {
    under_way: FlushUnderWay,
    connections: Arc<Table<Connection>>,
    pub(crate) records: Vec<u8>,
    /// Text of the records, in their order.
    pub(crate) text: Vec<u8>,
    /// One for each record that names a held buffer, in order.
    pub(crate) held: Vec<Held>,
}

impl Commands {
    /// None yet.
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            under_way: FlushUnderWay::new(&registry.js),
            connections: Arc::clone(&registry.connections),
            records: Vec::new(),
            text: Vec::new(),
            held: Vec::new(),
        }
    }

    fn apply(mut self, touched: &mut Vec<Arc<Connection>>) {
        let mut held = std::mem::take(&mut self.held).into_iter();
        let now = now();
        for record in Records::new(&self.records, &self.text) {
            let buffer = record.command.held().and_then(|_| held.next());
            match touched.last() {
                Some(last) if last.id() == record.id => last.apply(record.command, buffer, now),
                _ => {
                    let Some(connection) = self.connections.get(record.id) else {
                        continue;
                    };
                    connection.apply(record.command, buffer, now);
                    touched.push(connection);
                }
            }
        }
    }
}

impl Work for Commands {
    fn js(&self) -> &Arc<JsThread> {
        &self.under_way
    }

    /// Applies every command first and writes afterwards, so that all answers to one connection leave in one write.
    fn carry_out(self: Box<Self>) {
        let js = Arc::clone(&self.under_way);
        let mut touched = TOUCHED.take();
        // As in a connection's task, a panic is our bug and must not end the thread.
        drop(catch_unwind(AssertUnwindSafe(|| self.apply(&mut touched))));
        staging::with_batch(&js, |batch| {
            for connection in touched.drain(..) {
                let finished = catch_unwind(AssertUnwindSafe(|| connection.after_commands(batch)));
                if finished.is_err() {
                    connection.give_up_after_panic();
                }
            }
        });
        TOUCHED.set(touched);
    }
}
