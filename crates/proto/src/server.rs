//! The server's side of one connection.

use std::time::{Duration, Instant};

use crate::body::BodyDecoder;
use crate::close_reason::CloseReason;
use crate::config::{Limits, TimeoutKind, Timeouts};
use crate::directives::{Directives, Sender};
use crate::error::{ErrorKind, MisuseError, ParseError};
use crate::event::{
    BodyLength, BodyPart, Event, Expect, Fields, RequestEvent, RequestHead, Scratch, Step,
    count_line_ends,
};
use crate::framing;
use crate::head::{self, HeadScanner, ParsedHead};
use crate::method::Method;
use crate::persistence;
use crate::request_line::RequestLine;
use crate::writing::Writing;

/// The server's side of one connection: requests in, responses out, in the same order.
///
/// It holds no bytes. The caller owns a read buffer, passes its unconsumed front to [`handle_data`](Self::handle_data), and
/// removes the bytes that a [`Step`] has consumed. Output is appended to a buffer of the caller.
///
/// For each request the order of calls is `send_interim`* → `send_head` → (`begin_data` → the bytes → `finish_data`)* →
/// `send_end`. They may begin after its [`Event::Head`], before its [`Event::End`].
///
/// A [`ParseError`] ends reading, and not writing: requests that were delivered before can still be answered, and
/// [`close_reason`](Self::close_reason) says when that is done.
#[derive(Debug)]
pub struct ServerConnection {
    reading: Reading,
    /// The state of the response to the oldest unanswered request.
    writing: Writing,
    /// Number of requests that are delivered and not completely answered.
    unanswered: u16,
    /// Whether the peer's last request allows another one.
    keep_alive: bool,
    /// Of the peer's last request.
    version: (u8, u8),
    close: Option<CloseReason>,
    /// The time since which a request is awaited (on a new connection) or received. None between requests.
    started: Option<Instant>,
    /// The time since which all requests are answered and no byte of another one has arrived.
    idle_since: Option<Instant>,
}

/// The meaning of the next bytes.
#[derive(Debug)]
enum Reading {
    /// A request head. With a scanner, a part of it has been read.
    Head(Option<Box<HeadScanner<RequestLine>>>),
    /// Undecided until the user takes the connection over or declines.
    Upgrade {
        body: BodyLength,
        directives: Directives,
        tunnel: bool,
    },
    Body(BodyDecoder),
    /// Ignored: no further request is accepted.
    Closed,
    /// As `Closed`, after an abort or an error of the peer. `receiving`: it has happened within a request.
    Failed {
        receiving: bool,
    },
    /// They belong to the user, and are not HTTP any more.
    Raw,
}

impl ServerConnection {
    /// For a connection accepted at `now`.
    pub fn new(now: Instant) -> Self {
        Self {
            reading: Reading::Head(None),
            writing: Writing::Head,
            unanswered: 0,
            keep_alive: true,
            version: (1, 1),
            close: None,
            started: Some(now),
            idle_since: None,
        }
    }

