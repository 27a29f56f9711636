//! The connections of a server that have ended and whose socket is kept while the peer still sends.
//!
//! A close with unread bytes would be a reset, which may take the last answer back, so a socket stays for up to
//! `deadline::LINGER`. JavaScript counts such a connection as closed, `maxConnections` does not; how many there are is
//! bounded here, or peers that stay would take one descriptor each for as long. The oldest makes room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use crate::connection::Connection;
use crate::sync::lock;

/// How many of one server linger at most. Peers that read what they are sent go in one round trip, and there are seldom
/// more than a few of them.
const MOST: usize = 128;

#[derive(Default)]
struct Members {
    /// By number, which is their order.
    all: BTreeMap<u64, Weak<Connection>>,
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

    /// One more lingers, whose lock the caller holds. Returns its number, which is never 0.
    pub(crate) fn add(&self, connection: Weak<Connection>) -> u64 {
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

    /// One is gone.
    pub(crate) fn remove(&self, number: u64) {
        lock(&self.0).all.remove(&number);
    }

    /// Has the oldest closed, by their own threads, until `most` are left.
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
                let thread = Arc::clone(&connection.thread);
                thread.handle.spawn(async move { connection.make_way() });
            }
        }
    }
}
