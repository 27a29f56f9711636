//! Applies JavaScript's commands to a connection. Runs on either thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use ferrohttp_proto::{MisuseError, RequestKind};

use super::input::{Fin, Reading};
use super::{Connection, State, Writing};
use crate::handoff::{Batch, CloseMode, Command, Held, Outbound, Payload, Record, Records};
use crate::id::ConnectionId;
use crate::socket::stream::Stream;

/// How often `Output::flush`, which writes at most 1 MiB, is called after the commands of one flush. The kernel buffers some
/// megabytes for a peer that does not read, and then accepts no more.
const ROUNDS: u32 = 4;

impl Connection {
    /// Applies one command. The next `after_commands` sends its bytes. `held` is the held buffer that the command names, if any,
    /// and `now` the time of its flush.
    ///
    /// A panic costs this connection only: the commands of other connections in the flush are still applied.
    pub(crate) fn apply(&self, command: Command<'_>, held: Option<Held>, now: Instant) {
        self.apply_to(&mut self.lock(), command, held, now);
    }

    fn apply_to(&self, state: &mut State, command: Command<'_>, held: Option<Held>, now: Instant) {
        let apply = AssertUnwindSafe(|| self.apply_or_panic(&mut *state, command, held, now));
        if catch_unwind(apply).is_err() {
            state.give_up_after_panic();
        }
    }

    /// After a panic the output is dropped, and the task closes the connection. Either thread.
    pub(crate) fn give_up_after_panic(&self) {
        self.lock().give_up_after_panic();
    }

    fn apply_or_panic(
        &self,
        state: &mut State,
        command: Command<'_>,
        held: Option<Held>,
        now: Instant,
    ) {
        if state.is_closed() {
            return;
        }
        // A command out of turn is a bug of our own JavaScript. It has no effect, but its acknowledgement is sent.
        let (_applied, ack) = match command {
            Command::Head {
                request,
                head,
                body,
                chunked,
                end,
                close,
                ack,
                state_only,
            } => {
                // The agent has checked the connection when it chose it. Bytes that the server has sent since then would become
                // the response to this request, so the kernel is asked again.
                if request.is_some() && state.is_unusable() {
                    state.wake();
                    return;
                }
                if request.is_some() {
                    state.incoming.waiting.forget_heads();
                    let at = (!state_only).then(|| state.output.end());
                    state.role.begin_request(at);
                }
                let applied = state
                    .send_head(request, head, chunked, state_only)
                    .and_then(|()| state.send_body(body, held))
                    .and_then(|()| {
                        if end {
                            state.send_end(b"", close, now, state_only)
                        } else {
                            Ok(())
                        }
                    });
                (applied, ack)
            }
            Command::Body {
                body,
                end,
                close,
                ack,
            } => {
                let applied = state.send_body(body, held).and_then(|()| {
                    if end {
                        state.send_end(b"", close, now, false)
                    } else {
                        Ok(())
                    }
                });
                (applied, ack)
            }
            Command::End {
                trailers,
                close,
                ack,
                state_only,
            } => (state.send_end(trailers, close, now, state_only), ack),
            Command::Interim { head, ack } => {
                (state.engine.send_interim(head, state.output.buffer()), ack)
            }
            Command::Raw { body, ack } => {
                state.send_raw(body, held);
                (Ok(()), ack)
            }
            Command::Feed(body) => {
                state.feed(body, held);
                (Ok(()), false)
            }
            other => {
                self.control(state, other, now);
                (Ok(()), false)
            }
        };
        if ack {
            state.output.mark();
        }
    }

    fn control(&self, state: &mut State, command: Command<'_>, now: Instant) {
        match command {
            Command::Credit(bytes) => {
                state.incoming.credit += i64::from(bytes);
                if !state.incoming.held {
                    return;
                }
            }
            Command::Close(mode) => state.close_by(mode),
            Command::Upgrade => {
                state.engine.upgrade();
                state.role.upgrade_decided();
                state.count_pending();
                state.incoming.reading = Reading::Raw;
                state.incoming.paused = false;
                state.incoming.tapped = false;
                // JavaScript has received the bytes that followed the head together with it.
                state.incoming.buffer = Vec::new();
            }
            Command::DeclineUpgrade => {
                state.engine.decline_upgrade();
                state.role.upgrade_decided();
            }
            Command::SocketTimeout(millis) => {
                let deadlines = &mut state.deadlines;
                deadlines.socket_timeout =
                    (millis > 0).then(|| Duration::from_millis(u64::from(millis)));
                deadlines.last_activity = now;
                deadlines.socket_timed_out = false;
            }
            Command::NoDelay(on) => state.lifecycle.set_nodelay(on),
            Command::TcpKeepAlive(on, millis) => {
                let delay = Duration::from_millis(u64::from(millis));
                state.lifecycle.set_tcp_keepalive(on, delay);
            }
            Command::Pause(on) => state.incoming.paused = on,
            Command::Limits {
                max_header_size,
                validation,
            } => state.role.limit(max_header_size as usize, validation),
            Command::Tap => state.incoming.tapped = true,
            Command::Keep => state.idle_fallback_over(),
            Command::Approve => state.approve_peer(),
            Command::Head { .. }
            | Command::Body { .. }
            | Command::End { .. }
            | Command::Interim { .. }
            | Command::Raw { .. }
            | Command::Feed(_) => {}
        }
        // The task is woken after the write. If it were woken now, the I/O thread might write the bytes of earlier commands before
        // this thread does, and this thread could not acknowledge them.
        state.wake_due = true;
    }

