//! Exchanges of a client on a connection that is kept.

mod support;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::mpsc;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use support::{Accepting, Close, Event, Js, Out, content, flag, response_flag};
use tokio::net::TcpListener;

/// A server with hyper: echoes posted bodies, and answers other requests with their path. `/304` and the like get that status.
async fn answer(
    request: Request<Incoming>,
) -> Result<hyper::Response<BoxBody<Bytes, hyper::Error>>, Infallible> {
    let never = |never: Infallible| match never {};
    let path = request.uri().path().to_owned();
    let mut response = hyper::Response::new(match *request.method() {
        Method::POST => request.into_body().boxed(),
        _ => Full::new(Bytes::from(path.clone())).map_err(never).boxed(),
    });
    if let Ok(status) = path[1..].parse() {
        *response.status_mut() = status;
        *response.body_mut() = Empty::new().map_err(never).boxed();
    }
    Ok(response)
}

/// The address of that server, which runs until the process ends.
fn hyper_server() -> SocketAddr {
    let (tell, address) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bind");
            tell.send(listener.local_addr().expect("address"))
                .expect("the test waits");
            loop {
                let (stream, _) = listener.accept().await.expect("accept");
                tokio::spawn(
                    http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service_fn(answer)),
                );
            }
        });
    });
    address.recv().expect("an address")
}

const SIZES: [usize; 7] = [
    0,
    1,
    8 * 1024 - 1,
    8 * 1024,
    8 * 1024 + 1,
    64 * 1024,
    3 * 1024 * 1024,
];

#[test]
fn one_connection_carries_many_exchanges() {
    let mut js = Js::new();
    let id = js.connect(hyper_server());
    js.connected(id);
    for round in 0..20 {
        let head = format!("GET /{round}x HTTP/1.1\r\nHost: a\r\n\r\n");
        js.flush(Out::new().request(id, &head, b"", flag::END));
        let head = js.response(id);
        assert_eq!((head.status, head.reason.as_str()), (200, "OK"));
        assert_eq!(head.version, (1, 1));
        assert_eq!(head.flags, response_flag::KEEP_ALIVE);
        let (body, trailers) = js.rest_of_body(id);
        assert_eq!(body, format!("/{round}x").as_bytes());
        assert_eq!(trailers, []);
    }
    for (request, flags, status) in [
        ("HEAD /path", flag::REQUEST_HEAD, StatusCode::OK),
        ("GET /204", 0, StatusCode::NO_CONTENT),
        ("GET /304", 0, StatusCode::NOT_MODIFIED),
    ] {
        let head = format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n");
        js.flush(Out::new().request(id, &head, b"", flag::END | flags));
        assert_eq!(js.response(id).status, status);
        assert_eq!(js.rest_of_body(id).0, b"", "{request}");
    }
    js.flush(Out::new().close(id, Close::Destroy));
    assert_eq!(js.closed(id), 0);
}

#[test]
fn a_request_may_be_written_before_the_connection_is_open() {
    let address = hyper_server();
    let mut js = Js::new();
    // Few enough to be carried out directly, and too many.
    for parts in [1, 10] {
        let id = js.connect(address);
        let mut out = Out::new();
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {parts}\r\n\r\n");
        out.request(id, &head, b"", 0);
        for _ in 0..parts {
            out.body(id, b"x", 0);
        }
        out.end(id, "", flag::ACKNOWLEDGE);
        js.flush(&mut out);
        js.connected(id);
        js.acks(id, 1);
        assert_eq!(js.response(id).status, 200);
        assert_eq!(js.rest_of_body(id).0.len(), parts);
        js.flush(Out::new().close(id, Close::AfterFlush));
        assert_eq!(js.closed(id), 0);
    }
}

#[test]
fn bodies_of_every_size_are_echoed() {
    let mut js = Js::new();
    let id = js.connect(hyper_server());
    js.connected(id);
    for size in SIZES {
        let sent = content(size);
        for chunked in [false, true] {
            let (framing, flags) = match chunked {
                true => ("Transfer-Encoding: chunked".to_owned(), flag::CHUNKED),
                false => (format!("Content-Length: {size}"), 0),
            };
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
            let mut out = Out::new();
            out.request(id, &head, b"", flags);
            for part in sent.chunks(100_000) {
                out.body(id, part, flags);
            }
            out.end(id, "", flags);
            js.flush(&mut out);
            assert_eq!(js.response(id).status, 200);
            let (body, _) = js.rest_of_body(id);
            assert!(body == sent, "{size} bytes, chunked: {chunked}");
        }
    }
}

#[test]
fn interim_responses_come_before_the_final_one() {
    let listener = Accepting::new();
    let mut js = Js::new();
    let (mut peer, id) = js.connection(&listener);
    let head = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    js.flush(Out::new().request(id, head, b"", 0));
    peer.expect(head);
    peer.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n");
    let first = js.response(id);
    assert_eq!((first.status, first.fields.len()), (100, 0));
    assert_ne!(first.flags & response_flag::INFORMATION, 0);
    let second = js.response(id);
    assert_ne!(second.flags & response_flag::INFORMATION, 0);
    assert_eq!((second.status, second.reason.as_str()), (103, "Early"));
    assert_eq!(second.fields, [("Link".to_owned(), "x".to_owned())]);
    js.flush(Out::new().body(id, b"body", flag::END));
    peer.expect("body");
    peer.send("HTTP/1.0 200 \r\nConnection: keep-alive\r\nKeep-Alive: timeout=7\r\n");
    peer.send("Content-Length: 0\r\n\r\n");
    let last = js.response(id);
    assert_eq!(
        (last.status, last.version, last.keep_alive),
        (200, (1, 0), Some(7))
    );
    assert_eq!(last.flags, response_flag::KEEP_ALIVE);
    assert_eq!(js.rest_of_body(id).0, b"");
}

