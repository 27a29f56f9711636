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

/// Distance of the prefetch, in connections: while the thread works on one, the CPU loads the one that is so many places after it.
/// Four are enough time for a load from main memory.
const AHEAD: usize = 4;

thread_local! {
    /// The connections of a flush. Kept for its memory; empty between flushes.
    static RUNS: RefCell<Vec<Option<Arc<Connection>>>> = const { RefCell::new(Vec::new()) };
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

    /// Applies the commands. A run is a number of records that follow one another and name the same connection; `runs` has the
    /// connection of each, see `find_connections`.
    fn apply(mut self, runs: &[Option<Arc<Connection>>]) {
        let mut held = std::mem::take(&mut self.held).into_iter();
        let now = now();
        let mut runs = prefetching(runs);
        let mut current = None;
        for record in Records::new(&self.records, &self.text) {
            let buffer = record.command.held().and_then(|_| held.next());
            let connection = match current {
                Some((id, connection)) if id == record.id => connection,
                _ => runs.next().flatten(),
            };
            current = Some((record.id, connection));
            if let Some(connection) = connection {
                connection.apply(record.command, buffer, now);
            }
        }
    }

    /// Appends the connection of each run to `runs`, None where it is gone.
    fn find_connections(&self, runs: &mut Vec<Option<Arc<Connection>>>) {
        let mut records = Records::new(&self.records, &self.text);
        let mut last = None;
        let ids = std::iter::from_fn(|| {
            loop {
                let (id, bytes) = records.peek()?;
                records.pass_over(bytes);
                if last.replace(id) != Some(id) {
                    return last;
                }
            }
        });
        self.connections.get_each(ids, runs);
    }
}

/// The connections of a flush in turn. The CPU loads those that follow in the meantime: with hundreds of connections none of them is
/// in its cache.
fn prefetching(runs: &[Option<Arc<Connection>>]) -> impl Iterator<Item = Option<&Arc<Connection>>> {
    for connection in runs.iter().take(AHEAD).flatten() {
        connection.prefetch();
    }
    runs.iter().enumerate().map(|(index, connection)| {
        if let Some(Some(later)) = runs.get(index + AHEAD) {
            later.prefetch();
        }
        connection.as_ref()
    })
}

impl Work for Commands {
    fn js(&self) -> &Arc<JsThread> {
        &self.under_way
    }

    /// Applies every command first and writes afterwards, so that all answers to one connection leave in one write.
    fn carry_out(self: Box<Self>) {
        let js = Arc::clone(&self.under_way);
        let mut runs = RUNS.take();
        // As in a connection's task, a panic is our bug and must not end the thread.
        drop(catch_unwind(AssertUnwindSafe(|| {
            self.find_connections(&mut runs);
            self.apply(&runs);
        })));
        staging::with_batch(&js, |batch| {
            for connection in prefetching(&runs).flatten() {
                let finished = catch_unwind(AssertUnwindSafe(|| connection.after_commands(batch)));
                if finished.is_err() {
                    connection.give_up_after_panic();
                }
            }
        });
        runs.clear();
        RUNS.set(runs);
    }
}
