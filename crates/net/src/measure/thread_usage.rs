//! The CPU time of one thread, which the system counts anyway.

use std::sync::OnceLock;
use std::time::Instant;

/// See the module.
#[derive(Default)]
pub(crate) struct ThreadUsage {
    /// The thread's number, if the system reports CPU times of threads, and when the thread began.
    thread: OnceLock<(Option<i32>, Instant)>,
}

impl ThreadUsage {
    /// Called on the thread itself.
    pub(crate) fn begin(&self) {
        let _ = self.thread.set((own_number(), Instant::now()));
    }

    /// Milliseconds of CPU so far, None where the system does not report it, and milliseconds since `begin`.
    pub(crate) fn read(&self) -> (Option<f64>, f64) {
        match self.thread.get() {
            Some((number, began)) => (
                number.and_then(cpu_time),
                began.elapsed().as_secs_f64() * 1e3,
            ),
            None => (None, 0.0),
        }
    }
}

#[cfg(target_os = "linux")]
fn own_number() -> Option<i32> {
    Some(rustix::thread::gettid().as_raw_nonzero().get())
}

#[cfg(not(target_os = "linux"))]
fn own_number() -> Option<i32> {
    None
}

/// Milliseconds of CPU that a thread of this process has used.
fn cpu_time(thread: i32) -> Option<f64> {
    let path = format!("/proc/self/task/{thread}/schedstat");
    let text = std::fs::read_to_string(path).ok()?;
    let nanos: u64 = text.split(' ').next()?.parse().ok()?;
    Some(nanos as f64 / 1e6)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_busy_thread_grows() {
        let usage = ThreadUsage::default();
        assert_eq!(usage.read(), (None, 0.0));
        usage.begin();
        let (Some(before), _) = usage.read() else {
            panic!("Linux reports the CPU time of a thread");
        };
        while usage.read().0.is_some_and(|now| now <= before) {}
        let (cpu, whole) = usage.read();
        assert!(cpu.is_some_and(|cpu| cpu > before));
        assert!(whole > 0.0);
    }
}