    /// Writes the output of the commands, and wakes the task for work that only it may do. I/O thread only.
    pub(crate) fn after_commands(&self, batch: &mut Batch) {
        let mut guard = self.lock();
        guard.forget_direct_answers();
        if !self.send_with_fin(&mut guard, batch) {
            self.finish_commands(&mut guard, batch);
        }
    }

    /// Sends a server's last response together with FIN: one segment instead of two, and no further turn of the task. Returns
    /// whether that was possible. I/O thread only.
    fn send_with_fin(&self, state: &mut State, batch: &mut Batch) -> bool {
        let last = state.writing == Writing::Close
            && state.role.server().is_some_and(|role| !role.shared)
            && state.has_read_everything()
            && !state.output.is_empty();
        if !last || state.lifecycle.stream().is_none_or(Stream::has_bytes) {
            return false;
        }
        let done = self.flush_before(state, batch, true) == Ok(super::Flush::Done);
        if done {
            self.close(state, 0, batch);
        }
        done
    }

    /// Applies `first` and the commands in `rest` that follow it and name this connection, too, and writes their output, on JavaScript's
    /// thread. `acks` and the result are as of `after_direct_commands`.
    ///
    /// The lock is held throughout. Otherwise the I/O thread might send the head of a request alone, and the peer might answer it and
    /// close the connection before the rest is written. Node writes both at once.
    pub(crate) fn apply_directly(
        &self,
        first: (Record<'_>, Option<Held>),
        rest: &mut DirectFlush<'_>,
        acks: &mut Batch,
    ) -> bool {
        let mut guard = self.lock();
        let mut next = Some(first);
        while let Some((record, held)) = next {
            self.apply_to(&mut guard, record.command, held, rest.now);
            next = rest.next_of(self.id());
        }
        self.finish_commands(&mut guard, acks);
        guard.count_direct_answer()
    }

    /// `after_commands` on JavaScript's thread. Acknowledgements go to `acks`; those of a client's connection may precede its CONNECTED
    /// record. Returns whether the connection should be lent to JavaScript's thread.
    pub(crate) fn after_direct_commands(&self, acks: &mut Batch) -> bool {
        let mut guard = self.lock();
        self.finish_commands(&mut guard, acks);
        guard.count_direct_answer()
    }

    fn finish_commands(&self, state: &mut State, batch: &mut Batch) {
        if state.is_closed() {
            return;
        }
        let mut flushed = self.flush(state, batch);
        // After the program has destroyed the connection, bytes are sent now or never. Otherwise bytes count as waiting only
        // after the kernel has refused them.
        let mut rounds = 1;
        while (state.is_destroyed() || rounds < ROUNDS) && flushed == Ok(super::Flush::Paused) {
            flushed = self.flush(state, batch);
            rounds += 1;
        }
        if let Err(errno) = flushed {
            state.write_failed = Some(errno);
        }
        if state.is_destroyed() {
            state.output.clear();
            // The task closes the socket later. Bytes that a tunnel's peer sends until then would turn the close into a reset,
            // and the peer would get an error instead of FIN.
            if std::mem::take(&mut state.fin_due)
                && let Some(stream) = state.lifecycle.stream()
                && stream.closes_with_fin()
            {
                drop(stream.shutdown_write());
            }
        }
        let blocked_or_failed = flushed != Ok(super::Flush::Done);
        if std::mem::take(&mut state.wake_due)
            || blocked_or_failed
            || state.incoming.held
            || !state.incoming.buffer.is_empty()
            || state.writing != Writing::Open
            || state.incoming.fin != Fin::Awaited
        {
            state.wake();
        }
    }
}

/// What is left of a flush that JavaScript's thread carries out.
pub(crate) struct DirectFlush<'a> {
    records: Records<'a>,
    /// The buffers that the records name, in their order.
    held: std::vec::IntoIter<Held>,
    /// The time of the flush.
    now: Instant,
}

impl<'a> DirectFlush<'a> {
    pub(crate) fn new(out: Outbound<'a>, now: Instant) -> Self {
        Self {
            records: Records::new(out.records, out.text),
            held: out.held.into_iter(),
            now,
        }
    }