    /// Reads from the front of the unconsumed bytes. Call it in a loop, and remove the consumed bytes, until the event is None.
    /// Then more bytes are needed, unless [`may_read`](Self::may_read) is false.
    ///
    /// `input` must start with the bytes that earlier calls left unconsumed.
    ///
    /// # Errors
    ///
    /// The peer has sent malformed bytes. Nothing further is parsed: later calls consume and ignore everything.
    pub fn handle_data<'b>(
        &mut self,
        now: Instant,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b mut Scratch,
    ) -> Result<Step<RequestEvent<'b>>, ParseError> {
        match &mut self.reading {
            Reading::Body(decoder) => {
                let result = decoder.run(limits, input, scratch);
                match &result {
                    Ok(Step {
                        event: Some(BodyPart::End(_)),
                        ..
                    }) => {
                        // A trailer section may announce the close, too.
                        let version = self.version;
                        if let Some(directives) = decoder.final_directives() {
                            self.keep_alive &= directives.keep_alive(version);
                        }
                        self.end_request(now);
                    }
                    Ok(_) => {}
                    Err(_) => self.fail(true),
                }
                result.map(|step| step.map(Event::from))
            }
            Reading::Head(_) => self.handle_head(now, limits, input, scratch),
            Reading::Upgrade { .. } | Reading::Raw => Ok(Step::nothing(0)),
            Reading::Closed | Reading::Failed { .. } => Ok(Step::nothing(input.len())),
        }
    }

    fn handle_head<'b>(
        &mut self,
        now: Instant,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b mut Scratch,
    ) -> Result<Step<RequestEvent<'b>>, ParseError> {
        let Reading::Head(scanner) = &mut self.reading else {
            return Ok(Step::nothing(0));
        };
        if self.unanswered >= limits.max_pipelined.max(1) {
            return Ok(Step::nothing(0));
        }
        // RFC 9112 section 2.2: empty lines before a request are ignored. Node skips any CR and LF.
        let skipped = head::count_skipped(scanner, input);
        let input = &input[skipped..];
        if input.is_empty() {
            return Ok(Step::nothing(skipped));
        }
        self.started.get_or_insert(now);
        self.idle_since = None;
        let parsed = match head::read_head(scanner, input, limits, scratch) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(Step::nothing(skipped)),
            Err(error) => {
                self.fail(false);
                return Err(error.offset_by(skipped));
            }
        };
        Ok(Step {
            consumed: skipped + parsed.end,
            event: Some(Event::Head(self.accept(&parsed, limits, input, scratch))),
        })
    }

    /// A head is complete. Decides how its body is framed, and whether the connection is kept.
    fn accept<'b>(
        &mut self,
        parsed: &ParsedHead<RequestLine>,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b Scratch,
    ) -> RequestHead<'b> {
        let (line, directives) = (parsed.line, parsed.directives);
        let fields = Fields::new(input, scratch);
        self.version = (line.major_version, line.minor_version);
        let framing = framing::request_body(line.method, self.version, directives, limits.lenient);
        let tunnel = line.method == Method::CONNECT;
        // As in Node also for HTTP/1.0, the default version of some proxies.
        let upgrade = tunnel || directives.wants_upgrade();
        self.keep_alive = directives.keep_alive(self.version) && !framing.close;
        self.reading = if upgrade {
            Reading::Upgrade {
                body: framing.body,
                directives,
                tunnel,
            }
        } else {
            Reading::Body(BodyDecoder::new(framing.body, Sender::Client, directives))
        };
        self.unanswered += 1;
        RequestHead {
            method: line.method,
            target: parsed.text(input),
            major_version: line.major_version,
            minor_version: line.minor_version,
            body: framing.body,
            keep_alive: self.keep_alive,
            upgrade,
            // RFC 9110 section 10.1.1: an HTTP/1.0 request expects nothing.
            expect: match self.version {
                (1, 1) => persistence::expect(&fields),
                _ => Expect::None,
            },
            fields,
        }
    }

    /// The peer has sent FIN; `remaining` are its unconsumed bytes. Call it when `handle_data` has no further event. Returns the
    /// `End` of a body that lasts until FIN.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Eof`]: a request was cut off. Requests that were delivered completely can still be answered.
    pub fn handle_eof(
        &mut self,
        remaining: &[u8],
    ) -> Result<Option<RequestEvent<'static>>, ParseError> {
        let (cut_off, receiving) = match &self.reading {
            Reading::Head(scanner) => (
                scanner.is_some() || count_line_ends(remaining) < remaining.len(),
                false,
            ),
            Reading::Body(BodyDecoder::UntilClose) => {
                self.stop_reading(CloseReason::PeerEof);
                return Ok(Some(Event::End(Fields::default())));
            }
            Reading::Body(decoder) => (!decoder.is_complete(), true),
            Reading::Upgrade { .. } | Reading::Closed | Reading::Failed { .. } | Reading::Raw => {
                return Ok(None);
            }
        };
        if cut_off {
            self.fail(receiving);
            return Err(ErrorKind::Eof.at(0));
        }
        self.stop_reading(CloseReason::PeerEof);
        Ok(None)
    }

    /// Sends a complete interim (1xx) response, which ends with an empty line.
    ///
    /// # Errors
    ///
    /// The response's head has been sent, or there is nothing to answer.
    pub fn send_interim(&mut self, head: &[u8], out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.check_head()?;
        out.extend_from_slice(head);
        Ok(())
    }

    /// Sends the head of the response to the oldest unanswered request. `head` ends with an empty line. `chunked`: the head says
    /// so, and the body is framed in chunks.
    ///
    /// # Errors
    ///
    /// The head has been sent before, or there is no request to answer.
    pub fn send_head(
        &mut self,
        head: &[u8],
        chunked: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        self.check_head()?;
        self.writing.begin(head, chunked, out);
        Ok(())
    }

    /// Announces a body part of `len` bytes, which the caller appends to `out` itself. An empty part has no effect, and is not
    /// the end.
    ///
    /// # Errors
    ///
    /// The head has not been sent.
    pub fn begin_data(&mut self, len: usize, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.writing.begin_data(self.is_closed(), len, out)
    }

    /// Follows the bytes of a body part.
    pub fn finish_data(&mut self, len: usize, out: &mut Vec<u8>) {
        self.writing.finish_data(len, out);
    }

    /// Ends the response. `trailers` are field lines, each with its line end, and are only written in chunked coding. `close`:
    /// the head has announced the close of the connection.
    ///
    /// # Errors
    ///
    /// The head has not been sent.
    pub fn send_end(
        &mut self,
        now: Instant,
        trailers: &[u8],
        close: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        self.writing.end(self.is_closed(), trailers, out)?;
        self.unanswered -= 1;
        if close {
            self.stop_reading(CloseReason::LocalClose);
        } else {
            self.note_idle(now);
        }
        Ok(())
    }

    /// The user takes the connection over after an upgrade head. The unconsumed bytes, and all later ones, are the user's.
    pub fn upgrade(&mut self) {
        if matches!(self.reading, Reading::Upgrade { .. }) {
            self.reading = Reading::Raw;
            self.unanswered = self.unanswered.saturating_sub(1);
            if self.unanswered == 0 {
                // If a response to the upgrade itself was begun, the user ends it.
                self.writing = Writing::Head;
            }
            self.started = None;
        }
    }

    /// The upgrade is declined: the request is an ordinary one, and the bytes after its head are HTTP. After CONNECT they may be
    /// anything, so that request is the connection's last.
    pub fn decline_upgrade(&mut self) {
        if let Reading::Upgrade {
            body,
            directives,
            tunnel,
        } = self.reading
        {
            self.keep_alive &= !tunnel;
            self.reading = Reading::Body(BodyDecoder::new(body, Sender::Client, directives));
        }
    }

    /// Whether bytes from the peer are parsed. False while the largest number of requests is unanswered, while an upgrade is
    /// undecided, after it, and when no further request is accepted.
    pub fn may_read(&self, limits: &Limits) -> bool {
        match self.reading {
            Reading::Head(_) => self.unanswered < limits.max_pipelined.max(1),
            Reading::Body(_) => true,
            Reading::Upgrade { .. } | Reading::Closed | Reading::Failed { .. } | Reading::Raw => {
                false
            }
        }
    }

    /// Set when the connection has to be closed after the bytes that were written to `out`.
    pub fn close_reason(&self) -> Option<CloseReason> {
        let owed = match (self.close?, &self.reading) {
            (CloseReason::LocalClose, _) => 0,
            // The request that was cut off is the last one, and may have been answered before.
            (_, Reading::Failed { receiving: true }) => self.unanswered.saturating_sub(1),
            _ => self.unanswered,
        };
        if owed == 0 { self.close } else { None }
    }

    /// Whether no request has begun and none is unanswered. Also after a last request whose response has not announced the close.
    pub fn is_idle(&self) -> bool {
        self.unanswered == 0
            && match self.reading {
                Reading::Head(None) => true,
                Reading::Closed => self.close == Some(CloseReason::PeerClose),
                _ => false,
            }
    }

    /// Whether a request's head has been delivered and its end has not. After an error: whether it happened within such a request.
    pub fn is_receiving(&self) -> bool {
        matches!(
            self.reading,
            Reading::Body(_) | Reading::Upgrade { .. } | Reading::Failed { receiving: true }
        )
    }

    /// Number of requests that are delivered and not completely answered.
    pub fn unanswered(&self) -> u16 {
        self.unanswered
    }

    /// The next deadline, and its kind. It may change with each call that reads or sends.
    pub fn poll_timeout(&self, timeouts: &Timeouts) -> Option<(Instant, TimeoutKind)> {
        let after = |start: Instant, limit: Option<Duration>, kind| {
            limit
                .and_then(|limit| start.checked_add(limit))
                .map(|at| (at, kind))
        };
        match (&self.reading, self.started) {
            (Reading::Head(_), Some(start)) => {
                let headers = after(start, timeouts.headers, TimeoutKind::Headers);
                let request = after(start, timeouts.request, TimeoutKind::Request);
                headers.into_iter().chain(request).min_by_key(|(at, _)| *at)
            }
            (Reading::Body(_), Some(start)) => after(start, timeouts.request, TimeoutKind::Request),
            // As in Node the limit ends a connection on which the peer has sent its last request and the response has not
            // announced the close.
            (Reading::Head(_) | Reading::Closed, None) => after(
                self.idle_since?,
                timeouts.keep_alive,
                TimeoutKind::KeepAlive,
            ),
            _ => None,
        }
    }

    fn check_head(&self) -> Result<(), MisuseError> {
        match self.writing {
            _ if self.is_closed() => Err(MisuseError::Closed),
            Writing::Head if self.unanswered == 0 => Err(MisuseError::NothingToAnswer),
            Writing::Head => Ok(()),
            Writing::Body | Writing::Chunks => Err(MisuseError::HeadAlreadySent),
        }
    }

    /// The connection's last response has been sent.
    fn is_closed(&self) -> bool {
        self.close == Some(CloseReason::LocalClose)
    }

    /// A request has been received completely.
    fn end_request(&mut self, now: Instant) {
        self.started = None;
        if self.keep_alive {
            self.reading = Reading::Head(None);
            self.note_idle(now);
        } else {
            self.stop_reading(CloseReason::PeerClose);
            self.note_idle(now);
        }
    }

    fn note_idle(&mut self, now: Instant) {
        if self.is_idle() {
            self.idle_since = Some(now);
        }
    }

    fn fail(&mut self, receiving: bool) {
        self.reading = Reading::Failed { receiving };
        self.close.get_or_insert(CloseReason::ParseError);
        self.started = None;
    }

    /// No further request is accepted.
    fn stop_reading(&mut self, reason: CloseReason) {
        if !matches!(self.reading, Reading::Raw | Reading::Failed { .. }) {
            self.reading = Reading::Closed;
        }
        if reason == CloseReason::LocalClose {
            self.close = Some(reason);
        }
        self.close.get_or_insert(reason);
        self.started = None;
        self.idle_since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_small() {
        // There is one for each open socket, including idle ones.
        assert!(
            size_of::<ServerConnection>() < 160,
            "{} bytes",
            size_of::<ServerConnection>()
        );
    }
}
