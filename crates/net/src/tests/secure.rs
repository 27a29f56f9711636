//! Connections with TLS, with a paused clock. The tests of TLS itself are beside `tls::Session`.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use rustls::ClientConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

use super::paused::{Js, Peer, assert_took, run};
use crate::crossing::inbound::{BODY, CLOSED, END, EOF, HEAD, OPEN, SECURED, TLS_FAILED};
use crate::crossing::tls_failure;
use crate::id::ConnectionId;
use crate::server::{ServerConfig, ServerOptions, ServerTls};
use crate::tls::testing;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HANDSHAKE: Duration = Duration::from_secs(120);
/// OpenSSL's number.
const HTTP_REQUEST: u32 = 156;

fn listen(js: &Js, config: ServerConfig) -> SocketAddr {
    let tls = ServerTls {
        config: testing::server(),
        handshake_timeout: Some(HANDSHAKE),
    };
    let options = ServerOptions {
        tls: Some(tls),
        guard: None,
    };
    js.listen_with(config, options).1
}

/// A client with TLS on the same thread.
struct SecurePeer {
    socket: TcpStream,
    tls: ClientConnection,
    received: Vec<u8>,
}

impl SecurePeer {
    async fn connect(address: SocketAddr) -> Self {
        // A small receive buffer, as `Peer` has.
        let socket = TcpSocket::new_v4().expect("socket");
        socket.set_recv_buffer_size(64 * 1024).expect("SO_RCVBUF");
        let mut peer = Self {
            socket: socket.connect(address).await.expect("connect"),
            tls: testing::client(),
            received: Vec::new(),
        };
        peer.tls.set_buffer_limit(None);
        while peer.tls.is_handshaking() {
            peer.flush().await;
            if peer.tls.is_handshaking() {
                peer.receive().await;
            }
        }
        peer.flush().await;
        peer
    }

    async fn flush(&mut self) {
        let mut sent = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut sent).expect("room");
        }
        self.socket
            .write_all(&sent)
            .await
            .expect("the peer's write");
    }

    /// Returns false at the end.
    async fn receive(&mut self) -> bool {
        let mut bytes = vec![0; 64 * 1024];
        let count = self.socket.read(&mut bytes).await.expect("the peer's read");
        let mut received = &bytes[..count];
        while !received.is_empty() {
            self.tls.read_tls(&mut received).expect("room");
            self.tls.process_new_packets().expect("records");
            // An error says that there is no more plaintext.
            drop(self.tls.reader().read_to_end(&mut self.received));
        }
        count > 0
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.tls.writer().write_all(bytes).expect("room");
        self.flush().await;
    }

    /// Reads the next bytes, which must be these.
    async fn expect(&mut self, bytes: &[u8]) {
        while self.received.len() < bytes.len() {
            assert!(self.receive().await, "an early end");
        }
        let got: Vec<u8> = self.received.drain(..bytes.len()).collect();
        assert_eq!(
            got.escape_ascii().to_string(),
            bytes.escape_ascii().to_string()
        );
    }

    /// A close_notify, then FIN.
    async fn expect_end(&mut self) {
        while self.receive().await {}
        let mut rest = std::mem::take(&mut self.received);
        self.tls
            .reader()
            .read_to_end(&mut rest)
            .expect("a close_notify");
        assert_eq!(rest.escape_ascii().to_string(), "");
    }
}

async fn secured(js: &mut Js) -> ConnectionId {
    let id = js.expect(OPEN).await.id;
    assert_eq!(js.expect(SECURED).await.id, id);
    id
}

/// A connection whose request has been reported.
async fn asked(js: &mut Js, address: SocketAddr) -> (SecurePeer, ConnectionId) {
    let mut peer = SecurePeer::connect(address).await;
    let id = secured(js).await;
    peer.send(GET).await;
    js.expect(HEAD).await;
    (peer, id)
}

