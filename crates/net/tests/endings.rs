//! The end of connections: by either side, in order and by errors.

mod support;

use std::net::TcpStream;

use ferrohttp_net::ConnectionId;
use support::{Close, Event, Js, Out, Peer, config, content, flag, head_flag};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A connection whose first request has been reported to JavaScript.
fn with_request(js: &mut Js, request: impl AsRef<[u8]>) -> (Peer, ConnectionId) {
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    peer.send(request);
    let (id, _) = js.open_with_head();
    (peer, id)
}

/// A connection whose peer does not send HTTP, which has been reported to JavaScript.
fn broken(js: &mut Js) -> (Peer, ConnectionId) {
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    peer.send("nonsense\r\n\r\n");
    let id = js.open();
    assert!(matches!(js.next(), Event::Error { .. }));
    (peer, id)
}

#[test]
fn an_idle_connection_closes_with_its_peer() {
    let mut js = Js::new();
    let (mut peer, id) = with_request(&mut js, GET);
    js.flush(Out::new().respond(id, b"ok"));
    peer.expect(OK);
    drop(peer);
    assert_eq!(js.closed(id), 0);
    assert_eq!(js.environment.open_connections(), 0);
}

/// This many responses in one flush go through the I/O thread, which sends the last one and the FIN in one write.
#[test]
fn last_responses_arrive_whole_before_the_end() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let body = content(9_001);
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut out = Out::new();
    let mut connections = Vec::new();
    for _ in 0..8 {
        let mut peer = Peer::connect(address);
        peer.send(GET);
        let (id, _) = js.open_with_head();
        out.head(
            id,
            &head,
            &body,
            flag::END | flag::CLOSE | flag::ACKNOWLEDGE,
        );
        connections.push((peer, id));
    }
    js.flush(&mut out);
    for (mut peer, id) in connections {
        assert_eq!(js.next(), Event::Ack { id, count: 1 });
        assert_eq!(js.closed(id), 0);
        peer.expect([head.as_bytes(), &body].concat());
        peer.expect_end();
    }
}

#[test]
fn a_connection_without_a_request_closes_with_its_peer() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    drop(TcpStream::connect(address).expect("connect"));
    let id = js.open();
    assert_eq!(js.closed(id), 0);
}

#[test]
fn a_half_closed_peer_still_gets_its_response() {
    let mut js = Js::new();
    let (mut peer, id) = with_request(&mut js, GET);
    peer.finish();
    assert_eq!(js.next(), Event::Eof { id });
    js.flush(Out::new().respond(id, b"ok"));
    peer.expect(OK);
    js.flush(Out::new().close(id, Close::AfterFlush));
    peer.expect_end();
    assert_eq!(js.closed(id), 0);
}

#[test]
fn pipelined_requests_before_a_half_close_are_all_reported() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    // More than may be unanswered at a time.
    let count = 40;
    peer.send(GET.repeat(count));
    peer.finish();
    let (id, _) = js.open_with_head();
    for _ in 1..count {
        js.flush(Out::new().respond(id, b"ok"));
        let mut event = js.next();
        if event == (Event::Eof { id }) {
            event = js.next();
        }
        assert!(matches!(event, Event::Head { .. }), "{event:?}");
    }
    js.flush(Out::new().respond(id, b"ok").close(id, Close::AfterFlush));
    peer.expect(OK.repeat(count));
    peer.expect_end();
    let (_, errno) = js.until_closed(id);
    assert_eq!(errno, 0);
}

#[test]
fn a_reset_is_noticed_while_the_handler_works() {
    // Also after the connection's last request, when no more bytes of the peer are needed.
    for request in [
        GET,
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ] {
        let mut js = Js::new();
        let (peer, id) = with_request(&mut js, request);
        peer.finish();
        assert_eq!(js.next(), Event::Eof { id }, "{request}");
        peer.reset();
        js.flush(
            Out::new()
                .respond(id, &content(8 << 20))
                .close(id, Close::AfterFlush),
        );
        let (_, errno) = js.until_closed(id);
        assert_ne!(errno, 0);

        let mut js = Js::new();
        let (peer, id) = with_request(&mut js, request);
        peer.reset();
        assert_eq!(js.closed(id), libc::ECONNRESET as u32, "{request}");
    }
}

