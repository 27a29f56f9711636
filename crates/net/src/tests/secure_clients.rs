//! Clients' connections with TLS, with a paused clock.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::paused::{Js, assert_took, run};
use crate::crossing::inbound::{
    CLOSED, CONNECTED, RESPONSE, SECURED, SESSION, TIMEOUT, TLS_FAILED,
};
use crate::crossing::{inbound, tls_failure, verdict};
use crate::id::ConnectionId;
use crate::socket::connect::{ConnectOptions, ConnectTarget};
use crate::tls::{Session, TlsConnect, TlsResumption, TlsSessions, testing};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const TLS12: (u16, u16) = (0x0303, 0x0303);
const TLS13: (u16, u16) = (0x0304, 0x0304);
const BOTH: (u16, u16) = (0x0303, 0x0304);
/// OpenSSL's number.
const WRONG_VERSION_NUMBER: u32 = 267;
const EXCESSIVE_MESSAGE_SIZE: u32 = 152;
const BAD_RECORD_MAC: u32 = 281;
const MINUTE: Duration = Duration::from_secs(60);

struct Listening(TcpListener);

impl Listening {
    async fn new() -> Self {
        Self(TcpListener::bind(("127.0.0.1", 0)).await.expect("bind"))
    }

    fn options(&self) -> ConnectOptions {
        let address: SocketAddr = self.0.local_addr().expect("address");
        ConnectOptions {
            target: ConnectTarget::Addresses(vec![address]),
            local_address: None,
            local_port: None,
            attempt_timeout: None,
            no_delay: true,
            tcp_keep_alive: None,
        }
    }

    /// Begins to connect to it.
    fn connected(&self, js: &Js, versions: (u16, u16), from: Option<&Kept>) -> Kept {
        let own = TlsSessions::default();
        let resumption = TlsResumption {
            from: from.map(|kept| kept.own.clone()),
            own: own.clone(),
        };
        let client = match from {
            Some(kept) => kept.client.clone(),
            None => testing::trusting_client(versions),
        };
        let name = Some("localhost".to_owned());
        let tls = TlsConnect::new(client.clone(), name, Some(resumption)).expect("a name");
        let id = js.connect_with(self.options(), tls);
        Kept { id, own, client }
    }

    async fn plain(&self) -> TcpStream {
        let (socket, _) = self.0.accept().await.expect("accept");
        // Its records are sent at once, because the clock does not wait for acknowledgements.
        socket.set_nodelay(true).expect("TCP_NODELAY");
        socket
    }

    async fn accept(&self, server: &crate::TlsServer) -> Peer {
        Peer {
            socket: self.plain().await,
            tls: server.accept().expect("a session"),
            received: Vec::new(),
        }
    }
}

/// A connection, and the store of its sessions, which later connections resume.
struct Kept {
    id: ConnectionId,
    own: TlsSessions,
    client: crate::TlsClient,
}

/// A server on the same thread.
struct Peer {
    socket: TcpStream,
    tls: Session,
    received: Vec<u8>,
}

impl Peer {
    /// Sends the bytes that TLS has to send.
    fn output(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        self.tls
            .send(|slices| {
                for slice in slices {
                    sent.extend_from_slice(slice);
                }
                Ok(slices.iter().map(|slice| slice.len()).sum())
            })
            .expect("room");
        sent
    }

    async fn flush(&mut self) {
        let sent = self.output();
        self.socket
            .write_all(&sent)
            .await
            .expect("the peer's write");
    }

    /// Returns false at the end.
    async fn receive(&mut self) -> bool {
        let mut bytes = vec![0; 64 * 1024];
        let count = self.socket.read(&mut bytes).await.expect("the peer's read");
        self.tls
            .receive(&bytes[..count], &mut self.received)
            .expect("records");
        self.flush().await;
        count > 0
    }

    /// As far as the client goes before it has approved this server: in TLS 1.3 and in resumed sessions its last flight waits.
    async fn handshake(&mut self) {
        let second = Duration::from_secs(1);
        while self.tls.is_handshaking()
            && let Ok(is_open) = tokio::time::timeout(second, self.receive()).await
        {
            assert!(is_open, "an early end");
        }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.tls.write(bytes);
        self.flush().await;
    }

    /// Reads the next bytes, which must be these.
    async fn expect(&mut self, bytes: &str) {
        while self.received.len() < bytes.len() {
            assert!(self.receive().await, "an early end");
        }
        let got: Vec<u8> = self.received.drain(..bytes.len()).collect();
        assert_eq!(String::from_utf8_lossy(&got), bytes);
    }

