//! A peer that writes and reads bytes, for messages that no proper client sends.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::JoinHandle;

use socket2::{Domain, Socket, Type};

use super::PATIENCE;

/// `len` bytes in which no two parts are equal, so that a part at a wrong place is noticed.
pub fn content(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let next = |state: &mut u32| {
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        *state as u8
    };
    (0..len).map(|_| next(&mut state)).collect()
}

/// Both ends of a connection, as records report them.
pub fn ends(local: SocketAddr, remote: SocketAddr) -> String {
    let text = |end: SocketAddr| format!("{}\n{}", end.ip(), end.port());
    format!("{}\n{}", text(local), text(remote))
}

/// A client that sends any bytes.
pub struct Peer(pub TcpStream);

impl Peer {
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("connect"))
    }

    /// A peer with a small receive buffer: the writer stops soon when the peer does not read. By default the kernel may accept tens of
    /// megabytes.
    pub fn connect_narrow(address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("socket");
        socket.set_recv_buffer_size(64 * 1024).expect("SO_RCVBUF");
        socket.connect(&address.into()).expect("connect");
        Self::over(socket.into())
    }

    pub fn over(stream: TcpStream) -> Self {
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("read timeout");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("write timeout");
        Self(stream)
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("the peer's write");
    }

    /// Sends while the test reads.
    pub fn send_beside(&self, bytes: Vec<u8>) -> JoinHandle<()> {
        let mut sender = Self(self.0.try_clone().expect("a second handle"));
        std::thread::spawn(move || sender.send(bytes))
    }

    /// FIN.
    pub fn finish(&self) {
        self.0.shutdown(Shutdown::Write).expect("shutdown");
    }

    /// RST instead of FIN.
    pub fn reset(self) {
        let socket = Socket::from(self.0);
        socket
            .set_linger(Some(std::time::Duration::ZERO))
            .expect("SO_LINGER");
    }

    /// Reads the next bytes, which must be these.
    pub fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let mut got = vec![0; bytes.len()];
        let mut have = 0;
        while have < got.len() {
            match self.0.read(&mut got[have..]) {
                Ok(0) => break,
                Ok(count) => have += count,
                Err(error) => panic!("{error} after {:?}", got[..have].escape_ascii().to_string()),
            }
        }
        assert!(
            got == bytes,
            "got {} instead of {}",
            excerpt(&got[..have]),
            excerpt(bytes)
        );
    }

    /// Everything up to the end of the stream.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.0
            .read_to_end(&mut bytes)
            .expect("the rest of the stream");
        bytes
    }

    /// The connection ends by FIN without a further byte.
    pub fn expect_end(&mut self) {
        let rest = self.rest();
        assert!(rest.is_empty(), "unexpected {}", excerpt(&rest));
    }

    /// The connection ends without a further byte.
    pub fn expect_nothing(&mut self) {
        let mut byte = [0];
        match self.0.read(&mut byte) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("an end expected, not {other:?}"),
        }
    }

    /// The connection ends by RST without a further byte.
    pub fn expect_reset(&mut self) {
        let mut byte = [0];
        match self.0.read(&mut byte) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("a reset expected, not {other:?}"),
        }
    }
}

fn excerpt(bytes: &[u8]) -> String {
    format!(
        "{} bytes \"{}\"",
        bytes.len(),
        bytes[..bytes.len().min(300)].escape_ascii()
    )
}
