//! Connecting, with a paused clock and an address that does not answer.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::paused::{Js, assert_took, run};
use crate::connection::Connection;
use crate::crossing::inbound::{CLOSED, CONNECT_FAILED, CONNECTED, RESPONSE, TIMEOUT};
use crate::crossing::{outbound, timeout};
use crate::settings::ClientConfig;
use crate::socket::connect::{ConnectOptions, ConnectTarget};

const ATTEMPT: Duration = Duration::from_millis(250);
const HOUR: Duration = Duration::from_secs(3600);

/// A listening socket with a full queue: the kernel ignores further attempts.
struct BlackHole {
    address: SocketAddr,
    _sockets: Vec<Socket>,
}

impl BlackHole {
    fn new() -> Self {
        let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
        let listener = socket();
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        listener.bind(&any.into()).expect("bind");
        listener.listen(0).expect("listen");
        let address = listener.local_addr().expect("address");
        let mut sockets = vec![listener];
        for _ in 0..4 {
            let filler = socket();
            filler.set_nonblocking(true).expect("non-blocking");
            // In progress. Most of these attempts never end.
            drop(filler.connect(&address));
            sockets.push(filler);
        }
        Self {
            address: address.as_socket().expect("an IP address"),
            _sockets: sockets,
        }
    }
}

/// An address that refuses connections as long as the socket exists: the socket is bound to it, so that no other gets it.
fn refusing() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).expect("bind");
    let address = socket.local_addr().expect("address");
    (socket, address.as_socket().expect("an IP address"))
}

async fn listening() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bind");
    let address = listener.local_addr().expect("address");
    (listener, address)
}

fn to(addresses: &[SocketAddr]) -> ConnectOptions {
    ConnectOptions {
        target: ConnectTarget::Addresses(addresses.to_vec()),
        local_address: None,
        local_port: None,
        attempt_timeout: Some(ATTEMPT),
        no_delay: false,
        tcp_keep_alive: None,
    }
}

fn connect(js: &Js, addresses: &[SocketAddr]) -> crate::ConnectionId {
    js.connect(to(addresses), ClientConfig::default())
}

#[test]
fn the_next_attempt_begins_when_the_time_of_one_is_over() {
    run(async |mut js| {
        let hole = BlackHole::new();
        let (listener, good) = listening().await;
        let start = Instant::now();
        let id = connect(&js, &[hole.address, good]);
        js.get(id);
        let connected = js.expect(CONNECTED).await;
        assert_eq!((connected.id, connected.word), (id, 1));
        assert_took(start, ATTEMPT);
        drop(listener.accept().await.expect("accept"));
    });
}

#[test]
fn the_next_attempt_begins_at_once_after_a_refusal() {
    run(async |mut js| {
        let (_listener, good) = listening().await;
        let start = Instant::now();
        let (_sockets, refused): (Vec<_>, Vec<_>) = [refusing(), refusing()].into_iter().unzip();
        let id = connect(&js, &[refused[0], refused[1], good]);
        let connected = js.expect(CONNECTED).await;
        assert_eq!((connected.id, connected.word), (id, 2));
        assert_took(start, Duration::ZERO);
    });
}

#[test]
fn all_attempts_have_failed_when_the_last_one_fails() {
    run(async |mut js| {
        let hole = BlackHole::new();
        let start = Instant::now();
        let (_socket, refused) = refusing();
        let id = connect(&js, &[hole.address, refused]);
        let failed = js.expect(CONNECT_FAILED).await;
        assert_eq!((failed.id, failed.word), (id, 2));
        assert_took(start, ATTEMPT);
        assert_eq!(js.environment.open_connections(), 0);
    });
}

#[test]
fn without_a_limit_an_attempt_has_no_end() {
    run(async |mut js| {
        let hole = BlackHole::new();
        let (_listener, good) = listening().await;
        let mut options = to(&[hole.address, good]);
        options.attempt_timeout = None;
        js.connect(options, ClientConfig::default());
        js.expect_nothing(Duration::from_secs(5)).await;
    });
}

