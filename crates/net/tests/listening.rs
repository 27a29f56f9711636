//! Addresses that a server can be bound to, errors of binding, and the close of a server.

mod support;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};

use ferrohttp_net::{Backlog, BoundAddress, Environment, ListenError, ListenOptions, ListenTarget};
use support::{Event, Js, Out, PATIENCE, Peer, config, ends, loopback};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn at(target: ListenTarget) -> ListenOptions {
    ListenOptions {
        target,
        ..loopback()
    }
}

fn bound_ip(bound: BoundAddress) -> SocketAddr {
    match bound {
        BoundAddress::Ip(address) => address,
        BoundAddress::Path(path) => panic!("bound to {}", path.display()),
    }
}

/// A request on a connection to `address` is answered.
fn serves(js: &mut Js, address: SocketAddr) {
    let mut peer = Peer::connect(address);
    peer.send(GET);
    let (id, _) = js.open_with_head();
    js.flush(Out::new().respond(id, b"ok"));
    peer.expect(OK);
    drop(peer);
    assert_eq!(js.closed(id), 0);
}

fn close_and_wait(js: &mut Js, server: u32) {
    let closed = js
        .environment
        .close_listener(server, Backlog::Reset)
        .expect("the server listens");
    assert!(
        closed.recv_timeout(PATIENCE).is_err(),
        "nothing is ever sent"
    );
    assert_eq!(js.next(), Event::ListenerClosed { server });
    assert!(
        js.environment
            .close_listener(server, Backlog::Reset)
            .is_none()
    );
}

fn failure(errno: i32) -> ListenError {
    ListenError {
        errno,
        ..ListenError::invalid()
    }
}

#[test]
fn both_ends_are_reported_with_the_connection() {
    for ip in ["127.0.0.1", "::1"] {
        let mut js = Js::new();
        let any_port = SocketAddr::new(ip.parse().expect("an address"), 0);
        let options = at(ListenTarget::Address(any_port));
        let (_, bound) = js.environment.listen(&options, config()).expect("listen");
        let BoundAddress::Ip(address) = bound else {
            panic!("not an IP address");
        };
        let peer = Peer::connect(address);
        let Event::Open { addresses, .. } = js.next() else {
            panic!("OPEN expected");
        };
        let seen = peer.0.local_addr().expect("address");
        assert_eq!(addresses, ends(address, seen));
    }
}

#[test]
fn the_unspecified_address_accepts_both_families() {
    let mut js = Js::new();
    let (_, bound) = js
        .environment
        .listen(&at(ListenTarget::AnyAddress(0)), config())
        .expect("listen");
    let address = bound_ip(bound);
    assert_ne!(address.port(), 0);
    serves(&mut js, (Ipv4Addr::LOCALHOST, address.port()).into());
    if address.is_ipv6() {
        serves(&mut js, (Ipv6Addr::LOCALHOST, address.port()).into());
    }
}

#[test]
fn ipv6_only_is_possible() {
    let mut js = Js::new();
    let v4 = at(ListenTarget::Address((Ipv4Addr::LOCALHOST, 0).into()));
    let address = bound_ip(js.environment.listen(&v4, config()).expect("listen").1);
    assert_eq!(address.ip(), Ipv4Addr::LOCALHOST);
    serves(&mut js, address);

    let v6 = ListenOptions {
        ipv6_only: true,
        ..at(ListenTarget::Address((Ipv6Addr::UNSPECIFIED, 0).into()))
    };
    match js.environment.listen(&v6, config()) {
        Ok((_, bound)) => {
            let port = bound_ip(bound).port();
            serves(&mut js, (Ipv6Addr::LOCALHOST, port).into());
            // With dual stack the port would be taken for the other family as well.
            drop(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("IPv4's port is free"));
        }
        // A machine without IPv6.
        Err(error) => assert!(
            [libc::EAFNOSUPPORT, libc::EADDRNOTAVAIL].contains(&error.errno),
            "{error}"
        ),
    }
}

