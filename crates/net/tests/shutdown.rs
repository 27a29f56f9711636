//! The end of an environment.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use ferrohttp_net::{BoundAddress, Environment, HeldBytes};
use support::{Js, Out, PATIENCE, Peer, config, content, flag, loopback};

struct Buffer(Vec<u8>, Arc<AtomicUsize>);

impl HeldBytes for Buffer {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits until another thread has made `condition` true.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn connections_and_held_buffers_end_with_the_environment() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let held = Arc::new(AtomicUsize::new(0));
    let mut peers = Vec::new();
    let mut writing = Vec::new();
    for _ in 0..8 {
        let mut peer = Peer::connect_narrow(address);
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let (id, _) = js.open_with_head();
        peers.push(peer);
        writing.push(id);
    }
    // Idle ones, and one in the middle of its body.
    for request in [
        "",
        "",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
    ] {
        let mut peer = Peer::connect_narrow(address);
        peer.send(request);
        js.open();
        peers.push(peer);
    }
    js.head();
    js.next();
    let body = content(4 << 20);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut out = Out::new();
    for &id in &writing {
        held.fetch_add(1, Ordering::SeqCst);
        out.head_held(
            id,
            &head,
            Box::new(Buffer(body.clone(), Arc::clone(&held))),
            flag::END,
        );
    }
    js.flush(&mut out);
    peers[0].expect(&head);
    assert!(held.load(Ordering::SeqCst) > 0);
    js.environment.shutdown();
    assert_eq!(held.load(Ordering::SeqCst), 0);
    assert_eq!(js.environment.open_connections(), 0);
    for mut peer in peers {
        // The result does not matter.
        let _ = std::io::copy(&mut peer.0, &mut std::io::sink());
    }
    // Later calls have no effect, and do not panic.
    js.flush(Out::new().respond(writing[0], b"late"));
    js.environment.shutdown();
}

#[test]
fn commands_that_no_thread_has_applied_are_dropped() {
    for _ in 0..200 {
        let mut js = Js::new();
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address);
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let (id, _) = js.open_with_head();
        let held = Arc::new(AtomicUsize::new(0));
        for _ in 0..3 {
            let mut out = Out::new();
            for _ in 0..4 {
                held.fetch_add(1, Ordering::SeqCst);
                out.body_held(id, Box::new(Buffer(content(100), Arc::clone(&held))), 0);
            }
            js.flush(&mut out);
        }
        js.environment.shutdown();
        assert_eq!(held.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn nothing_keeps_the_environment_alive_and_javascript_is_not_woken_afterwards() {
    for round in 0..50 {
        let gone = Arc::new(AtomicBool::new(false));
        let late = Arc::new(AtomicUsize::new(0));
        let (its_gone, its_late) = (Arc::clone(&gone), Arc::clone(&late));
        let environment = Environment::new(Box::new(move || {
            if its_gone.load(Ordering::SeqCst) {
                its_late.fetch_add(1, Ordering::SeqCst);
            }
        }));
        let (_, BoundAddress::Ip(address)) =
            environment.listen(&loopback(), config()).expect("listen")
        else {
            panic!("not an IP address")
        };
        let mut peers: Vec<_> = (0..round % 8).map(|_| Peer::connect(address)).collect();
        for peer in &mut peers {
            peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        environment.shutdown();
        gone.store(true, Ordering::SeqCst);
        // The work of another connection makes the thread publish its batch.
        let mut other = Js::new();
        let (_, address) = other.listen(config());
        drop(Peer::connect(address));
        let id = other.open();
        other.closed(id);
        eventually("something holds on to the environment", || {
            Arc::strong_count(&environment) == 1
        });
        assert_eq!(
            late.load(Ordering::SeqCst),
            0,
            "woken after shutdown in round {round}"
        );
    }
}

#[test]
fn the_port_is_free_afterwards() {
    for _ in 0..100 {
        let js = Js::new();
        let (_, address) = js.listen(config());
        js.environment.shutdown();
        drop(std::net::TcpListener::bind(address).expect("the port is free"));
    }
}
