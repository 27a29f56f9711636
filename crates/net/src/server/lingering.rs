//! Connections of a server that have ended, and whose sockets stay open while their peers still send.
//!
//! Closing a socket with unread bytes sends a reset, which may destroy the last answer on its way, so the socket stays open for up
//! to `deadline::LINGER`. JavaScript counts such a connection as closed, `maxConnections` as open. Their number is bounded here,
//! because each has a descriptor. When there are too many, the oldest is closed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use crate::sync::lock;

/// Largest number of lingering connections of one server. A peer that reads closes within one round trip, so there are
/// seldom more than a few.
const MOST: usize = 128;

/// A connection that lingers.
pub(crate) trait Lingers: Send + Sync {
    /// Has the I/O thread close the connection before its time, because too many linger.
    fn close_early(self: Arc<Self>);
}

struct Members {
    /// By number, oldest first.
    all: BTreeMap<u64, Weak<dyn Lingers>>,
    next: u64,
}

/// See the module.
pub(crate) struct Lingering(Mutex<Members>);

impl Lingering {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Members {
            all: BTreeMap::new(),
            next: 1,
        }))
    }

    /// Adds a connection, whose lock the caller holds. Returns its number, which is never 0.
    pub(crate) fn add(&self, connection: Weak<dyn Lingers>) -> u64 {
        let number = {
            let mut members = lock(&self.0);
            let number = members.next;
            members.next += 1;
            members.all.insert(number, connection);
            number
        };
        self.shrink(MOST);
        number
    }

    /// Removes a connection that is closed.
    pub(crate) fn remove(&self, number: u64) {
        lock(&self.0).all.remove(&number);
    }

    /// Has the oldest ones closed by their own I/O threads until `most` are left.
    pub(crate) fn shrink(&self, most: usize) {
        loop {
            let oldest = {
                let mut members = lock(&self.0);
                if members.all.len() <= most {
                    return;
                }
                members.all.pop_first().map(|(_, connection)| connection)
            };
            if let Some(connection) = oldest.as_ref().and_then(Weak::upgrade) {
                connection.close_early();
            }
        }
    }
}
