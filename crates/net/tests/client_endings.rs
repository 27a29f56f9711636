//! The end of a client's connection: in order, because of the server's error, or by a reset.

mod support;

use std::io::Write;

use ferrohttp_net::ConnectionId;
use support::{Accepting, Close, Event, Js, Out, Peer, content, flag, response_flag};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A connection whose GET request the peer has read.
fn with_request(js: &mut Js, listener: &Accepting) -> (Peer, ConnectionId) {
    let (mut peer, id) = js.connection(listener);
    js.flush(Out::new().get(id));
    peer.expect(GET);
    (peer, id)
}

/// An idle connection, after one exchange.
fn idle(js: &mut Js, listener: &Accepting) -> (Peer, ConnectionId) {
    let (mut peer, id) = with_request(js, listener);
    peer.send(OK);
    js.answered(id, b"ok");
    (peer, id)
}

#[test]
fn unsolicited_bytes_end_an_idle_connection() {
    let listener = Accepting::new();
    let mut js = Js::new();
    for unsolicited in [OK, "H", "nonsense", "\r\n\r\nx"] {
        let (mut peer, id) = idle(&mut js, &listener);
        peer.send(unsolicited);
        // No error, because there is no request that could report it.
        assert_eq!(js.closed(id), 0, "{unsolicited:?}");
    }
}

#[test]
fn bytes_before_the_first_request_are_its_response() {
    let listener = Accepting::new();
    let mut js = Js::new();
    let (mut peer, id) = js.connection(&listener);
    peer.send(OK);
    js.flush(Out::new().get(id));
    js.answered(id, b"ok");
    peer.expect(GET);
}

#[test]
fn bytes_after_a_response_are_not_the_next_response() {
    let listener = Accepting::new();
    let mut js = Js::new();
    let (mut peer, id) = with_request(&mut js, &listener);
    peer.send([OK, OK].concat());
    js.answered(id, b"ok");
    // The error is reported: JavaScript decides whether a request is left to emit it.
    assert_eq!(js.error(id).1, "response without a request");
    assert_eq!(js.closed(id), 0);
    // Also while the request is still being sent.
    let (mut peer, id) = js.connection(&listener);
    js.flush(Out::new().request(
        id,
        "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
        b"half",
        0,
    ));
    peer.send([OK, OK].concat());
    js.answered(id, b"ok");
    assert_eq!(js.error(id).1, "response without a request");
    assert_eq!(js.closed(id), 0);
}

#[test]
fn line_ends_between_responses_are_ignored() {
    let listener = Accepting::new();
    let mut js = Js::new();
    let (mut peer, id) = idle(&mut js, &listener);
    peer.send("\r\n");
    js.flush(Out::new().get(id));
    peer.expect(GET);
    peer.send("\r\n\n");
    peer.send(OK);
    js.answered(id, b"ok");
}

/// The I/O thread may read the server's bytes before the program's request, or after it. In both cases the request is not sent, or
/// the earlier bytes do not become its response.
#[test]
fn bytes_before_a_request_are_never_its_response() {
    let listener = Accepting::new();
    let mut js = Js::new();
    for round in 0..200 {
        let (mut peer, id) = idle(&mut js, &listener);
        match round % 3 {
            0 => peer.send(OK),
            1 => peer.finish(),
            _ => peer.send("HTTP/1.1 200 OK\r\nContent-Le"),
        }
        // The kernel is asked for unread bytes, even if epoll has not reported them yet.
        js.flush(Out::new().get(id));
        assert_eq!(js.closed(id), 0);
        peer.expect_nothing();
    }
}

#[test]
fn the_end_of_an_idle_connection_is_noticed() {
    let listener = Accepting::new();
    let mut js = Js::new();
    let (peer, id) = idle(&mut js, &listener);
    peer.finish();
    assert_eq!(js.closed(id), 0);
    let (peer, id) = idle(&mut js, &listener);
    peer.reset();
    assert_eq!(js.closed(id), libc::ECONNRESET as u32);
}

