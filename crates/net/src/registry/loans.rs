//! Connections on loan to JavaScript's thread.
//!
//! With a peer that waits for each answer before it sends its next request, the I/O thread only adds a switch of threads. Such a
//! connection is lent after a while: its socket moves from the I/O thread's poller to one that JavaScript's event loop watches,
//! and JavaScript's thread reads it itself. The connection's task, deadlines and commands stay with the I/O thread. An incomplete
//! message, the peer's FIN, an error, a deadline, or more output than the kernel accepts ends the loan, and the I/O thread
//! handles it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use crate::connection::{Connection, LENT_AFTER};
use crate::handoff::Batch;
use crate::id::ConnectionId;
use crate::registry::Registry;
use crate::socket::poller::Poller;
use crate::sync::lock;

/// Largest number of loans at a time, because the time in which JavaScript's thread reads is lost for handlers.
const MAX_LOANS: usize = 2;

/// Number of answers to other connections after which a loan without bytes in the meantime ends, if another connection needs its
/// place.
const STALE_AFTER: u64 = 64;

/// The time between two checks of a loan on which a probe may arrive. A probe waits for twice this time at most.
const CHECK_INTERVAL: Duration = Duration::from_millis(15);

/// Number of such checks without a byte after which the loan ends, so that an idle process sleeps.
const IDLE_CHECKS: u32 = 64;

struct Loan {
    id: ConnectionId,
    /// The `turn` in which bytes last arrived.
    last_read: u64,
}

#[derive(Default)]
struct LoanList {
    /// An event loop watches the poller. Without one, nothing would read the connections.
    watched: bool,
    loans: Vec<Loan>,
    /// Counts reads, and answers to connections that are not on loan.
    turn: u64,
    batch: Batch,
}

/// The loans to one JavaScript thread. Only JavaScript's thread makes loans and reads. An I/O thread may end a loan, which is
/// noticed here when the connection is next read.
pub(crate) struct Loans {
    poller: Option<Arc<Poller>>,
    list: Mutex<LoanList>,
}

impl Loans {
    pub(crate) fn new() -> Self {
        Self {
            poller: Poller::new().map(Arc::new),
            list: Mutex::default(),
        }
    }

    pub(crate) const fn poller(&self) -> Option<&Arc<Poller>> {
        self.poller.as_ref()
    }

    /// An event loop watches the poller from now on, so connections may be lent.
    pub(crate) fn allow(&self) {
        lock(&self.list).watched = true;
    }

    /// Lends a connection, if there is room for it. JavaScript's thread only, as everything below.
    pub(crate) fn lend(&self, registry: &Registry, connection: &Arc<Connection>) {
        let Some(poller) = &self.poller else { return };
        let mut list = lock(&self.list);
        if !list.watched {
            return;
        }
        // Each loan could have been read during these answers.
        list.turn += u64::from(LENT_AFTER);
        let turn = list.turn;
        list.loans.retain(|loan| {
            let Some(other) = registry.connections.get(loan.id) else {
                return false;
            };
            if loan.last_read + STALE_AFTER < turn {
                other.end_loan();
            }
            other.is_on_loan()
        });
        if list.loans.len() < MAX_LOANS && connection.lend(poller, turn) {
            if connection.may_be_probed() {
                let thread = &connection.thread.handle;
                thread.spawn(watch(Arc::downgrade(connection), turn));
            }
            list.loans.push(Loan {
                id: connection.id(),
                last_read: turn,
            });
        }
    }

    /// Reads all connections on loan into the inbox.
    pub(crate) fn read(&self, registry: &Registry) {
        let mut list = lock(&self.list);
        let LoanList {
            loans, turn, batch, ..
        } = &mut *list;
        *turn += 1;
        loans.retain_mut(|loan| {
            let Some(connection) = registry.connections.get(loan.id) else {
                return false;
            };
            // As in a connection's task, a panic is our bug and costs this connection only.
            let read = catch_unwind(AssertUnwindSafe(|| connection.read_on_loan(batch)));
            let (has_received, continues) = read.unwrap_or_else(|_| {
                connection.abandon(batch);
                registry.js.inbox.push(batch);
                (true, false)
            });
            if has_received {
                loan.last_read = *turn;
            }
            continues
        });
    }

    /// Ends all loans.
    pub(crate) fn end(&self, registry: &Registry) {
        for loan in lock(&self.list).loans.drain(..) {
            if let Some(connection) = registry.connections.get(loan.id) {
                connection.end_loan();
            }
        }
    }
}

/// Ends a loan when JavaScript's thread is blocked, because that thread would not read a probe. Returns when the loan has ended, also
/// if the connection is on loan again, which has a task of its own.
async fn watch(connection: Weak<Connection>, number: u64) {
    let (mut received, mut idle) = (0, 0);
    loop {
        tokio::time::sleep(CHECK_INTERVAL).await;
        let Some(connection) = connection
            .upgrade()
            .filter(|lent| lent.loan() == Some(number))
        else {
            return;
        };
        let (by_now, _) = connection.counters();
        idle = if by_now == received { idle + 1 } else { 0 };
        received = by_now;
        let js = connection.js();
        if idle > IDLE_CHECKS || js.pulse.age() >= CHECK_INTERVAL {
            connection.end_loan();
            return;
        }
        js.inbox.wake_without_records();
    }
}