#[test]
fn bytes_after_a_last_request_are_ignored() {
    let mut js = Js::new();
    let (mut peer, id) = with_request(
        &mut js,
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    peer.send(GET);
    js.flush(Out::new().respond_and_close(id, b"ok"));
    peer.expect("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    peer.expect_end();
    drop(peer);
    assert_eq!(js.until_closed(id).1, 0);
}

#[test]
fn an_error_of_the_peer_is_reported_with_its_place_and_packet() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    let request = "GET / HTTP/1.1\r\nHost: a\r\nbad name: x\r\n\r\n";
    peer.send(request);
    let id = js.open();
    let Event::Error {
        id: whose,
        kind,
        parsed,
        packet,
    } = js.next()
    else {
        panic!("ERROR expected")
    };
    assert_eq!(whose, id);
    assert!((kind as usize) < ferrohttp_proto::ErrorKind::ALL.len());
    assert_eq!(
        ferrohttp_proto::ErrorKind::ALL[kind as usize].code(),
        "HPE_INVALID_HEADER_TOKEN"
    );
    assert_eq!(packet, request.as_bytes());
    assert!(
        request[..parsed as usize].ends_with("bad") || request[..parsed as usize].ends_with("bad "),
        "{parsed}"
    );
    let answer = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    js.flush(
        Out::new()
            .raw(id, answer.as_bytes(), 0)
            .close(id, Close::AfterFlush),
    );
    peer.expect(answer);
    peer.expect_end();
    drop(peer);
    assert_eq!(js.until_closed(id).1, 0);
}

#[test]
fn a_valid_request_before_a_malformed_one_is_answered_first() {
    let mut js = Js::new();
    let (mut peer, id) = with_request(&mut js, format!("{GET}nonsense\r\n\r\n"));
    assert!(matches!(js.next(), Event::Error { .. }));
    js.flush(Out::new().respond(id, b"ok"));
    peer.expect(OK);
    js.flush(Out::new().raw(id, b"bye", 0).close(id, Close::AfterFlush));
    peer.expect("bye");
    peer.expect_end();
    drop(peer);
    assert_eq!(js.until_closed(id).1, 0);
}

#[test]
fn after_an_error_the_peers_end_is_reported() {
    let mut js = Js::new();
    let (peer, id) = broken(&mut js);
    // A program that listens for 'clientError' may keep the socket open until the peer closes.
    peer.finish();
    assert_eq!(js.next(), Event::Eof { id });
    js.flush(Out::new().close(id, Close::AfterFlush));
    assert_eq!(js.closed(id), 0);
}

#[test]
fn bytes_after_an_error_are_reported_up_to_a_limit() {
    let mut js = Js::new();
    let (mut peer, id) = broken(&mut js);
    // JavaScript leaves the connection open, and the peer continues to send.
    let flood = content(8 << 20);
    peer.send(&flood);
    peer.finish();
    let mut reported = 0;
    loop {
        match js.next() {
            Event::Error { packet, .. } => reported += packet.len(),
            Event::Eof { .. } => break,
            other => panic!("unexpected {other:?}"),
        }
    }
    assert!(reported > 0);
    assert!(
        reported <= config().body_window as usize + 64 * 1024,
        "{reported} bytes"
    );
    js.flush(Out::new().close(id, Close::Destroy));
    assert_eq!(js.closed(id), 0);
}

#[test]
fn an_incomplete_body_is_an_error() {
    for request in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let mut js = Js::new();
        let (peer, id) = with_request(&mut js, request);
        assert_eq!(
            js.next(),
            Event::Body {
                id,
                bytes: b"hello".to_vec(),
                raw: false
            }
        );
        peer.finish();
        let Event::Error { kind, .. } = js.next() else {
            panic!("ERROR expected")
        };
        assert_eq!(
            ferrohttp_proto::ErrorKind::ALL[kind as usize].code(),
            "HPE_INVALID_EOF_STATE"
        );
        js.flush(Out::new().close(id, Close::AfterFlush));
        assert_eq!(js.until_closed(id).1, 0);
    }
}

#[test]
fn an_incomplete_head_is_an_error() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    peer.send("GET / HTTP/1.1\r\nHos");
    peer.finish();
    let id = js.open();
    assert!(matches!(js.next(), Event::Error { .. }));
    js.flush(Out::new().close(id, Close::Destroy));
    assert_eq!(js.until_closed(id).1, 0);
}

#[test]
fn destroy_ends_the_connection_at_once() {
    let mut js = Js::new();
    let (mut peer, id) = with_request(&mut js, GET);
    js.flush(Out::new().close(id, Close::Destroy));
    peer.expect_end();
    assert_eq!(js.closed(id), 0);
}

#[test]
fn reset_ends_the_connection_with_rst() {
    let mut js = Js::new();
    let (mut peer, id) = with_request(&mut js, GET);
    js.flush(Out::new().close(id, Close::Reset));
    peer.expect_reset();
    assert_eq!(js.closed(id), 0);
}

#[test]
fn a_half_close_leaves_the_other_direction_open() {
    let mut js = Js::new();
    let (mut peer, id) = with_request(
        &mut js,
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n",
    );
    js.flush(Out::new().respond(id, b"ok").close(id, Close::Half));
    peer.expect(OK);
    peer.expect_end();
    peer.send("body");
    assert_eq!(js.rest_of_body(id).0, b"body");
    peer.finish();
    // Both directions have ended, so the connection closes without a command.
    assert_eq!(js.closed(id), 0);
}