#[test]
fn an_end_without_a_response_is_an_error() {
    let listener = Accepting::new();
    let mut js = Js::new();
    for begun in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
        "\r\n",
    ] {
        let (mut peer, id) = with_request(&mut js, &listener);
        peer.send(begun);
        peer.finish();
        let (code, reason, _) = js.error(id);
        assert_eq!((code, reason), ("ECONNRESET", "socket hang up"));
        assert_eq!(js.closed(id), 0);
        peer.expect_end();
    }
    // An interim response does not answer the request.
    let (mut peer, id) = with_request(&mut js, &listener);
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    peer.finish();
    js.response(id);
    assert_eq!(js.error(id).1, "socket hang up");
    assert_eq!(js.closed(id), 0);
}

#[test]
fn a_truncated_body_is_an_error() {
    let listener = Accepting::new();
    let mut js = Js::new();
    for (head, body) in [
        ("Content-Length: 5", "hell"),
        ("Transfer-Encoding: chunked", "5\r\nhell"),
        ("Transfer-Encoding: chunked", "4\r\nhell\r\n"),
        ("Transfer-Encoding: chunked", "4\r\nhell\r\n0\r\n"),
    ] {
        let (mut peer, id) = with_request(&mut js, &listener);
        peer.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}"));
        peer.finish();
        js.response(id);
        let (events, errno) = js.until_closed(id);
        assert_eq!(errno, 0);
        let (Some(Event::Error { kind, .. }), parts) = (events.last(), &events[..events.len() - 1])
        else {
            panic!("no error at the end of {events:?}")
        };
        let kind = ferrohttp_proto::ErrorKind::ALL[*kind as usize];
        assert_eq!((kind.code(), kind.reason()), ("ECONNRESET", "aborted"));
        let reported: Vec<u8> = parts
            .iter()
            .flat_map(|event| match event {
                Event::Body { bytes, .. } => bytes.clone(),
                other => panic!("unexpected {other:?}"),
            })
            .collect();
        assert_eq!(reported, b"hell", "{body:?}");
    }
}

#[test]
fn a_malformed_response_is_an_error() {
    let listener = Accepting::new();
    let mut js = Js::new();
    for (response, code) in [
        ("nonsense\r\n\r\n", "HPE_INVALID_CONSTANT"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "HPE_UNEXPECTED_CONTENT_LENGTH",
        ),
        (
            "HTTP/1.1 200 OK\r\nA B: c\r\n\r\n",
            "HPE_INVALID_HEADER_TOKEN",
        ),
    ] {
        let (mut peer, id) = with_request(&mut js, &listener);
        peer.send(response);
        let (reported, _, packet) = js.error(id);
        assert_eq!((reported, packet.as_slice()), (code, response.as_bytes()));
        assert_eq!(js.closed(id), 0);
    }
    let (mut peer, id) = with_request(&mut js, &listener);
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n");
    js.response(id);
    assert_eq!(js.error(id).0, "HPE_INVALID_CHUNK_SIZE");
    assert_eq!(js.closed(id), 0);
}

#[test]
fn interim_responses_without_end_are_an_error() {
    let listener = Accepting::new();
    let mut js = Js::new();
    let (mut peer, id) = with_request(&mut js, &listener);
    let flooding = std::thread::spawn(move || {
        let interim = format!("HTTP/1.1 103 Early\r\nA: {}\r\n\r\n", "x".repeat(1000));
        while peer.0.write_all(interim.as_bytes()).is_ok() {}
    });
    let (mut reported, errno) = js.until_closed(id);
    let last = reported.pop();
    let overflow = ferrohttp_proto::ErrorKind::HeaderOverflow.index();
    assert!(matches!(last, Some(Event::Error { kind, .. }) if kind == u32::from(overflow)));
    assert!(
        (100..400).contains(&reported.len()),
        "{} reported",
        reported.len()
    );
    assert_eq!(errno, 0);
    flooding.join().expect("the peer");
}

