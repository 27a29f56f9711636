//! The queue of batches under every interleaving of its threads. Run with
//! `RUSTFLAGS='--cfg ferrohttp_loom' cargo test -p ferrohttp-net --lib --release --target-dir target/loom interleavings`.

use loom::sync::{Arc, Notify};
use loom::thread;

use crate::handoff::{Batch, Inbox};
use crate::id::ConnectionId;

/// A queue whose wake-up ends JavaScript's sleep. As with `uv_async_send`, several wake-ups of a sleeping thread count as one.
fn inbox() -> (Arc<Inbox>, Arc<Notify>) {
    let woken = Arc::new(Notify::new());
    let wake = Arc::clone(&woken);
    (Arc::new(Inbox::new(Box::new(move || wake.notify()))), woken)
}

/// A batch of one ACK record.
fn numbered(publisher: u32, number: u32) -> Batch {
    let mut batch = Batch::default();
    let id = ConnectionId {
        slot: publisher,
        generation: 0,
    };
    batch.ack(id, number);
    batch
}

/// Publisher and number of the batch's record.
fn read(batch: &Batch) -> (u32, u32) {
    assert_eq!(batch.records().len(), 20, "one record in each batch");
    let word =
        |at: usize| u32::from_le_bytes(batch.records()[at..at + 4].try_into().expect("four bytes"));
    (word(8), word(16))
}

/// JavaScript's thread: sleeps, takes batches until there are none, and sleeps again. A lost wake-up is a deadlock, which loom
/// reports.
fn take_all(inbox: &Inbox, woken: &Notify, expected: usize) -> Vec<(u32, u32)> {
    let mut taken = Vec::new();
    while taken.len() < expected {
        woken.wait();
        let mut used = None;
        while let Some(batch) = inbox.take(used.take()) {
            taken.push(read(&batch));
            used = Some(batch);
        }
    }
    assert!(inbox.take(None).is_none());
    taken
}

fn assert_in_order(taken: &[(u32, u32)], publisher: u32) {
    let numbers: Vec<_> = taken
        .iter()
        .filter(|(from, _)| *from == publisher)
        .map(|(_, number)| *number)
        .collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
}

#[test]
fn no_wake_up_is_lost_between_one_publisher_and_javascript() {
    loom::model(|| {
        let (inbox, woken) = inbox();
        let publisher = {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || {
                for number in 0..3 {
                    inbox.publish(&mut numbered(0, number));
                }
            })
        };
        assert_eq!(take_all(&inbox, &woken, 3), [(0, 0), (0, 1), (0, 2)]);
        publisher.join().expect("publisher");
    });
}

#[test]
fn two_publishers_lose_nothing_and_keep_their_order() {
    let mut model = loom::model::Builder::new();
    // All interleavings with at most this many forced switches. Without the bound the test takes hours.
    model.preemption_bound = Some(3);
    model.check(|| {
        let (inbox, woken) = inbox();
        let publishers = [0, 1].map(|publisher| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || {
                for number in 0..2 {
                    inbox.publish(&mut numbered(publisher, number));
                }
            })
        });
        let taken = take_all(&inbox, &woken, 4);
        assert_in_order(&taken, 0);
        assert_in_order(&taken, 1);
        for publisher in publishers {
            publisher.join().expect("publisher");
        }
    });
}

#[test]
fn a_batch_that_is_pushed_under_a_lock_is_taken() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let (inbox, woken) = inbox();
        let publishers = [0, 1].map(|publisher| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || {
                // As in a connection, the wake-up is sent after its lock has been released.
                let reported = inbox.push(&mut numbered(publisher, 0));
                inbox.push(&mut numbered(publisher, 1));
                assert!(reported);
                inbox.wake_javascript();
            })
        });
        let taken = take_all(&inbox, &woken, 4);
        assert_in_order(&taken, 0);
        assert_in_order(&taken, 1);
        for publisher in publishers {
            publisher.join().expect("publisher");
        }
    });
}