    /// The next record, whichever connection it names, with the buffer that it names, if any. They are taken together, so that no panic
    /// can leave a buffer to the record of another connection.
    pub(crate) fn next(&mut self) -> Option<(Record<'a>, Option<Held>)> {
        let record = self.records.next()?;
        let held = record.command.held().and_then(|_| self.held.next());
        Some((record, held))
    }

    /// The next record, if it names this connection.
    fn next_of(&mut self, id: ConnectionId) -> Option<(Record<'a>, Option<Held>)> {
        let (next, _) = self.records.peek()?;
        if next == id { self.next() } else { None }
    }
}

impl State {
    fn give_up_after_panic(&mut self) {
        self.output.clear();
        self.destroy();
        self.wake();
    }

    /// `state_only`: the program's socket sends the bytes, and only the engine's state changes.
    fn send_head(
        &mut self,
        request: Option<RequestKind>,
        head: &[u8],
        chunked: bool,
        state_only: bool,
    ) -> Result<(), MisuseError> {
        if state_only {
            return self
                .engine
                .send_head(request, b"", chunked, &mut Vec::new());
        }
        self.engine
            .send_head(request, head, chunked, self.output.buffer())
    }

    fn send_body(&mut self, body: Payload<'_>, held: Option<Held>) -> Result<(), MisuseError> {
        let len = match (&body, &held) {
            (Payload::Inline(bytes), _) => bytes.len(),
            (Payload::Held { .. }, Some(held)) => held.bytes().len(),
            (Payload::Held { .. }, None) => 0,
        };
        if len == 0 {
            return Ok(());
        }
        self.engine.begin_data(len, self.output.buffer())?;
        self.send_raw(body, held);
        self.engine.finish_data(len, self.output.buffer());
        Ok(())
    }

    fn send_raw(&mut self, body: Payload<'_>, held: Option<Held>) {
        match body {
            Payload::Inline(bytes) => self.output.buffer().extend_from_slice(bytes),
            Payload::Held { .. } => {
                if let Some(held) = held {
                    self.output.hold(held);
                }
            }
        }
    }

    /// The task parses the bytes with its next turn.
    fn feed(&mut self, body: Payload<'_>, held: Option<Held>) {
        if self.incoming.reading != Reading::Http {
            return;
        }
        match (body, held) {
            (Payload::Inline(bytes), _) => self.incoming.buffer.extend_from_slice(bytes),
            (Payload::Held { .. }, Some(held)) => {
                self.incoming.buffer.extend_from_slice(held.bytes())
            }
            (Payload::Held { .. }, None) => {}
        }
        self.wake();
    }

    pub(super) fn send_end(
        &mut self,
        trailers: &[u8],
        close: bool,
        now: Instant,
        state_only: bool,
    ) -> Result<(), MisuseError> {
        let receiving = self.engine.is_receiving();
        let mut nothing = Vec::new();
        let out = if state_only {
            &mut nothing
        } else {
            self.output.buffer()
        };
        self.engine.send_end(now, trailers, close, out)?;
        if let Some(role) = self.role.server_mut() {
            role.framed_by_javascript |= state_only;
            role.measure(now);
        }
        self.count_pending();
        if self.role.is_client() {
            // Unlike a response, a request that announces the close does not close: its response does.
            self.close_if_spent();
            return Ok(());
        }
        if close && receiving {
            self.incoming.reading = Reading::Discard;
        }
        // After an abort or an error of the peer JavaScript decides about the close. It also does with STATE_ONLY, because the
        // close has to follow the last byte that the program's socket sends.
        if close && !state_only && self.writing == Writing::Open {
            self.writing = Writing::Close;
        }
        Ok(())
    }

    fn close_by(&mut self, mode: CloseMode) {
        match mode {
            CloseMode::Destroy | CloseMode::Reset => {
                if mode == CloseMode::Reset
                    && let Some(stream) = self.lifecycle.stream()
                {
                    // If this fails, the close sends FIN.
                    drop(stream.reset_on_close());
                }
                self.destroy();
            }
            CloseMode::AfterFlush => self.close_after_flush(),
            CloseMode::HalfClose => {
                if self.writing == Writing::Open {
                    self.writing = Writing::HalfClose;
                }
            }
            CloseMode::IfIdle => {
                self.idle_fallback_over();
                // As in Node a new connection is not idle before it has sent its first byte.
                let used = self.incoming.bytes_read > 0;
                if used
                    && self.engine.is_idle()
                    && self.incoming.buffer.is_empty()
                    && self.output.is_empty()
                {
                    self.close_after_flush();
                }
            }
        }
    }

    fn close_after_flush(&mut self) {
        if !self.is_destroyed() {
            self.writing = Writing::Close;
        }
    }

    /// The connection ends with the task's next turn. Bytes that the kernel has not accepted by then are lost.
    pub(super) fn destroy(&mut self) {
        self.fin_due |= self.incoming.reading == Reading::Raw;
        self.writing = Writing::Destroy;
        self.incoming.reading = Reading::Discard;
        self.incoming.fin = Fin::Reported;
    }
}
