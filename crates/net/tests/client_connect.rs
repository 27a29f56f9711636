//! Attempts to connect that succeed, and those that fail.

mod support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

use ferrohttp_net::{ConnectOptions, ConnectTarget, ConnectionId};
use socket2::{Domain, Socket, Type};
use support::{Accepting, Close, Event, Failure, Js, Out, client_config, content, ends, flag, to};

const CONNECT: u32 = 1;
const BIND: u32 = 2;

/// An address that refuses connections: it is bound, so that it is not used elsewhere, but nothing listens.
struct Refusing {
    _socket: Socket,
    address: SocketAddr,
}

impl Refusing {
    fn at(address: impl Into<IpAddr>) -> Self {
        let any = SocketAddr::new(address.into(), 0);
        let socket = Socket::new(Domain::for_address(any), Type::STREAM, None).expect("socket");
        // Another socket may bind the same port.
        socket.set_reuse_address(true).expect("SO_REUSEADDR");
        socket.bind(&any.into()).expect("bind");
        let address = socket.local_addr().expect("address");
        Self {
            _socket: socket,
            address: address.as_socket().expect("an IP address"),
        }
    }

    fn new() -> Self {
        Self::at(Ipv4Addr::LOCALHOST)
    }
}

fn path(path: impl Into<PathBuf>) -> ConnectOptions {
    ConnectOptions {
        target: ConnectTarget::Path(path.into()),
        ..to(&[])
    }
}

/// The attempt to connect fails, and its entry of the table is removed. Returns the failures.
fn fails(js: &mut Js, options: ConnectOptions) -> Vec<(u32, u32, u32)> {
    let id = js
        .environment
        .connect(options, client_config(), None)
        .expect("an attempt");
    js.flush(Out::new().get(id));
    let failures = match js.next() {
        Event::ConnectFailed {
            id: whose,
            failures,
        } if whose == id => failures,
        other => panic!("CONNECT_FAILED expected, not {other:?}"),
    };
    assert_eq!(js.environment.open_connections(), 0);
    // Commands for a connection that has ended have no effect.
    js.flush(Out::new().get(id).close(id, Close::Destroy));
    failures
        .into_iter()
        .map(|Failure { errno, step, index }| (errno, step, index))
        .collect()
}

#[test]
fn every_refusal_is_reported() {
    const REFUSED: u32 = libc::ECONNREFUSED as u32;
    let mut js = Js::new();
    let (first, second) = (Refusing::new(), Refusing::new());
    let one = fails(&mut js, to(&[first.address]));
    assert_eq!(one, [(REFUSED, CONNECT, 0)]);
    let mut options = to(&[first.address, second.address]);
    let both = [(REFUSED, CONNECT, 0), (REFUSED, CONNECT, 1)];
    assert_eq!(fails(&mut js, options.clone()), both);
    options.attempt_timeout = Some(Duration::from_secs(1000));
    assert_eq!(fails(&mut js, options), both);
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return;
    }
    let third = Refusing::at(Ipv6Addr::LOCALHOST);
    let mut options = to(&[first.address, second.address, third.address]);
    options.attempt_timeout = Some(Duration::from_secs(1000));
    let alternating = [both[0], (REFUSED, CONNECT, 2), both[1]];
    assert_eq!(fails(&mut js, options), alternating);
}

#[test]
fn an_empty_address_list_is_an_error_at_once() {
    let js = Js::new();
    let none = js.environment.connect(to(&[]), client_config(), None);
    assert_eq!(none, Err(libc::EINVAL));
    assert_eq!(js.environment.open_connections(), 0);
}

#[test]
fn slots_are_reused() {
    let mut js = Js::new();
    let (listener, refusing) = (Accepting::new(), Refusing::new());
    for generation in (0..20).step_by(2) {
        fails(&mut js, to(&[refusing.address]));
        let (mut peer, id) = js.connection(&listener);
        let expected = ConnectionId {
            slot: 0,
            generation: generation + 1,
        };
        assert_eq!(id, expected);
        js.flush(Out::new().close(id, Close::Destroy));
        assert_eq!(js.closed(id), 0);
        peer.expect_end();
    }
}

#[test]
fn bytes_before_an_orderly_close_are_sent() {
    let mut js = Js::new();
    let listener = Accepting::new();
    let id = js.connect(listener.address);
    let body = content(1 << 20);
    let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
    js.flush(
        Out::new()
            .request(id, &head, &body, flag::END)
            .close(id, Close::AfterFlush),
    );
    let mut peer = listener.accept();
    peer.expect(&head);
    peer.expect(&body);
    peer.expect_end();
    drop(peer);
    // The close may arrive before or after the socket exists.
    let (before, errno) = js.until_closed(id);
    assert!(matches!(
        before[..],
        [] | [Event::Connected { index: 0, .. }]
    ));
    assert_eq!(errno, 0);
}

#[test]
fn a_close_at_any_moment_is_reported_once() {
    let mut js = Js::new();
    let (listener, refusing) = (Accepting::new(), Refusing::new());
    for round in 0..300 {
        let address = match round % 2 {
            0 => listener.address,
            _ => refusing.address,
        };
        let id = js.connect(address);
        for _ in 0..round * 10 {
            std::hint::spin_loop();
        }
        js.flush(Out::new().get(id).close(id, Close::Destroy));
        // The connection's last record is one of these. The next record is the first one of the next connection.
        let mut connected = false;
        loop {
            match js.next() {
                Event::Connected { id: whose, .. } if whose == id && !connected => {
                    connected = true;
                }
                Event::Closed { id: whose, errno } if whose == id => {
                    assert_eq!(errno, 0);
                    break;
                }
                Event::ConnectFailed { id: whose, .. } if whose == id && !connected => break,
                other => panic!("unexpected {other:?}"),
            }
        }
        assert_eq!(js.environment.open_connections(), 0);
    }
}

