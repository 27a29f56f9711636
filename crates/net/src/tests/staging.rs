//! Messages of one poll of the sockets and of the next one are reported together.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use ferrohttp_proto::{Event, Limits, Scratch, ServerConnection};
use tokio::net::UnixStream;
use tokio::runtime::Builder;
use tokio::sync::Notify;

use crate::environment::Environment;
use crate::handoff::Batch;
use crate::id::ConnectionId;
use crate::threads::staging::{SEVERAL, keep_looking, on_park, with_batch};

const ID: ConnectionId = ConnectionId {
    slot: 0,
    generation: 0,
};

fn add_heads(batch: &mut Batch, count: usize) {
    for _ in 0..count {
        let mut scratch = Scratch::new();
        let step = ServerConnection::new(Instant::now())
            .handle_data(
                Instant::now(),
                &Limits::default(),
                b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                &mut scratch,
            )
            .expect("a request");
        let Some(Event::Head(head)) = step.event else {
            panic!("no head")
        };
        batch.head(ID, &head, b"");
    }
}

/// Returns the number of messages in the first batch when `first` messages have been read and one more waits in a socket.
fn first_batch(first: usize) -> usize {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .on_thread_park(on_park)
        .build()
        .expect("runtime");
    runtime.block_on(async {
        tokio::spawn(keep_looking());
        let woken = Arc::new(Notify::new());
        let wake = Arc::clone(&woken);
        let environment = Environment::new(Box::new(move || wake.notify_one()));
        let (mut peer, socket) = std::os::unix::net::UnixStream::pair().expect("a pair");
        socket.set_nonblocking(true).expect("non-blocking");
        let js = Arc::clone(environment.js());
        tokio::spawn(async move {
            let socket = UnixStream::from_std(socket).expect("a socket");
            socket.readable().await.expect("readable");
            with_batch(&js, |batch| add_heads(batch, 1));
        });
        // Yield until both tasks wait.
        tokio::task::yield_now().await;
        with_batch(environment.js(), |batch| add_heads(batch, first));
        peer.write_all(b"x").expect("the peer's write");
        woken.notified().await;
        environment.take(None).map_or(0, |batch| batch.heads())
    })
}

#[test]
fn several_requests_at_once_make_the_thread_poll_again() {
    assert_eq!(first_batch(SEVERAL), SEVERAL + 1);
}

#[test]
fn few_requests_are_reported_at_once() {
    assert_eq!(first_batch(SEVERAL - 1), SEVERAL - 1);
}
