//! The I/O threads: tokio current-thread runtimes, started on first use, one set for the process.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::Waker;
use std::time::Instant;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Notify, oneshot};

use crate::crossing::limit;
use crate::handoff::{TaskThread, chunk};
use crate::measure::thread_usage::ThreadUsage;
use crate::sync::lock;
use crate::threads::js_thread::JsThread;
use crate::threads::staging;
use crate::threads::timers::{Timed, Timers};
use crate::time::timer::TimerKey;

/// The environment variable that sets the number of I/O threads.
pub const THREADS_VARIABLE: &str = "FERROHTTP_IO_THREADS";

/// Work that another thread hands to an I/O thread.
pub(crate) trait Work: Send {
    /// The JavaScript thread that has asked for it.
    fn js(&self) -> &Arc<JsThread>;

    fn carry_out(self: Box<Self>);
}

/// One I/O thread, for all other threads.
pub(crate) struct IoThread {
    pub(crate) handle: Handle,
    work: Mutex<Vec<Box<dyn Work>>>,
    /// Tasks that are to be woken.
    waking: Mutex<Vec<Waker>>,
    /// There is something in `work` or `waking`.
    work_arrived: Notify,
    timers: Timers,
    usage: ThreadUsage,
}

impl IoThread {
    /// Starts the thread's own tasks on `handle`'s runtime.
    pub(crate) fn start(handle: Handle) -> Arc<Self> {
        let thread = Arc::new(Self {
            handle,
            work: Mutex::default(),
            waking: Mutex::default(),
            work_arrived: Notify::new(),
            timers: Timers::new(),
            usage: ThreadUsage::default(),
        });
        let its = Arc::clone(&thread);
        thread.handle.spawn(async move { its.usage.begin() });
        thread.handle.spawn(run_work(Arc::clone(&thread)));
        let its = Arc::clone(&thread);
        thread.handle.spawn(async move { its.timers.run().await });
        thread.handle.spawn(staging::keep_looking());
        thread
    }

    /// Hands work over. Any thread.
    pub(crate) fn send(&self, work: Box<dyn Work>) {
        lock(&self.work).push(work);
        self.work_arrived.notify_one();
    }

    /// Carries out the work that one JavaScript thread has handed over, ahead of its turn. Only from the I/O thread itself.
    pub(crate) fn carry_out_work_of(&self, js: &Arc<JsThread>) {
        let waiting: Vec<_> = lock(&self.work)
            .extract_if(.., |work| Arc::ptr_eq(work.js(), js))
            .collect();
        for work in waiting {
            work.carry_out();
        }
    }

    /// Whether it is one of several threads among which connections are distributed.
    pub(crate) fn shares_with_others(self: &Arc<Self>) -> bool {
        let running = running_threads();
        running.len() > 1 && running.iter().any(|thread| Arc::ptr_eq(thread, self))
    }

    /// Only from the thread itself.
    pub(crate) fn start_timer(&self, at: Instant, timed: Weak<dyn Timed>) -> TimerKey {
        self.timers.start(at, timed)
    }

    pub(crate) fn stop_timer(&self, key: TimerKey) {
        self.timers.stop(key);
    }
}

async fn run_work(thread: Arc<IoThread>) {
    loop {
        thread.work_arrived.notified().await;
        // Each lock is released before the loop, so that JavaScript's thread can hand over more in the meantime.
        let work = std::mem::take(&mut *lock(&thread.work));
        for work in work {
            work.carry_out();
        }
        // Afterwards, so that a task sees what JavaScript has written to its connection meanwhile.
        let waking = std::mem::take(&mut *lock(&thread.waking));
        for waker in waking {
            waker.wake();
        }
    }
}

impl TaskThread for IoThread {
    fn wake_together(&self, mut tasks: Vec<Waker>) {
        if tasks.len() > 1 {
            lock(&self.waking).append(&mut tasks);
            self.work_arrived.notify_one();
        }
        for waker in tasks {
            waker.wake();
        }
    }
}

