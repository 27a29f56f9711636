//! Neither side can make the other buffer an unlimited number of bytes: credit inbound, acknowledgements and held buffers outbound.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ferrohttp_net::{ConnectionId, Held, HeldBytes, ServerConfig};
use support::{Close, Event, Js, Out, Peer, config, content, flag};

const WINDOW: u32 = 64 * 1024;
/// Number of bytes that may be read beyond the window: those of one read.
const OVERSHOOT: usize = 64 * 1024;

fn small_window() -> ServerConfig {
    let mut config = config();
    config.body_window = WINDOW;
    config
}

/// A buffer that counts how often it is released.
struct Counted {
    bytes: Arc<[u8]>,
    released: Arc<AtomicUsize>,
}

impl HeldBytes for Counted {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.released.fetch_add(1, Ordering::SeqCst);
    }
}

fn held(bytes: &[u8]) -> (Held, Arc<AtomicUsize>) {
    let released = Arc::new(AtomicUsize::new(0));
    (
        Box::new(Counted {
            bytes: bytes.into(),
            released: Arc::clone(&released),
        }),
        released,
    )
}

fn with_request(
    js: &mut Js,
    config: ServerConfig,
    request: impl AsRef<[u8]>,
) -> (Peer, ConnectionId) {
    let (_, address) = js.listen(config);
    let mut peer = Peer::connect_narrow(address);
    peer.send(request);
    let (id, _) = js.open_with_head();
    (peer, id)
}

