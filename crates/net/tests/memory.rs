//! The memory of idle connections in Rust, counted by the allocator. This test has a process of its own.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use support::{Accepting, Close, Event, Js, Out, Peer, config, flag};

/// Bytes that one idle connection may keep allocated: the connection, its task, tokio's share of the
/// socket, a timer and a table entry. The kernel's buffers and JavaScript's objects are not counted.
const BUDGET: usize = 1152;
const CONNECTIONS: usize = 400;
/// Bytes that may stay allocated after all connections have closed: tables and queues that have grown.
const LEFT: usize = 64 * 1024;

/// The allocator counts for the process, so one test runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: passes everything on to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise; it came from `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns the number of bytes allocated since `before` was read, as soon as they are at most `limit`, or after a time limit: a peer
/// may have received a response before the I/O thread has released its buffer.
fn settled(before: usize, limit: usize) -> usize {
    let began = Instant::now();
    loop {
        let live = LIVE.load(Ordering::Relaxed).saturating_sub(before);
        if live <= limit || began.elapsed() > support::PATIENCE {
            return live;
        }
        std::thread::yield_now();
    }
}

/// Opens `count` connections, answers a request with a body on each, and leaves them idle.
fn idle(js: &mut Js, address: std::net::SocketAddr, count: usize) -> Vec<Peer> {
    (0..count)
        .map(|_| {
            let mut peer = Peer::connect(address);
            peer.send("POST /path HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n");
            peer.send([b'x'; 20_000]);
            let (id, _) = js.open_with_head();
            js.rest_of_body(id);
            js.flush(Out::new().respond(id, &[b'y'; 20_000]));
            peer.expect("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n");
            peer.expect([b'y'; 20_000]);
            peer
        })
        .collect()
}

#[test]
fn an_idle_connection_is_small_and_does_not_leak() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut js = Js::new();
    let mut long = config();
    long.timeouts.keep_alive = Some(support::PATIENCE * 100);
    let (_, address) = js.listen(long);
    let close = |js: &mut Js, peers: Vec<Peer>| {
        let mut open = peers.len();
        drop(peers);
        while open > 0 {
            if let Event::Closed { .. } = js.next() {
                open -= 1;
            }
        }
    };
    // Allocations that are made once and shared by all connections.
    let peers = idle(&mut js, address, CONNECTIONS);
    close(&mut js, peers);
    let before = LIVE.load(Ordering::Relaxed);
    let peers = idle(&mut js, address, CONNECTIONS);
    let each = settled(before, BUDGET * CONNECTIONS) / CONNECTIONS;
    assert!(each <= BUDGET, "{each} bytes an idle connection");
    assert!(each >= 100, "{each} bytes: something is not counted");
    close(&mut js, peers);
    let idle_again = idle(&mut js, address, 1);
    let left = settled(before, LEFT);
    assert!(left <= LEFT, "{left} bytes are left");
    drop(idle_again);
}

/// As `BUDGET`, for a client's connection.
const CLIENT_BUDGET: usize = BUDGET + 128;

#[test]
fn an_idle_connection_of_a_client_is_small_and_does_not_leak() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut js = Js::new();
    let listener = Accepting::new();
    let idle = |js: &mut Js| {
        let mut all = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let (mut peer, id) = js.connection(&listener);
            let head = "POST / HTTP/1.1\r\nContent-Length: 20000\r\n\r\n";
            js.flush(Out::new().request(id, head, &[b'y'; 20_000], flag::END));
            peer.expect(head);
            peer.expect([b'y'; 20_000]);
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n");
            peer.send([b'x'; 20_000]);
            js.response(id);
            js.rest_of_body(id);
            all.push((peer, id));
        }
        all
    };
    let close = |js: &mut Js, all: Vec<(Peer, ferrohttp_net::ConnectionId)>| {
        for (_peer, id) in all {
            js.flush(Out::new().close(id, Close::Destroy));
            assert_eq!(js.closed(id), 0);
        }
    };
    // Allocations that are made once and shared by all connections.
    let all = idle(&mut js);
    close(&mut js, all);
    let before = LIVE.load(Ordering::Relaxed);
    let all = idle(&mut js);
    let each = settled(before, CLIENT_BUDGET * CONNECTIONS) / CONNECTIONS;
    assert!(each <= CLIENT_BUDGET, "{each} bytes an idle connection");
    assert!(each >= 100, "{each} bytes: something is not counted");
    close(&mut js, all);
    let left = settled(before, LEFT);
    assert!(left <= LEFT, "{left} bytes are left");
}

#[test]
fn output_to_a_slow_reader_does_not_grow() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    const PART: usize = 64 * 1024;
    const TOTAL: usize = 2000;
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect_narrow(address);
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let (id, _) = js.open_with_head();
    let part = vec![b'x'; PART];
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let framed = [b"10000\r\n".as_slice(), &part, b"\r\n"].concat();
    js.flush(Out::new().head(id, head, b"", flag::CHUNKED));
    peer.expect(head);
    let before = LIVE.load(Ordering::Relaxed);
    // More bytes than the kernel accepts, so the output is never empty from here on.
    const AHEAD: usize = 200;
    let mut most = 0;
    for sent in 0..TOTAL + AHEAD {
        if sent < TOTAL {
            js.flush(Out::new().body(id, &part, flag::CHUNKED));
        }
        if sent >= AHEAD {
            peer.expect(&framed);
        }
        most = most.max(LIVE.load(Ordering::Relaxed).saturating_sub(before));
    }
    // Earlier bytes may be in memory twice while their buffer grows or is compacted.
    assert!(
        most <= AHEAD * PART * 3,
        "{most} bytes for {} that are on their way",
        AHEAD * PART
    );
    assert!(most < TOTAL * PART / 2);
}

/// Bytes that a connection with an unfinished head may cost beyond an idle one and the bytes of the head.
const UNFINISHED: usize = 128;

#[test]
fn an_unfinished_head_takes_only_its_own_size() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut js = Js::new();
    let mut patient = config();
    patient.timeouts.headers = Some(support::PATIENCE * 100);
    let (_, address) = js.listen(patient);
    let pieces = ["GET / HTTP/1.1\r\n", "Host: a\r\n", "X: 1\r\n"];
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    let unfinished = |js: &mut Js| -> Vec<(Peer, ferrohttp_net::ConnectionId)> {
        (0..CONNECTIONS)
            .map(|_| {
                let mut peer = Peer::connect(address);
                let mut sent = 0;
                let mut id = None;
                for piece in pieces {
                    peer.send(piece);
                    sent += piece.len() as u64;
                    let id = *id.get_or_insert_with(|| js.open());
                    let read = || js.environment.counters(id).map_or(0, |(read, _)| read);
                    while read() < sent {
                        std::thread::yield_now();
                    }
                }
                (peer, id.expect("open"))
            })
            .collect()
    };
    // Allocations that are made once and shared by all connections.
    for (_peer, id) in unfinished(&mut js) {
        js.flush(Out::new().close(id, Close::Destroy));
        js.closed(id);
    }
    let before = LIVE.load(Ordering::Relaxed);
    let all = unfinished(&mut js);
    let limit = BUDGET + length + UNFINISHED;
    let each = settled(before, limit * CONNECTIONS) / CONNECTIONS;
    assert!(each <= limit, "{each} bytes an unfinished head");
    drop(all);
}
