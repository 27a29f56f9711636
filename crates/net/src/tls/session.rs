//! The TLS of one connection: decrypts received bytes and encrypts bytes to send, without a socket or a clock.
//!
//! Between two calls a session holds at most one incomplete record, the messages of a handshake, the ciphertext that its caller has not
//! been able to send, and the plaintext that its caller has asked it to keep, whose size the caller limits.

use std::io::{self, BufRead, IoSlice, Write};
use std::sync::Arc;

use rustls::ProtocolVersion::TLSv1_3;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, Connection, Error, HandshakeKind,
    ServerConfig, ServerConnection,
};

use super::ciphers::openssl_name;
use super::failure::is_for_openssl;
use super::framing::{Framing, HEADER};
use super::hello::{Decided, Hello, Question, Refusal, TlsAnswer, Unserved};
use super::key_log::KeyLines;
use super::{Failure, TlsServer};
use crate::crossing::limit;

/// Bytes of the buffer that rustls keeps between records.
const KEPT_BUFFER: usize = 4096;

/// See the module.
pub(crate) struct Session {
    progress: Progress,
    /// Everything that a client has sent to this server, until the server has something to send. See `Progress::Unserved`.
    hello: Option<Vec<u8>>,
    /// The peer's first bytes, kept until there are enough to recognise TLS.
    first: Vec<u8>,
    is_tls: bool,
    framing: Framing,
    closed_by_peer: bool,
    failed: Option<Failure>,
    /// Plaintext that was received before anything may read it.
    kept: Vec<u8>,
    /// If the program listens for them.
    key_lines: Option<Arc<KeyLines>>,
    /// Largest plaintext of a record to send.
    fragment: usize,
}

#[allow(
    clippy::large_enum_variant,
    reason = "nearly all sessions are in the large one"
)]
enum Progress {
    /// A server's program decides by the client's hello.
    Hello(Box<Hello>),
    Running(Connection),
    /// rustls does not support what the client's hello asks for.
    Unserved(Unserved),
    /// The handshake has failed in its hello. The bytes are the alert for the client.
    Failed(Vec<u8>),
}

/// The result of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandshakeResult {
    /// As `getProtocol()` has it.
    pub(crate) protocol: &'static str,
    /// As `getCipher()` has it.
    pub(crate) cipher: &'static str,
    /// The name of the group that the keys were exchanged in, as OpenSSL has it; empty if none was, which is in a resumed session
    /// of TLS 1.2.
    pub(crate) group: &'static str,
    /// By ALPN.
    pub(crate) alpn: Option<Vec<u8>>,
    /// The name that a client has sent to this server by SNI.
    pub(crate) server_name: Option<String>,
    /// Whether an earlier session was resumed.
    pub(crate) is_resumed: bool,
}

impl Session {
    pub(super) fn server(
        config: Arc<ServerConfig>,
        key_lines: Option<Arc<KeyLines>>,
    ) -> Result<Self, Failure> {
        let connection = ServerConnection::new(config).map_err(|error| Failure::from(&error))?;
        Ok(Self {
            hello: Some(Vec::new()),
            ..Self::new(connection.into(), key_lines)
        })
    }

    /// The session of a server whose program is asked about the client's hello.
    pub(super) fn asking(server: TlsServer) -> Self {
        Self::with(Progress::Hello(Box::new(Hello::new(server))), None)
    }

