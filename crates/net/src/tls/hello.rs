//! The handshake of a server that decides by the client's hello (`SNICallback`, `ALPNCallback`), up to the program's decision; and
//! hellos that rustls refuses and OpenSSL may not.

use std::sync::Arc;

use rustls::Error;
use rustls::server::{Accepted, Acceptor, ServerConnection};

use super::failure::is_for_openssl;
use super::key_log::KeyLines;
use super::{Failure, TlsServer};

/// Largest number of bytes that a client may send after its hello before the program has decided. Clients send nothing then.
const EARLY: usize = 16 * 1024;

/// Largest number of bytes up to the end of the hello, a little less than with OpenSSL.
const LARGEST: usize = 128 * 1024;

/// The record of a fatal alert.
const HANDSHAKE_FAILURE: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];

/// What the program decides about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// The name that the client has asked for by SNI.
    pub(crate) server_name: Option<String>,
    /// The protocols that the client offers by ALPN.
    pub(crate) protocols: Vec<Vec<u8>>,
    /// Whether the handshake is one of TLS 1.3.
    pub(crate) is_tls13: bool,
    /// Whether rustls refuses the hello: there is nothing to decide, and node:tls takes the client.
    pub(crate) is_refused: bool,
}

impl Question {
    fn about(accepted: &Accepted, server: &TlsServer) -> Self {
        let hello = accepted.client_hello();
        let mut suites = hello.cipher_suites().iter();
        Self {
            // Such clients name a suite that only TLS 1.3 has.
            is_tls13: server.has_tls13() && suites.any(|suite| u16::from(*suite) >> 8 == 0x13),
            server_name: hello.server_name().map(str::to_owned),
            protocols: hello
                .alpn()
                .map(|names| names.map(<[u8]>::to_vec).collect())
                .unwrap_or_default(),
            is_refused: false,
        }
    }

    const fn about_refused() -> Self {
        Self {
            server_name: None,
            protocols: Vec::new(),
            is_tls13: false,
            is_refused: true,
        }
    }
}

/// The program's decision.
#[derive(Clone, Debug, Default)]
pub struct TlsAnswer {
    /// The configuration for this client. None for that of the server when the connection was accepted.
    pub server: Option<TlsServer>,
    /// The protocols that replace those of the configuration. An empty name, which no client offers, refuses the client.
    pub protocols: Option<Vec<Vec<u8>>>,
}

/// See the module.
pub(super) struct Hello {
    /// Of the time when the connection was accepted.
    server: TlsServer,
    /// Everything that was received, because node:tls may have to begin again with it.
    received: Vec<u8>,
    /// How many of the bytes rustls has.
    passed: usize,
    stage: Stage,
}

enum Stage {
    Reading(Box<Acceptor>),
    /// The hello is complete, and the program has not been asked.
    Complete(Box<Accepted>, Question),
    Asked(Box<Accepted>),
    Answered(Box<Accepted>, TlsAnswer),
    Failed,
}

/// Why rustls does not continue a handshake.
pub(super) enum Refusal {
    /// The bytes are the alert that has to be sent.
    Failed(Failure, Vec<u8>),
    Unserved(Unserved),
}

/// A client whose hello rustls refuses, and to which nothing has been sent: OpenSSL may serve it.
pub(super) struct Unserved {
    received: Vec<u8>,
    /// Bytes up to the end of the hello.
    hello: usize,
    is_reported: bool,
}

impl Unserved {
    /// `received`: everything that the client has sent.
    pub(super) const fn new(received: Vec<u8>) -> Self {
        Self {
            hello: received.len(),
            received,
            is_reported: false,
        }
    }

    /// Further bytes of the client, which waits for JavaScript.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.received.extend_from_slice(bytes);
        match self.received.len() - self.hello {
            ..=EARLY => Ok(()),
            _ => Err(Failure::UNEXPECTED_MESSAGE),
        }
    }

    /// The report for JavaScript, once.
    pub(super) fn take_question(&mut self) -> Option<Question> {
        let was_reported = std::mem::replace(&mut self.is_reported, true);
        (!was_reported).then(Question::about_refused)
    }

    /// All bytes that were received.
    pub(super) fn give_up(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.received)
    }
}

/// A handshake that continues.
pub(super) struct Decided {
    pub(super) connection: ServerConnection,
    pub(super) server: TlsServer,
    pub(super) key_lines: Option<Arc<KeyLines>>,
    /// Bytes that the connection has not received.
    pub(super) received: Vec<u8>,
}

