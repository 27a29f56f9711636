//! Connections that JavaScript's thread reads itself.
#![cfg(target_os = "linux")]

mod support;

use ferrohttp_net::ConnectionId;
use support::{Close, Event, Js, Out, Peer, config, content};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// More exchanges than a loan needs.
const MANY: usize = 50;

/// A request and its answer.
fn exchange(js: &mut Js, peer: &mut Peer, id: ConnectionId) {
    peer.send(GET);
    assert_eq!(js.head().0, id);
    js.flush(Out::new().respond(id, b"ok"));
    peer.expect(OK);
}

fn answer_many(js: &mut Js, peer: &mut Peer, id: ConnectionId) {
    for _ in 0..MANY {
        exchange(js, peer, id);
    }
}

/// A connection that is on loan.
fn lent(js: &mut Js) -> (Peer, ConnectionId) {
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    let id = js.open();
    assert!(!js.environment.is_on_loan(id));
    answer_many(js, &mut peer, id);
    assert!(js.environment.is_on_loan(id));
    (peer, id)
}

/// Exchanges until the connection is on loan again.
fn is_lent_again(js: &mut Js, peer: &mut Peer, id: ConnectionId) {
    assert!(!js.environment.is_on_loan(id));
    answer_many(js, peer, id);
    assert!(js.environment.is_on_loan(id));
}

#[test]
fn a_connection_that_waits_for_each_response_stays_on_loan() {
    let mut js = Js::new();
    let (mut peer, id) = lent(&mut js);
    answer_many(&mut js, &mut peer, id);
    assert!(js.environment.is_on_loan(id));
}

#[test]
fn nothing_is_lent_without_an_event_loop_that_watches() {
    let mut js = Js::unwatched();
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    let id = js.open();
    answer_many(&mut js, &mut peer, id);
    assert!(!js.environment.is_on_loan(id));
}

#[test]
fn pipelined_requests_keep_the_loan() {
    let mut js = Js::new();
    let (mut peer, id) = lent(&mut js);
    peer.send(GET.repeat(2));
    js.head();
    js.head();
    js.flush(Out::new().respond(id, b"ok").respond(id, b"ok"));
    peer.expect(OK.repeat(2));
    answer_many(&mut js, &mut peer, id);
    assert!(js.environment.is_on_loan(id));
}

#[test]
fn an_incomplete_request_ends_the_loan() {
    let mut js = Js::new();
    let (mut peer, id) = lent(&mut js);
    let body = content(300_000);
    for head in [
        "GET / HT",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3",
    ] {
        let rest = if head.starts_with("GET") {
            "TP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n"
        } else {
            "00000\r\n\r\n"
        };
        peer.send(head);
        // The first bytes must not be lost, whether they were read separately or not.
        js.environment.read_loans();
        peer.send(rest);
        let sending = peer.send_beside(body.clone());
        js.head();
        let (read, _) = js.rest_of_body(id);
        assert!(read == body);
        sending.join().expect("sent");
        js.flush(Out::new().respond(id, b"ok"));
        peer.expect(OK);
        is_lent_again(&mut js, &mut peer, id);
    }
}

#[test]
fn a_response_that_the_kernel_does_not_accept_at_once_arrives_whole() {
    let mut js = Js::new();
    let (mut peer, id) = lent(&mut js);
    let body = content(30_000_000);
    peer.send(GET);
    js.head();
    js.flush(Out::new().respond(id, &body));
    peer.expect("HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n");
    peer.expect(&body);
    is_lent_again(&mut js, &mut peer, id);
}

#[test]
fn the_peers_end_is_reported() {
    let mut js = Js::new();
    let (peer, id) = lent(&mut js);
    peer.finish();
    assert_eq!(js.closed(id), 0);

    let (mut peer, id) = lent(&mut js);
    peer.send(GET);
    js.head();
    peer.finish();
    assert_eq!(js.next(), Event::Eof { id });
    js.flush(Out::new().respond(id, b"ok").close(id, Close::AfterFlush));
    peer.expect(OK);
    peer.expect_end();
    assert_eq!(js.closed(id), 0);
}

