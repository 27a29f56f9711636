//! The output and reads of TLS, without a connection, and functions for the tests of connections.

use std::io::{ErrorKind, Write as _};
use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};

use super::Connection;
use super::output::{Flush, Output};
use super::secure::Secure;
use crate::handoff::{CHUNK, HeldBytes};
use crate::socket::stream::Stream;
use crate::tls::testing;

/// ECONNRESET.
const RESET: i32 = 104;

impl Connection {
    /// The next write fails, as after the peer's reset.
    pub(crate) fn fail_next_write(&self) {
        let mut state = self.lock();
        state.write_failed = Some(RESET);
        state.wake();
    }
}

struct Large(Vec<u8>);

impl HeldBytes for Large {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[tokio::test]
async fn one_flush_writes_a_limited_number_of_bytes() {
    const BOUND: u64 = 1024 * 1024;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("bind");
    let peer =
        std::net::TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    let (socket, _) = listener.accept().await.expect("accept");
    let stream: TcpStream = socket;
    stream.writable().await.expect("writable");
    let stream = Stream::Tcp(stream);
    // A reader that is never slower than the writer.
    let reading = std::thread::spawn(move || std::io::copy(&mut &peer, &mut std::io::sink()));
    const PARTS: usize = 8;
    const PART: usize = 4 << 20;
    let mut output = Output::default();
    for part in 0..PARTS {
        output.hold(Box::new(Large(vec![b'x'; PART])));
        output.buffer().extend_from_slice(&vec![b'y'; part * 1000]);
    }
    // An empty output is no error.
    output.hold(Box::new(Large(Vec::new())));
    let total = PARTS * PART + (0..PARTS).sum::<usize>() * 1000;
    loop {
        let before = output.bytes_written();
        let flush = output.flush(&stream, false).expect("write");
        assert!(output.bytes_written() - before <= BOUND);
        match flush {
            Flush::Done => break,
            Flush::Paused => {}
            Flush::Blocked => match &stream {
                Stream::Tcp(stream) => stream.writable().await.expect("writable"),
                Stream::Unix(_) => unreachable!("it is TCP"),
                Stream::Detached(_) => unreachable!("it has a runtime"),
            },
        }
    }
    assert_eq!(output.bytes_written(), total as u64);
    drop(stream);
    assert_eq!(reading.join().expect("reader").expect("read"), total as u64);
}

/// Bytes of the largest record.
const RECORD: usize = 16 * 1024;

/// A client on a thread of its own that sends `body` in records with the plaintext of `sizes` in turn, updates its keys in between,
/// and closes. Every write has many records.
fn send(
    address: std::net::SocketAddr,
    body: Vec<u8>,
    sizes: &'static [usize],
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut socket = std::net::TcpStream::connect(address).expect("connect");
        let mut tls = testing::client();
        tls.set_buffer_limit(None);
        tls.complete_io(&mut socket).expect("a handshake");
        let (mut rest, mut sizes) = (&body[..], sizes.iter().cycle());
        let mut ciphertext = Vec::new();
        while let [_, ..] = rest {
            let size = sizes.next().expect("endless");
            let (part, others) = rest.split_at(rest.len().min(*size));
            tls.writer().write_all(part).expect("room");
            if rest.len() % 8 == 0 {
                tls.refresh_traffic_keys().expect("TLS 1.3");
            }
            rest = others;
        }
        tls.send_close_notify();
        while tls.wants_write() {
            tls.write_tls(&mut ciphertext).expect("room");
        }
        socket.write_all(&ciphertext).expect("write");
        // The server's tickets are unread: a close would reset the connection.
        drop(socket.shutdown(std::net::Shutdown::Write));
        drop(std::io::copy(&mut socket, &mut std::io::sink()));
    })
}

#[tokio::test]
async fn a_read_of_tls_leaves_bytes_without_room_in_the_buffer() {
    let body: Vec<u8> = (0..1_000_000u32).map(|i| (i % 251) as u8).collect();
    for sizes in [
        &[RECORD][..],
        &[1400],
        &[RECORD, 1, 700, 9000],
        &[90, RECORD, 15_000],
    ] {
        for capacity in [RECORD, RECORD + 1, 40_000, CHUNK] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .await
                .expect("bind");
            let address = listener.local_addr().expect("address");
            let peer = send(address, body.clone(), sizes);
            let (socket, _) = listener.accept().await.expect("accept");
            let stream = Stream::Tcp(socket);
            let session = testing::server().accept().expect("a session");
            let mut secure = Secure::new((session, None), None);
            let mut received = Vec::new();
            loop {
                let mut plaintext = Vec::with_capacity(capacity);
                match secure.read(&stream, &mut plaintext) {
                    Ok(0) => break,
                    Ok(count) => {
                        assert_eq!(count, plaintext.len());
                        assert_eq!(plaintext.capacity(), capacity, "{sizes:?}");
                        received.append(&mut plaintext);
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                        let Stream::Tcp(socket) = &stream else {
                            unreachable!("it is TCP");
                        };
                        if !secure.has_more() {
                            socket.readable().await.expect("a poller");
                        }
                    }
                }
            }
            assert!(received == body, "{sizes:?}, {capacity}");
            assert!(secure.is_closed_by_peer());
            drop(stream);
            peer.join().expect("the peer");
        }
    }
}
