//! Events of an engine become records: the only place where they do.

use std::time::Instant;

use ferrohttp_proto::{
    BodyLength, ErrorKind, Event, Limits, ParseError, RequestHead, Scratch, ServerConnection,
};

use super::engine::{Head, Receiver};
use crate::handoff::Batch;
use crate::id::ConnectionId;

/// Appends the records of one connection.
pub(crate) struct Translator<'t> {
    pub(crate) id: ConnectionId,
    pub(crate) now: Instant,
    pub(crate) limits: &'t Limits,
    pub(crate) batch: &'t mut Batch,
    /// Whether body parts of any size are in their records. Otherwise large ones become chunks.
    pub(crate) whole_bodies: bool,
    /// The record of the message's head had the flag COMPLETE, so no END record follows. Kept between two calls.
    pub(crate) without_body: &'t mut bool,
}

/// Bytes to be parsed, and how many of them are consumed.
pub(crate) struct Input<'b> {
    pub(crate) bytes: &'b [u8],
    /// The number of bytes at the beginning that came with earlier reads.
    pub(crate) seen: usize,
    pub(crate) used: usize,
}

impl<'b> Input<'b> {
    /// Bytes of one read.
    pub(crate) const fn new(bytes: &'b [u8]) -> Self {
        Self {
            bytes,
            seen: 0,
            used: 0,
        }
    }

    /// The bytes that are not consumed.
    pub(crate) fn rest(&self) -> &'b [u8] {
        &self.bytes[self.used..]
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.used >= self.bytes.len()
    }

    /// How an error at byte `at` of the unconsumed bytes is reported: Node's parser knows only the last piece, and counts from its
    /// start. An error in the bytes that came with earlier reads is one that had not been noticed then.
    fn last_packet(&self, at: usize) -> (usize, &'b [u8]) {
        let at = self.used + at;
        match at.checked_sub(self.seen) {
            Some(at) => (at, &self.bytes[self.seen..]),
            None => (at, self.bytes),
        }
    }
}

/// An event whose record has been appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reported {
    /// None: more bytes are needed, or nothing more may be read now.
    Nothing,
    Head {
        body: BodyLength,
        /// The bytes after the head may not be HTTP. Its record has them.
        upgrade: bool,
        interim: bool,
    },
    /// A body part of this many bytes.
    Data(usize),
    End,
}

impl Translator<'_> {
    /// Passes the unconsumed bytes to the engine, and appends the record of the event in them. The record of an error is left to
    /// the caller, see `error`.
    #[inline]
    pub(super) fn next<E: Receiver>(
        &mut self,
        engine: &mut E,
        input: &mut Input<'_>,
        scratch: &mut Scratch,
    ) -> Result<Reported, ParseError> {
        let step = engine.receive(self.now, self.limits, input.rest(), scratch)?;
        input.used += step.consumed;
        Ok(self.report(engine, step.event, input))
    }

    /// As `next`, of requests of which some are not reported, because the I/O thread answers them. `answers` decides about a head, and
    /// `is_own` says that it has decided so about the request that is being received.
    pub(super) fn next_unless(
        &mut self,
        engine: &mut ServerConnection,
        input: &mut Input<'_>,
        scratch: &mut Scratch,
        (is_own, answers): (bool, impl FnOnce(&RequestHead<'_>, u16) -> bool),
    ) -> Result<Option<Reported>, ParseError> {
        let step = engine.receive(self.now, self.limits, input.rest(), scratch)?;
        input.used += step.consumed;
        match &step.event {
            Some(Event::Head(head)) if answers(head, engine.unanswered()) => return Ok(None),
            Some(Event::Data(_)) if is_own => return Ok(None),
            _ => {}
        }
        Ok(Some(self.report(engine, step.event, input)))
    }

    /// Appends the record of an event.
    #[inline]
    fn report<H: Head>(
        &mut self,
        engine: &impl Receiver,
        event: Option<Event<'_, H>>,
        input: &Input<'_>,
    ) -> Reported {
        let (id, batch) = (self.id, &mut *self.batch);
        match event {
            None => Reported::Nothing,
            Some(Event::Head(head)) => {
                let upgrade = head.is_upgrade();
                head.append(batch, id, if upgrade { input.rest() } else { &[] });
                *self.without_body = head.is_complete();
                Reported::Head {
                    body: head.body(),
                    upgrade,
                    interim: head.is_interim(),
                }
            }
            Some(Event::Data(data)) => {
                if self.whole_bodies {
                    batch.whole_body(id, data);
                } else {
                    batch.body(id, data, false);
                }
                Reported::Data(data.len())
            }
            Some(Event::End(trailers)) => {
                if !*self.without_body {
                    batch.end(id, &trailers, engine.is_spent());
                }
                Reported::End
            }
        }
    }

    /// The peer has sent malformed bytes.
    pub(crate) fn error(&mut self, error: ParseError, input: &Input<'_>) {
        let (at, packet) = input.last_packet(error.bytes_parsed);
        self.batch.error(self.id, error.kind, at, packet);
    }

    /// Bytes that follow an error, while the program leaves the connection open. As with Node's parser it receives all of them.
    pub(crate) fn after_error(&mut self, kind: ErrorKind, bytes: &[u8]) {
        self.batch.error(self.id, kind, 0, bytes);
    }

    /// The peer has sent FIN, and `rest` was not consumed. Appends the record of the message's end, if FIN is its end, or of an
    /// error. Returns whether a message has ended.
    pub(super) fn fin<E: Receiver>(
        &mut self,
        engine: &mut E,
        rest: &[u8],
    ) -> Result<bool, ParseError> {
        match engine.receive_fin(rest) {
            Ok(Some(Event::End(trailers))) => {
                self.batch.end(self.id, &trailers, engine.is_spent());
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(error) => {
                self.batch
                    .error(self.id, error.kind, error.bytes_parsed, rest);
                Err(error)
            }
        }
    }

    /// The peer will send no more.
    pub(crate) fn eof(&mut self) {
        self.batch.eof(self.id);
    }
}