#[test]
fn only_idle_connections_close_if_idle() {
    let mut js = Js::new();
    let (mut busy, id) = with_request(&mut js, GET);
    js.flush(Out::new().close(id, Close::IfIdle));
    js.flush(Out::new().respond(id, b"ok"));
    busy.expect(OK);
    js.flush(Out::new().close(id, Close::IfIdle));
    busy.expect_end();
    assert_eq!(js.closed(id), 0);
}

#[test]
fn the_last_bytes_reach_a_peer_that_is_still_sending() {
    for (framing, body) in [
        ("Content-Length: 3000000", content(2_000_000)),
        (
            "Transfer-Encoding: chunked",
            b"1e8480\r\n"
                .iter()
                .copied()
                .chain(content(2_000_000))
                .collect(),
        ),
    ] {
        let mut js = Js::new();
        let (mut peer, id) = with_request(
            &mut js,
            format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"),
        );
        js.flush(Out::new().respond_and_close(id, b"no"));
        let sending = peer.send_beside(body);
        peer.expect("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
        peer.expect_end();
        sending
            .join()
            .expect("the peer may send while it is ignored");
        drop(peer);
        assert_eq!(js.until_closed(id).1, 0);
    }
}

#[test]
fn the_answer_to_an_error_reaches_a_peer_that_is_still_sending() {
    let mut js = Js::new();
    let (mut peer, id) = broken(&mut js);
    let sending = peer.send_beside(content(4_000_000));
    js.flush(
        Out::new()
            .raw(id, b"HTTP/1.1 400 Bad Request\r\n\r\n", 0)
            .close(id, Close::AfterFlush),
    );
    peer.expect("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.expect_end();
    sending
        .join()
        .expect("the peer may send while it is ignored");
    drop(peer);
    assert_eq!(js.until_closed(id).1, 0);
}

#[test]
fn a_reset_at_any_moment_does_not_leak() {
    let request = "POST /path HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    for cut in 0..=request.len() {
        let mut peer = Peer::connect(address);
        let id = js.open();
        assert_eq!(
            id,
            ConnectionId {
                slot: 0,
                generation: cut as u32
            }
        );
        peer.send(&request[..cut]);
        peer.reset();
        let (_, errno) = js.until_closed(id);
        assert_eq!(errno, libc::ECONNRESET as u32, "reset after byte {cut}");
        assert_eq!(js.environment.open_connections(), 0);
    }
}

#[test]
fn a_reset_during_a_response_does_not_leak() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let body = content(8 << 20);
    for round in 0..10 {
        let mut peer = Peer::connect_narrow(address);
        peer.send(GET);
        let (id, _) = js.open_with_head();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        js.flush(Out::new().head(id, &head, &body, flag::END | flag::ACKNOWLEDGE));
        if round % 2 == 0 {
            peer.expect(&head);
        }
        peer.reset();
        js.dies_unacknowledged(id);
    }
}

#[test]
fn commands_for_a_former_connection_of_the_slot_have_no_effect() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    drop(Peer::connect(address));
    let former = js.open();
    js.closed(former);
    let mut peer = Peer::connect(address);
    peer.send(GET);
    let (id, _) = js.open_with_head();
    assert_eq!(
        (id.slot, id.generation),
        (former.slot, former.generation + 1)
    );
    // Few enough to be carried out directly, and too many.
    for writes in [1, 5] {
        let mut out = Out::new();
        for _ in 0..writes {
            out.respond(former, b"wrong")
                .raw(former, b"wrong", flag::ACKNOWLEDGE);
        }
        out.close(former, Close::Destroy)
            .credit(former, 5)
            .upgrade(former)
            .socket_timeout(former, 1);
        js.flush(&mut out);
    }
    js.flush(Out::new().respond(id, b"ok"));
    peer.expect(OK);
    // The counters of this connection, not those of the next one in its slot.
    assert_eq!(js.environment.counters(former), Some((0, 0)));
    assert_eq!(
        js.environment.counters(id),
        Some((GET.len() as u64, OK.len() as u64))
    );
}

#[test]
fn connections_beyond_the_limit_are_dropped() {
    let mut js = Js::new();
    let mut limited = config();
    limited.max_connections = Some(2);
    let (server, address) = js.listen(limited);
    let first = Peer::connect(address);
    let id = js.open();
    let mut second = Peer::connect(address);
    js.open();
    let mut third = Peer::connect(address);
    assert_eq!(js.next(), Event::Dropped { server });
    third.expect_end();
    drop(first);
    js.closed(id);
    let mut fourth = Peer::connect(address);
    let replacing = js.open();
    fourth.send(GET);
    let (id, head) = js.head();
    assert_eq!(id, replacing);
    assert_eq!(
        head.flags,
        head_flag::KEEP_ALIVE | head_flag::COMPLETE | head_flag::HAS_HOST
    );
    js.environment.configure(server, config());
    let _fifth = Peer::connect(address);
    js.open();
    second.send(GET);
    js.head();
}
