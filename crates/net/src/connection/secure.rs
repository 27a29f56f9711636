//! TLS between a connection's socket and its engine.
//!
//! The thread that reads the socket decrypts, and the thread that writes encrypts, while it holds the connection's lock. Each
//! connection has a session with its own keys and buffers. The connections of a thread share one buffer, which receives ciphertext and is
//! cleared before each read, so no bytes of one connection can reach another.
//!
//! JavaScript is notified of the connection when the handshake is complete or has failed.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice};
use std::time::{Duration, Instant};

use super::output::{Flush, Output};
use super::{Connection, State, Turn};
use crate::crossing::tls_failure;
use crate::messages::Engine;
use crate::socket::stream::Stream;
use crate::time::clock::now;
use crate::tls::{Failure, Session};

/// Ciphertext of one read.
const READ: usize = 32 * 1024;

/// Plaintext that is encrypted before the ciphertext is written.
const PIECE: usize = 64 * 1024;

/// As for connections without TLS, see `Output`.
const FLUSH_BOUND: u64 = 1024 * 1024;

thread_local! {
    static CIPHERTEXT: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(READ));
}

/// See the module.
pub(super) struct Secure {
    session: Session,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// JavaScript has not been notified of the connection. The instant is the deadline of the handshake.
    Handshaking(Option<Instant>),
    Open,
    /// JavaScript has been notified.
    Failed,
}

impl Secure {
    pub(super) fn new(session: Session, timeout: Option<Duration>) -> Self {
        Self {
            session,
            stage: Stage::Handshaking(timeout.map(|timeout| now() + timeout)),
        }
    }

    pub(super) const fn is_handshaking(&self) -> bool {
        matches!(self.stage, Stage::Handshaking(_))
    }

    /// The deadline of the handshake, None when it is complete.
    pub(super) const fn handshake_deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Handshaking(deadline) => deadline,
            Stage::Open | Stage::Failed => None,
        }
    }

    pub(super) fn has_output(&self) -> bool {
        self.session.has_output()
    }

    /// Whether the peer has sent close_notify.
    pub(super) const fn is_closed_by_peer(&self) -> bool {
        self.session.is_closed_by_peer()
    }

    /// As `Stream::try_read_spare`, for plaintext, of which there may be one record more than the buffer had room for. Also sends
    /// the handshake's replies.
    pub(super) fn read(&mut self, stream: &Stream, plaintext: &mut Vec<u8>) -> io::Result<usize> {
        let before = plaintext.len();
        let received = self.receive(stream, plaintext);
        if self.session.has_output() {
            // The task sends the bytes that the kernel does not accept now.
            drop(self.send(stream));
        }
        let count = plaintext.len() - before;
        match received {
            Err(error) => Err(error),
            Ok(_) if count > 0 => Ok(count),
            Ok(true) => Ok(0),
            Ok(false) if self.session.is_closed_by_peer() => Ok(0),
            Ok(false) => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// Returns whether the socket has ended.
    fn receive(&mut self, stream: &Stream, plaintext: &mut Vec<u8>) -> io::Result<bool> {
        CIPHERTEXT.with_borrow_mut(|ciphertext| {
            loop {
                ciphertext.clear();
                let count = match stream.try_read_spare(ciphertext) {
                    Ok(0) => return Ok(true),
                    Ok(count) => count,
                    Err(error)
                        if matches!(
                            error.kind(),
                            ErrorKind::WouldBlock | ErrorKind::Interrupted
                        ) =>
                    {
                        return Ok(false);
                    }
                    Err(error) => return Err(error),
                };
                let is_full = count == ciphertext.capacity();
                self.session
                    .receive(ciphertext, plaintext)
                    .map_err(|_| ErrorKind::InvalidData)?;
                // A caller whose buffer is full reads again. Any other caller takes the socket for empty.
                if !is_full || plaintext.len() >= plaintext.capacity() {
                    return Ok(false);
                }
            }
        })
    }

    fn send(&mut self, stream: &Stream) -> io::Result<()> {
        self.session.send(|slices| write(stream, slices))
    }

    /// As `Output::flush`. Output counts as written when it is encrypted. At most `PIECE` bytes of that have not been accepted by the
    /// kernel.
    pub(super) fn flush(
        &mut self,
        output: &mut Output,
        stream: &Stream,
        closing: bool,
    ) -> io::Result<Flush> {
        let until = output.bytes_written() + FLUSH_BOUND;
        loop {
            match self.send(stream) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Flush::Blocked),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if output.is_empty() {
                break;
            }
            // JavaScript has not been notified yet, so this is output of a connection that is being closed.
            if self.session.is_handshaking() {
                return Ok(Flush::Done);
            }
            if output.bytes_written() >= until {
                return Ok(Flush::Paused);
            }
            let session = &mut self.session;
            output.take(PIECE, |plaintext| session.write(plaintext));
        }
        if closing {
            self.close(stream);
        }
        Ok(Flush::Done)
    }

    /// Sends close_notify, if the kernel accepts it.
    pub(super) fn close(&mut self, stream: &Stream) {
        self.session.close();
        drop(self.send(stream));
    }
}

