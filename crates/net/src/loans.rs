//! Connections on loan to JavaScript's thread.
//!
//! Where a peer waits for each answer before it sends its next request, all that the I/O thread adds is a change of
//! threads on the way in. A connection that has lived like that for a while is lent: its socket leaves the I/O thread's
//! poller for one that JavaScript's event loop watches, and JavaScript's thread reads it itself. Everything else stays:
//! the connection's task, its deadlines, its commands. Whatever is out of the ordinary (a message that has not arrived
//! whole, the peer's end, an error, a deadline, more to write than the kernel takes) ends the loan, and the I/O thread
//! deals with it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::connection::{CALM_ANSWERS, Connection};
use crate::environment::Environment;
use crate::handoff::Batch;
use crate::id::ConnectionId;
use crate::poller::Poller;
use crate::sync::lock;

/// At most so many at a time: what JavaScript's thread reads, it does not compute.
const MAX_LOANS: usize = 2;

/// A connection that has not been read while so many answers went to others makes room for one of them.
const STALE_AFTER: u64 = 64;

struct Loan {
    id: ConnectionId,
    /// The `turn` in which it last brought something.
    last_read: u64,
}

#[derive(Default)]
struct Given {
    loans: Vec<Loan>,
    batch: Batch,
}

/// Those of one environment. Only JavaScript's thread gives and reads; an I/O thread may end a loan, which is noticed here
/// when the connection is next looked at.
pub(crate) struct Loans {
    poller: Option<Poller>,
    /// An event loop watches the poller: otherwise nobody would read what is lent.
    watched: AtomicBool,
    given: Mutex<Given>,
    /// Of `given`, for those who only want to know whether there are any.
    count: AtomicUsize,
    /// Counts reads, and answers to connections that are not on loan.
    turn: AtomicU64,
    total: AtomicU64,
}

impl Loans {
    pub(crate) fn new() -> Self {
        Self {
            poller: Poller::new(),
            watched: AtomicBool::new(false),
            given: Mutex::default(),
            count: AtomicUsize::new(0),
            turn: AtomicU64::new(0),
            total: AtomicU64::new(0),
        }
    }

    pub(crate) const fn poller(&self) -> Option<&Poller> {
        self.poller.as_ref()
    }

    pub(crate) fn begin(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }

    pub(crate) fn are_any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Loans so far.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Lends a connection, if there is room for it. JavaScript's thread only, as everything below.
    pub(crate) fn give(&self, environment: &Environment, connection: &Arc<Connection>) {
        let Some(poller) = &self.poller else { return };
        if !self.watched.load(Ordering::Relaxed) {
            return;
        }
        // So many answers have passed in which the others may have been read.
        let turn = self
            .turn
            .fetch_add(u64::from(CALM_ANSWERS), Ordering::Relaxed);
        let mut given = lock(&self.given);
        let oldest = turn.saturating_sub(STALE_AFTER);
        given.loans.retain(|loan| {
            let Some(other) = environment.connections.get(loan.id) else {
                return false;
            };
            if loan.last_read < oldest {
                other.end_loan();
            }
            other.is_on_loan()
        });
        if given.loans.len() < MAX_LOANS && connection.lend(poller) {
            given.loans.push(Loan {
                id: connection.id,
                last_read: turn,
            });
            self.total.fetch_add(1, Ordering::Relaxed);
        }
        self.count.store(given.loans.len(), Ordering::Relaxed);
    }

    /// Reads what has come on any of them, into the environment's inbox.
    pub(crate) fn read(&self, environment: &Environment) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) + 1;
        let mut given = lock(&self.given);
        let Given { loans, batch } = &mut *given;
        loans.retain_mut(|loan| {
            let Some(connection) = environment.connections.get(loan.id) else {
                return false;
            };
            let (came, stays) = connection.read_on_loan(batch);
            if came {
                loan.last_read = turn;
            }
            stays
        });
        self.count.store(loans.len(), Ordering::Relaxed);
    }

    /// Ends all.
    pub(crate) fn end(&self, environment: &Environment) {
        let mut given = lock(&self.given);
        for loan in given.loans.drain(..) {
            if let Some(connection) = environment.connections.get(loan.id) {
                connection.end_loan();
            }
        }
        self.count.store(0, Ordering::Relaxed);
    }
}