    /// Nothing is received until the end.
    async fn expect_end(&mut self) {
        while self.receive().await {}
        assert_eq!(self.received.escape_ascii().to_string(), "");
    }
}

/// Handles CONNECTED and SECURED.
async fn secured(js: &mut Js, peer: &mut Peer, id: ConnectionId, expected: u32) {
    assert_eq!(js.expect(CONNECTED).await.id, id);
    peer.handshake().await;
    let secured = js.expect(SECURED).await;
    assert_eq!((secured.id, secured.word), (id, expected));
}

/// A connection with TLS 1.3 that JavaScript has approved and that has carried an exchange, and its server.
async fn approved(js: &mut Js) -> (ConnectionId, Peer) {
    let listening = Listening::new().await;
    let Kept { id, .. } = listening.connected(js, TLS13, None);
    let mut peer = listening.accept(&testing::certified_server()).await;
    secured(js, &mut peer, id, verdict::TRUSTED).await;
    js.approve(id);
    exchange(js, &mut peer, id).await;
    (id, peer)
}

/// A request and its response.
async fn exchange(js: &mut Js, peer: &mut Peer, id: ConnectionId) {
    js.get(id);
    peer.expect(GET).await;
    peer.send(ANSWER).await;
    let mut record = js.next().await;
    if record.kind == SESSION {
        record = js.next().await;
    }
    assert_eq!((record.kind, record.id), (RESPONSE, id));
    js.expect(inbound::BODY).await;
    js.expect(inbound::END).await;
}

#[test]
fn no_byte_of_a_request_leaves_before_the_server_is_approved() {
    for versions in [TLS12, TLS13] {
        run(async |mut js| {
            let listening = Listening::new().await;
            let Kept { id, .. } = listening.connected(&js, versions, None);
            js.get(id);
            let mut peer = listening.accept(&testing::certified_server()).await;
            secured(&mut js, &mut peer, id, verdict::TRUSTED).await;
            js.expect_nothing(MINUTE).await;
            let early = tokio::time::timeout(MINUTE, peer.receive()).await;
            assert!(peer.received.is_empty(), "{early:?}");
            js.approve(id);
            peer.expect(GET).await;
        });
    }
}

#[test]
fn a_server_that_is_not_approved_receives_nothing() {
    for versions in [TLS12, TLS13] {
        run(async |mut js| {
            let listening = Listening::new().await;
            let Kept { id, .. } = listening.connected(&js, versions, None);
            js.get(id);
            let mut peer = listening.accept(&testing::server()).await;
            secured(&mut js, &mut peer, id, verdict::UNUSUAL).await;
            js.destroy(id);
            peer.expect_end().await;
            assert_eq!(js.expect(CLOSED).await.word, 0);
            // In TLS 1.3 not even the last message of the handshake.
            assert_eq!(peer.tls.is_handshaking(), versions == TLS13);
        });
    }
}

#[test]
fn bytes_of_a_server_wait_until_it_is_approved() {
    run(async |mut js| {
        let listening = Listening::new().await;
        let Kept { id, .. } = listening.connected(&js, TLS12, None);
        let mut peer = listening.accept(&testing::certified_server()).await;
        secured(&mut js, &mut peer, id, verdict::TRUSTED).await;
        peer.send(ANSWER).await;
        js.get(id);
        js.expect_nothing(MINUTE).await;
        js.approve(id);
        peer.expect(GET).await;
        js.expect(SESSION).await;
        js.expect(RESPONSE).await;
    });
}

#[test]
fn a_failed_write_in_the_handshake_does_not_get_a_response_parsed() {
    // What the client reads before the write fails: nothing, a part of the first record, more than the first record.
    for split in [0, 3, 60, 200] {
        run(async |mut js| {
            let listening = Listening::new().await;
            let Kept { id, .. } = listening.connected(&js, TLS13, None);
            js.get(id);
            let mut peer = listening.plain().await;
            js.expect(CONNECTED).await;
            let mut hello = vec![0; 64 * 1024];
            let count = peer.read(&mut hello).await.expect("a ClientHello");
            let mut server = testing::eager_server(2);
            let read = server.read_tls(&mut &hello[..count]).expect("room");
            assert_eq!(read, count);
            server.process_new_packets().expect("a ClientHello");
            server.writer().write_all(ANSWER).expect("room");
            let mut flight = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut flight).expect("room");
            }
            peer.write_all(&flight[..split]).await.expect("room");
            js.expect_nothing(MINUTE).await;
            peer.write_all(&flight[split..]).await.expect("room");
            js.environment
                .connection(id)
                .expect("open")
                .fail_next_write();
            assert_eq!(js.expect(CLOSED).await.id, id);
        });
    }
}

