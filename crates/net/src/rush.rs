//! Rushes: connections come and go in great numbers, each for a request or two.
//!
//! Most of what such a connection costs is being noticed twice: once when it stands and once when its request is there.
//! During a rush the kernel keeps each to itself until it has something to read (TCP_DEFER_ACCEPT, tcp(7)); Linux only.
//! The price is paid by peers that say nothing: they are accepted a second late, when the kernel asks them once more. So
//! it is off in ordinary times, and where the program looks at connections before their requests.

use std::io;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;

/// Over which the ends of connections are counted.
pub(crate) const PERIOD: Duration = Duration::from_millis(100);
/// So many ends in a period begin a rush …
pub(crate) const BEGINS: u64 = 100;
/// … and as long as there are so many it goes on.
const GOES_ON: u64 = 25;

/// Whether there is one.
pub(crate) struct Rush {
    on: bool,
    since: Instant,
    /// How many connections had ended by then.
    ended: u64,
}

impl Rush {
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

    /// To be told of every connection accepted, and during a rush once in a period at least. `ended` counts the
    /// connections that have ended behind a request; `watched` says that the program looks at them before. Answers
    /// whether the rush has begun or ended.
    pub(crate) fn look(
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
        let on = count >= if self.on { GOES_ON } else { BEGINS } && !watched();
        std::mem::replace(&mut self.on, on) != on
    }
}

/// Whether the kernel keeps connections until there is something to read.
#[cfg(target_os = "linux")]
pub(crate) fn defer_accept(listener: &TcpListener, on: bool) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    // In seconds, after which those that have said nothing are asked and then accepted.
    let patience = libc::c_int::from(on);
    // SAFETY: the descriptor is open while it is borrowed, and the kernel reads the integer, of the length given.
    let result = unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT,
            (&raw const patience).cast(),
            size_of_val(&patience) as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn defer_accept(_: &TcpListener, _: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_on_while_many_end() {
        let start = Instant::now();
        let mut rush = Rush::new(start);
        // Periods from the start, connections ended in all, and whether that makes a difference.
        let looks = [
            (0.9, 500, false),
            (1.0, BEGINS - 1, false),
            (2.0, BEGINS * 2 - 1, true),
            (2.5, BEGINS * 2 - 1, false),
            (3.0, BEGINS * 2 - 1 + GOES_ON, false),
            (4.0, BEGINS * 2 + GOES_ON * 2 - 2, true),
            // However long nobody has looked.
            (99.0, BEGINS * 2 + GOES_ON * 2 - 2, false),
            (99.5, BEGINS * 9, false),
            (100.0, BEGINS * 9, true),
        ];
        for (periods, ended, changes) in looks {
            let before = rush.is_on();
            assert_eq!(
                rush.look(start + PERIOD.mul_f64(periods), ended, || false),
                changes,
                "at {periods}"
            );
            assert_eq!(rush.is_on(), before != changes, "at {periods}");
        }
    }

    #[test]
    fn whoever_looks_at_connections_ends_it() {
        let start = Instant::now();
        let mut rush = Rush::new(start);
        assert!(rush.look(start + PERIOD, BEGINS, || false));
        assert!(rush.look(start + PERIOD * 2, BEGINS * 2, || true));
        assert!(!rush.look(start + PERIOD * 3, BEGINS * 3, || true));
    }
}
