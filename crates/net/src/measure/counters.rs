//! Counts of events on the connections of one JavaScript thread.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::measure::histogram::Histogram;

/// See the module. Threads add to it without a lock.
#[derive(Default)]
pub(crate) struct Counters {
    probes: AtomicU64,
    refusals: AtomicU64,
    /// Bytes received and sent by connections that have closed: of servers, then of clients.
    bytes: [[AtomicU64; 2]; 2],
    /// Times from the receipt of a request's head to the end of its response.
    pub(crate) duration: Histogram,
}

impl Counters {
    /// An I/O thread has answered a probe of a server's health.
    pub(crate) fn count_probe(&self) {
        self.probes.fetch_add(1, Ordering::Relaxed);
    }

    /// An I/O thread has refused a request.
    pub(crate) fn count_refusal(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    /// Numbers of probes and refusals.
    pub(crate) fn own_answers(&self) -> (u64, u64) {
        let [probes, refusals] =
            [&self.probes, &self.refusals].map(|count| count.load(Ordering::Relaxed));
        (probes, refusals)
    }

    /// A connection has closed.
    pub(crate) fn add_bytes(&self, is_client: bool, (received, sent): (u64, u64)) {
        let [all_received, all_sent] = &self.bytes[usize::from(is_client)];
        all_received.fetch_add(received, Ordering::Relaxed);
        all_sent.fetch_add(sent, Ordering::Relaxed);
    }

    /// Bytes received and sent by connections that have closed.
    pub(crate) fn bytes(&self, is_client: bool) -> (u64, u64) {
        let [received, sent] =
            [0, 1].map(|at| self.bytes[usize::from(is_client)][at].load(Ordering::Relaxed));
        (received, sent)
    }
}
