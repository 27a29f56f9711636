//! Connections that another thread has accepted and an I/O thread has adopted.

mod support;

use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use ferrohttp_net::{Backlog, ConnectionId, Descriptor};
use support::{Close, Js, Out, Peer, config, content, ends};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A peer, and its connection as accepted by the test.
fn accepted() -> (Peer, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let peer = Peer::connect(listener.local_addr().expect("an address"));
    let (stream, _) = listener.accept().expect("a connection");
    (peer, stream)
}

/// Adopts a duplicate of `stream`. `stream` itself stays open, as in a cluster's primary that has not closed its descriptor yet.
fn adopt(js: &Js, server: u32, stream: &impl AsRawFd) -> ConnectionId {
    let descriptor = Descriptor::of_number(stream.as_raw_fd()).expect("a descriptor");
    let adopted = js.environment.adopt(server, descriptor);
    adopted.expect("a connection").id
}

#[test]
fn bytes_from_before_and_after_the_adoption_are_read() {
    let mut js = Js::new();
    let server = js.environment.open_server(config(), None);
    let (mut peer, stream) = accepted();
    peer.send(GET);
    let descriptor = Descriptor::of_number(stream.as_raw_fd()).expect("a descriptor");
    let adopted = js.environment.adopt(server, descriptor).expect("connected");
    let (local, remote) = (stream.local_addr(), stream.peer_addr());
    assert_eq!(
        adopted.addresses,
        ends(local.expect("an address"), remote.expect("an address"))
    );
    drop(stream);
    assert_eq!(js.head().0, adopted.id);
    js.flush(Out::new().respond(adopted.id, b"ok"));
    peer.expect(OK);
    peer.send(GET);
    assert_eq!(js.head().0, adopted.id);
    js.flush(Out::new().respond(adopted.id, b"ok"));
    peer.expect(OK);
    assert_eq!(js.environment.accepted(), 1);
    drop(peer);
    js.until_closed(adopted.id);
    assert_eq!(js.environment.open_connections(), 0);
}

#[test]
fn many_adopted_connections_get_their_own_responses() {
    let mut js = Js::new();
    let server = js.environment.open_server(config(), None);
    let mut connections: Vec<_> = (0..32)
        .map(|_| {
            let (peer, stream) = accepted();
            let id = adopt(&js, server, &stream);
            (peer, id)
        })
        .collect();
    for (peer, _) in &mut connections {
        peer.send(GET);
    }
    let mut out = Out::new();
    for _ in 0..connections.len() {
        let (id, _) = js.head();
        out.respond(id, format!("{:02}", id.slot).as_bytes());
    }
    js.flush(&mut out);
    for (peer, id) in &mut connections {
        peer.expect(OK.replace("ok", &format!("{:02}", id.slot)));
    }
}

/// A close sends nothing while another process has the socket open.
#[test]
fn the_peer_gets_fin_while_the_socket_is_open_elsewhere() {
    for several in [false, true] {
        let mut js = Js::new();
        let server = js.environment.open_server(config(), None);
        let mut out = Out::new();
        let mut kept = Vec::new();
        // More than two writes go through the I/O thread.
        for _ in 0..if several { 4 } else { 1 } {
            let (mut peer, stream) = accepted();
            let id = adopt(&js, server, &stream);
            peer.send(GET);
            assert_eq!(js.head().0, id);
            out.respond_and_close(id, b"ok");
            kept.push((peer, stream, id));
        }
        js.flush(&mut out);
        for (peer, _, _) in &mut kept {
            peer.expect("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
            peer.expect_end();
        }
        for (_, _, id) in kept {
            js.until_closed(id);
        }
    }
}

#[test]
fn bytes_written_before_the_poller_has_reported_the_socket_are_sent() {
    let mut js = Js::new();
    let server = js.environment.open_server(config(), None);
    let body = content(50_000);
    for _ in 0..50 {
        let (mut peer, stream) = accepted();
        let id = adopt(&js, server, &stream);
        drop(stream);
        js.flush(Out::new().raw(id, b"a few bytes", 0));
        js.flush(Out::new().raw(id, &body, 0));
        js.flush(Out::new().close(id, Close::Destroy));
        peer.expect("a few bytes");
        peer.expect(&body);
        peer.expect_end();
        js.until_closed(id);
    }
}

#[test]
fn a_unix_socket_is_adopted() {
    let mut js = Js::new();
    let server = js.environment.open_server(config(), None);
    let (ours, mut theirs) = UnixStream::pair().expect("a pair");
    let id = adopt(&js, server, &ours);
    drop(ours);
    std::io::Write::write_all(&mut theirs, GET.as_bytes()).expect("room");
    assert_eq!(js.head().0, id);
    js.flush(Out::new().respond(id, b"ok"));
    let mut answer = vec![0; OK.len()];
    std::io::Read::read_exact(&mut theirs, &mut answer).expect("an answer");
    assert_eq!(answer, OK.as_bytes());
}

#[test]
fn other_descriptors_are_refused() {
    assert!(Descriptor::of_number(-1).is_err());
    assert!(Descriptor::of_number(i32::MAX).is_err());
    let file = std::fs::File::open("/dev/null").expect("a file");
    assert!(Descriptor::of_number(file.as_raw_fd()).is_err());

    let js = Js::new();
    let server = js.environment.open_server(config(), None);
    let closed = js
        .environment
        .close_listener(server, Backlog::Reset)
        .expect("the server is open");
    assert!(closed.recv().is_err(), "nothing is ever sent");
    let (_peer, stream) = accepted();
    let descriptor = Descriptor::of_number(stream.as_raw_fd()).expect("a descriptor");
    assert!(js.environment.adopt(server, descriptor).is_err());
    assert_eq!(js.environment.open_connections(), 0);
}
