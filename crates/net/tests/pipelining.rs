//! Many responses in one flush: their order, and how they are sent.

mod support;

use std::io::Read;

use ferrohttp_net::ConnectionId;
use support::{Close, Event, Js, Out, Peer, config, content, flag};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// The two ways to carry out a flush: by the thread that calls, and by the I/O thread.
#[derive(Clone, Copy, Debug)]
enum Road {
    Direct,
    Thread,
}

#[test]
fn pipelined_requests_are_answered_in_one_write() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    const COUNT: usize = 12;
    peer.send(
        (0..COUNT)
            .map(|index| format!("GET /{index} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .collect::<String>(),
    );
    let (id, first) = js.open_with_head();
    assert_eq!(first.target, "/0");
    let mut out = Out::new();
    out.respond(id, b"0");
    let mut wire = String::from("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0");
    for index in 1..COUNT {
        let (whose, head) = js.head();
        assert_eq!((whose, head.target), (id, format!("/{index}")));
        let body = index.to_string();
        out.respond(id, body.as_bytes());
        wire += &format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
    }
    js.flush(&mut out);
    // Bytes of one write can be read at once.
    let mut buffer = vec![0; wire.len() * 2];
    let count = peer.0.read(&mut buffer).expect("answers");
    assert_eq!(String::from_utf8_lossy(&buffer[..count]), wire);
}

/// Returns the bytes of one response that is sent by `road`, with a flush for each command or one for all.
fn wire_of(road: Road, one_flush: bool) -> Vec<u8> {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    peer.send(GET);
    let (id, _) = js.open_with_head();
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let commands: [fn(&mut Out, ConnectionId) -> &mut Out; 6] = [
        |out, id| out.interim(id, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 0),
        |out, id| {
            out.head(
                id,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                b"one",
                flag::CHUNKED,
            )
        },
        |out, id| out.body(id, &content(5000), flag::CHUNKED),
        |out, id| out.body(id, b"", flag::CHUNKED),
        |out, id| out.body(id, b"three", flag::CHUNKED),
        |out, id| out.end(id, "X: y\r\n", flag::CHUNKED),
    ];
    let mut out = Out::new();
    let mut complete = |out: &mut Out| {
        if let Road::Thread = road {
            // Writes for a connection that does not exist make the flush too large to be carried out directly.
            let unknown = ConnectionId {
                slot: 77,
                generation: 0,
            };
            out.raw(unknown, b"x", 0)
                .raw(unknown, b"x", 0)
                .raw(unknown, b"x", 0);
        }
        js.flush(out);
    };
    for command in commands {
        command(&mut out, id);
        if !one_flush {
            complete(&mut out);
        }
    }
    out.close(id, Close::AfterFlush);
    complete(&mut out);
    let wire = peer.rest();
    assert!(wire.starts_with(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"));
    assert!(wire.ends_with(b"\r\n5\r\nthree\r\n0\r\nX: y\r\n\r\n"));
    assert!(
        wire.windows(chunked.len())
            .any(|part| part == chunked.as_bytes())
    );
    js.closed(id);
    wire
}

#[test]
fn both_roads_write_the_same_bytes() {
    let expected = wire_of(Road::Direct, false);
    assert_eq!(wire_of(Road::Thread, false), expected);
    assert_eq!(wire_of(Road::Thread, true), expected);
}

#[test]
fn a_small_flush_does_not_overtake_a_large_one() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    const ROUNDS: usize = 2000;
    let mut id = None;
    for round in 0..ROUNDS {
        peer.send(GET);
        let whose = *id.get_or_insert_with(|| js.open());
        js.head();
        let mut out = Out::new();
        out.head(
            whose,
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n",
            b"a",
            0,
        )
        .body(whose, b"b", 0)
        .body(whose, b"c", 0);
        js.flush(&mut out);
        // Directly after it, in a flush of its own.
        js.flush(Out::new().body(whose, b"d", 0));
        js.flush(Out::new().body(whose, b"ef", flag::END));
        let mut answer = [0; 38 + 6];
        peer.0.read_exact(&mut answer).expect("answer");
        assert!(
            answer.ends_with(b"\r\n\r\nabcdef"),
            "round {round}: {}",
            answer.escape_ascii()
        );
    }
}

#[test]
fn many_connections_are_answered_in_one_flush() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let mut peers: Vec<_> = (0..50).map(|_| Peer::connect(address)).collect();
    for round in 0..20 {
        for (index, peer) in peers.iter_mut().enumerate() {
            peer.send(format!("GET /{round}/{index} HTTP/1.1\r\nHost: a\r\n\r\n"));
        }
        let mut out = Out::new();
        let mut heads = 0;
        while heads < peers.len() {
            if let Event::Head { id, head } = js.next() {
                heads += 1;
                out.respond(id, head.target.as_bytes());
            }
        }
        js.flush(&mut out);
        for (index, peer) in peers.iter_mut().enumerate() {
            let path = format!("/{round}/{index}");
            peer.expect(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}",
                path.len()
            ));
        }
    }
}