#[test]
fn trailers_arrive_with_the_end() {
    let listener = Accepting::new();
    let mut js = Js::new();
    let (mut peer, id) = js.connection(&listener);
    js.flush(Out::new().get(id));
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nA: b\r\n\r\n");
    js.response(id);
    let (body, trailers) = js.rest_of_body(id);
    assert_eq!(body, b"hi");
    assert_eq!(trailers, [("A".to_owned(), "b".to_owned())]);
}

#[test]
fn a_body_until_the_close_ends_with_it() {
    let listener = Accepting::new();
    for size in SIZES {
        let mut js = Js::new();
        let (mut peer, id) = js.connection(&listener);
        js.flush(Out::new().get(id));
        let body = content(size);
        let sent = body.clone();
        let sending = std::thread::spawn(move || {
            // Closing with unread bytes would be a reset.
            peer.expect("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            peer.send("HTTP/1.1 200 OK\r\n\r\n");
            peer.send(sent);
        });
        assert_eq!(js.response(id).flags, 0);
        assert!(js.rest_of_body(id).0 == body, "{size} bytes");
        assert_eq!(js.closed(id), 0);
        sending.join().expect("sender");
    }
}

#[test]
fn the_last_response_closes_the_connection() {
    let listener = Accepting::new();
    let mut js = Js::new();
    // The connection closes because of the server, the client, or the version of HTTP.
    for (request, flags, response) in [
        ("", 0, "HTTP/1.1 200 OK\r\nConnection: close\r\n"),
        ("Connection: close\r\n", flag::CLOSE, "HTTP/1.1 200 OK\r\n"),
        ("", 0, "HTTP/1.0 200 OK\r\n"),
    ] {
        let (mut peer, id) = js.connection(&listener);
        let head = format!("GET / HTTP/1.1\r\n{request}\r\n");
        js.flush(Out::new().request(id, &head, b"", flag::END | flags));
        peer.expect(&head);
        peer.send(response);
        peer.send("Content-Length: 2\r\n\r\nok");
        js.answered(id, b"ok");
        assert_eq!(js.closed(id), 0);
        peer.expect_end();
    }
}

#[test]
fn an_upgrade_leaves_http() {
    let listener = Accepting::new();
    let switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    let established = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
    for (request, flags, response) in [
        (
            "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
            0,
            switching,
        ),
        (
            "CONNECT a:1 HTTP/1.1\r\n\r\n",
            flag::REQUEST_CONNECT,
            established,
        ),
    ] {
        let mut js = Js::new();
        let (mut peer, id) = js.connection(&listener);
        js.flush(Out::new().request(id, request, b"", flag::END | flags));
        peer.expect(request);
        peer.send(format!("{response}after"));
        let head = js.response(id);
        assert_eq!(head.flags, response_flag::UPGRADE);
        assert_eq!(head.after, b"after");
        js.flush(Out::new().upgrade(id).raw(id, b"HTTP/1.1 no more", 0));
        peer.expect("HTTP/1.1 no more");
        peer.send("HTTP/1.1 200 neither\r\n\r\n");
        let mut reported = Vec::new();
        while reported.len() < 24 {
            match js.next() {
                Event::Body {
                    bytes, raw: true, ..
                } => reported.extend(bytes),
                other => panic!("raw bytes expected, not {other:?}"),
            }
        }
        assert_eq!(reported, b"HTTP/1.1 200 neither\r\n\r\n");
        peer.finish();
        assert_eq!(js.next(), Event::Eof { id });
        js.flush(Out::new().close(id, Close::AfterFlush));
        peer.expect_end();
        assert_eq!(js.closed(id), 0);
    }
}

#[test]
fn a_response_may_be_complete_before_its_request() {
    let listener = Accepting::new();
    let mut js = Js::new();
    let (mut peer, id) = js.connection(&listener);
    let head = "POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\n";
    js.flush(Out::new().request(id, head, b"half", 0));
    peer.expect(head);
    peer.expect("half");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(js.answered(id, b"ok").flags, response_flag::KEEP_ALIVE);
    js.flush(Out::new().body(id, b"rest", flag::END));
    peer.expect("rest");
    js.flush(Out::new().get(id));
    peer.expect("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    peer.send("HTTP/1.1 204 No\r\n\r\n");
    assert_eq!(js.answered(id, b"").status, 204);
}

#[test]
fn a_second_request_in_flight_is_not_sent() {
    let listener = Accepting::new();
    let mut js = Js::new();
    let (mut peer, id) = js.connection(&listener);
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    js.flush(Out::new().get(id).get(id));
    // A client cannot send a response, either.
    js.flush(
        Out::new()
            .respond(id, b"x")
            .interim(id, "HTTP/1.1 100 x\r\n\r\n", 0),
    );
    peer.expect(get);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    js.response(id);
    js.rest_of_body(id);
    js.flush(Out::new().close(id, Close::AfterFlush));
    peer.expect_end();
    assert_eq!(js.closed(id), 0);
}
