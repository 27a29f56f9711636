//! The client's side of one connection.

use crate::body::BodyDecoder;
use crate::close_reason::CloseReason;
use crate::config::Limits;
use crate::directives::Sender;
use crate::error::{ErrorKind, MisuseError, ParseError};
use crate::event::{
    BodyPart, Event, Fields, RequestKind, ResponseEvent, ResponseHead, Scratch, Step,
    count_line_ends,
};
use crate::framing;
use crate::head::{self, HeadScanner, ParsedHead};
use crate::persistence;
use crate::status_line::StatusLine;
use crate::writing::Writing;

/// Limit for the interim responses before a final one, as a multiple of the size of a head, because their number has no natural
/// end. Node has no limit.
const MAX_INTERIM_HEADS: usize = 16;

/// Limit for line ends after a response, in bytes: more than a server sends by mistake. Without a limit, reading them might never
/// end.
const MAX_LINE_ENDS: u32 = 1024;

/// The client's side of one connection: one request out, its response in, then the next.
///
/// Like [`ServerConnection`](crate::ServerConnection) it holds no bytes. It has no deadlines.
///
/// For each request the order of calls is `send_head` → (`begin_data` → the bytes → `finish_data`)* → `send_end`. The server's
/// bytes may be read at any time, and the response may be complete before the request. The next `send_head` has to wait for both,
/// and for [`handle_data`](Self::handle_data) to have found no bytes after the response: bytes that arrive while no response is
/// due are an error, so that they never become the response to a later request. For the same reason an idle connection has to be
/// read.
///
/// After a [`ParseError`] the connection cannot be used any more.
///
/// `max_pipelined` of [`Limits`] has no effect here. Node's client ignores the fields beyond its `maxHeadersCount`, which its
/// server refuses. For that, set `max_headers_count` to 0, and let the user drop the surplus.
///
/// ```
/// use ferrohttp_proto::{ClientConnection, Event, Limits, RequestKind, Scratch};
///
/// let (limits, mut scratch, mut out) = (Limits::default(), Scratch::new(), Vec::new());
/// let mut connection = ClientConnection::new();
/// connection.send_head(RequestKind::of(b"GET"), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", false, &mut out)?;
/// connection.send_end(b"", false, &mut out)?;
///
/// let mut received: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
/// let mut body = Vec::new();
/// loop {
///     let step = connection.handle_data(&limits, received, &mut scratch)?;
///     received = &received[step.consumed..];
///     match step.event {
///         Some(Event::Head(head)) => assert_eq!((head.status, head.reason), (200, &b"OK"[..])),
///         Some(Event::Data(data)) => body.extend_from_slice(data),
///         Some(Event::End(_)) => {}
///         None => break,
///     }
/// }
/// assert_eq!(body, b"hi");
/// assert!(connection.is_idle());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ClientConnection {
    reading: Reading,
    /// The state of the last request.
    writing: Writing,
    /// The kind of the last request.
    kind: RequestKind,
    /// Whether the last request has announced the close of the connection.
    closing: bool,
    /// Whether the response being read allows another request.
    keep_alive: bool,
    /// Whether Node's parser expects another response after this one: it has not announced the close, and has an end of its own.
    may_go_on: bool,
    /// The version of the last response.
    version: (u8, u8),
    /// Number of bytes of line ends since the last response.
    line_ends: u32,
    /// Number of bytes of interim responses to the last request.
    interim: u32,
    close: Option<CloseReason>,
}

/// The meaning of the next bytes.
#[derive(Debug)]
enum Reading {
    /// No response is due.
    Idle,
    /// As `Idle`, immediately after a response: bytes that arrived with it have not been checked.
    Ended,
    /// A response head. With a scanner, a part of it has been read.
    Head(Option<Box<HeadScanner<StatusLine>>>),
    /// A response is due, but an interim one has announced the close of the connection.
    ClosedEarly,
    Body(BodyDecoder),
    /// As `Closed`, after a response that has not announced the close. Bytes that arrive before the connection is closed are an error.
    Last,
    /// Ignored: no further response is accepted.
    Closed,
    /// As `Closed`, after an error.
    Failed,
    /// They belong to the user, and are not HTTP any more.
    Raw,
}

