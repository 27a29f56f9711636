//! What fuzz targets need: sessions whose bytes they may change and split.

use std::sync::OnceLock;

use super::{
    Asks, Identity, Purpose, Session, TlsAnswer, TlsClient, TlsClientOptions, TlsConnect,
    TlsServer, TlsServerOptions, TlsTrust,
};

const VERSIONS: (u16, u16) = (0x0303, 0x0304);
const CIPHERS: &str = "HIGH";

fn server(asks: Asks) -> Session {
    static SERVER: OnceLock<TlsServer> = OnceLock::new();
    static ASKING: OnceLock<TlsServer> = OnceLock::new();
    let make = || {
        TlsServer::new(TlsServerOptions {
            identities: vec![Identity {
                chain: vec![include_bytes!("testdata/direct.der").to_vec()],
                key: include_bytes!("testdata/leaf-key.der").to_vec(),
            }],
            contexts: Vec::new(),
            versions: VERSIONS,
            ciphers: (CIPHERS.into(), true),
            curves: "P-256".into(),
            alpn: vec![b"http/1.1".to_vec()],
            honor_cipher_order: true,
            clients: None,
            tickets: None,
            asks,
            base: None,
            logs_keys: false,
        })
    };
    let made = if asks == Asks::default() {
        &SERVER
    } else {
        &ASKING
    };
    let server = made.get_or_init(|| make().expect("options"));
    server.accept().expect("a session")
}

fn client() -> Session {
    static CLIENT: OnceLock<TlsClient> = OnceLock::new();
    let make = || {
        TlsClient::new(TlsClientOptions {
            trust: TlsTrust::new(Purpose::Servers, [], []),
            identities: Vec::new(),
            versions: VERSIONS,
            ciphers: (CIPHERS.into(), true),
            curves: "P-256".into(),
            alpn: vec![b"http/1.1".to_vec()],
            logs_keys: false,
        })
    };
    let client = CLIENT.get_or_init(|| make().expect("options")).clone();
    let connect = TlsConnect::new(client, Some("localhost".into()), None).expect("a name");
    connect.begin().expect("a session").0
}

fn sent(session: &mut Session) -> Vec<u8> {
    let mut bytes = Vec::new();
    session
        .send(|slices| {
            slices
                .iter()
                .for_each(|slice| bytes.extend_from_slice(slice));
            Ok(slices.iter().map(|slice| slice.len()).sum())
        })
        .expect("room");
    bytes
}

/// The receiving end of a connection.
pub struct TlsReceiver {
    session: Session,
    /// Everything that was decrypted.
    pub plaintext: Vec<u8>,
}

impl TlsReceiver {
    /// A server that has received nothing.
    #[must_use]
    pub fn server() -> Self {
        Self::of(server(Asks::default()))
    }

    /// A server whose program is asked about each hello, and accepts.
    #[must_use]
    pub fn asking() -> Self {
        Self::of(server(Asks {
            names: true,
            protocols: true,
        }))
    }

    /// A client that has sent its hello and received nothing.
    #[must_use]
    pub fn client() -> Self {
        Self::of(client())
    }

    const fn of(session: Session) -> Self {
        Self {
            session,
            plaintext: Vec::new(),
        }
    }

    /// Receives bytes. Returns the failure, which stays.
    pub fn receive(&mut self, bytes: &[u8]) -> Option<u16> {
        let received = self.session.receive(bytes, &mut self.plaintext);
        if self.session.take_question().is_some() {
            self.session.answer(TlsAnswer::default());
            self.session.proceed();
        }
        let failure = received.err().or(self.session.failure());
        failure.map(|failure| failure.0)
    }

    /// Whether the handshake is not complete.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    /// What has to be sent.
    pub fn sent(&mut self) -> Vec<u8> {
        sent(&mut self.session)
    }
}

/// A client that is connected with a server.
pub struct TlsSender(Session);

impl TlsSender {
    /// The first bytes of a client.
    #[must_use]
    pub fn hello() -> Vec<u8> {
        sent(&mut client())
    }

    /// Both ends after their handshake.
    #[must_use]
    pub fn connected() -> (Self, TlsReceiver) {
        let (mut client, mut server) = (client(), TlsReceiver::server());
        let mut ignored = Vec::new();
        while client.is_handshaking() || server.is_handshaking() {
            assert_eq!(server.receive(&sent(&mut client)), None);
            let answered = client.receive(&server.sent(), &mut ignored);
            assert!(answered.is_ok());
        }
        (Self(client), server)
    }

    /// The records of `plaintext`.
    pub fn encrypt(&mut self, plaintext: &[u8]) -> Vec<u8> {
        self.0.write(plaintext);
        sent(&mut self.0)
    }
}