#[test]
fn the_path_of_a_unix_socket_is_removed_with_its_server() {
    let mut js = Js::new();
    let path = std::env::temp_dir().join(format!("ferrohttp-test-{}.sock", std::process::id()));
    let options = at(ListenTarget::Path(path.clone()));
    let (server, bound) = js.environment.listen(&options, config()).expect("listen");
    assert!(matches!(bound, BoundAddress::Path(bound) if bound == path));
    let mut peer = UnixStream::connect(&path).expect("connect");
    peer.set_read_timeout(Some(PATIENCE)).expect("read timeout");
    peer.write_all(GET.as_bytes()).expect("write");
    let Event::Open { id, addresses, .. } = js.next() else {
        panic!("OPEN expected");
    };
    assert_eq!(addresses, "");
    assert_eq!(js.head().0, id);
    // A path accepts the options of TCP, which have no effect.
    js.flush(
        Out::new()
            .no_delay(id, true)
            .tcp_keep_alive(id, true, 5000)
            .respond(id, b"ok"),
    );
    let mut answer = vec![0; OK.len()];
    peer.read_exact(&mut answer).expect("answer");
    assert_eq!(answer, OK.as_bytes());

    let taken = js
        .environment
        .listen(&options, config())
        .expect_err("the path is taken");
    assert_eq!(taken, failure(libc::EADDRINUSE));
    close_and_wait(&mut js, server);
    assert!(!path.exists());
    // The connection outlives the listener.
    peer.write_all(GET.as_bytes()).expect("write");
    js.head();
    js.flush(Out::new().respond(id, b"ok"));
    peer.read_exact(&mut answer).expect("answer");
    drop(peer);
    assert_eq!(js.closed(id), 0);
}