#[test]
fn the_sockets_limit_runs_while_connecting() {
    run(async |mut js| {
        let hole = BlackHole::new();
        let config = ClientConfig {
            socket_timeout: Some(Duration::from_secs(3)),
            ..ClientConfig::default()
        };
        let start = Instant::now();
        let id = js.connect(to(&[hole.address]), config);
        assert_eq!(js.expect(TIMEOUT).await.word, timeout::SOCKET);
        assert_took(start, Duration::from_secs(3));
        // The program decides what a timeout means.
        let start = Instant::now();
        js.socket_timeout(id, Duration::from_secs(5));
        assert_eq!(js.expect(TIMEOUT).await.word, timeout::SOCKET);
        assert_took(start, Duration::from_secs(5));
        js.destroy(id);
        assert_eq!(js.expect(CLOSED).await.id, id);
        js.expect_nothing(HOUR).await;
    });
}

#[test]
fn the_sockets_limit_begins_anew_with_the_connection() {
    run(async |mut js| {
        let hole = BlackHole::new();
        let (listener, good) = listening().await;
        let limit = Duration::from_millis(400);
        let config = ClientConfig {
            socket_timeout: Some(limit),
            ..ClientConfig::default()
        };
        js.connect(to(&[hole.address, good]), config);
        js.expect(CONNECTED).await;
        let start = Instant::now();
        let _peer = listener.accept().await.expect("accept");
        assert_eq!(js.expect(TIMEOUT).await.word, timeout::SOCKET);
        assert_took(start, limit);
        js.expect_nothing(HOUR).await;
    });
}

#[test]
fn a_close_while_connecting_is_reported_once() {
    run(async |mut js| {
        let hole = BlackHole::new();
        for written in [false, true] {
            for orderly in [false, true] {
                let id = connect(&js, &[hole.address]);
                // Also after the attempt has begun.
                js.expect_nothing(Duration::from_millis(100)).await;
                if written {
                    js.get(id);
                }
                if orderly {
                    js.close_after_flush(id);
                }
                if written && orderly {
                    // Written bytes wait until the connection is established.
                    js.expect_nothing(HOUR).await;
                }
                if written || !orderly {
                    js.destroy(id);
                }
                let closed = js.expect(CLOSED).await;
                assert_eq!((closed.id, closed.word), (id, 0));
                js.destroy(id);
                js.expect_nothing(HOUR).await;
                assert_eq!(js.environment.open_connections(), 0);
            }
        }
    });
}

#[test]
fn a_close_before_the_attempt_prevents_it() {
    run(async |mut js| {
        let (_listener, good) = listening().await;
        let id = connect(&js, &[good]);
        js.destroy(id);
        assert_eq!(js.expect(CLOSED).await.id, id);
        let (_socket, refused) = refusing();
        let id = connect(&js, &[refused]);
        js.destroy(id);
        assert_eq!(js.expect(CLOSED).await.id, id);
        js.expect_nothing(HOUR).await;
    });
}

#[test]
fn a_connection_without_limits_waits_for_its_response_forever() {
    run(async |mut js| {
        let (listener, good) = listening().await;
        let id = connect(&js, &[good]);
        js.get(id);
        js.expect(CONNECTED).await;
        let (socket, _) = listener.accept().await.expect("accept");
        js.expect_nothing(HOUR).await;
        socket.writable().await.expect("writable");
        socket
            .try_write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .expect("the peer's write");
        assert_eq!(js.expect(RESPONSE).await.id, id);
    });
}

#[test]
fn options_are_applied_whenever_they_are_set() {
    run(async |mut js| {
        let (_listener, good) = listening().await;
        let delay = Duration::from_secs(7);
        for by_command in [false, true] {
            let mut options = to(&[good]);
            if !by_command {
                options.no_delay = true;
                options.tcp_keep_alive = Some(delay);
            }
            let id = js.connect(options, ClientConfig::default());
            if by_command {
                js.command(id, (outbound::NO_DELAY, 0), &[1], (b"", ""));
                js.command(
                    id,
                    (outbound::TCP_KEEP_ALIVE, 0),
                    &[1, delay.as_millis() as u32],
                    (b"", ""),
                );
            }
            js.expect(CONNECTED).await;
            let connection = js.environment.connection(id).expect("open");
            Connection::with_stream(&connection, |stream| {
                let crate::socket::stream::Stream::Tcp(socket) = stream else {
                    unreachable!("it is TCP")
                };
                let options = SockRef::from(socket);
                assert!(options.tcp_nodelay().expect("TCP_NODELAY"));
                assert_eq!(options.tcp_keepalive_time().expect("TCP_KEEPIDLE"), delay);
            });
        }
    });
}
