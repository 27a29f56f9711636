//! TLS between a connection's socket and its engine.
//!
//! The thread that reads the socket decrypts, and the thread that writes encrypts, while it holds the connection's lock. Each
//! connection has a session with its own keys and buffers. The connections of a thread share one buffer, which receives ciphertext. Only
//! the bytes that a read has put there are passed to a session, so no bytes of one connection can reach another.
//!
//! JavaScript is notified of a server's connection when the handshake is complete or has failed. A client's handshake begins when
//! the connection has a socket. When it is complete, JavaScript decides about the server: nothing that the program has written is
//! encrypted, and nothing that the server has sent is parsed, before JavaScript has approved it. A server that asks its clients for
//! certificates waits in the same way for JavaScript's decision about a client whose certificate is not valid.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice};
use std::time::{Duration, Instant};

use super::output::{Flush, Output};
use super::{Connection, State, Turn};
use crate::crossing::{tls_failure, verdict};
use crate::handoff::{Batch, CHUNK};
use crate::messages::Engine;
use crate::socket::stream::Stream;
use crate::time::clock::now;
use crate::tls::{Failure, Judge, Session, TlsAnswer};

/// Ciphertext of one read: that of the plaintext for which there is usually room, `CHUNK`, with the overhead of its records.
const READ: usize = CHUNK + 1024;

/// A buffer that has plaintext is not filled further when it has room for that of this much ciphertext or less.
const LEAST: usize = 1024;

/// Largest number of full reads in succession. A peer that sends messages of TLS without end must not occupy the thread.
const READS: usize = 4;

/// Plaintext that is encrypted before the ciphertext is written.
const PIECE: usize = 64 * 1024;

/// Largest number of bytes that a peer may send before it is approved.
const EARLIEST: usize = 256 * 1024;

/// As for connections without TLS, see `Output`.
const FLUSH_BOUND: u64 = 1024 * 1024;