#[test]
fn new_limits_apply_to_later_responses() {
    let listener = Accepting::new();
    let mut js = Js::new();
    let response = format!(
        "HTTP/1.1 200 OK\r\nA: {}\r\nContent-Length: 0\r\n\r\n",
        "x".repeat(1000)
    );
    let (mut peer, id) = with_request(&mut js, &listener);
    peer.send(&response);
    js.response(id);
    js.rest_of_body(id);
    js.flush(Out::new().limits(id, 500, false).get(id));
    peer.expect(GET);
    peer.send(&response);
    assert_eq!(js.error(id).0, "HPE_HEADER_OVERFLOW");
    assert_eq!(js.closed(id), 0);
    let (mut peer, id) = js.connection(&listener);
    js.flush(Out::new().limits(id, 5000, true).get(id));
    peer.expect(GET);
    // Two lengths that agree, which the strict reader refuses.
    peer.send(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    assert_eq!(js.response(id).status, 200);
}

#[test]
fn a_failure_after_a_held_body_ends_a_blocked_connection() {
    let listener = Accepting::narrow();
    let mut js = Js::new();
    let (mut peer, id) = js.connection(&listener);
    let body = content(16 << 20);
    let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
    js.flush(Out::new().request(id, &head, &body, flag::END));
    // The body exceeds the window, so the bytes after it wait for credit. The server never reads the request.
    let window = support::client_config().body_window as usize;
    let answer = content(window + 5000);
    let mut response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for part in answer.chunks(1000) {
        response.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        response.extend_from_slice(part);
        response.extend_from_slice(b"\r\n");
    }
    response.extend_from_slice(b"nonsense\r\n");
    peer.send(response);
    js.response(id);
    let mut reported = 0;
    let mut credited = false;
    loop {
        match js.next() {
            Event::Body { bytes, .. } => reported += bytes.len(),
            Event::Error { .. } => break,
            other => panic!("BODY or ERROR expected, not {other:?}"),
        }
        // Only this credit lets the connection continue.
        if reported >= window && !credited {
            credited = true;
            js.flush(Out::new().credit(id, window as u32));
        }
    }
    assert_eq!(reported, answer.len());
    assert_eq!(js.closed(id), 0);
}

#[test]
fn a_reset_at_any_moment_leaves_nothing() {
    let response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let listener = Accepting::new();
    let mut js = Js::new();
    for cut in 0..=response.len() {
        let (mut peer, id) = with_request(&mut js, &listener);
        peer.send(&response[..cut]);
        peer.reset();
        let (events, errno) = js.until_closed(id);
        assert_eq!(errno, libc::ECONNRESET as u32, "reset after byte {cut}");
        let complete = events
            .iter()
            .any(|event| matches!(event, Event::End { .. }));
        assert!(!complete || cut == response.len());
        assert!(
            !events
                .iter()
                .any(|event| matches!(event, Event::Error { .. }))
        );
        assert_eq!(js.environment.open_connections(), 0);
    }
}

#[test]
fn a_reset_while_a_request_is_sent_leaves_nothing() {
    let listener = Accepting::narrow();
    let mut js = Js::new();
    let body = content(8 << 20);
    let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
    for round in 0..10 {
        let (mut peer, id) = js.connection(&listener);
        js.flush(Out::new().request(id, &head, &body, flag::END | flag::ACKNOWLEDGE));
        if round % 2 == 0 {
            peer.expect(&head);
        }
        peer.reset();
        js.dies_unacknowledged(id);
    }
}

#[test]
fn the_response_to_a_refused_upload_is_read() {
    let listener = Accepting::narrow();
    let mut js = Js::new();
    let part = content(1 << 20);
    for framing in ["Content-Length: 2\r\n", ""] {
        let (mut peer, id) = js.connection(&listener);
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        js.flush(Out::new().request(id, head, &part, flag::CHUNKED));
        peer.expect(head);
        peer.send(format!(
            "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n{framing}\r\nno"
        ));
        // Unread bytes make the close a reset, so every further write fails.
        drop(peer);
        let mut events = Vec::new();
        loop {
            js.flush(Out::new().body(id, &part, flag::CHUNKED));
            match js.next() {
                Event::Closed { .. } => break,
                other => events.push(other),
            }
        }
        assert!(
            matches!(&events[0], Event::Response { head, .. } if head.status == 413),
            "{events:?}"
        );
        assert!(matches!(&events[1], Event::Body { bytes, .. } if bytes == b"no"));
        // A reset does not end a body that lasts until the close.
        let complete = matches!(events.get(2), Some(Event::End { .. }));
        assert_eq!(complete, !framing.is_empty(), "{events:?}");
    }
}

#[test]
fn a_sender_stalls_until_the_server_reads() {
    let listener = Accepting::narrow();
    let mut js = Js::new();
    let (mut peer, id) = js.connection(&listener);
    let body = content(32 << 20);
    let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut out = Out::new();
    out.request(id, &head, b"", flag::ACKNOWLEDGE)
        .body(id, &body, flag::END | flag::ACKNOWLEDGE);
    js.flush(&mut out);
    js.acks(id, 1);
    peer.expect(&head);
    // The response arrives before the server has read the request, and is reported although the request is not written completely.
    peer.send(OK);
    js.answered(id, b"ok");
    peer.expect(&body);
    js.acks(id, 1);
}

#[test]
fn a_server_stalls_until_it_gets_credit() {
    let listener = Accepting::new();
    let mut js = Js::new();
    let body = content(48 << 20);
    for framing in ["Content-Length: 50331648\r\n", "Connection: close\r\n"] {
        let (mut peer, id) = with_request(&mut js, &listener);
        peer.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n"));
        js.response(id);
        let sent = body.clone();
        let sending = std::thread::spawn(move || {
            peer.0.write_all(&sent).expect("the peer's write");
            peer
        });
        let window = support::client_config().body_window as usize;
        let mut reported = Vec::new();
        while reported.len() < window {
            match js.next() {
                Event::Body { bytes, .. } => reported.extend(bytes),
                other => panic!("BODY expected, not {other:?}"),
            }
        }
        // One read may go beyond the window.
        let (read, _) = js.environment.counters(id).expect("open");
        assert!(
            (read as usize) < window + 3 * 64 * 1024,
            "{read} bytes read"
        );
        assert!(!sending.is_finished());
        js.flush(Out::new().credit(id, reported.len() as u32));
        // The connection ends when the server has ended its direction, too.
        let ender = std::thread::spawn(move || {
            let peer = sending.join().expect("sender");
            peer.finish();
            peer
        });
        reported.extend(js.rest_of_body(id).0);
        assert!(reported == body);
        assert_eq!(js.closed(id), 0);
        drop(ender.join().expect("ender"));
    }
}

#[test]
fn the_response_arrives_after_a_half_close() {
    let listener = Accepting::new();
    let mut js = Js::new();
    let (mut peer, id) = js.connection(&listener);
    js.flush(Out::new().get(id).close(id, Close::Half));
    peer.expect(GET);
    peer.expect_end();
    peer.send(OK);
    assert_eq!(js.answered(id, b"ok").flags, response_flag::KEEP_ALIVE);
    peer.finish();
    assert_eq!(js.closed(id), 0);
}

#[test]
fn destroy_and_reset_end_the_connection_at_once() {
    let listener = Accepting::new();
    let mut js = Js::new();
    let (mut peer, id) = with_request(&mut js, &listener);
    js.flush(Out::new().close(id, Close::Destroy));
    assert_eq!(js.closed(id), 0);
    peer.expect_end();
    let (mut peer, id) = with_request(&mut js, &listener);
    js.flush(Out::new().close(id, Close::Reset));
    assert_eq!(js.closed(id), 0);
    peer.expect_reset();
}

#[test]
fn commands_for_a_closed_connection_have_no_effect() {
    let listener = Accepting::new();
    let mut js = Js::new();
    let (peer, former) = idle(&mut js, &listener);
    drop(peer);
    js.closed(former);
    let (mut peer, id) = js.connection(&listener);
    assert_eq!(
        (id.slot, id.generation),
        (former.slot, former.generation + 1)
    );
    for requests in [1, 5] {
        let mut out = Out::new();
        for _ in 0..requests {
            out.get(former).raw(former, b"wrong", flag::ACKNOWLEDGE);
        }
        out.close(former, Close::Destroy).credit(former, 5);
        js.flush(&mut out);
    }
    js.flush(Out::new().get(id));
    peer.expect(GET);
    peer.send(OK);
    js.response(id);
    js.rest_of_body(id);
    assert_eq!(
        js.environment.counters(id),
        Some((OK.len() as u64, GET.len() as u64))
    );
}
