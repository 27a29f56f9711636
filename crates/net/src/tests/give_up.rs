//! Sockets that the program passes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::{FromRawFd, OwnedFd};

use super::paused::{Js, Peer, run};
use crate::crossing::inbound::{CLOSED, HEAD};
use crate::id::ConnectionId;
use crate::server::ServerConfig;
use crate::socket::descriptor::Descriptor;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn stream(descriptor: Descriptor) -> TcpStream {
    let number = descriptor.into_number().expect("a descriptor");
    // SAFETY: no other object owns the descriptor.
    let owned = unsafe { OwnedFd::from_raw_fd(number) };
    let stream = TcpStream::from(owned);
    stream.set_nonblocking(false).expect("blocking");
    stream
}

async fn open(js: &mut Js, peer: &mut Peer) -> ConnectionId {
    peer.send(GET).await;
    js.open_with_head().await
}

#[test]
fn our_descriptor_is_closed_without_a_fin() {
    run(async |mut js| {
        let (_, address) = js.listen(ServerConfig::default());
        let mut peer = Peer::connect(address).await;
        let id = open(&mut js, &mut peer).await;
        let given = js.environment.give_up(id).expect("given up");
        assert_eq!(given.unread, b"");
        assert_eq!(js.expect(CLOSED).await.id, id);
        assert!(js.environment.give_up(id).is_err());
        let mut theirs = stream(given.descriptor);
        theirs.write_all(b"theirs").expect("write");
        peer.expect("theirs").await;
        peer.send("for them").await;
        let mut bytes = [0; 8];
        theirs.read_exact(&mut bytes).expect("read");
        assert_eq!(&bytes, b"for them");
        drop(theirs);
        peer.expect_end().await;
    });
}

#[test]
fn unconsumed_bytes_are_returned() {
    run(async |mut js| {
        let (_, address) = js.listen(ServerConfig::default());
        let mut peer = Peer::connect(address).await;
        peer.send(&format!("{GET}GET /unfinished")).await;
        let id = js.open_with_head().await;
        // The engine keeps the beginning of a head.
        let given = js.environment.give_up(id).expect("given up");
        assert_eq!(given.unread, b"GET /unfinished");
        assert_eq!(js.expect(CLOSED).await.id, id);
    });
}

#[test]
fn written_bytes_are_sent_first() {
    run(async |mut js| {
        let (_, address) = js.listen(ServerConfig::default());
        let mut peer = Peer::connect(address).await;
        let id = open(&mut js, &mut peer).await;
        let body = vec![b'x'; 4 << 20];
        js.respond(id, &body);
        let given = js.environment.give_up(id).expect("given up");
        let mut theirs = stream(given.descriptor);
        peer.expect(&format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
            body.len(),
            String::from_utf8_lossy(&body)
        ))
        .await;
        assert_eq!(js.expect(CLOSED).await.id, id);
        theirs.write_all(b"theirs").expect("write");
        peer.expect("theirs").await;
    });
}

#[test]
fn a_listening_socket_can_be_passed_on() {
    run(async |mut js| {
        let (server, address) = js.listen(ServerConfig::default());
        let beside = js
            .environment
            .listening_descriptor(server, false)
            .expect("a descriptor");
        drop(beside);
        let mut peer = Peer::connect(address).await;
        let id = open(&mut js, &mut peer).await;
        js.respond(id, b"ok");
        peer.send(GET).await;
        assert_eq!(js.expect(HEAD).await.id, id);
        assert!(
            js.environment
                .listening_descriptor(server + 1, false)
                .is_err()
        );
    });
}