thread_local! {
    static CIPHERTEXT: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// See the module.
pub(super) struct Secure {
    session: Session,
    stage: Stage,
    /// Of a client's connection, and of a server's whose client is asked for a certificate.
    judge: Option<Judge>,
    /// The error of the last read, which is reported after the plaintext that preceded it.
    error: Option<io::Error>,
    /// The last read has ended before the socket was empty.
    is_cut_short: bool,
    /// JavaScript knows of a server's connection: its program is asked about the client.
    is_reported: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// JavaScript has not been notified of the handshake. The instant is its deadline.
    Handshaking(Option<Instant>),
    /// The handshake is complete, and JavaScript decides about the peer.
    Unapproved,
    Open,
    /// JavaScript has been notified.
    Failed,
}

impl Secure {
    pub(super) fn new(
        (session, judge): (Session, Option<Judge>),
        timeout: Option<Duration>,
    ) -> Self {
        Self {
            session,
            stage: Stage::Handshaking(timeout.map(|timeout| now() + timeout)),
            judge,
            error: None,
            is_cut_short: false,
            is_reported: false,
        }
    }

    /// Has a ClientHello, which the next flush sends.
    pub(super) fn client((session, judge): (Session, Judge)) -> Self {
        Self {
            session,
            stage: Stage::Handshaking(None),
            judge: Some(judge),
            error: None,
            is_cut_short: false,
            is_reported: false,
        }
    }

    pub(super) const fn is_handshaking(&self) -> bool {
        matches!(self.stage, Stage::Handshaking(_))
    }

    /// The deadline of the handshake, None when it is complete.
    pub(super) const fn handshake_deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Handshaking(deadline) => deadline,
            Stage::Unapproved | Stage::Open | Stage::Failed => None,
        }
    }

    /// Whether bytes of the protocol above TLS may be received and sent. Always without a judge: the session knows by itself.
    fn is_open(&self) -> bool {
        self.judge.is_none() || self.stage == Stage::Open
    }

    /// Whether the program has been asked about the client and has not decided.
    pub(super) const fn awaits_answer(&self) -> bool {
        self.session.awaits_answer()
    }

    /// Whether there are bytes that may be sent.
    pub(super) fn has_output(&self) -> bool {
        self.session.has_output() && !self.holds_last_flight()
    }

    /// Whether the last messages of the handshake wait for JavaScript's decision about the peer. As in Node, a peer that is refused
    /// receives neither them, nor what they prove about this side's certificate.
    fn holds_last_flight(&self) -> bool {
        matches!(self.stage, Stage::Handshaking(_) | Stage::Unapproved)
            && self.judge.is_some()
            && !self.session.is_handshaking()
            && self.session.failure().is_none()
    }

    /// Whether the peer has sent close_notify.
    pub(super) const fn is_closed_by_peer(&self) -> bool {
        self.session.is_closed_by_peer()
    }

    /// Whether the next read has something to report, although the last one did not fill its caller's buffer.
    pub(super) const fn has_more(&self) -> bool {
        self.is_cut_short || self.error.is_some()
    }

    /// As `Stream::try_read_spare`, for plaintext. Also sends the handshake's replies. `plaintext` grows if its capacity is less than a
    /// record has, or for what was kept.
    pub(super) fn read(&mut self, stream: &Stream, plaintext: &mut Vec<u8>) -> io::Result<usize> {
        self.is_cut_short = false;
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if let Some(server) = self.session.proceed() {
            self.judge = server.judge();
        }
        let before = plaintext.len();
        if self.session.kept_bytes() > 0 && self.is_open() {
            plaintext.append(&mut self.session.take_kept());
        }
        let received = self.receive(stream, plaintext);
        if self.has_output() {
            // The task sends the bytes that the kernel does not accept now.
            drop(self.send(stream));
        }
        let count = plaintext.len() - before;
        match received {
            Err(error) if count > 0 => {
                self.error = Some(error).filter(|_| !self.session.is_closed_by_peer());
                Ok(count)
            }
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
            for _ in 0..READS {
                let is_open = self.is_open();
                let room = if is_open {
                    self.session
                        .ciphertext_for(plaintext.capacity() - plaintext.len())
                } else {
                    READ
                };
                if room <= LEAST && !plaintext.is_empty() {
                    break;
                }
                let room = match room {
                    0 => LEAST,
                    room => room.min(READ),
                };
                let count = match stream.try_read(&mut ciphertext[..room]) {
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
                let is_full = count == room;
                let received = if is_open {
                    self.session.receive(&ciphertext[..count], plaintext)
                } else {
                    self.session.receive_and_keep(&ciphertext[..count])
                };
                received.map_err(|_| ErrorKind::InvalidData)?;
                if !is_open && is_full {
                    if self.session.kept_bytes() > EARLIEST {
                        return Err(ErrorKind::InvalidData.into());
                    }
                    continue;
                }
                // A caller whose buffer is full reads again. Any other caller takes the socket for empty.
                if !is_full || plaintext.len() >= plaintext.capacity() {
                    return Ok(false);
                }
            }
            self.is_cut_short = true;
            Ok(false)
        })
    }

    /// Reads without asking the poller, once. Returns the number of bytes of plaintext. None of the errors is that of TLS.
    pub(super) fn read_now(
        &mut self,
        stream: &Stream,
        plaintext: &mut Vec<u8>,
    ) -> io::Result<usize> {
        let before = plaintext.len();
        let is_open = self.is_open();
        if is_open {
            plaintext.append(&mut self.session.take_kept());
        }
        CIPHERTEXT.with_borrow_mut(|ciphertext| {
            let count = stream.read_now(ciphertext)?;
            // A failure is reported when the connection's task next reads.
            let _ = if is_open {
                self.session.receive(&ciphertext[..count], plaintext)
            } else {
                self.session.receive_and_keep(&ciphertext[..count])
            };
            Ok(plaintext.len() - before)
        })
    }

    /// As `Stream::has_unread`. Messages of TLS, as those with tickets, are received here. More of them than a server sends at once
    /// count as other bytes, because JavaScript's thread may wait for this.
    pub(super) fn has_unread(&mut self, stream: &Stream) -> io::Result<bool> {
        if self.session.kept_bytes() == 0 && !stream.has_unread()? {
            return Ok(false);
        }
        CIPHERTEXT.with_borrow_mut(|ciphertext| {
            for _ in 0..READS {
                if self.session.kept_bytes() > 0
                    || self.error.is_some()
                    || self.session.is_closed_by_peer()
                    || self.session.failure().is_some()
                {
                    return Ok(true);
                }
                match stream.read_now(ciphertext) {
                    Ok(0) => return Ok(true),
                    // A failure is found by the next round.
                    Ok(count) => {
                        let _ = self.session.receive_and_keep(&ciphertext[..count]);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(true)
        })
    }

    fn send(&mut self, stream: &Stream) -> io::Result<()> {
        if self.holds_last_flight() {
            return Ok(());
        }
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
            // A server's connection is being closed, because JavaScript has not been notified yet. A client's output waits.
            if self.session.is_handshaking() || !self.is_open() {
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
    /// Notifies JavaScript that a client's TLS could not begin.
    pub(super) fn tls_not_begun(&self, failure: Failure, batch: &mut Batch) {
        batch.tls_failed(self.id(), reason(Some(failure)));
    }

    /// The program of a server has decided about the client. Called on JavaScript's thread; the task continues the handshake.
    pub(crate) fn answer_hello(&self, answer: TlsAnswer) {
        let mut state = self.lock();
        if let Some(secure) = &mut state.secure {
            secure.session.answer(answer);
            state.wake();
        }
    }

    /// As of `Session::set_fragment`. False without TLS.
    pub(crate) fn set_tls_fragment(&self, size: usize) -> bool {
        let mut state = self.lock();
        let secure = state.secure.as_mut();
        secure.is_some_and(|secure| secure.session.set_fragment(size))
    }

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

    /// Whether received bytes may be parsed: there is no TLS, or the peer is approved.
    pub(super) fn has_open_tls(&self) -> bool {
        self.secure.as_ref().is_none_or(|secure| secure.is_open())
    }

    /// Whether JavaScript has yet to decide about the peer.
    pub(super) fn awaits_approval(&self) -> bool {
        self.secure
            .as_ref()
            .is_some_and(|secure| secure.stage == Stage::Unapproved)
    }

    /// The program has approved the peer.
    pub(super) fn approve_peer(&mut self) {
        if let Some(secure) = &mut self.secure
            && secure.stage == Stage::Unapproved
        {
            secure.stage = Stage::Open;
            if let Some(judge) = &secure.judge {
                judge.approve(secure.session.is_resumed());
            }
        }
    }

    /// Whether the program has decided about the client, and the handshake has not continued yet.
    pub(super) fn has_answer(&self) -> bool {
        self.secure
            .as_ref()
            .is_some_and(|secure| secure.session.is_answered())
    }

    /// Ends the TLS of a connection about which the program has not decided. Returns everything that the client has sent.
    pub(super) fn give_up_tls(&mut self) -> Option<Vec<u8>> {
        let received = self.secure.as_mut()?.session.give_up()?;
        self.secure = None;
        Some(received)
    }

    /// Whether there is plaintext that was received and may be parsed.
    pub(super) fn has_kept_plaintext(&self) -> bool {
        self.secure
            .as_ref()
            .is_some_and(|secure| secure.stage == Stage::Open && secure.session.kept_bytes() > 0)
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
        if secure.is_handshaking() {
            let lines = secure.session.take_key_lines();
            if !lines.is_empty() {
                self.report_open();
                self.batch.key_log(self.connection.id(), &lines);
            }
        }
        let Some(secure) = &mut self.state.secure else {
            return read;
        };
        // One that follows plaintext is reported by the next read.
        let failure = match secure.error {
            None => secure.session.failure(),
            Some(_) => None,
        };
        match secure.stage {
            Stage::Handshaking(_) => self.ask(),
            Stage::Open | Stage::Unapproved if failure.is_none() => {
                self.report_session();
                return read;
            }
            Stage::Open | Stage::Unapproved => {
                self.fail_tls(reason(failure));
                return read;
            }
            Stage::Failed => return read,
        }
        let Some(secure) = &self.state.secure else {
            return read;
        };
        // A peer may close the connection with its last message of the handshake.
        let handshake = match failure {
            None => secure.session.handshake_result(),
            Some(_) => None,
        };
        if handshake.is_none() && (failure.is_some() || matches!(read, Ok(Some(0)) | Err(_))) {
            // Errors of a client's socket are reported when it closes.
            let is_hang_up = read.is_ok() || !self.state.role.is_client();
            if failure.is_some() || is_hang_up {
                self.fail_tls(reason(failure));
            }
            return Err(read
                .err()
                .unwrap_or_else(|| ErrorKind::ConnectionAborted.into()));
        }
        if let Some(handshake) = handshake {
            let is_client = self.state.role.is_client();
            let verdict = secure
                .judge
                .as_ref()
                .map(|judge| judge.verdict(&secure.session, handshake.is_resumed));
            let is_approved = match verdict {
                None => true,
                // A client's program also checks the server's name.
                Some(verdict) => !is_client && verdict == verdict::TRUSTED,
            };
            self.report_open();
            if let Some(secure) = &mut self.state.secure {
                secure.stage = if is_approved {
                    Stage::Open
                } else {
                    Stage::Unapproved
                };
            }
            if let Some(secure) = &self.state.secure {
                let peer = verdict.map(|verdict| (verdict, secure.session.peer_chain()));
                self.batch.secured(self.connection.id(), &handshake, peer);
            }
            if !is_client {
                // Time limits begin: the connection is one of HTTP from now on.
                self.state.engine = Engine::server(now());
                self.state.deadlines.last_activity = now();
            }
        }
        read
    }

    /// Asks the program of a server about a client whose hello is complete.
    fn ask(&mut self) {
        let secure = self.state.secure.as_mut();
        if let Some(question) = secure.and_then(|secure| secure.session.take_question()) {
            self.report_open();
            self.batch.hello(self.connection.id(), &question);
        }
    }

    /// Notifies JavaScript that later connections can resume a session of this one.
    pub(super) fn report_session(&mut self) {
        if let Some(Secure {
            judge: Some(judge), ..
        }) = self.state.secure.as_deref()
            && judge.has_new_session()
        {
            self.batch.session(self.connection.id());
        }
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
        // As in Node, before the peer receives the alert, which the next turn sends.
        self.batch.publish_soon();
    }

    /// The connection's first record, once.
    fn report_open(&mut self) {
        if let Some(secure) = &mut self.state.secure
            && std::mem::replace(&mut secure.is_reported, true)
        {
            return;
        }
        let (Some(role), Some(stream)) = (self.state.role.server(), self.state.lifecycle.stream())
        else {
            return;
        };
        let addresses = (stream.local_address(), stream.peer_address());
        self.batch
            .open(self.connection.id(), role.server.id, addresses);
    }
}