#[test]
fn bind_errors_are_reported() {
    let js = Js::new();
    let fails = |target| {
        js.environment
            .listen(&at(target), config())
            .expect_err("cannot be bound")
    };
    let (_, taken) = js.listen(config());
    assert_eq!(
        fails(ListenTarget::Address(taken)),
        failure(libc::EADDRINUSE)
    );
    // No machine has an address of TEST-NET-1.
    let foreign = SocketAddr::from(([192, 0, 2, 1], 0));
    assert_eq!(
        fails(ListenTarget::Address(foreign)),
        failure(libc::EADDRNOTAVAIL)
    );
    let nowhere = PathBuf::from("/nonexistent/ferrohttp.sock");
    assert_eq!(fails(ListenTarget::Path(nowhere)), failure(libc::EACCES));
    let long = PathBuf::from(format!("/tmp/{}", "x".repeat(200)));
    assert_eq!(fails(ListenTarget::Path(long)), failure(libc::EINVAL));
    for name in ["", "/tmp/ferrohttp-nul\0/../other.sock", "ferrohttp-nul\0"] {
        assert_eq!(
            fails(ListenTarget::Path(PathBuf::from(name))),
            failure(libc::EINVAL),
            "{name:?}"
        );
    }
    let message = failure(libc::EADDRINUSE).to_string();
    assert_eq!(
        message,
        format!("listen failed with error {}", libc::EADDRINUSE)
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_forbidden_port_is_eacces() {
    const NOBODY: libc::uid_t = 65534;
    let first_free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if first_free.is_ok_and(|port| port.trim() == "0") {
        // This system lets every user bind the port.
        return;
    }
    // A listener that may be bound starts the I/O threads.
    let js = Js::new();
    js.listen(config());
    let environment = Arc::clone(&js.environment);
    let powerless = std::thread::spawn(move || {
        // SAFETY: the bare system call, unlike libc's wrapper, changes this thread's user alone, and the thread ends here.
        unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
        let target = ListenTarget::Address((Ipv4Addr::LOCALHOST, 1).into());
        environment
            .listen(&at(target), config())
            .map(|(server, _)| server)
    });
    let error = powerless
        .join()
        .expect("no panic")
        .expect_err("a privileged port");
    assert_eq!(error, failure(libc::EACCES));
}

#[test]
fn the_port_is_free_when_the_listener_is_closed() {
    let mut js = Js::new();
    // Also if it is closed before it has accepted a connection, or before its task has run.
    for accepts in [true, false].repeat(50) {
        let (server, address) = js.listen(config());
        if accepts {
            serves(&mut js, address);
        }
        let closed = js
            .environment
            .close_listener(server, Backlog::Reset)
            .expect("the server listens");
        assert!(closed.recv_timeout(PATIENCE).is_err());
        drop(TcpListener::bind(address).expect("the port is free"));
        assert_eq!(js.next(), Event::ListenerClosed { server });
    }
}

#[test]
fn a_closed_listener_leaves_its_connections() {
    let mut js = Js::new();
    let (server, address) = js.listen(config());
    let mut peer = Peer::connect(address);
    peer.send(GET);
    let (id, _) = js.open_with_head();
    close_and_wait(&mut js, server);
    assert!(TcpStream::connect(address).is_err());
    js.flush(Out::new().respond(id, b"ok"));
    peer.expect(OK);
    peer.send(GET);
    js.head();
    js.flush(Out::new().respond(id, b"ok"));
    peer.expect(OK);
}

#[test]
fn servers_of_one_environment_have_their_own_ids() {
    let mut js = Js::new();
    let (first, first_address) = js.listen(config());
    let (second, second_address) = js.listen(config());
    assert_ne!(first, second);
    for (server, address) in [(first, first_address), (second, second_address)] {
        let peer = Peer::connect(address);
        let Event::Open {
            id, server: whose, ..
        } = js.next()
        else {
            panic!("OPEN expected")
        };
        assert_eq!(whose, server);
        drop(peer);
        js.closed(id);
    }
    assert_eq!(js.environment.accepted(), 2);
}

#[test]
fn listeners_share_a_port_when_all_have_reuse_port() {
    let js = Js::new();
    let share = ListenOptions {
        reuse_port: true,
        ..loopback()
    };
    let address = bound_ip(js.environment.listen(&share, config()).expect("listen").1);
    let same = ListenOptions {
        reuse_port: true,
        ..at(ListenTarget::Address(address))
    };
    assert_eq!(
        bound_ip(js.environment.listen(&same, config()).expect("listen").1),
        address
    );
    let alone = js
        .environment
        .listen(&at(ListenTarget::Address(address)), config())
        .expect_err("not shared");
    assert_eq!(alone.errno, libc::EADDRINUSE);
}

#[cfg(target_os = "linux")]
#[test]
fn an_abstract_name_makes_no_file() {
    let mut js = Js::new();
    let name = format!("\0ferrohttp-{}\0x", std::process::id());
    let target = ListenTarget::Path(PathBuf::from(&name));
    let (server, _) = js
        .environment
        .listen(&at(target), config())
        .expect("listen");
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name.as_bytes()[1..]);
    let mut peer = UnixStream::connect_addr(&address.expect("address")).expect("connect");
    peer.write_all(GET.as_bytes()).expect("write");
    let (id, _) = js.open_with_head();
    js.flush(Out::new().respond(id, b"ok"));
    let mut answer = vec![0; OK.len()];
    peer.read_exact(&mut answer).expect("answer");
    drop(peer);
    js.closed(id);
    close_and_wait(&mut js, server);
}

#[test]
fn the_backlog_is_accepted_before_the_socket_is_closed() {
    const WAITING: usize = 5;
    let gate = Arc::new(Mutex::new(()));
    let (woken, on_wake) = mpsc::channel();
    let environment = Environment::new(Box::new({
        let gate = Arc::clone(&gate);
        move || {
            let _ = woken.send(());
            drop(gate.lock());
        }
    }));
    let closed = gate.lock().expect("no panic");
    let (server, address) = environment.listen(&loopback(), config()).expect("listen");
    let BoundAddress::Ip(address) = address else {
        panic!("not an IP address")
    };
    let connect = |_| TcpStream::connect(address).expect("a connection");
    let first = connect(0);
    // The I/O thread is blocked while it reports the first connection.
    on_wake.recv_timeout(PATIENCE).expect("a wake-up");
    let waiting: Vec<_> = (0..WAITING).map(connect).collect();
    let socket = environment
        .close_listener(server, Backlog::Accept)
        .expect("the server listens");
    drop(closed);
    assert!(socket.recv_timeout(PATIENCE).is_err());
    assert!(TcpStream::connect(address).is_err(), "it is closed");
    let mut events = Vec::new();
    let mut used = None;
    while events.len() < WAITING + 2 {
        match environment.take(used.take()) {
            Some(mut batch) => {
                events.extend(Event::read_all(&mut batch));
                used = Some(batch);
            }
            None => on_wake.recv_timeout(PATIENCE).expect("more events"),
        }
    }
    let is_open = |event: &&Event| matches!(event, Event::Open { .. });
    assert_eq!(events.iter().filter(is_open).count(), WAITING + 1);
    drop((first, waiting));
    environment.shutdown();
}