/// A runtime for an I/O thread.
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .on_thread_park(staging::on_park)
        .build()
}

struct Threads {
    all: Vec<Arc<IoThread>>,
    next: AtomicUsize,
}

static REQUESTED: AtomicUsize = AtomicUsize::new(0);
static THREADS: OnceLock<Threads> = OnceLock::new();
/// Held while threads are started, because several JavaScript threads may start them at the same time.
static STARTING: Mutex<()> = Mutex::new(());

/// Sets the number of I/O threads. Returns false, without an effect, if they run already.
pub fn request_threads(count: usize) -> bool {
    REQUESTED.store(count, Ordering::Relaxed);
    THREADS.get().is_none()
}

fn thread_count() -> usize {
    let requested = std::env::var(THREADS_VARIABLE)
        .ok()
        .and_then(|value| value.parse().ok());
    let requested = requested
        .or_else(|| Some(REQUESTED.load(Ordering::Relaxed)))
        .filter(|&count| count > 0);
    // available_parallelism respects the affinity mask and the cgroup's CPU quota.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    requested
        .unwrap_or_else(|| {
            cores
                .saturating_sub(1)
                .clamp(1, limit::DEFAULT_IO_THREADS as usize)
        })
        .min(limit::MAX_IO_THREADS as usize)
}

/// Starts all threads or none. After a failure, because of descriptors or memory, the next call tries again.
fn start_threads(count: usize) -> Result<Threads, i32> {
    let errno = |error: io::Error| error.raw_os_error().unwrap_or(0);
    let runtimes = (0..count)
        .map(|_| runtime())
        .collect::<io::Result<Vec<_>>>()
        .map_err(errno)?;
    let mut started = Vec::new();
    for (index, runtime) in runtimes.into_iter().enumerate() {
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name(format!("ferrohttp-io-{index}"))
            .spawn(move || {
                runtime.block_on(async {
                    // The sender is dropped without a message when all threads run.
                    if stopped.await.is_err() {
                        std::future::pending::<()>().await;
                    }
                });
            });
        match thread {
            Ok(thread) => started.push((handle, stop, thread)),
            Err(error) => {
                for (_, stop, thread) in started {
                    let _ = stop.send(());
                    drop(thread.join());
                }
                return Err(errno(error));
            }
        }
    }
    let all = started
        .into_iter()
        .map(|(handle, ..)| IoThread::start(handle))
        .collect();
    Ok(Threads {
        all,
        next: AtomicUsize::new(0),
    })
}

fn threads() -> Result<&'static Threads, i32> {
    if let Some(threads) = THREADS.get() {
        return Ok(threads);
    }
    let _starting = lock(&STARTING);
    match THREADS.get() {
        Some(threads) => Ok(threads),
        None => {
            let threads = start_threads(thread_count())?;
            if let Some(first) = threads.all.first() {
                chunk::return_unused_on(&first.handle);
            }
            Ok(THREADS.get_or_init(|| threads))
        }
    }
}

/// The thread for the next connection or listener. The error is the errno of a thread that cannot be started.
pub(crate) fn next_thread() -> Result<Arc<IoThread>, i32> {
    let threads = threads()?;
    let index = threads.next.fetch_add(1, Ordering::Relaxed) % threads.all.len();
    Ok(Arc::clone(&threads.all[index]))
}

/// All threads that run.
pub(crate) fn running_threads() -> &'static [Arc<IoThread>] {
    match THREADS.get() {
        Some(threads) => &threads.all,
        None => &[],
    }
}

/// For each I/O thread the milliseconds of CPU that it has used, None where the system does not report it, and the milliseconds since
/// its start.
#[must_use]
pub fn thread_usage() -> Vec<(Option<f64>, f64)> {
    running_threads()
        .iter()
        .map(|thread| thread.usage.read())
        .collect()
}