#[test]
fn sessions_are_resumed_after_the_first_server_was_approved() {
    for versions in [TLS12, TLS13] {
        run(async |mut js| {
            let listening = Listening::new().await;
            let server = testing::certified_server();
            let first = listening.connected(&js, versions, None);
            let mut peer = listening.accept(&server).await;
            secured(&mut js, &mut peer, first.id, verdict::TRUSTED).await;

            // The first connection is not approved yet, so its sessions are not resumed.
            let early = listening.connected(&js, versions, Some(&first));
            let mut other = listening.accept(&server).await;
            secured(&mut js, &mut other, early.id, verdict::TRUSTED).await;

            js.approve(first.id);
            exchange(&mut js, &mut peer, first.id).await;
            let second = listening.connected(&js, versions, Some(&first));
            let mut peer = listening.accept(&server).await;
            secured(&mut js, &mut peer, second.id, verdict::RESUMED).await;
            js.approve(second.id);
            exchange(&mut js, &mut peer, second.id).await;
        });
    }
}

#[test]
fn messages_of_tls_do_not_end_an_idle_connection() {
    run(async |mut js| {
        let (id, mut peer) = approved(&mut js).await;
        peer.tls.refresh_keys();
        peer.flush().await;
        tokio::task::yield_now().await;
        let connection = js.environment.connection(id).expect("open");
        assert!(connection.is_open());
        exchange(&mut js, &mut peer, id).await;
        // Bytes of HTTP close it.
        peer.send(b"HTTP/1.1 200 OK\r\n").await;
        tokio::task::yield_now().await;
        assert!(!connection.is_open());
        js.expect(CLOSED).await;
    });
}

#[test]
fn the_socket_timeout_limits_the_handshake() {
    run(async |mut js| {
        let listening = Listening::new().await;
        let Kept { id, .. } = listening.connected(&js, BOTH, None);
        js.socket_timeout(id, MINUTE);
        let _peer = listening.plain().await;
        js.expect(CONNECTED).await;
        let start = Instant::now();
        js.expect(TIMEOUT).await;
        assert_took(start, MINUTE);
        js.destroy(id);
        js.expect(CLOSED).await;
    });
}

#[test]
fn servers_that_break_off_or_do_not_speak_tls() {
    for (answer, reason) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            WRONG_VERSION_NUMBER,
        ),
        (b"", tls_failure::HANG_UP),
        (b"\x16\x03\x03", tls_failure::HANG_UP),
        // handshake_failure
        (b"\x15\x03\x03\0\x02\x02\x28", 1040),
    ] {
        run(async |mut js| {
            let listening = Listening::new().await;
            let Kept { id, .. } = listening.connected(&js, BOTH, None);
            js.get(id);
            let mut peer = listening.plain().await;
            js.expect(CONNECTED).await;
            let mut hello = vec![0; 4096];
            assert_ne!(peer.read(&mut hello).await.expect("a ClientHello"), 0);
            peer.write_all(answer).await.expect("room");
            drop(peer);
            let failed = js.expect(TLS_FAILED).await;
            assert_eq!((failed.id, failed.word), (id, reason));
            js.expect(CLOSED).await;
        });
    }
}

#[test]
fn garbage_between_records_ends_the_connection() {
    run(async |mut js| {
        let (id, mut peer) = approved(&mut js).await;
        js.get(id);
        peer.expect(GET).await;
        peer.socket
            .write_all(b"\x17\x03\x03\0\x20garbage that has the size of 32.")
            .await
            .expect("room");
        assert_eq!(js.expect(TLS_FAILED).await.word, BAD_RECORD_MAC);
        assert_eq!(js.expect(CLOSED).await.id, id);
    });
}

#[test]
fn nothing_is_sent_when_tls_cannot_begin() {
    run(async |mut js| {
        let listening = Listening::new().await;
        let name = Some("localhost".to_owned());
        let tls = TlsConnect::new(testing::impossible_client(), name, None).expect("a name");
        let id = js.connect_with(listening.options(), tls);
        js.get(id);
        let mut peer = listening.plain().await;
        let mut received = Vec::new();
        // The end may be a reset.
        drop(peer.read_to_end(&mut received).await);
        assert_eq!(received.escape_ascii().to_string(), "");
        assert_eq!(js.expect(CONNECTED).await.id, id);
        assert_eq!(js.expect(TLS_FAILED).await.id, id);
        assert_eq!(js.expect(CLOSED).await.id, id);
    });
}