impl Connection {
    /// Key material of a connection with TLS. None where there is none, as of `Session::export`.
    pub(crate) fn export_keying_material(
        &self,
        length: usize,
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Option<Vec<u8>> {
        let state = self.lock();
        let secure = state.secure.as_ref()?;
        secure.session.export(length, label, context)
    }
}

/// The number for IN_TLS_FAILED.
fn reason(failure: Option<Failure>) -> u32 {
    failure.map_or(tls_failure::HANG_UP, |Failure(reason)| reason.into())
}

/// Without the poller as long as it has not reported the socket, as in `Output`.
fn write(stream: &Stream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    if !stream.is_reported_writable() {
        let written = stream.write_now(slices);
        if !matches!(&written, Err(error) if error.kind() == ErrorKind::WouldBlock) {
            return written;
        }
    }
    stream.try_write_vectored(slices)
}

impl State {
    /// Whether the TLS handshake is not complete.
    pub(super) fn is_handshaking(&self) -> bool {
        self.secure
            .as_ref()
            .is_some_and(|secure| secure.is_handshaking())
    }

    /// Whether there is ciphertext that the kernel has not accepted.
    pub(super) fn has_ciphertext(&self) -> bool {
        self.secure
            .as_ref()
            .is_some_and(|secure| secure.has_output())
    }

    /// Sends close_notify on a connection with TLS.
    pub(super) fn end_tls(&mut self) {
        if let (Some(secure), Some(stream)) = (&mut self.secure, self.lifecycle.stream()) {
            secure.close(stream);
        }
    }
}

impl Turn<'_> {
    /// Notifies JavaScript when `read` has completed the handshake or TLS has failed. Returns an error when the connection has ended
    /// in its handshake.
    pub(super) fn check_tls(
        &mut self,
        read: io::Result<Option<usize>>,
    ) -> io::Result<Option<usize>> {
        let Some(secure) = &mut self.state.secure else {
            return read;
        };
        let failure = secure.session.failure();
        match secure.stage {
            Stage::Handshaking(_) => {}
            Stage::Open if failure.is_none() => return read,
            Stage::Open => {
                self.fail_tls(reason(failure));
                return read;
            }
            Stage::Failed => return read,
        }
        if failure.is_some() || matches!(read, Ok(Some(0)) | Err(_)) {
            self.fail_tls(reason(failure));
            return Err(read
                .err()
                .unwrap_or_else(|| ErrorKind::ConnectionAborted.into()));
        }
        if let Some(established) = secure.session.established() {
            secure.stage = Stage::Open;
            self.report_open();
            self.batch.secured(self.connection.id(), &established);
            if !self.state.role.is_client() {
                // Time limits begin: the connection is one of HTTP from now on.
                self.state.engine = Engine::server(now());
            }
            self.state.deadlines.last_activity = now();
        }
        read
    }

    /// The handshake takes too long.
    pub(super) fn handshake_timed_out(&mut self) {
        self.fail_tls(tls_failure::TIMEOUT);
        self.connection.close(self.state, 0, self.batch);
    }

    fn fail_tls(&mut self, reason: u32) {
        let Some(secure) = &mut self.state.secure else {
            return;
        };
        let was_unknown = secure.is_handshaking();
        secure.stage = Stage::Failed;
        if was_unknown {
            self.report_open();
        }
        self.batch.tls_failed(self.connection.id(), reason);
    }

    /// The connection's first record.
    fn report_open(&mut self) {
        let (Some(role), Some(stream)) = (self.state.role.server(), self.state.lifecycle.stream())
        else {
            return;
        };
        let addresses = (stream.local_address(), stream.peer_address());
        self.batch
            .open(self.connection.id(), role.server.id, addresses);
    }
}
