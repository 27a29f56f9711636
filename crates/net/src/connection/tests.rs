//! The output, without a connection, and functions for the tests of connections.

use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};

use super::Connection;
use super::output::{Flush, Output};
use crate::handoff::HeldBytes;
use crate::socket::stream::Stream;

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
