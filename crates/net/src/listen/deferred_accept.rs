//! While many connections open and close, each for one or two requests, the kernel holds a new connection until bytes have arrived
//! (TCP_DEFER_ACCEPT, tcp(7); Linux only).
//!
//! Most of the cost of such a connection is that the I/O thread is woken twice: when it is accepted and when its request arrives.
//! The disadvantage is that a peer which sends nothing at first is accepted a second later, after the kernel has sent SYN-ACK
//! again. So it is off normally, and where the program wants to see connections before their requests.

use std::io;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;

/// The time over which ends of connections are counted.
pub(crate) const PERIOD: Duration = Duration::from_millis(100);
/// Number of ends of connections in a period from which accepting is deferred.
pub(crate) const BEGIN: u64 = 100;
/// Number of ends of connections in a period with which accepting stays deferred.
const CONTINUE: u64 = 25;

/// Decides whether accepting is deferred.
pub(crate) struct DeferredAccept {
    on: bool,
    since: Instant,
    /// Number of connections that had ended at `since`.
    ended: u64,
}

impl DeferredAccept {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            on: false,
            since: now,
            ended: 0,
        }
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.on
    }

    /// Called for every accepted connection, and at least once in a period while accepting is deferred. `ended` is the number of
    /// connections so far that have ended after a request. `watched` returns whether the program wants to see connections before
    /// their requests. Returns whether the decision has changed.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        ended: u64,
        watched: impl FnOnce() -> bool,
    ) -> bool {
        if now < self.since + PERIOD {
            return false;
        }
        let count = ended - self.ended;
        self.since = now;
        self.ended = ended;
        let on = count >= if self.on { CONTINUE } else { BEGIN } && !watched();
        std::mem::replace(&mut self.on, on) != on
    }
}

/// Sets whether the kernel holds connections until bytes have arrived.
#[cfg(target_os = "linux")]
pub(crate) fn set(listener: &TcpListener, on: bool) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    // After this time the kernel sends SYN-ACK again to a peer that has sent nothing, and accepts it when it acknowledges that.
    let seconds = libc::c_int::from(on);
    // SAFETY: the descriptor is open while it is borrowed, and the kernel reads the integer, of the length given.
    let result = unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT,
            (&raw const seconds).cast(),
            size_of_val(&seconds) as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn set(_: &TcpListener, _: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepting_is_deferred_while_many_connections_end() {
        let start = Instant::now();
        let mut deferred = DeferredAccept::new(start);
        // Periods from the start, connections ended in all, and whether that makes a difference.
        let looks = [
            (0.9, 500, false),
            (1.0, BEGIN - 1, false),
            (2.0, BEGIN * 2 - 1, true),
            (2.5, BEGIN * 2 - 1, false),
            (3.0, BEGIN * 2 - 1 + CONTINUE, false),
            (4.0, BEGIN * 2 + CONTINUE * 2 - 2, true),
            // Only the connections since the last look count, however long ago that was.
            (99.0, BEGIN * 2 + CONTINUE * 2 - 2, false),
            (99.5, BEGIN * 9, false),
            (100.0, BEGIN * 9, true),
        ];
        for (periods, ended, changes) in looks {
            let before = deferred.is_on();
            assert_eq!(
                deferred.update(start + PERIOD.mul_f64(periods), ended, || false),
                changes,
                "at {periods}"
            );
            assert_eq!(deferred.is_on(), before != changes, "at {periods}");
        }
    }

    #[test]
    fn accepting_is_not_deferred_while_the_program_watches_connections() {
        let start = Instant::now();
        let mut deferred = DeferredAccept::new(start);
        assert!(deferred.update(start + PERIOD, BEGIN, || false));
        assert!(deferred.update(start + PERIOD * 2, BEGIN * 2, || true));
        assert!(!deferred.update(start + PERIOD * 3, BEGIN * 3, || true));
    }
}