#[test]
fn a_unix_socket_is_connected() {
    let directory = std::env::temp_dir().join(format!("ferrohttp-client-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let name = directory.join("socket");
    let listener = UnixListener::bind(&name).expect("bind");
    let mut js = Js::new();
    let id = js
        .environment
        .connect(path(&name), client_config(), None)
        .expect("an attempt");
    assert_eq!(js.connected(id), "");
    js.flush(Out::new().get(id));
    let (mut peer, _) = listener.accept().expect("accept");
    std::io::Write::write_all(&mut peer, b"HTTP/1.1 204 No\r\n\r\n").expect("the peer's write");
    assert_eq!(js.answered(id, b"").status, 204);
    drop((peer, listener));
    // The peer has closed without reading the request, which is a reset.
    assert_eq!(js.until_closed(id).1, libc::ECONNRESET as u32);
    let refused = fails(&mut js, path(&name));
    assert_eq!(refused, [(libc::ECONNREFUSED as u32, CONNECT, 0)]);
    std::fs::remove_dir_all(&directory).expect("cleaning up");
    let nowhere = fails(&mut js, path(&name));
    assert_eq!(nowhere, [(libc::ENOENT as u32, CONNECT, 0)]);
    let long = fails(&mut js, path("x".repeat(200)));
    assert_eq!(long, [(libc::EINVAL as u32, CONNECT, 0)]);
}

/// Linux has all addresses of 127.0.0.0/8.
#[cfg(target_os = "linux")]
#[test]
fn the_local_address_is_bound() {
    let mut js = Js::new();
    let listener = Accepting::new();
    let here: IpAddr = Ipv4Addr::new(127, 0, 0, 2).into();
    let reserved = Refusing::new();
    let free = reserved.address.port();
    for (address, port) in [
        (Some(here), None),
        (None, Some(free)),
        (Some(here), Some(free)),
    ] {
        let options = ConnectOptions {
            local_address: address,
            local_port: port,
            ..to(&[listener.address])
        };
        let id = js
            .environment
            .connect(options, client_config(), None)
            .expect("an attempt");
        let addresses = js.connected(id);
        let peer = listener.accept();
        let seen = peer.0.peer_addr().expect("address");
        assert_eq!(addresses, ends(seen, listener.address));
        assert!(address.is_none_or(|address| seen.ip() == address));
        assert!(port.is_none_or(|port| seen.port() == port));
        js.flush(Out::new().close(id, Close::Reset));
        js.closed(id);
    }
}

#[test]
fn a_local_address_that_is_not_available_is_reported() {
    let mut js = Js::new();
    let listener = Accepting::new();
    let from = |address: IpAddr, port| ConnectOptions {
        local_address: Some(address),
        local_port: port,
        ..to(&[listener.address])
    };
    let elsewhere = fails(&mut js, from([192, 0, 2, 77].into(), None));
    assert_eq!(elsewhere, [(libc::EADDRNOTAVAIL as u32, BIND, 0)]);
    let other_family = fails(&mut js, from(Ipv6Addr::LOCALHOST.into(), None));
    assert_eq!(other_family, [(libc::EINVAL as u32, BIND, 0)]);
    let in_use = fails(
        &mut js,
        from(listener.address.ip(), Some(listener.address.port())),
    );
    assert_eq!(in_use, [(libc::EADDRINUSE as u32, BIND, 0)]);
}

#[test]
fn both_ends_may_be_in_the_same_environment() {
    let mut js = Js::new();
    let (_, address) = js.listen(support::config());
    let client = js.connect(address);
    // The two ends of the connection are reported in either order.
    let mut server = None;
    for _ in 0..2 {
        match js.next() {
            Event::Open { id, .. } => server = Some(id),
            Event::Connected { id, .. } => assert_eq!(id, client),
            other => panic!("unexpected {other:?}"),
        }
    }
    let server = server.expect("accepted");
    assert_eq!(js.environment.open_connections(), 2);
    assert_eq!(js.environment.open_clients(), 1);
    js.flush(Out::new().get(client));
    assert_eq!(js.head().0, server);
    js.flush(Out::new().respond(server, b"ok"));
    assert_eq!(js.response(client).status, 200);
    assert_eq!(js.rest_of_body(client).0, b"ok");
    js.flush(Out::new().close(client, Close::Destroy));
    let mut closed = [false; 2];
    for _ in 0..2 {
        match js.next() {
            Event::Closed { id, errno: 0 } => closed[usize::from(id == server)] = true,
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(closed, [true; 2]);
}

#[test]
fn the_end_of_the_environment_ends_attempts() {
    let listener = Accepting::new();
    for _ in 0..50 {
        let mut js = Js::new();
        for _ in 0..10 {
            let id = js.connect(listener.address);
            js.flush(Out::new().get(id));
        }
        js.environment.shutdown();
        assert_eq!(js.environment.open_connections(), 0);
    }
}