impl Hello {
    pub(super) fn new(server: TlsServer) -> Self {
        Self {
            server,
            received: Vec::new(),
            passed: 0,
            stage: Stage::Reading(Box::default()),
        }
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.received.extend_from_slice(bytes);
        let Stage::Reading(acceptor) = &mut self.stage else {
            return match self.received.len() - self.passed {
                ..=EARLY => Ok(()),
                _ => Err(Refusal::Failed(Failure::UNEXPECTED_MESSAGE, Vec::new())),
            };
        };
        if self.received.len() > LARGEST {
            return Err(Refusal::Failed(Failure::EXCESSIVE_MESSAGE_SIZE, Vec::new()));
        }
        while self.passed < self.received.len() {
            let mut rest = &self.received[self.passed..];
            match acceptor.read_tls(&mut rest) {
                Ok(1..) => self.passed = self.received.len() - rest.len(),
                _ => return Err(Refusal::Failed(Failure::EXCESSIVE_MESSAGE_SIZE, Vec::new())),
            }
            match acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => {
                    self.complete(Box::new(accepted));
                    break;
                }
                Err((error, mut alert)) => {
                    self.stage = Stage::Failed;
                    if is_for_openssl(&error) {
                        let received = std::mem::take(&mut self.received);
                        return Err(Refusal::Unserved(Unserved::new(received)));
                    }
                    let mut bytes = Vec::new();
                    // Writing to memory does not fail.
                    drop(alert.write_all(&mut bytes));
                    return Err(Refusal::Failed(Failure::from(&error), bytes));
                }
            }
        }
        Ok(())
    }

    fn complete(&mut self, accepted: Box<Accepted>) {
        let question = Question::about(&accepted, &self.server);
        self.stage = if self.server.asks_about(&question) {
            Stage::Complete(accepted, question)
        } else {
            Stage::Answered(accepted, TlsAnswer::default())
        };
    }

    /// The question, once when the hello is complete.
    pub(super) fn take_question(&mut self) -> Option<Question> {
        match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Complete(accepted, question) => {
                self.stage = Stage::Asked(accepted);
                Some(question)
            }
            other => {
                self.stage = other;
                None
            }
        }
    }

    /// An answer without a question, or after another one, has no effect.
    pub(super) fn answer(&mut self, answer: TlsAnswer) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Asked(accepted) => Stage::Answered(accepted, answer),
            other => other,
        };
    }

    pub(super) const fn is_answered(&self) -> bool {
        matches!(self.stage, Stage::Answered(..))
    }

    pub(super) const fn awaits_answer(&self) -> bool {
        matches!(self.stage, Stage::Asked(_))
    }

    /// All bytes that were received, while the program decides: nothing was sent, so another implementation may begin with them.
    pub(super) fn give_up(&mut self) -> Option<Vec<u8>> {
        self.awaits_answer().then(|| {
            self.stage = Stage::Failed;
            std::mem::take(&mut self.received)
        })
    }

    /// Continues as answered.
    pub(super) fn proceed(self) -> Result<Decided, Refusal> {
        let Stage::Answered(accepted, answer) = self.stage else {
            return Err(Refusal::Failed(Failure::INTERNAL_ERROR, Vec::new()));
        };
        let server = answer.server.unwrap_or(self.server);
        let (config, key_lines) = server.config_of_one(answer.protocols);
        let is_tls13 = Question::about(&accepted, &server).is_tls13;
        match accepted.into_connection(config) {
            Ok(connection) => Ok(Decided {
                connection,
                server,
                key_lines,
                received: self.received[self.passed..].to_vec(),
            }),
            Err((error, _)) if is_for_openssl(&error) => {
                Err(Refusal::Unserved(Unserved::new(self.received)))
            }
            Err((error, mut alert)) => {
                // rustls has another alert for a name without a certificate than OpenSSL.
                if let Error::General(_) = error {
                    return Err(Refusal::Failed(
                        Failure::without_certificate(is_tls13),
                        HANDSHAKE_FAILURE.into(),
                    ));
                }
                let mut bytes = Vec::new();
                drop(alert.write_all(&mut bytes));
                Err(Refusal::Failed(Failure::from(&error), bytes))
            }
        }
    }
}