#[test]
fn a_reset_is_reported_with_its_error() {
    let mut js = Js::new();
    let (peer, id) = lent(&mut js);
    peer.reset();
    assert_eq!(js.closed(id), libc::ECONNRESET as u32);
}

#[test]
fn a_malformed_request_is_reported_and_answered() {
    let mut js = Js::new();
    let (mut peer, id) = lent(&mut js);
    peer.send("nonsense\r\n\r\n");
    assert!(matches!(js.next(), Event::Error { .. }));
    js.flush(Out::new().raw(id, b"mine", 0).close(id, Close::AfterFlush));
    peer.expect("mine");
    peer.expect_end();
    drop(peer);
    js.until_closed(id);
}

#[test]
fn each_close_mode_is_carried_out() {
    let mut js = Js::new();
    for mode in [Close::AfterFlush, Close::Destroy, Close::IfIdle] {
        let (mut peer, id) = lent(&mut js);
        js.flush(Out::new().close(id, mode));
        peer.expect_end();
        assert_eq!(js.closed(id), 0);
    }
    let (mut peer, id) = lent(&mut js);
    js.flush(Out::new().close(id, Close::Reset));
    peer.expect_reset();
    js.closed(id);

    let (mut peer, id) = lent(&mut js);
    peer.send(GET);
    js.head();
    js.flush(Out::new().respond_and_close(id, b"ok"));
    peer.expect(OK.replace("OK\r\n", "OK\r\nConnection: close\r\n"));
    peer.expect_end();
    assert_eq!(js.closed(id), 0);
}

#[test]
fn an_upgrade_ends_the_loan() {
    let mut js = Js::new();
    let (mut peer, id) = lent(&mut js);
    peer.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nfirst");
    let (_, head) = js.head();
    assert_eq!(head.after, b"first");
    js.flush(Out::new().upgrade(id).raw(id, b"raw", 0));
    peer.expect("raw");
    peer.send("second");
    assert_eq!(
        js.next(),
        Event::Body {
            id,
            bytes: b"second".to_vec(),
            raw: true
        }
    );
}

#[test]
fn a_large_flush_ends_the_loans() {
    let mut js = Js::new();
    let (mut peer, id) = lent(&mut js);
    peer.send(GET);
    js.head();
    let unknown = ConnectionId {
        slot: 77,
        generation: 0,
    };
    let mut out = Out::new();
    out.raw(unknown, b"x", 0)
        .raw(unknown, b"x", 0)
        .raw(unknown, b"x", 0)
        .respond(id, b"ok");
    js.flush(&mut out);
    peer.expect(OK);
    is_lent_again(&mut js, &mut peer, id);
}

#[test]
fn an_idle_loan_is_replaced() {
    let mut js = Js::new();
    let mut others: Vec<_> = (0..2).map(|_| lent(&mut js)).collect();
    let (_, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    let id = js.open();
    while !js.environment.is_on_loan(id) {
        exchange(&mut js, &mut peer, id);
    }
    // The connections are served, on loan or not.
    for (peer, id) in &mut others {
        exchange(&mut js, peer, *id);
    }
    exchange(&mut js, &mut peer, id);
}

#[test]
fn connections_of_clients_are_not_lent() {
    let mut js = Js::new();
    let listener = support::Accepting::new();
    let (mut peer, id) = js.connection(&listener);
    for _ in 0..MANY {
        js.flush(Out::new().get(id));
        peer.expect(GET);
        peer.send(OK);
        js.response(id);
        js.rest_of_body(id);
    }
    assert!(!js.environment.is_on_loan(id));
}

#[test]
fn an_environment_ends_with_its_loans() {
    let mut js = Js::new();
    let (mut peer, _) = lent(&mut js);
    drop(js);
    peer.expect_nothing();
}
