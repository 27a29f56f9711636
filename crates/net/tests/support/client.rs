//! An environment as a client, and a peer that listens.

use std::net::{SocketAddr, TcpListener};

use ferrohttp_net::{ClientConfig, ConnectOptions, ConnectTarget, ConnectionId};
use socket2::{Domain, Socket, Type};

use super::records::{Event, Response};
use super::{Js, Peer};

/// The default configuration.
pub fn client_config() -> ClientConfig {
    ClientConfig::default()
}

/// Connects to one address after the other, with the usual options.
pub fn to(addresses: &[SocketAddr]) -> ConnectOptions {
    ConnectOptions {
        target: ConnectTarget::Addresses(addresses.to_vec()),
        local_address: None,
        local_port: None,
        attempt_timeout: None,
        no_delay: true,
        tcp_keep_alive: None,
    }
}

/// A listening socket whose connections the test reads and writes byte by byte.
pub struct Accepting {
    listener: TcpListener,
    pub address: SocketAddr,
}

impl Accepting {
    pub fn new() -> Self {
        Self::over(TcpListener::bind(("127.0.0.1", 0)).expect("bind"))
    }

    /// As `new`, with small receive buffers: the writer stops soon when the peer does not read.
    pub fn narrow() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
        socket.set_recv_buffer_size(64 * 1024).expect("SO_RCVBUF");
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        socket.bind(&any.into()).expect("bind");
        socket.listen(16).expect("listen");
        Self::over(socket.into())
    }

    fn over(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("address");
        Self { listener, address }
    }

    pub fn accept(&self) -> Peer {
        Peer::over(self.listener.accept().expect("accept").0)
    }
}

impl Js {
    /// Begins to connect with the default configuration.
    pub fn connect(&self, address: SocketAddr) -> ConnectionId {
        self.environment
            .connect(to(&[address]), client_config(), None)
            .expect("connect")
    }

    /// A connection with its peer.
    pub fn connection(&mut self, listener: &Accepting) -> (Peer, ConnectionId) {
        let id = self.connect(listener.address);
        self.connected(id);
        (listener.accept(), id)
    }

    pub fn response(&mut self, id: ConnectionId) -> Response {
        match self.next() {
            Event::Response { id: whose, head } if whose == id => head,
            other => panic!("RESPONSE expected, not {other:?}"),
        }
    }

    /// RESPONSE of `id`, and the complete `body`.
    pub fn answered(&mut self, id: ConnectionId, body: impl AsRef<[u8]>) -> Response {
        let head = self.response(id);
        assert_eq!(self.rest_of_body(id).0, body.as_ref());
        head
    }

    /// ERROR of `id`, which must be the next record. Returns its code and its packet.
    pub fn error(&mut self, id: ConnectionId) -> (&'static str, &'static str, Vec<u8>) {
        match self.next() {
            Event::Error {
                id: whose,
                kind,
                packet,
                ..
            } if whose == id => {
                let kind = ferrohttp_proto::ErrorKind::ALL[kind as usize];
                (kind.code(), kind.reason(), packet)
            }
            other => panic!("ERROR expected, not {other:?}"),
        }
    }
}