/// Writes until the kernel has refused bytes twice in a row, with a pause between. Returns the number of bytes that it accepted.
fn write_until_stalled(peer: &mut Peer, mut bytes: &[u8]) -> usize {
    peer.0
        .set_write_timeout(Some(Duration::from_millis(300)))
        .expect("write timeout");
    let mut written = 0;
    loop {
        match peer.0.write(bytes) {
            Ok(count) => {
                written += count;
                bytes = &bytes[count..];
                assert!(!bytes.is_empty(), "the sender never stalled");
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    peer.0.set_write_timeout(None).expect("write timeout");
    written
}

/// Collects the body bytes that have been reported so far.
fn reported(js: &mut Js, into: &mut Vec<u8>) {
    while let Some(event) = js.next_within(Duration::from_millis(200)) {
        match event {
            Event::Body { bytes, .. } => into.extend(bytes),
            other => panic!("BODY expected, not {other:?}"),
        }
    }
}

#[test]
fn a_sender_stalls_until_it_gets_credit() {
    let body = content(64 << 20);
    let chunked = [
        format!("{:x}\r\n", body.len()).as_bytes(),
        &body,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    for (framing, wire) in [
        (format!("Content-Length: {}", body.len()), &body),
        ("Transfer-Encoding: chunked".into(), &chunked),
    ] {
        let mut js = Js::new();
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
        let (mut peer, id) = with_request(&mut js, small_window(), head);
        let sent = write_until_stalled(&mut peer, wire);
        let mut got = Vec::new();
        reported(&mut js, &mut got);
        assert!(got.len() >= WINDOW as usize, "{}", got.len());
        assert!(
            got.len() <= WINDOW as usize + OVERSHOOT,
            "{} bytes reported without credit",
            got.len()
        );
        let (read, _) = js.environment.counters(id).expect("open");
        assert!(
            read as usize <= WINDOW as usize + 2 * OVERSHOOT,
            "{read} bytes read without credit"
        );

        let rest = wire[sent..].to_vec();
        let sending = std::thread::spawn(move || {
            peer.send(rest);
            peer
        });
        js.flush(Out::new().credit(id, got.len() as u32));
        let (more, trailers) = js.rest_of_body(id);
        got.extend(more);
        assert!(got == body && trailers.is_empty());
        let mut peer = sending.join().expect("sender");
        js.flush(Out::new().respond(id, b"ok"));
        peer.expect("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}

#[test]
fn the_end_of_a_body_needs_no_credit() {
    // The end is reported, too, when the body has exactly as many bytes as the window, one less and one more.
    for len in [
        WINDOW as usize - 1,
        WINDOW as usize,
        WINDOW as usize + 1,
        WINDOW as usize + 1000,
    ] {
        let mut js = Js::new();
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n");
        let (mut peer, id) = with_request(&mut js, small_window(), head);
        peer.send(&content(len)[..WINDOW as usize - 1]);
        let mut got = 0;
        while got < WINDOW as usize - 1 {
            let Event::Body { bytes, .. } = js.next() else {
                panic!("BODY expected")
            };
            got += bytes.len();
        }
        peer.send(&content(len)[WINDOW as usize - 1..]);
        while got < len {
            let Event::Body { bytes, .. } = js.next() else {
                panic!("BODY expected")
            };
            got += bytes.len();
        }
        assert_eq!(
            js.next(),
            Event::End {
                id,
                trailers: Vec::new()
            }
        );
        // A request without a body is complete at once, even if the request before it has used up the window.
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2));
        js.head();
        js.head();
        js.flush(
            Out::new()
                .respond(id, b"1")
                .respond(id, b"2")
                .respond(id, b"3"),
        );
        for answer in ["1", "2", "3"] {
            peer.expect(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{answer}"
            ));
        }
    }
}

#[test]
fn unanswered_requests_are_limited() {
    let mut limited = config();
    limited.limits.max_pipelined = 4;
    let mut js = Js::new();
    let (mut peer, id) = with_request(&mut js, limited, "GET /0 HTTP/1.1\r\nHost: a\r\n\r\n");
    for request in 1..10 {
        peer.send(format!("GET /{request} HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    for request in 1..4 {
        assert_eq!(js.head().1.target, format!("/{request}"));
    }
    assert_eq!(js.next_within(Duration::from_millis(200)), None);
    for request in 4..10 {
        js.flush(Out::new().respond(id, b""));
        assert_eq!(js.head().1.target, format!("/{request}"));
    }
}

#[test]
fn a_tap_has_the_parsed_bytes_only() {
    let mut js = Js::new();
    let (mut peer, id) = with_request(&mut js, config(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    js.flush(Out::new().tap(id).respond(id, b""));
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    peer.expect(ok);
    let body = content(100_000);
    let last = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n";
    let wire = [last.as_bytes(), &body].concat();
    peer.send(&wire);
    js.head();
    let (mut got, mut seen) = (Vec::new(), Vec::new());
    while seen.len() < wire.len() {
        match js.next() {
            Event::Body { bytes, .. } => {
                js.flush(Out::new().credit(id, bytes.len() as u32));
                got.extend(bytes);
            }
            Event::Tapped { bytes, .. } => seen.extend(bytes),
            Event::End { .. } => {}
            other => panic!("unexpected {other:?}"),
        }
    }
    assert!(got == body && seen == wire);
    // Bytes after the last request, while the handler works.
    peer.send(content(4 << 20));
    peer.finish();
    assert_eq!(js.next(), Event::Eof { id });
}

#[test]
fn a_paused_connection_is_not_read() {
    let mut js = Js::new();
    let (mut peer, id) = with_request(&mut js, config(), "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    js.flush(
        Out::new()
            .pause(id, true)
            .respond(id, b"")
            .raw(id, b"", flag::ACKNOWLEDGE)
            .raw(id, b"", 0),
    );
    js.acks(id, 1);
    peer.expect("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    peer.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(js.next_within(Duration::from_millis(200)), None);
    js.flush(Out::new().pause(id, false));
    assert_eq!(js.head().1.target, "/2");
}

#[test]
fn requests_that_waited_for_a_reader_are_reported_when_it_reads() {
    const REQUESTS: usize = 400;
    let mut js = Js::new();
    let (server, address) = js.listen(config());
    assert_ne!(server, 0);
    let mut peer = Peer::connect_narrow(address);
    let id = js.open();
    // One read brings all requests. No later read makes the connection look at the unparsed ones again.
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(REQUESTS));
    let body = content(256 * 1024);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let reading = std::thread::spawn(move || {
        let mut total = 0;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match peer.0.read(&mut buffer) {
                Ok(0) | Err(_) => return total,
                Ok(count) => total += count,
            }
        }
    });
    for _ in 0..REQUESTS {
        assert_eq!(js.head().0, id);
        js.flush(Out::new().head(id, &head, &body, flag::END));
    }
    js.flush(Out::new().close(id, Close::AfterFlush));
    js.until_closed(id);
    let expected = REQUESTS * (head.len() + body.len());
    assert_eq!(reading.join().expect("reader"), expected);
}

#[test]
fn writes_are_acknowledged_in_order_while_the_reader_continues() {
    let mut js = Js::new();
    let (mut peer, id) = with_request(&mut js, config(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let part = content(256 * 1024);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    js.flush(Out::new().head(id, head, &part, flag::CHUNKED | flag::ACKNOWLEDGE));
    const PARTS: usize = 100;
    for _ in 1..PARTS {
        js.flush(Out::new().body(id, &part, flag::CHUNKED | flag::ACKNOWLEDGE));
    }
    // The end of the message is known by its acknowledgement only.
    js.flush(Out::new().end(id, "", flag::CHUNKED | flag::ACKNOWLEDGE));
    let mut acknowledged = 0;
    let mut count = |js: &mut Js, patience| {
        while let Some(event) = js.next_within(patience) {
            let Event::Ack { id: whose, count } = event else {
                panic!("ACK expected, not {event:?}")
            };
            assert_eq!(whose, id);
            acknowledged += count as usize;
            if acknowledged > PARTS {
                break;
            }
        }
        acknowledged
    };
    let stalled = count(&mut js, Duration::from_millis(300));
    assert!(
        stalled < PARTS,
        "the reader reads nothing, yet {stalled} of {PARTS} parts were taken"
    );
    let framed = [format!("{:x}\r\n", part.len()).as_bytes(), &part, b"\r\n"].concat();
    peer.expect(head);
    for _ in 0..PARTS / 2 {
        peer.expect(&framed);
    }
    let half = count(&mut js, Duration::from_millis(300));
    assert!(
        half > stalled && half < PARTS,
        "{stalled}, then {half} of {PARTS}"
    );
    for _ in PARTS / 2..PARTS {
        peer.expect(&framed);
    }
    peer.expect("0\r\n\r\n");
    assert_eq!(count(&mut js, support::PATIENCE), PARTS + 1);
}

#[test]
fn each_write_with_acknowledge_is_acknowledged_once() {
    let mut js = Js::new();
    let (mut peer, id) = with_request(&mut js, config(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let ack = flag::ACKNOWLEDGE;
    js.flush(Out::new().interim(id, "HTTP/1.1 103 Early Hints\r\n\r\n", ack));
    js.acks(id, 1);
    js.flush(Out::new().head(
        id,
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"he",
        ack,
    ));
    js.acks(id, 1);
    js.flush(Out::new().body(id, b"llo", 0));
    // The end has no bytes, and all earlier bytes are written.
    js.flush(Out::new().end(id, "", ack));
    js.acks(id, 1);
    // Out of turn: nothing is sent. Commands that ask for an acknowledgement get one, and no others.
    js.flush(Out::new().body(id, b"late", 0).body(id, b"late", ack));
    js.acks(id, 1);
    js.flush(Out::new().raw(id, b"", ack));
    js.acks(id, 1);
    // Through the I/O thread, because the flush has more than two writes.
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    js.head();
    let mut out = Out::new();
    out.head(
        id,
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
        b"a",
        ack,
    )
    .body(id, b"b", 0)
    .body(id, b"c", ack)
    .end(id, "", ack);
    js.flush(&mut out);
    js.acks(id, 3);
    peer.expect("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    js.flush(Out::new().close(id, Close::AfterFlush));
    assert_eq!(js.closed(id), 0);
}

#[test]
fn held_buffers_are_written_in_their_place_and_released_once() {
    // Flushes that are carried out directly, and by the I/O thread.
    for parts in [1, 2, 40] {
        let mut js = Js::new();
        let (mut peer, id) = with_request(&mut js, config(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut out = Out::new();
        out.head(id, head, b"first", flag::CHUNKED);
        let mut wire = format!("{head}5\r\nfirst\r\n").into_bytes();
        let mut all = Vec::new();
        for part in 0..parts - 1 {
            let bytes = content(20_000 + part);
            let (buffer, released) = held(&bytes);
            all.push(released);
            out.body_held(id, buffer, flag::CHUNKED | flag::ACKNOWLEDGE)
                .body(id, b"between", flag::CHUNKED);
            wire.extend(format!("{:x}\r\n", bytes.len()).into_bytes());
            wire.extend(&bytes);
            wire.extend(b"\r\n7\r\nbetween\r\n");
        }
        out.end(id, "A: b\r\n", flag::CHUNKED | flag::ACKNOWLEDGE);
        wire.extend(b"0\r\nA: b\r\n\r\n");
        js.flush(&mut out);
        peer.expect(&wire);
        js.acks(id, parts as u32);
        for released in all {
            assert_eq!(released.load(Ordering::SeqCst), 1);
        }
    }
}

#[test]
fn held_buffers_are_released_when_the_connection_closes() {
    let body = content(16 << 20);
    for ending in 0..4 {
        let mut js = Js::new();
        let (mut peer, id) = with_request(&mut js, config(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let (buffer, released) = held(&body);
        js.flush(Out::new().head_held(id, &head, buffer, flag::END));
        peer.expect(&head);
        assert_eq!(
            released.load(Ordering::SeqCst),
            0,
            "the reader has not read it"
        );
        match ending {
            0 => js.flush(Out::new().close(id, Close::Destroy)),
            1 => js.flush(Out::new().close(id, Close::Reset)),
            2 => peer.reset(),
            _ => drop(peer),
        }
        js.until_closed(id);
        assert_eq!(released.load(Ordering::SeqCst), 1);
        // For a connection that has closed.
        for writes in [1, 4] {
            let mut out = Out::new();
            let all: Vec<_> = (0..writes)
                .map(|_| {
                    let (buffer, released) = held(b"too late");
                    out.body_held(id, buffer, 0);
                    released
                })
                .collect();
            js.flush(&mut out);
            // A flush of more than two writes is released by the I/O thread. A later flush is carried out after it.
            let mut peer = Peer::connect(js.listen(config()).1);
            peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            let (next, _) = js.open_with_head();
            js.flush(
                Out::new()
                    .respond(next, b"")
                    .respond(next, b"")
                    .respond(next, b"")
                    .raw(next, b"", flag::ACKNOWLEDGE),
            );
            js.acks(next, 1);
            drop(peer);
            js.closed(next);
            assert!(
                all.iter()
                    .all(|released| released.load(Ordering::SeqCst) == 1)
            );
        }
    }
}

#[test]
fn a_fast_reader_gets_a_large_response_whole() {
    let mut js = Js::new();
    let (peer, id) = with_request(&mut js, config(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let body = content(48 << 20);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let reading = std::thread::spawn(move || {
        let mut peer = peer;
        let mut all = Vec::new();
        peer.0.read_to_end(&mut all).expect("the response");
        all
    });
    let (buffer, released) = held(&body);
    js.flush(Out::new().head_held(
        id,
        &head,
        buffer,
        flag::END | flag::CLOSE | flag::ACKNOWLEDGE,
    ));
    js.acks(id, 1);
    assert_eq!(released.load(Ordering::SeqCst), 1);
    let got = reading.join().expect("reader");
    assert!(got.len() == head.len() + body.len() && got.ends_with(&body));
    assert_eq!(js.until_closed(id).1, 0);
}