impl Default for ClientConnection {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientConnection {
    /// For a connection on which nothing has been sent.
    pub fn new() -> Self {
        Self {
            reading: Reading::Idle,
            writing: Writing::Head,
            kind: RequestKind::Ordinary,
            closing: false,
            keep_alive: true,
            may_go_on: true,
            version: (1, 1),
            line_ends: 0,
            interim: 0,
            close: None,
        }
    }

    /// Reads from the front of the unconsumed bytes. Call it in a loop, and remove the consumed bytes, until the event is None.
    /// Then more bytes are needed, unless [`may_read`](Self::may_read) is false. Call it once after each `End`, even without
    /// bytes.
    ///
    /// `input` must start with the bytes that earlier calls left unconsumed.
    ///
    /// # Errors
    ///
    /// The server has sent malformed bytes, or bytes that no request has asked for ([`ErrorKind::Unsolicited`]). Nothing further
    /// is parsed: later calls consume and ignore everything.
    pub fn handle_data<'b>(
        &mut self,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b mut Scratch,
    ) -> Result<Step<ResponseEvent<'b>>, ParseError> {
        match &mut self.reading {
            Reading::Body(decoder) => match decoder.run(limits, input, scratch) {
                Ok(step) => {
                    if matches!(step.event, Some(BodyPart::End(_))) {
                        // A trailer section may announce the close, too.
                        if let Some(directives) = decoder.final_directives() {
                            self.keep_alive &= directives.keep_alive(self.version);
                            self.keep_alive &= directives.is_chunked() || !directives.has_coding();
                            self.may_go_on &= self.keep_alive;
                        }
                        self.end_response(CloseReason::PeerClose);
                    }
                    Ok(step.map(Event::from))
                }
                Err(error) => Err(self.fail(error)),
            },
            Reading::Head(_) => self.handle_head(limits, input, scratch),
            Reading::Idle | Reading::Ended | Reading::Last => {
                // Node ignores line ends between responses.
                let skipped = count_line_ends(input);
                self.line_ends = self.line_ends.saturating_add(skipped as u32);
                if skipped < input.len() || self.line_ends > MAX_LINE_ENDS {
                    return Err(self.fail(ErrorKind::Unsolicited.at(skipped)));
                }
                if matches!(self.reading, Reading::Ended) {
                    self.reading = Reading::Idle;
                }
                Ok(Step::nothing(skipped))
            }
            Reading::ClosedEarly => {
                let skipped = count_line_ends(input);
                if skipped < input.len() {
                    return Err(self.fail(ErrorKind::ClosedConnection.at(skipped + 1)));
                }
                Ok(Step::nothing(skipped))
            }
            Reading::Raw => Ok(Step::nothing(0)),
            Reading::Closed | Reading::Failed => Ok(Step::nothing(input.len())),
        }
    }

    fn handle_head<'b>(
        &mut self,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b mut Scratch,
    ) -> Result<Step<ResponseEvent<'b>>, ParseError> {
        let Reading::Head(scanner) = &mut self.reading else {
            return Ok(Step::nothing(0));
        };
        // Node ignores line ends before a response, as before a request.
        let skipped = head::count_skipped(scanner, input);
        let input = &input[skipped..];
        if input.is_empty() {
            return Ok(Step::nothing(skipped));
        }
        let parsed = match head::read_head(scanner, input, limits, scratch) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(Step::nothing(skipped)),
            Err(error) => return Err(self.fail(error.offset_by(skipped))),
        };
        let consumed = skipped + parsed.end;
        let head = self.accept(&parsed, limits, input, scratch);
        if head.interim {
            self.interim = self.interim.saturating_add(consumed as u32);
            if self.interim as usize / MAX_INTERIM_HEADS > limits.max_header_size {
                return Err(self.fail(ErrorKind::HeaderOverflow.at(consumed)));
            }
        }
        Ok(Step {
            consumed,
            event: Some(Event::Head(head)),
        })
    }

    /// A head is complete. Decides how its body is framed, and whether the connection is kept.
    fn accept<'b>(
        &mut self,
        parsed: &ParsedHead<StatusLine>,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b Scratch,
    ) -> ResponseHead<'b> {
        const SWITCHING_PROTOCOLS: u16 = 101;
        let (line, directives) = (parsed.line, parsed.directives);
        let fields = Fields::new(input, scratch);
        self.version = (line.major_version, line.minor_version);
        let framing = framing::response_body(self.kind, line.status, self.version, directives);
        let willing = directives.keep_alive(self.version);
        let switching = line.status == SWITCHING_PROTOCOLS;
        // Node accepts it from HTTP/1.0, too.
        let upgrade =
            self.kind == RequestKind::Connect || (switching && directives.wants_upgrade());
        let interim = line.status / 100 == 1 && !switching && !upgrade;
        // The bytes after a 101 are not HTTP/1.1, even if it does not name another protocol.
        let keep_alive = willing && !framing.close && !switching && !upgrade;
        let head = ResponseHead {
            status: line.status,
            interim,
            reason: parsed.text(input),
            major_version: line.major_version,
            minor_version: line.minor_version,
            body: framing.body,
            keep_alive,
            keep_alive_timeout: persistence::keep_alive_timeout(&fields),
            upgrade,
            fields,
        };
        if interim {
            // In Node's parser an announced close has effect in any response.
            if !willing && !limits.lenient {
                self.reading = Reading::ClosedEarly;
            }
        } else {
            self.keep_alive = keep_alive;
            // Node closes after a response to HEAD without a length, and parses what follows it nevertheless.
            let ends = !framing.close || self.kind == RequestKind::Head;
            self.may_go_on = willing && ends && !switching;
            self.reading = if upgrade {
                self.writing = Writing::Head;
                Reading::Raw
            } else {
                Reading::Body(BodyDecoder::new(framing.body, Sender::Server, directives))
            };
        }
        head
    }

    /// The server has sent FIN. Call it when `handle_data` has no further event. Unconsumed bytes are lost. Returns the `End` of
    /// a body that lasts until FIN.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::HangUp`]: a response was due, and its final head had not arrived.
    /// [`ErrorKind::Aborted`]: its body was cut off. On an idle connection there is no error.
    pub fn handle_eof(&mut self) -> Result<Option<ResponseEvent<'static>>, ParseError> {
        match &self.reading {
            Reading::Idle | Reading::Ended => self.stop_reading(CloseReason::PeerEof),
            Reading::Head(_) | Reading::ClosedEarly => {
                return Err(self.fail(ErrorKind::HangUp.at(0)));
            }
            Reading::Body(decoder) if decoder.is_complete_at_eof() => {
                (self.keep_alive, self.may_go_on) = (false, false);
                self.end_response(CloseReason::PeerEof);
                return Ok(Some(Event::End(Fields::default())));
            }
            Reading::Body(_) => return Err(self.fail(ErrorKind::Aborted.at(0))),
            Reading::Last | Reading::Closed | Reading::Failed | Reading::Raw => {}
        }
        Ok(None)
    }

    /// Sends the head of a request. `head` ends with an empty line. `chunked`: the head says so, and the body is framed in chunks.
    ///
    /// # Errors
    ///
    /// The last request or its response is not complete, `handle_data` has not been called after the response, or the connection
    /// accepts no further request.
    pub fn send_head(
        &mut self,
        kind: RequestKind,
        head: &[u8],
        chunked: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        match (self.writing, &self.reading) {
            (Writing::Body | Writing::Chunks, _) => return Err(MisuseError::HeadAlreadySent),
            (_, Reading::Last | Reading::Closed | Reading::Failed | Reading::Raw) => {
                return Err(MisuseError::Closed);
            }
            (_, Reading::Ended | Reading::Head(_) | Reading::ClosedEarly | Reading::Body(_)) => {
                return Err(MisuseError::RequestInFlight);
            }
            (Writing::Head, Reading::Idle) => {}
        }
        self.kind = kind;
        self.reading = Reading::Head(None);
        self.line_ends = 0;
        self.interim = 0;
        self.writing.begin(head, chunked, out);
        Ok(())
    }

    /// The user takes the connection over, and its bytes are not HTTP any more. After an upgrade this has happened already.
    pub fn upgrade(&mut self) {
        self.reading = Reading::Raw;
        self.writing = Writing::Head;
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

    /// Ends the request. `trailers` are field lines, each with its line end, and are only written in chunked coding. `close`: the
    /// head has announced the close of the connection, which ends with the response.
    ///
    /// # Errors
    ///
    /// The head has not been sent.
    pub fn send_end(
        &mut self,
        trailers: &[u8],
        close: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        self.writing.end(self.is_closed(), trailers, out)?;
        self.closing |= close;
        if close && matches!(self.reading, Reading::Idle | Reading::Ended) {
            self.stop_reading(CloseReason::LocalClose);
        }
        Ok(())
    }

    /// Whether bytes from the server are parsed, even if only to detect unsolicited ones. False when the connection has been
    /// handed over, has failed, or accepts no further request.
    pub fn may_read(&self) -> bool {
        !self.is_closed()
    }

    /// Set when the connection accepts no further request and expects nothing more of a response. It has to be closed then, even
    /// if a request is unfinished. None after an upgrade.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.close
    }

    /// Whether a request may be sent: no request is unfinished, and no response is due.
    pub fn is_idle(&self) -> bool {
        self.writing == Writing::Head && matches!(self.reading, Reading::Idle)
    }

    /// Whether a final response's head has been delivered and its end has not.
    pub fn is_receiving(&self) -> bool {
        matches!(self.reading, Reading::Body(_))
    }

    /// Whether a request's head has been sent and its end has not.
    pub fn is_sending(&self) -> bool {
        self.writing != Writing::Head
    }

    /// No further request is accepted.
    fn is_closed(&self) -> bool {
        matches!(
            self.reading,
            Reading::Last | Reading::Closed | Reading::Failed | Reading::Raw
        )
    }

    /// A response has been received completely. `reason` is the reason if it is the last one.
    fn end_response(&mut self, reason: CloseReason) {
        if self.keep_alive && !self.closing {
            self.reading = Reading::Ended;
            return;
        }
        self.stop_reading(if self.closing {
            CloseReason::LocalClose
        } else {
            reason
        });
        if self.may_go_on {
            self.reading = Reading::Last;
        }
    }

    fn stop_reading(&mut self, reason: CloseReason) {
        self.reading = Reading::Closed;
        self.close.get_or_insert(reason);
    }

    fn fail(&mut self, error: ParseError) -> ParseError {
        self.reading = Reading::Failed;
        self.close.get_or_insert(CloseReason::ParseError);
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_after_an_upgrade_are_not_parsed() {
        let (limits, mut scratch, mut out) = (Limits::default(), Scratch::new(), Vec::new());
        let mut connection = ClientConnection::new();
        connection.upgrade();
        let step = connection
            .handle_data(&limits, b"anything", &mut scratch)
            .expect("no error");
        assert_eq!((step.consumed, step.event.is_none()), (0, true));
        assert!(matches!(connection.handle_eof(), Ok(None)));
        let refused = connection.send_head(RequestKind::Ordinary, b"", false, &mut out);
        assert!(refused.is_err());
        assert!(connection.close_reason().is_none());
    }

    #[test]
    fn a_connection_is_small() {
        // There is one for each open socket, including idle ones in an agent's pool.
        assert!(
            size_of::<ClientConnection>() <= 64,
            "{} bytes",
            size_of::<ClientConnection>()
        );
    }
}