#[test]
fn requests_and_responses_are_those_of_a_plain_connection() {
    for config in [
        ServerConfig::default(),
        ServerConfig {
            paused: true,
            ..ServerConfig::default()
        },
    ] {
        run(async |mut js| {
            let address = listen(&js, config);
            let mut peer = SecurePeer::connect(address).await;
            let id = secured(&mut js).await;
            if config.paused {
                js.resume(id);
            }
            for _ in 0..3 {
                peer.send(GET).await;
                assert_eq!(js.expect(HEAD).await.id, id);
                js.respond(id, b"answer");
                peer.expect(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer")
                    .await;
            }
            peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
                .await;
            js.expect(HEAD).await;
            peer.send(&[b'x'; 100_000]).await;
            assert_eq!(js.expect(BODY).await.id, id);
        });
    }
}

#[test]
fn a_large_response_arrives_whole() {
    run(async |mut js| {
        let address = listen(&js, ServerConfig::default());
        let (mut peer, id) = asked(&mut js, address).await;
        let body: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
        js.respond(id, &body);
        js.close_after_flush(id);
        // The kernel has not accepted everything before the peer reads.
        peer.expect(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n")
            .await;
        peer.expect(&body).await;
        peer.expect_end().await;
        assert_eq!(js.expect(CLOSED).await.word, 0);
    });
}

#[test]
fn close_notify_is_sent_in_both_directions() {
    run(async |mut js| {
        let address = listen(&js, ServerConfig::default());
        let (mut peer, id) = asked(&mut js, address).await;
        js.respond(id, b"ok");
        js.close_after_flush(id);
        peer.expect(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await;
        peer.expect_end().await;
        assert_eq!(js.expect(CLOSED).await.word, 0);

        // The client sends close_notify while the response is due, and keeps its TCP connection open.
        let mut peer = SecurePeer::connect(address).await;
        let id = secured(&mut js).await;
        peer.tls.writer().write_all(GET).expect("room");
        peer.tls.send_close_notify();
        peer.flush().await;
        js.expect(HEAD).await;
        assert_eq!(js.expect(EOF).await.id, id);
        js.respond(id, b"ok");
        peer.expect(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await;
    });
}

#[test]
fn a_peer_that_speaks_http_gets_an_alert() {
    run(async |mut js| {
        let address = listen(&js, ServerConfig::default());
        let mut peer = Peer::connect(address).await;
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let id = js.expect(OPEN).await.id;
        let failed = js.expect(TLS_FAILED).await;
        assert_eq!((failed.id, failed.word), (id, HTTP_REQUEST));
        assert_eq!(js.expect(CLOSED).await.word, 0);
    });
}

#[test]
fn an_aborted_handshake_is_reported() {
    run(async |mut js| {
        let address = listen(&js, ServerConfig::default());
        let mut peer = Peer::connect(address).await;
        peer.send("\x16\x03\x01").await;
        drop(peer);
        js.expect(OPEN).await;
        assert_eq!(js.expect(TLS_FAILED).await.word, tls_failure::HANG_UP);
        assert_eq!(js.expect(CLOSED).await.word, 0);
    });
}

#[test]
fn a_handshake_times_out() {
    for beginning in ["", "\x16\x03\x01"] {
        run(async |mut js| {
            let address = listen(&js, ServerConfig::default());
            let start = Instant::now();
            let mut peer = Peer::connect(address).await;
            peer.send(beginning).await;
            js.expect(OPEN).await;
            assert_took(start, HANDSHAKE);
            assert_eq!(js.expect(TLS_FAILED).await.word, tls_failure::TIMEOUT);
            js.expect(CLOSED).await;
        });
    }
}

#[test]
fn time_limits_of_http_begin_after_the_handshake() {
    run(async |mut js| {
        let address = listen(&js, ServerConfig::default());
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _peer = SecurePeer::connect(address).await;
        let start = Instant::now();
        secured(&mut js).await;
        let late = js.next().await;
        assert_eq!(late.kind, crate::crossing::inbound::TIMEOUT);
        assert_took(start, Duration::from_secs(60));
    });
}

/// The connections of a thread share the buffer that ciphertext is received in.
#[test]
fn connections_do_not_mix() {
    run(async |mut js| {
        let address = listen(&js, ServerConfig::default());
        let mut peers = Vec::new();
        for _ in 0..8 {
            let peer = SecurePeer::connect(address).await;
            peers.push((secured(&mut js).await, peer));
        }
        for round in 0..20usize {
            for (at, (_, peer)) in peers.iter_mut().enumerate() {
                let length = 1 + (round * 37 + at * 911) % 3000;
                let mark = u8::try_from(b'a' as usize + at).expect("a letter");
                let head =
                    format!("POST /{at} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
                peer.send(&[head.as_bytes(), &vec![mark; length]].concat())
                    .await;
                // Garbage of other connections in between, which closes those and no others.
                let mut other = Peer::connect(address).await;
                other.send("garbage that is no TLS").await;
            }
            let mut answered = 0;
            while answered < peers.len() {
                let record = js.next().await;
                if record.kind == END {
                    let at = peers
                        .iter()
                        .position(|(id, _)| *id == record.id)
                        .expect("a peer");
                    js.respond(record.id, format!("{at} {round}").as_bytes());
                    answered += 1;
                }
            }
            for (at, (_, peer)) in peers.iter_mut().enumerate() {
                let body = format!("{at} {round}");
                let expected = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                peer.expect(expected.as_bytes()).await;
            }
        }
    });
}
