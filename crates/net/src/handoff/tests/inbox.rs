//! Publishing and taking, between real threads.

use std::io::{ErrorKind, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Waker;
use std::time::Duration;

use crate::handoff::{Batch, Inbox, TaskThread, Until};
use crate::id::ConnectionId;
use crate::socket::stream::Stream;

fn inbox() -> (Arc<Inbox>, mpsc::Receiver<()>) {
    let (wake, woken) = mpsc::channel();
    let inbox = Inbox::new(Box::new(move || {
        let _ = wake.send(());
    }));
    (Arc::new(inbox), woken)
}

/// A batch of one ACK record, which carries two numbers.
fn numbered(batch: &mut Batch, publisher: u32, number: u32) {
    batch.ack(
        ConnectionId {
            slot: publisher,
            generation: 0,
        },
        number,
    );
}

fn numbers(batch: &Batch) -> Vec<(u32, u32)> {
    let word =
        |at: usize| u32::from_le_bytes(batch.records()[at..at + 4].try_into().expect("four bytes"));
    (0..batch.records().len())
        .step_by(20)
        .map(|at| (word(at + 8), word(at + 16)))
        .collect()
}

#[test]
fn an_empty_batch_is_not_published() {
    let (inbox, woken) = inbox();
    inbox.publish(&mut Batch::default());
    assert!(woken.try_recv().is_err());
    assert!(inbox.take(None).is_none());
}

/// A connection's end is published before its peer can observe it.
#[tokio::test]
async fn sockets_are_closed_after_javascript_was_woken() {
    let (peer, socket) = tokio::net::UnixStream::pair().expect("a pair");
    let (wake, seen) = mpsc::channel();
    let peer = Arc::new(peer.into_std().expect("a socket"));
    let watched = Arc::clone(&peer);
    let peek =
        |peer: &std::os::unix::net::UnixStream| (&*peer).read(&mut [0]).map_err(|e| e.kind());
    let inbox = Inbox::new(Box::new(move || {
        let _ = wake.send(peek(&watched));
    }));
    let mut batch = Batch::default();
    batch.close_after_publishing(Stream::Unix(socket));
    numbered(&mut batch, 0, 0);
    assert!(inbox.push(&mut batch));
    assert_eq!(peek(&peer), Err(ErrorKind::WouldBlock));
    numbered(&mut batch, 0, 1);
    inbox.publish(&mut batch);
    assert_eq!(seen.try_recv(), Ok(Err(ErrorKind::WouldBlock)));
    assert_eq!(peek(&peer), Ok(0));
}

/// An I/O thread that counts how many of its tasks are woken by each call.
#[derive(Default)]
struct Counting(Mutex<Vec<usize>>);

impl TaskThread for Counting {
    fn wake_together(&self, tasks: Vec<Waker>) {
        self.0.lock().expect("a lock").push(tasks.len());
    }
}

#[test]
fn the_tasks_of_a_thread_are_woken_by_one_call() {
    let (inbox, _woken) = inbox();
    let threads = [(); 2].map(|()| Arc::new(Counting::default()));
    for thread in [0, 1, 0, 0] {
        let task = (&threads[thread], Waker::noop());
        assert!(inbox.await_javascript(Until::Taken, 0, task));
    }
    assert!(inbox.await_javascript(Until::Emptied, 0, (&threads[1], Waker::noop())));
    assert!(!inbox.await_javascript(Until::Taken, 1, (&threads[0], Waker::noop())));
    let mut batch = Batch::default();
    numbered(&mut batch, 0, 0);
    inbox.publish(&mut batch);
    assert!(inbox.take(None).is_some());
    let woken = || {
        threads
            .each_ref()
            .map(|thread| thread.0.lock().expect("a lock").clone())
    };
    assert_eq!(woken(), [vec![3], vec![1]]);
    assert!(inbox.take(None).is_none());
    assert_eq!(woken(), [vec![3], vec![1, 1]]);
}

#[test]
fn the_first_batch_wakes_and_further_ones_do_not() {
    let (inbox, woken) = inbox();
    let mut batch = Batch::default();
    for number in 0..5 {
        numbered(&mut batch, 0, number);
        inbox.publish(&mut batch);
        assert!(batch.records().is_empty());
    }
    assert_eq!(woken.try_iter().count(), 1);
    let mut used = None;
    for number in 0..5 {
        let batch = inbox.take(used.take()).expect("a batch");
        assert_eq!(numbers(&batch), [(0, number)]);
        used = Some(batch);
    }
    // The reader has taken a batch and not found the queue empty yet. It continues to take, so it needs no wake-up.
    numbered(&mut batch, 0, 5);
    inbox.publish(&mut batch);
    assert_eq!(woken.try_iter().count(), 0);
    assert!(inbox.take(used.take()).is_some());
    assert!(inbox.take(None).is_none());
    numbered(&mut batch, 0, 6);
    inbox.publish(&mut batch);
    assert_eq!(woken.try_iter().count(), 1);
}

#[test]
fn a_used_batch_comes_back_empty() {
    let (inbox, _woken) = inbox();
    let mut batch = Batch::default();
    batch.body(
        ConnectionId {
            slot: 0,
            generation: 0,
        },
        &[1; 100_000],
        false,
    );
    batch.body(
        ConnectionId {
            slot: 0,
            generation: 0,
        },
        &[1; 10],
        false,
    );
    inbox.publish(&mut batch);
    let used = inbox.take(None).expect("a batch");
    assert!(inbox.take(Some(used)).is_none());
    numbered(&mut batch, 0, 0);
    inbox.publish(&mut batch);
    assert!(batch.records().is_empty() && batch.bytes.capacity() > 0 && batch.chunks.is_empty());
    // A record that could grow before the batch was reset cannot grow any more.
    batch.body(
        ConnectionId {
            slot: 0,
            generation: 0,
        },
        b"new",
        false,
    );
    assert_eq!(batch.records().len(), 28);
}

#[test]
fn no_wake_up_is_lost_and_nothing_is_out_of_order() {
    const PUBLISHERS: u32 = 3;
    const BATCHES: u32 = if cfg!(miri) { 300 } else { 100_000 };
    let (inbox, woken) = inbox();
    let asleep = Arc::new(AtomicUsize::new(0));
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let (inbox, asleep) = (Arc::clone(&inbox), Arc::clone(&asleep));
            std::thread::spawn(move || {
                let mut batch = Batch::default();
                for number in 0..BATCHES {
                    numbered(&mut batch, publisher, number);
                    inbox.publish(&mut batch);
                    if number % 64 == 0 {
                        // The race to test is with the moment at which the reader finds the queue empty.
                        let seen = asleep.load(Ordering::Relaxed);
                        for _ in 0..100 {
                            if asleep.load(Ordering::Relaxed) != seen {
                                break;
                            }
                            std::thread::yield_now();
                        }
                    }
                }
            })
        })
        .collect();
    let mut next = [0; PUBLISHERS as usize];
    while next.iter().any(|&number| number < BATCHES) {
        asleep.fetch_add(1, Ordering::Relaxed);
        assert!(
            woken.recv_timeout(Duration::from_secs(20)).is_ok(),
            "never woken, at {next:?}"
        );
        let mut used = None;
        while let Some(batch) = inbox.take(used.take()) {
            for (publisher, number) in numbers(&batch) {
                assert_eq!(number, next[publisher as usize]);
                next[publisher as usize] += 1;
            }
            used = Some(batch);
        }
    }
    for publisher in publishers {
        publisher.join().expect("publisher");
    }
    assert!(inbox.take(None).is_none());
}