#[test]
fn plaintext_before_a_tls_error_is_delivered_before_it() {
    run(async |mut js| {
        let (id, mut peer) = approved(&mut js).await;
        js.get(id);
        peer.expect(GET).await;
        peer.tls
            .write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok");
        // The client receives both at once.
        let mut sent = peer.output();
        sent.extend_from_slice(b"\x17\x03\x03\0\x20garbage that has the size of 32.");
        peer.socket.write_all(&sent).await.expect("room");
        js.expect(RESPONSE).await;
        js.expect(inbound::BODY).await;
        assert_eq!(js.expect(TLS_FAILED).await.word, BAD_RECORD_MAC);
        assert_eq!(js.expect(CLOSED).await.id, id);
    });
}

/// Number of tickets of one connection. They have some 400 KB, more than an I/O thread reads from one connection before it serves others.
#[cfg(target_os = "linux")]
const TICKETS: usize = 5000;

/// A connection whose first request is answered, and its server, which has yet to send its tickets.
///
/// The connection is a Unix socket: when a write to it returns, the reader can read the bytes.
#[cfg(target_os = "linux")]
async fn before_tickets(
    js: &mut Js,
    file: &str,
) -> (
    ConnectionId,
    tokio::net::UnixStream,
    rustls::ServerConnection,
) {
    let path = std::env::temp_dir().join(format!("ferrohttp-{file}-{}", std::process::id()));
    let listener = tokio::net::UnixListener::bind(&path).expect("bind");
    let options = ConnectOptions {
        target: ConnectTarget::Path(path.clone()),
        ..Listening::new().await.options()
    };
    let name = Some("localhost".to_owned());
    let tls = TlsConnect::new(testing::trusting_client(TLS13), name, None).expect("a name");
    let id = js.connect_with(options, tls);
    js.get(id);
    let (mut socket, _) = listener.accept().await.expect("accept");
    std::fs::remove_file(&path).expect("the socket's file");
    let mut server = testing::eager_server(TICKETS);
    feed(&mut socket, &mut server).await;
    server.writer().write_all(ANSWER).expect("room");
    let flight = output_of(&mut server);
    socket.write_all(&flight).await.expect("room");
    js.expect(CONNECTED).await;
    assert_eq!(js.expect(SECURED).await.word, verdict::TRUSTED);
    js.approve(id);
    js.expect(RESPONSE).await;
    js.expect(inbound::BODY).await;
    js.expect(inbound::END).await;
    while server.is_handshaking() {
        feed(&mut socket, &mut server).await;
    }
    (id, socket, server)
}

#[cfg(target_os = "linux")]
async fn feed(socket: &mut tokio::net::UnixStream, server: &mut rustls::ServerConnection) {
    let mut bytes = vec![0; 64 * 1024];
    let count = socket.read(&mut bytes).await.expect("the client's bytes");
    assert_ne!(count, 0, "an early end");
    let mut rest = &bytes[..count];
    while !rest.is_empty() {
        server.read_tls(&mut rest).expect("room");
        server.process_new_packets().expect("records");
    }
}

#[cfg(target_os = "linux")]
fn output_of(server: &mut rustls::ServerConnection) -> Vec<u8> {
    let mut output = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut output).expect("room");
    }
    output
}

#[cfg(target_os = "linux")]
#[test]
fn tickets_without_end_do_not_occupy_the_thread_of_javascript() {
    run(async |mut js| {
        let (id, socket, mut server) = before_tickets(&mut js, "endless-tickets").await;
        let tickets = output_of(&mut server);
        let mut sent = 0;
        while let Ok(count @ 1..) = socket.try_write(&tickets[sent..]) {
            sent += count;
        }
        // Four reads of 32 KiB do not reach the end.
        assert!(sent > 128 * 1024, "{sent}");
        let connection = js.environment.connection(id).expect("open");
        assert!(!connection.is_open());
        js.expect(CLOSED).await;
    });
}

/// rustls cannot keep all of them when the last one of each record is incomplete. Bytes that it has dropped must not look like an idle
/// peer.
#[cfg(target_os = "linux")]
#[test]
fn more_tickets_than_fit_are_an_error() {
    run(async |mut js| {
        let (id, mut socket, mut server) = before_tickets(&mut js, "many-tickets").await;
        js.get(id);
        let tickets = output_of(&mut server);
        assert!(tickets.len() > 256 * 1024, "{}", tickets.len());
        // The client may close before it has received everything.
        drop(socket.write_all(&tickets).await);
        assert_eq!(js.expect(TLS_FAILED).await.word, EXCESSIVE_MESSAGE_SIZE);
        assert_eq!(js.expect(CLOSED).await.id, id);
    });
}
