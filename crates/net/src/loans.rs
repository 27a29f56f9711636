//! Connections on loan to JavaScript's thread.
//!
//! Where a peer waits for each answer before it sends its next request, all that the I/O thread adds is a change of
//! threads on the way in. A connection that has lived like that for a while is lent: its socket leaves the I/O thread's
//! poller for one that JavaScript's event loop watches, and JavaScript's thread reads it itself. Everything else stays:
//! the connection's task, its deadlines, its commands. Whatever is out of the ordinary (a message that has not arrived
//! whole, the peer's end, an error, a deadline, more to write than the kernel takes) ends the loan, and the I/O thread
//! deals with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use crate::connection::{Connection, LENT_AFTER};
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
    /// An event loop watches the poller: otherwise nobody would read what is lent.
    watched: bool,
    loans: Vec<Loan>,
    /// Counts reads, and answers to connections that are not on loan.
    turn: u64,
    batch: Batch,
}

/// Those of one environment. Only JavaScript's thread gives and reads; an I/O thread may end a loan, which is noticed here
/// when the connection is next looked at.
pub(crate) struct Loans {
    poller: Option<Poller>,
    given: Mutex<Given>,
}

impl Loans {
    pub(crate) fn new() -> Self {
        Self {
            poller: Poller::new(),
            given: Mutex::default(),
        }
    }

    pub(crate) const fn poller(&self) -> Option<&Poller> {
        self.poller.as_ref()
    }

    pub(crate) fn begin(&self) {
        lock(&self.given).watched = true;
    }

    /// Lends a connection, if there is room for it. JavaScript's thread only, as everything below.
    pub(crate) fn give(&self, environment: &Environment, connection: &Arc<Connection>) {
        let Some(poller) = &self.poller else { return };
        let mut given = lock(&self.given);
        if !given.watched {
            return;
        }
        // So many answers have passed in which the others may have been read.
        given.turn += u64::from(LENT_AFTER);
        let turn = given.turn;
        given.loans.retain(|loan| {
            let Some(other) = environment.connections.get(loan.id) else {
                return false;
            };
            if loan.last_read + STALE_AFTER < turn {
                other.end_loan();
            }
            other.is_on_loan()
        });
        if given.loans.len() < MAX_LOANS && connection.lend(poller) {
            given.loans.push(Loan {
                id: connection.id,
                last_read: turn,
            });
        }
    }

    /// Reads what has come on any of them, into the environment's inbox.
    pub(crate) fn read(&self, environment: &Environment) {
        let mut given = lock(&self.given);
        let Given {
            loans, turn, batch, ..
        } = &mut *given;
        *turn += 1;
        loans.retain_mut(|loan| {
            let Some(connection) = environment.connections.get(loan.id) else {
                return false;
            };
            // As for a connection's task: a panic is our bug and may cost this connection, nothing else.
            let read = catch_unwind(AssertUnwindSafe(|| connection.read_on_loan(batch)));
            let (came, stays) = read.unwrap_or_else(|_| {
                connection.abandon(batch);
                environment.inbox().push(batch);
                (true, false)
            });
            if came {
                loan.last_read = *turn;
            }
            stays
        });
    }

    /// Ends all.
    pub(crate) fn end(&self, environment: &Environment) {
        for loan in lock(&self.given).loans.drain(..) {
            if let Some(connection) = environment.connections.get(loan.id) {
                connection.end_loan();
            }
        }
    }
}
