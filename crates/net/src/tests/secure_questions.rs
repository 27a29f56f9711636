//! Servers whose program decides by a client's hello: the handshake waits for the decision, and other connections do not.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::{ClientConnection, ProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::paused::{Js, assert_took, run};
use crate::crossing::inbound::{CLOSED, HEAD, HELLO, OPEN, SECURED, TLS_FAILED};
use crate::crossing::tls_failure;
use crate::id::ConnectionId;
use crate::server::{ServerConfig, ServerOptions, ServerTls};
use crate::tls::{Asks, TlsAnswer, TlsServer, TlsServerOptions, testing};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HANDSHAKE: Duration = Duration::from_secs(120);
const ASKS: Asks = Asks {
    names: true,
    protocols: true,
};
/// OpenSSL's numbers of its reasons.
const NO_APPLICATION_PROTOCOL: u32 = 235;
const UNEXPECTED_MESSAGE: u32 = 244;

fn tls(options: TlsServerOptions) -> TlsServer {
    TlsServer::new(options).expect("options")
}

fn asking() -> TlsServerOptions {
    TlsServerOptions {
        asks: ASKS,
        ..testing::options()
    }
}

fn listen(js: &Js, options: TlsServerOptions) -> SocketAddr {
    let tls = ServerTls {
        config: tls(options),
        handshake_timeout: Some(HANDSHAKE),
    };
    let options = ServerOptions {
        tls: Some(tls),
        guard: None,
    };
    js.listen_with(ServerConfig::default(), options).1
}

/// A client of TLS, in steps.
struct Client {
    socket: TcpStream,
    tls: ClientConnection,
}

impl Client {
    /// A client that has sent its hello.
    async fn begin(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("connect");
        let tls = testing::client();
        let mut client = Self { socket, tls };
        client.flush().await;
        client
    }

    async fn flush(&mut self) {
        let sent = written(&mut self.tls);
        self.socket.write_all(&sent).await.expect("write");
    }

    /// Continues until the handshake is complete.
    async fn finish(&mut self) {
        while self.tls.is_handshaking() {
            let mut bytes = vec![0; 16 * 1024];
            let count = self.socket.read(&mut bytes).await.expect("read");
            assert!(count > 0, "an early end");
            let mut received = &bytes[..count];
            while !received.is_empty() {
                self.tls.read_tls(&mut received).expect("room");
                self.tls.process_new_packets().expect("records");
            }
            self.flush().await;
        }
    }
}

/// The bytes that a client has to send next.
fn written(tls: &mut ClientConnection) -> Vec<u8> {
    let mut sent = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut sent).expect("room");
    }
    sent
}

/// A client whose hello has been reported, and whose handshake waits for the decision.
async fn asked(js: &mut Js, address: SocketAddr) -> (Client, ConnectionId) {
    let client = Client::begin(address).await;
    let id = js.expect(OPEN).await.id;
    assert_eq!(js.expect(HELLO).await.id, id);
    (client, id)
}

#[test]
fn a_handshake_waits_for_the_decision_and_other_connections_do_not() {
    run(async |mut js| {
        let address = listen(&js, asking());
        let (mut first, one) = asked(&mut js, address).await;
        let (mut second, other) = asked(&mut js, address).await;
        js.environment.answer_hello(other, TlsAnswer::default());
        second.finish().await;
        assert_eq!(js.expect(SECURED).await.id, other);
        second.tls.writer().write_all(GET).expect("room");
        second.flush().await;
        assert_eq!(js.expect(HEAD).await.id, other);
        js.expect_nothing(Duration::from_secs(30)).await;
        js.environment.answer_hello(one, TlsAnswer::default());
        first.finish().await;
        assert_eq!(js.expect(SECURED).await.id, one);
    });
}

#[test]
fn the_decision_has_another_configuration_and_protocol() {
    run(async |mut js| {
        let address = listen(&js, asking());
        let (mut client, id) = asked(&mut js, address).await;
        let answer = TlsAnswer {
            server: Some(tls(TlsServerOptions {
                versions: (0x0303, 0x0303),
                alpn: vec![b"other".to_vec()],
                ..testing::options()
            })),
            protocols: Some(vec![b"http/1.1".to_vec()]),
        };
        js.environment.answer_hello(id, answer);
        // Only the first one counts.
        js.environment.answer_hello(id, TlsAnswer::default());
        client.finish().await;
        js.expect(SECURED).await;
        assert_eq!(
            client.tls.protocol_version(),
            Some(ProtocolVersion::TLSv1_2)
        );
        assert_eq!(client.tls.alpn_protocol(), Some(&b"http/1.1"[..]));
    });
}

