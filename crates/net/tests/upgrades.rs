//! Connections that are upgraded, and upgrades that the program declines.

mod support;

use ferrohttp_net::ConnectionId;
use support::{Close, Event, Js, Out, Peer, config, content, head_flag};

const UPGRADE: &str =
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";

/// Reads `len` raw bytes of `id`, and grants credit as they arrive.
fn raw(js: &mut Js, id: ConnectionId, len: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < len {
        let Event::Body {
            id: whose,
            bytes,
            raw: true,
        } = js.next()
        else {
            panic!("raw bytes expected")
        };
        assert_eq!(whose, id);
        js.flush(Out::new().credit(id, bytes.len() as u32));
        all.extend(bytes);
    }
    assert_eq!(all.len(), len);
    all
}

#[test]
fn an_upgrade_carries_bytes_both_ways() {
    for after in ["", "early bytes", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let mut js = Js::new();
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address);
        peer.send(format!("{UPGRADE}{after}"));
        let (id, head) = js.open_with_head();
        assert_ne!(head.flags & head_flag::UPGRADE, 0);
        assert_eq!(head.after, after.as_bytes());
        // Bytes that arrive before the decision are not parsed as HTTP.
        peer.send(" and later ones");
        js.flush(Out::new().upgrade(id).raw(id, SWITCHING.as_bytes(), 0));
        peer.expect(SWITCHING);
        assert_eq!(raw(&mut js, id, 15), b" and later ones");
        let body = content(3 << 20);
        let sending = peer.send_beside(body.clone());
        let got = raw(&mut js, id, body.len());
        assert!(got == body);
        sending.join().expect("sender");
        js.flush(Out::new().raw(id, &got, 0));
        peer.expect(&body);
        // Each direction ends separately.
        peer.finish();
        assert_eq!(js.next(), Event::Eof { id });
        js.flush(Out::new().raw(id, b"last words", 0).close(id, Close::Half));
        peer.expect("last words");
        peer.expect_end();
        assert_eq!(js.closed(id), 0);
    }
}

#[test]
fn an_upgraded_connection_is_read_no_faster_than_it_is_credited() {
    let mut js = Js::new();
    let mut small = config();
    small.body_window = 1000;
    let (_, address) = js.listen(small);
    let mut peer = Peer::connect(address);
    peer.send(UPGRADE);
    let (id, _) = js.open_with_head();
    js.flush(Out::new().upgrade(id).raw(id, SWITCHING.as_bytes(), 0));
    peer.expect(SWITCHING);
    let body = content(400_000);
    let sending = peer.send_beside(body.clone());
    let mut got = Vec::new();
    while let Some(event) = js.next_within(std::time::Duration::from_millis(200)) {
        let Event::Body {
            bytes, raw: true, ..
        } = event
        else {
            panic!("raw bytes expected, not {event:?}")
        };
        got.extend(bytes);
    }
    assert!(
        (1000..=1000 + 64 * 1024).contains(&got.len()),
        "{}",
        got.len()
    );
    js.flush(Out::new().credit(id, got.len() as u32));
    got.extend(raw(&mut js, id, body.len() - got.len()));
    assert!(got == body);
    sending.join().expect("sender");
}

#[test]
fn a_declined_upgrade_is_an_ordinary_request() {
    let get = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    for after in ["", get] {
        let mut js = Js::new();
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address);
        peer.send(format!("{UPGRADE}{after}"));
        let (id, head) = js.open_with_head();
        assert_ne!(head.flags & head_flag::COMPLETE, 0);
        js.flush(Out::new().decline_upgrade(id));
        if after.is_empty() {
            js.flush(Out::new().respond(id, b"declined"));
            peer.expect("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ndeclined");
            peer.send(get);
            assert_eq!(js.head().1.target, "/next");
        } else {
            assert_eq!(js.head().1.target, "/next");
            js.flush(Out::new().respond(id, b"declined"));
            peer.expect("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ndeclined");
        }
        js.flush(Out::new().respond(id, b"next"));
        peer.expect("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext");
        drop(peer);
        assert_eq!(js.closed(id), 0);
    }
}

#[test]
fn a_declined_upgrade_leaves_an_idle_connection() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    peer.send(UPGRADE);
    let (id, _) = js.open_with_head();
    js.flush(Out::new().decline_upgrade(id));
    js.flush(Out::new().respond(id, b""));
    peer.expect("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    // The I/O thread reads the end of the request at some later time.
    let start = std::time::Instant::now();
    let event = loop {
        assert!(start.elapsed() < support::PATIENCE, "never idle");
        js.flush(Out::new().close(id, Close::IfIdle));
        if let Some(event) = js.next_within(std::time::Duration::from_millis(10)) {
            break event;
        }
    };
    assert_eq!(event, Event::Closed { id, errno: 0 });
    peer.expect_end();
}

#[test]
fn a_declined_upgrade_may_have_a_body() {
    for split in [0, 3, 5] {
        let mut js = Js::new();
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address);
        let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\n";
        peer.send(format!("{head}{}", &"hello"[..split]));
        let (id, head) = js.open_with_head();
        assert_eq!(head.flags & head_flag::COMPLETE, 0);
        js.flush(Out::new().decline_upgrade(id));
        peer.send(&"hello"[split..]);
        assert_eq!(js.rest_of_body(id).0, b"hello");
        js.flush(Out::new().respond(id, b"ok"));
        peer.expect("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}

#[test]
fn connect_opens_a_tunnel() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    peer.send("CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\nhello");
    let (id, head) = js.open_with_head();
    assert_eq!(head.target, "example.test:443");
    assert_ne!(head.flags & head_flag::UPGRADE, 0);
    assert_eq!(head.after, b"hello");
    js.flush(
        Out::new()
            .upgrade(id)
            .raw(id, b"HTTP/1.1 200 OK\r\n\r\n", 0)
            .raw(id, b"welcome", 0),
    );
    peer.expect("HTTP/1.1 200 OK\r\n\r\nwelcome");
    peer.send("through the tunnel");
    assert_eq!(raw(&mut js, id, 18), b"through the tunnel");
    js.flush(Out::new().close(id, Close::Destroy));
    peer.expect_end();
    assert_eq!(js.closed(id), 0);
}

#[test]
fn an_answer_before_the_upgrade_is_sent_first() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    peer.send(format!("GET /first HTTP/1.1\r\nHost: a\r\n\r\n{UPGRADE}"));
    let (id, _) = js.open_with_head();
    assert_eq!(js.head().1.target, "/chat");
    js.flush(Out::new().respond(id, b"1"));
    js.flush(Out::new().upgrade(id).raw(id, SWITCHING.as_bytes(), 0));
    peer.expect(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1{SWITCHING}"
    ));
}
