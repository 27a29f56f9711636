//! The number of bytes that are read while JavaScript's thread takes no batch. All of them arrive when it continues.

mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ferrohttp_net::ConnectionId;
use support::{Accepting, Event, Js, Out, PATIENCE, Peer, config, flag, head_flag};

/// Number of bytes that may be read of one connection while the thread is blocked, as in `docs/SECURITY.md`.
const EACH: u64 = 160_000;
/// Number of bytes in the queue at which nothing more is read.
const ALL: u64 = 16 * 1024 * 1024;

const HEAD: usize = 16 * 1000;

fn head(extra: &str) -> String {
    let padding = "p".repeat(HEAD);
    format!("POST / HTTP/1.1\r\nHost: a\r\nX: {padding}\r\n{extra}\r\n\r\n")
}

/// Returns the number of bytes that have been read of each connection, when it has stopped to grow and is more than one read.
fn read_by_now(js: &Js, ids: &[ConnectionId]) -> Vec<u64> {
    let began = Instant::now();
    let mut last = Vec::new();
    loop {
        let read: Vec<u64> = ids
            .iter()
            .map(|&id| js.environment.counters(id).map_or(0, |(read, _)| read))
            .collect();
        let enough = read.iter().sum::<u64>() >= (ids.len() as u64 * EACH / 4).min(ALL / 2);
        if (enough && read == last) || began.elapsed() > PATIENCE {
            return read;
        }
        last = read;
        // No event reports that reading has stopped.
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

fn open(js: &mut Js, address: SocketAddr) -> (Peer, ConnectionId) {
    let peer = Peer::connect(address);
    (peer, js.open())
}

/// Answers `count` requests as they arrive. Returns the number of body bytes.
fn serve(js: &mut Js, count: usize) -> usize {
    let mut body = 0;
    let mut answered = 0;
    while answered < count {
        match js.next() {
            Event::Head { id, head } if head.flags & head_flag::COMPLETE != 0 => {
                js.flush(Out::new().respond(id, b"ok"));
                answered += 1;
            }
            Event::End { id, .. } => {
                js.flush(Out::new().respond(id, b"ok"));
                answered += 1;
            }
            Event::Body { id, bytes, .. } => {
                body += bytes.len();
                js.flush(Out::new().credit(id, bytes.len() as u32));
            }
            _ => {}
        }
    }
    body
}

#[test]
fn bytes_read_of_one_peer_are_limited() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let chunks = ("40\r\n".to_owned() + &"c".repeat(64) + "\r\n").repeat(8000) + "0\r\n\r\n";
    let long = 1_000_000;
    let kinds: [(&str, String, usize, usize); 5] = [
        ("heads", head("Content-Length: 0").repeat(70), 70, 0),
        (
            "short requests",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20_000),
            20_000,
            0,
        ),
        (
            "a body",
            head(&format!("Content-Length: {long}")) + &"b".repeat(long),
            1,
            long,
        ),
        (
            "small chunks",
            head("Transfer-Encoding: chunked") + &chunks,
            1,
            8000 * 64,
        ),
        (
            "bodies and heads",
            (head("Content-Length: 40000") + &"b".repeat(40_000)).repeat(20),
            20,
            20 * 40_000,
        ),
    ];
    for (kind, bytes, count, body) in kinds {
        let (mut peer, id) = open(&mut js, address);
        let sending = peer.send_beside(bytes.into_bytes());
        let read = read_by_now(&js, &[id])[0];
        assert!(read <= EACH, "{kind}: {read} bytes");
        let mut answers = peer.0.try_clone().map(Peer).expect("a second handle");
        let reading = std::thread::spawn(move || {
            for _ in 0..count {
                answers.expect("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        });
        assert_eq!(serve(&mut js, count), body, "{kind}");
        sending.join().expect("sent");
        reading.join().expect("answered");
        peer.finish();
        peer.expect_end();
        js.closed(id);
    }
}

/// `peers` send `request` each, which has `count` messages and `body` bytes of bodies, while JavaScript is blocked. Then all are served.
fn check_all_together(peers: usize, request: &str, count: usize, body: usize) {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let open: Vec<_> = (0..peers).map(|_| open(&mut js, address)).collect();
    let sending: Vec<_> = open
        .iter()
        .map(|(peer, _)| peer.send_beside(request.as_bytes().to_vec()))
        .collect();
    let ids: Vec<_> = open.iter().map(|&(_, id)| id).collect();
    let read = read_by_now(&js, &ids);
    let sum: u64 = read.iter().sum();
    assert!(read.iter().all(|&read| read <= EACH));
    // A thread may have a staged batch in addition when the queue is full.
    assert!(sum <= ALL + 2 * 1024 * 1024, "{sum} bytes");
    assert!(sum >= ALL / 2, "{sum} bytes: the queue was never full");
    assert_eq!(serve(&mut js, peers * count), peers * body);
    for thread in sending {
        thread.join().expect("sent");
    }
}

#[test]
fn bytes_read_of_all_peers_together_are_limited() {
    const BODY: usize = 400_000;
    let request = head(&format!("Content-Length: {BODY}")) + &"b".repeat(BODY);
    check_all_together(160, &request, 1, BODY);
}

/// Most of the bytes that are read are requests that are not parsed yet.
#[test]
fn pipelined_requests_of_all_peers_together_are_limited() {
    const COUNT: usize = 150;
    let padding = "p".repeat(450);
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {padding}\r\n\r\n").repeat(COUNT);
    check_all_together(360, &request, COUNT, 0);
}

/// The handler has seen them all before it answers the first.
#[test]
fn heads_that_javascript_has_read_make_room_for_others() {
    const COUNT: usize = 20;
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let (mut peer, id) = open(&mut js, address);
    let sending = peer.send_beside(head("Content-Length: 0").repeat(COUNT).into_bytes());
    for _ in 0..COUNT {
        assert_eq!(js.head().0, id);
    }
    for _ in 0..COUNT {
        js.flush(Out::new().respond(id, b"ok"));
        peer.expect("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    sending.join().expect("sent");
}

#[test]
fn the_bytes_of_a_peer_that_has_ended_are_all_read() {
    const COUNT: usize = 12;
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let (mut peer, id) = open(&mut js, address);
    peer.send(head("Content-Length: 0").repeat(COUNT));
    peer.finish();
    read_by_now(&js, &[id]);
    for _ in 0..COUNT {
        assert_eq!(js.head().0, id);
    }
    assert_eq!(js.next(), Event::Eof { id });
    for _ in 0..COUNT {
        js.flush(Out::new().respond(id, b"ok"));
        peer.expect("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}

#[test]
fn bytes_read_of_a_server_are_limited() {
    let mut js = Js::new();
    let listener = Accepting::new();
    let (mut peer, id) = js.connection(&listener);
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    js.flush(Out::new().request(id, request, b"", flag::END));
    peer.expect(request);
    let padding = "p".repeat(HEAD);
    let early = format!("HTTP/1.1 103 Early Hints\r\nX: {padding}\r\n\r\n");
    let flood = early.repeat(10) + "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    let sending = peer.send_beside((flood + &"b".repeat(1_000_000)).into_bytes());
    let read = read_by_now(&js, &[id])[0];
    assert!(read <= EACH, "{read} bytes");
    for _ in 0..11 {
        js.response(id);
    }
    let mut body = 0;
    while body < 1_000_000 {
        match js.next() {
            Event::Body { bytes, .. } => {
                body += bytes.len();
                js.flush(Out::new().credit(id, bytes.len() as u32));
            }
            other => panic!("a body expected, not {other:?}"),
        }
    }
    sending.join().expect("sent");
}