#[test]
fn no_protocol_is_accepted() {
    run(async |mut js| {
        let address = listen(&js, asking());
        let (mut client, id) = asked(&mut js, address).await;
        let answer = TlsAnswer {
            server: None,
            protocols: Some(vec![Vec::new()]),
        };
        js.environment.answer_hello(id, answer);
        assert_eq!(js.expect(TLS_FAILED).await.word, NO_APPLICATION_PROTOCOL);
        js.expect(CLOSED).await;
        let mut sent = Vec::new();
        client.socket.read_to_end(&mut sent).await.expect("read");
        client.tls.read_tls(&mut &sent[..]).expect("room");
        let refused = client.tls.process_new_packets();
        let alert = rustls::AlertDescription::NoApplicationProtocol;
        assert_eq!(refused, Err(rustls::Error::AlertReceived(alert)));
    });
}

#[test]
fn the_program_is_not_asked_about_parts_that_it_does_not_decide_by() {
    run(async |mut js| {
        for asks in [
            Asks::default(),
            // The client of the tests offers protocols and asks for a name.
            Asks {
                names: false,
                protocols: true,
            },
        ] {
            let options = TlsServerOptions { asks, ..asking() };
            let address = listen(&js, options);
            let mut config = testing::client_config();
            config.alpn_protocols.clear();
            let mut client = Client {
                socket: TcpStream::connect(address).await.expect("connect"),
                tls: testing::client_with(config),
            };
            client.flush().await;
            client.finish().await;
            js.expect(OPEN).await;
            js.expect(SECURED).await;
            drop(client);
            while js.next().await.kind != CLOSED {}
        }
    });
}

#[test]
fn a_program_that_does_not_decide_costs_no_more_than_the_time_for_handshakes() {
    run(async |mut js| {
        let address = listen(&js, asking());
        let start = Instant::now();
        let (_client, id) = asked(&mut js, address).await;
        let failed = js.expect(TLS_FAILED).await;
        assert_eq!((failed.id, failed.word), (id, tls_failure::TIMEOUT));
        assert_took(start, HANDSHAKE);
        js.expect(CLOSED).await;
        js.environment.answer_hello(id, TlsAnswer::default());
        js.expect_nothing(Duration::from_secs(1)).await;
    });
}

#[test]
fn a_client_that_leaves_while_it_waits_is_noticed() {
    run(async |mut js| {
        let address = listen(&js, asking());
        let (client, id) = asked(&mut js, address).await;
        drop(client);
        let failed = js.expect(TLS_FAILED).await;
        assert_eq!((failed.id, failed.word), (id, tls_failure::HANG_UP));
        js.expect(CLOSED).await;
        js.environment.answer_hello(id, TlsAnswer::default());
        js.expect_nothing(Duration::from_secs(1)).await;
    });
}

#[test]
fn bytes_of_a_waiting_client_are_limited_and_checked_later() {
    run(async |mut js| {
        let address = listen(&js, asking());
        let (mut client, _) = asked(&mut js, address).await;
        client
            .socket
            .write_all(&[0; 100_000])
            .await
            .expect("the kernel's buffer");
        assert_eq!(js.expect(TLS_FAILED).await.word, UNEXPECTED_MESSAGE);
        js.expect(CLOSED).await;

        let (mut client, id) = asked(&mut js, address).await;
        client.socket.write_all(GET).await.expect("write");
        js.expect_nothing(Duration::from_secs(1)).await;
        js.environment.answer_hello(id, TlsAnswer::default());
        js.expect(TLS_FAILED).await;
        js.expect(CLOSED).await;
    });
}

#[test]
fn garbage_at_any_place_of_a_hello_is_no_plaintext() {
    run(async |mut js| {
        let address = listen(&js, asking());
        let hello = written(&mut testing::client());
        for at in (0..hello.len()).step_by(7) {
            let mut bad = hello.clone();
            bad[at] ^= 0x80;
            let mut socket = TcpStream::connect(address).await.expect("connect");
            socket.write_all(&bad).await.expect("write");
            drop(socket);
            let id = js.expect(OPEN).await.id;
            js.until_closed(id, |js, record| match record.kind {
                HELLO => js.environment.answer_hello(id, TlsAnswer::default()),
                TLS_FAILED => {}
                other => panic!("{other} at {at}"),
            })
            .await;
        }
    });
}

#[cfg(unix)]
#[test]
fn an_undecided_client_is_given_up_with_all_its_bytes() {
    run(async |mut js| {
        let address = listen(&js, asking());
        for more in [&b""[..], b"more"] {
            let mut client = TcpStream::connect(address).await.expect("connect");
            let hello = written(&mut testing::client());
            client.write_all(&hello).await.expect("write");
            let id = js.expect(OPEN).await.id;
            js.expect(HELLO).await;
            client.write_all(more).await.expect("write");
            js.expect_nothing(Duration::from_secs(1)).await;
            let given = js.environment.give_up(id).expect("given up");
            assert_eq!(given.unread, [&hello, more].concat());
            js.expect(CLOSED).await;
        }
        // With a decision the I/O thread has the keys.
        let (mut client, id) = asked(&mut js, address).await;
        js.environment.answer_hello(id, TlsAnswer::default());
        assert!(js.environment.give_up(id).is_err());
        client.finish().await;
        js.expect(SECURED).await;
        assert!(js.environment.give_up(id).is_err());
    });
}