    /// Has a ClientHello for `send`.
    pub(super) fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        key_lines: Option<Arc<KeyLines>>,
    ) -> Result<Self, Failure> {
        let connection =
            ClientConnection::new(config, name).map_err(|error| Failure::from(&error))?;
        Ok(Self::new(connection.into(), key_lines))
    }

    fn new(connection: Connection, key_lines: Option<Arc<KeyLines>>) -> Self {
        Self::with(Progress::running(connection), key_lines)
    }

    fn with(progress: Progress, key_lines: Option<Arc<KeyLines>>) -> Self {
        Self {
            progress,
            hello: None,
            first: Vec::new(),
            is_tls: false,
            framing: Framing::default(),
            closed_by_peer: false,
            failed: None,
            kept: Vec::new(),
            key_lines,
            fragment: limit::LARGEST_FRAGMENT as usize,
        }
    }

    /// What the server's program has to decide, once when the client's hello is complete.
    pub(crate) fn take_question(&mut self) -> Option<Question> {
        match &mut self.progress {
            Progress::Hello(hello) => hello.take_question(),
            Progress::Unserved(unserved) => unserved.take_question(),
            _ => None,
        }
    }

    /// The program has decided. The next `proceed` continues the handshake.
    pub(crate) fn answer(&mut self, answer: TlsAnswer) {
        if let Progress::Hello(hello) = &mut self.progress {
            hello.answer(answer);
        }
    }

    pub(crate) const fn is_answered(&self) -> bool {
        matches!(&self.progress, Progress::Hello(hello) if hello.is_answered())
    }

    pub(crate) const fn awaits_answer(&self) -> bool {
        match &self.progress {
            Progress::Hello(hello) => hello.awaits_answer(),
            Progress::Unserved(_) => true,
            Progress::Running(_) | Progress::Failed(_) => false,
        }
    }

    /// Everything that the client has sent, while the program decides. The session is of no use after that.
    pub(crate) fn give_up(&mut self) -> Option<Vec<u8>> {
        match &mut self.progress {
            Progress::Hello(hello) => hello.give_up(),
            Progress::Unserved(unserved) => Some(unserved.give_up()),
            _ => None,
        }
    }

    /// Continues the handshake as the program has decided. Returns the configuration, None if there is no decision or the handshake has
    /// failed.
    pub(crate) fn proceed(&mut self) -> Option<TlsServer> {
        if !self.is_answered() || self.failed.is_some() {
            return None;
        }
        let begun = std::mem::replace(&mut self.progress, Progress::Failed(Vec::new()));
        let Progress::Hello(hello) = begun else {
            return None;
        };
        match hello.proceed() {
            Ok(Decided {
                connection,
                server,
                key_lines,
                received,
            }) => {
                self.progress = Progress::running(connection.into());
                self.key_lines = key_lines;
                let mut kept = std::mem::take(&mut self.kept);
                let continued = self
                    .process(&mut kept)
                    .and_then(|()| self.decrypt(&received, &mut kept));
                self.kept = kept;
                self.failed = continued.err();
                Some(server)
            }
            Err(refusal) => {
                self.failed = self.refuse(refusal).err();
                None
            }
        }
    }

    /// The lines of the secrets since the last call. Empty if the program does not listen for them.
    pub(crate) fn take_key_lines(&self) -> Vec<u8> {
        self.key_lines
            .as_ref()
            .map(|lines| lines.take())
            .unwrap_or_default()
    }

    fn refuse(&mut self, refusal: Refusal) -> Result<(), Failure> {
        match refusal {
            Refusal::Failed(failure, alert) => {
                self.progress = Progress::Failed(alert);
                Err(failure)
            }
            Refusal::Unserved(unserved) => {
                self.progress = Progress::Unserved(unserved);
                Ok(())
            }
        }
    }

    /// Decrypts bytes of the peer and appends the plaintext to `plaintext`.
    ///
    /// # Errors
    /// TLS has failed. An alert may have to be sent. Plaintext that was appended before the failure is valid.
    pub(crate) fn receive(
        &mut self,
        ciphertext: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        if let Some(failure) = self.failed {
            return Err(failure);
        }
        let pending = self.framing.received() + ciphertext.len();
        self.framing.advance(ciphertext);
        if let Some(hello) = &mut self.hello {
            hello.extend_from_slice(ciphertext);
        }
        let received = self.check_first(ciphertext).and_then(|()| {
            let first = std::mem::take(&mut self.first);
            if self.is_tls {
                self.decrypt(&first, plaintext)?;
                self.decrypt(ciphertext, plaintext)
            } else {
                self.first = [&first, ciphertext].concat();
                Ok(())
            }
        });
        self.failed = received.err();
        if pending > KEPT_BUFFER && self.framing.received() == 0 {
            self.shrink();
        }
        received
    }

    /// Has rustls free the memory that it has needed for large records, because the connection may be idle now. The next read would do
    /// so in any case.
    fn shrink(&mut self) {
        if let Progress::Running(connection) = &mut self.progress {
            let _ = connection.read_tls(&mut Nothing);
        }
    }

    /// Largest number of bytes for `receive` that appends at most `room` bytes, as long as the peer uses TLS 1.3. With TLS 1.2 it
    /// may be a few bytes more.
    pub(crate) const fn ciphertext_for(&self, room: usize) -> usize {
        self.framing.ciphertext_for(room)
    }

    /// As `receive`, and keeps the plaintext for `take_kept`.
    pub(crate) fn receive_and_keep(&mut self, ciphertext: &[u8]) -> Result<(), Failure> {
        let mut kept = std::mem::take(&mut self.kept);
        let received = self.receive(ciphertext, &mut kept);
        self.kept = kept;
        received
    }

    /// The plaintext that was kept.
    pub(crate) fn take_kept(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }

    pub(crate) const fn kept_bytes(&self) -> usize {
        self.kept.len()
    }

    /// Recognises peers that do not speak TLS, for which rustls has one error only.
    fn check_first(&mut self, ciphertext: &[u8]) -> Result<(), Failure> {
        if self.is_tls {
            return Ok(());
        }
        let mut start = self.first.clone();
        start.extend_from_slice(&ciphertext[..ciphertext.len().min(HEADER)]);
        match Failure::of_first_bytes(&start) {
            Some(failure) => Err(failure),
            None => {
                self.is_tls = start.len() >= HEADER;
                Ok(())
            }
        }
    }

    fn decrypt(&mut self, mut ciphertext: &[u8], plaintext: &mut Vec<u8>) -> Result<(), Failure> {
        match &mut self.progress {
            Progress::Hello(hello) => {
                if let Err(refusal) = hello.receive(ciphertext) {
                    return self.refuse(refusal);
                }
                // The program is not asked about this client.
                self.proceed();
                return self.failed.map_or(Ok(()), Err);
            }
            Progress::Unserved(unserved) => return unserved.receive(ciphertext),
            Progress::Running(_) | Progress::Failed(_) => {}
        }
        while !ciphertext.is_empty() {
            let Progress::Running(connection) = &mut self.progress else {
                return Ok(());
            };
            match connection.read_tls(&mut ciphertext) {
                Ok(1..) => {}
                // Nothing is read after close_notify.
                Ok(0) => return Ok(()),
                // rustls keeps at most 64 KiB of handshake messages, and all that follow an incomplete one. A peer may have sent
                // thousands of tickets that way.
                Err(_) => return Err(Failure::EXCESSIVE_MESSAGE_SIZE),
            }
            self.process(plaintext)?;
        }
        Ok(())
    }

    /// Processes what rustls has received.
    fn process(&mut self, plaintext: &mut Vec<u8>) -> Result<(), Failure> {
        let Progress::Running(connection) = &mut self.progress else {
            return Ok(());
        };
        let processed = connection.process_new_packets();
        take_plaintext(connection, plaintext);
        let state = match processed {
            Ok(state) => state,
            Err(error) => {
                let failure = match error {
                    // As OpenSSL has it: instead of a hello.
                    Error::AlertReceived(_) if self.hello.is_some() => Failure::UNEXPECTED_MESSAGE,
                    _ => failure_of(connection, &error),
                };
                let hello = self.hello.take().filter(|_| is_for_openssl(&error));
                return hello.map_or(Err(failure), |hello| {
                    self.progress = Progress::Unserved(Unserved::new(hello));
                    Ok(())
                });
            }
        };
        if connection.wants_write() {
            self.hello = None;
        }
        self.closed_by_peer = state.peer_has_closed();
        Ok(())
    }

    /// Encrypts bytes for `send`. Must not be called before the handshake is complete.
    pub(crate) fn write(&mut self, plaintext: &[u8]) {
        debug_assert!(!self.is_handshaking());
        if let Progress::Running(connection) = &mut self.progress {
            // Without a buffer limit all bytes are accepted.
            if self.fragment == limit::LARGEST_FRAGMENT as usize {
                drop(connection.writer().write_all(plaintext));
                return;
            }
            for fragment in plaintext.chunks(self.fragment) {
                drop(connection.writer().write_all(fragment));
            }
        }
    }

    /// Limits the plaintext of further records. Returns whether TLS allows the size.
    pub(crate) fn set_fragment(&mut self, size: usize) -> bool {
        let sizes = limit::SMALLEST_FRAGMENT as usize..=limit::LARGEST_FRAGMENT as usize;
        let is_allowed = sizes.contains(&size);
        if is_allowed {
            self.fragment = size;
        }
        is_allowed
    }

    /// Queues close_notify, once.
    pub(crate) fn close(&mut self) {
        if !self.is_handshaking()
            && self.failed.is_none()
            && let Progress::Running(connection) = &mut self.progress
        {
            connection.send_close_notify();
        }
    }

    /// Whether there are bytes for `send`.
    pub(crate) fn has_output(&self) -> bool {
        match &self.progress {
            Progress::Running(running) => running.wants_write(),
            Progress::Failed(alert) => !alert.is_empty(),
            Progress::Hello(_) | Progress::Unserved(_) => false,
        }
    }

    /// Passes ciphertext to `write` until none is left, or `write` fails.
    pub(crate) fn send(
        &mut self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<()> {
        match &mut self.progress {
            Progress::Running(connection) => {
                let mut writer = Writer(write);
                while connection.wants_write() {
                    connection.write_tls(&mut writer)?;
                }
            }
            Progress::Failed(alert) => {
                while !alert.is_empty() {
                    let count = write(&[IoSlice::new(alert)])?;
                    alert.drain(..count);
                }
            }
            Progress::Hello(_) | Progress::Unserved(_) => {}
        }
        Ok(())
    }

    /// Queues a KeyUpdate.
    #[cfg(test)]
    pub(crate) fn refresh_keys(&mut self) {
        if let Progress::Running(connection) = &mut self.progress {
            connection
                .refresh_traffic_keys()
                .expect("after the handshake");
        }
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.running()
            .is_none_or(|running| running.is_handshaking())
    }

    fn running(&self) -> Option<&Connection> {
        match &self.progress {
            Progress::Running(connection) => Some(connection),
            Progress::Hello(_) | Progress::Unserved(_) | Progress::Failed(_) => None,
        }
    }

    /// Whether the peer has sent close_notify. Without it the end of the stream may be an attacker's.
    pub(crate) const fn is_closed_by_peer(&self) -> bool {
        self.closed_by_peer
    }

    pub(crate) const fn failure(&self) -> Option<Failure> {
        self.failed
    }

    /// Key material of RFC 5705. None before the handshake is complete, and when `length` is too large.
    pub(crate) fn export(
        &self,
        length: usize,
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Option<Vec<u8>> {
        self.running()?
            .export_keying_material(vec![0; length], label, context)
            .ok()
    }

    /// Whether an earlier session was resumed.
    pub(crate) fn is_resumed(&self) -> bool {
        self.running().and_then(|running| running.handshake_kind()) == Some(HandshakeKind::Resumed)
    }

    /// The peer's certificates, its own first. Empty before the handshake is complete.
    pub(crate) fn peer_chain(&self) -> &[CertificateDer<'static>] {
        self.running()
            .and_then(|running| running.peer_certificates())
            .unwrap_or_default()
    }

    /// None before the handshake is complete.
    pub(crate) fn handshake_result(&self) -> Option<HandshakeResult> {
        let connection = self.running()?;
        if connection.is_handshaking() {
            return None;
        }
        let suite = connection.negotiated_cipher_suite()?.suite();
        let protocol = match connection.protocol_version()? {
            TLSv1_3 => "TLSv1.3",
            _ => "TLSv1.2",
        };
        Some(HandshakeResult {
            protocol,
            cipher: openssl_name(u16::from(suite))?,
            group: connection
                .negotiated_key_exchange_group()
                .map_or("", |group| match group.name() {
                    rustls::NamedGroup::secp256r1 => "prime256v1",
                    rustls::NamedGroup::secp384r1 => "secp384r1",
                    rustls::NamedGroup::X25519 => "X25519",
                    _ => "X25519MLKEM768",
                }),
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
            server_name: match connection {
                Connection::Server(server) => server.server_name().map(str::to_owned),
                Connection::Client(_) => None,
            },
            is_resumed: self.is_resumed(),
        })
    }
}

impl Progress {
    fn running(mut connection: Connection) -> Self {
        // The caller limits how much it writes.
        connection.set_buffer_limit(None);
        Self::Running(connection)
    }
}

fn failure_of(connection: &Connection, error: &Error) -> Failure {
    match error {
        Error::InvalidCertificate(CertificateError::BadSignature) => Failure::BAD_SIGNATURE,
        Error::General(_) => {
            Failure::without_certificate(connection.protocol_version() == Some(TLSv1_3))
        }
        _ => Failure::from(error),
    }
}

fn take_plaintext(connection: &mut Connection, plaintext: &mut Vec<u8>) {
    let mut reader = connection.reader();
    while let Ok(chunk @ [_, ..]) = reader.fill_buf() {
        let count = chunk.len();
        plaintext.extend_from_slice(chunk);
        reader.consume(count);
    }
}

/// A reader without bytes, whose end has not come.
struct Nothing;

impl io::Read for Nothing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// A function that writes, as a writer.
struct Writer<F>(F);

impl<F: FnMut(&[IoSlice<'_>]) -> io::Result<usize>> Write for Writer<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.0)(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (self.0)(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
