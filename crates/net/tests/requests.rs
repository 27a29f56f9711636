//! Ordinary requests, with hyper's client as the peer.

mod support;

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use ferrohttp_net::ConnectionId;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Frame};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_LENGTH, TRAILER};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use support::{Event, Out, Server, config, content, flag, head_flag};
use tokio::net::TcpStream;

type Body = BoxBody<Bytes, Infallible>;

async fn connect(server: &Server) -> SendRequest<Body> {
    let stream = TcpStream::connect(server.address).await.expect("connect");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("handshake");
    tokio::spawn(connection);
    sender
}

/// Echoes a body when all of it has arrived, with its trailers as trailers.
fn echo() -> impl FnMut(Event, &mut Out) + Send {
    let mut bodies: HashMap<ConnectionId, Vec<u8>> = HashMap::new();
    move |event, out| match event {
        Event::Head { id, head } if head.flags & head_flag::COMPLETE != 0 => {
            out.respond(id, head.target.as_bytes());
        }
        Event::Head { id, .. } => drop(bodies.insert(id, Vec::new())),
        Event::Body { id, bytes, .. } => {
            bodies
                .get_mut(&id)
                .expect("a head before the body")
                .extend_from_slice(&bytes);
            out.credit(id, bytes.len() as u32);
        }
        Event::End { id, trailers } => {
            let body = bodies.remove(&id).expect("a head before the end");
            if trailers.is_empty() {
                out.respond(id, &body);
                return;
            }
            let trailers: String = trailers
                .iter()
                .map(|(name, value)| format!("{name}: {value}\r\n"))
                .collect();
            out.head(
                id,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                &body,
                flag::CHUNKED,
            );
            out.end(id, &trailers, flag::CHUNKED);
        }
        Event::Closed { id, .. } => drop(bodies.remove(&id)),
        Event::Open { .. } | Event::Eof { .. } => {}
        other => panic!("unexpected {other:?}"),
    }
}

async fn post(
    sender: &mut SendRequest<Body>,
    body: Body,
) -> (HeaderMap, Vec<u8>, Option<HeaderMap>) {
    let request = Request::post("/")
        .header("host", "test")
        .header("te", "trailers")
        .body(body)
        .expect("request");
    sender.ready().await.expect("ready");
    let response = sender.send_request(request).await.expect("response");
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers().clone();
    let collected = response.into_body().collect().await.expect("body");
    let trailers = collected.trailers().cloned();
    (headers, collected.to_bytes().to_vec(), trailers)
}

/// A body of unknown length, so hyper sends it in chunks: one for each frame.
struct Chunks(VecDeque<Frame<Bytes>>);

impl Chunks {
    fn of(body: &[u8], size: usize, trailers: Option<HeaderMap>) -> Body {
        let parts = body
            .chunks(size)
            .map(|part| Frame::data(Bytes::copy_from_slice(part)));
        Self(parts.chain(trailers.map(Frame::trailers)).collect()).boxed()
    }
}

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

const SIZES: [usize; 7] = [
    0,
    1,
    8 * 1024 - 1,
    8 * 1024,
    8 * 1024 + 1,
    64 * 1024,
    5 * 1024 * 1024,
];

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let server = Server::start(config(), echo());
    let mut sender = connect(&server).await;
    for round in 0..500 {
        let request = Request::get(format!("/{round}"))
            .header("host", "test")
            .body(Empty::new().boxed())
            .expect("request");
        sender.ready().await.expect("ready");
        let response = sender.send_request(request).await.expect("response");
        let body = response
            .into_body()
            .collect()
            .await
            .expect("body")
            .to_bytes();
        assert_eq!(body, format!("/{round}"));
    }
    assert_eq!(server.environment.accepted(), 1);
    assert_eq!(server.environment.open_connections(), 1);
}

#[tokio::test]
async fn bodies_with_a_length_arrive_whole() {
    let server = Server::start(config(), echo());
    let mut sender = connect(&server).await;
    for size in SIZES {
        let body = content(size);
        let (headers, answer, _) =
            post(&mut sender, Full::new(Bytes::from(body.clone())).boxed()).await;
        // hyper announces the empty body of a POST as well.
        let length = if size == 0 { 1 } else { size };
        assert_eq!(headers[CONTENT_LENGTH], length.to_string());
        assert!(
            answer == if size == 0 { b"/".to_vec() } else { body },
            "{size} bytes came back changed"
        );
    }
}

#[tokio::test]
async fn chunked_bodies_arrive_whole() {
    let server = Server::start(config(), echo());
    let mut sender = connect(&server).await;
    for size in SIZES {
        for chunk in [1000, 16 * 1024, 1 << 20] {
            let body = content(size);
            let (_, answer, trailers) = post(&mut sender, Chunks::of(&body, chunk, None)).await;
            assert!(
                answer == body,
                "{size} bytes in chunks of {chunk} came back changed"
            );
            assert_eq!(trailers, None);
        }
    }
}

#[tokio::test]
async fn trailers_arrive_and_are_sent() {
    let server = Server::start(config(), echo());
    let mut sender = connect(&server).await;
    for size in SIZES {
        let body = content(size);
        let mut sent = HeaderMap::new();
        sent.insert("x-check", "one".parse().expect("value"));
        sent.insert("x-other", "two words".parse().expect("value"));
        let request = Request::post("/")
            .header("host", "test")
            .header("te", "trailers")
            .header(TRAILER, "x-check, x-other")
            .body(Chunks::of(&body, 3000, Some(sent.clone())))
            .expect("request");
        sender.ready().await.expect("ready");
        let response = sender.send_request(request).await.expect("response");
        let collected = response.into_body().collect().await.expect("body");
        assert_eq!(collected.trailers(), Some(&sent));
        assert!(
            collected.to_bytes() == body,
            "{size} bytes came back changed"
        );
    }
}

#[tokio::test]
async fn concurrent_connections_do_not_mix() {
    let server = Server::start(config(), echo());
    let mut clients = Vec::new();
    for client in 0..64_usize {
        let mut sender = connect(&server).await;
        clients.push(tokio::spawn(async move {
            for round in 0..20 {
                // Different lengths and offsets, so that a byte at a wrong place is noticed.
                let body = content(70_000)[client * 100..]
                    [..1 + (client * 977 + round * 3331) % 60_000]
                    .to_vec();
                let (_, answer, _) =
                    post(&mut sender, Chunks::of(&body, 1 + client * 37, None)).await;
                assert!(answer == body, "client {client}, round {round}");
            }
        }));
    }
    for client in clients {
        client.await.expect("client");
    }
    assert_eq!(server.environment.accepted(), 64);
}