#[test]
fn javascript_may_be_woken_from_within_a_wake_up() {
    // `wake` runs without the queue's lock, so taking a batch within it must not deadlock.
    let taken = Arc::new(Mutex::new(0));
    let count = Arc::clone(&taken);
    let inbox = Arc::new_cyclic(|own: &std::sync::Weak<Inbox>| {
        let own = own.clone();
        Inbox::new(Box::new(move || {
            let inbox = own.upgrade().expect("it is being used");
            while inbox.take(None).is_some() {
                *count.lock().expect("no panic") += 1;
            }
        }))
    });
    let mut batch = Batch::default();
    for number in 0..3 {
        numbered(&mut batch, 0, number);
        inbox.publish(&mut batch);
    }
    assert_eq!(*taken.lock().expect("no panic"), 3);
}

#[test]
fn the_memory_of_batches_is_used_again_and_has_a_limit() {
    let (inbox, _woken) = inbox();
    let large = |batch: &mut Batch| {
        for number in 0..10_000 {
            numbered(batch, 0, number);
        }
    };
    let mut batch = Batch::default();
    for _ in 0..32 {
        large(&mut batch);
        inbox.publish(&mut batch);
    }
    let mut used = None;
    while let Some(next) = inbox.take(used.take()) {
        used = Some(next);
    }
    let mut kept = 0;
    loop {
        numbered(&mut batch, 0, 0);
        inbox.publish(&mut batch);
        // It has been exchanged for a kept one, as long as there are any.
        if batch.capacity() == Batch::default().capacity() {
            break;
        }
        kept += batch.capacity();
    }
    assert!(kept > 1024 * 1024, "{kept}");
    assert!(kept <= 2 * 1024 * 1024, "{kept}");
}
