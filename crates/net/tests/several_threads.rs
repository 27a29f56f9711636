//! Connections that are distributed over several I/O threads. A process has one set of these, so this test has a process of its own.

mod support;

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use ferrohttp_net::{ConnectionId, request_threads};
use support::{Event, Head, Js, Out, Peer, Server, config, content, head_flag};

const THREADS: usize = 4;

/// Runs before any test of this process starts a thread.
fn several_threads() {
    static ASKED: Mutex<bool> = Mutex::new(false);
    let mut asked = ASKED.lock().expect("no test panics here");
    if !*asked {
        assert!(request_threads(THREADS));
        *asked = true;
    }
}

fn running_io_threads() -> usize {
    std::fs::read_dir("/proc/self/task")
        .expect("the threads of this process")
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("ferrohttp-io-"))
        .count()
}

#[test]
fn each_connection_gets_its_own_responses() {
    several_threads();
    let mut bodies: HashMap<ConnectionId, Vec<u8>> = HashMap::new();
    let server = Server::start(config(), move |event, out| match event {
        Event::Head {
            id,
            head: Head { flags, target, .. },
        } if flags & head_flag::COMPLETE != 0 => {
            out.respond(id, target.as_bytes());
        }
        Event::Body { id, bytes, .. } => {
            out.credit(id, bytes.len() as u32);
            bodies.entry(id).or_default().extend(bytes);
        }
        Event::End { id, .. } => {
            out.respond(id, &bodies.remove(&id).unwrap_or_default());
        }
        _ => {}
    });
    std::thread::scope(|scope| {
        for client in 0..32_usize {
            let address = server.address;
            scope.spawn(move || {
                let mut peer = Peer::connect(address);
                let all = content(200_000);
                for round in 0..20 {
                    let path = format!("/{client}/{round}");
                    peer.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
                    peer.expect(format!(
                        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}",
                        path.len()
                    ));
                    let body =
                        &all[client * 1000..][..1 + (client * 7919 + round * 104_729) % 150_000];
                    peer.send(format!(
                        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
                        body.len()
                    ));
                    peer.send(body);
                    peer.expect(format!(
                        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                        body.len()
                    ));
                    peer.expect(body);
                }
            });
        }
    });
    assert_eq!(server.environment.accepted(), 32);
    assert_eq!(running_io_threads(), THREADS);
}

#[test]
fn one_flush_reaches_connections_of_all_threads() {
    several_threads();
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let mut peers: Vec<_> = (0..THREADS * 3).map(|_| Peer::connect(address)).collect();
    for (index, peer) in peers.iter_mut().enumerate() {
        peer.send(format!("GET /{index} HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    let mut out = Out::new();
    let mut ids = HashSet::new();
    while ids.len() < peers.len() {
        if let Event::Head { id, head } = js.next() {
            assert!(ids.insert(id));
            out.respond(id, head.target.as_bytes());
        }
    }
    js.flush(&mut out);
    for (index, peer) in peers.iter_mut().enumerate() {
        let path = format!("/{index}");
        peer.expect(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}",
            path.len()
        ));
    }
}
