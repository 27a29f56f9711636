//! Passes given bytes to a client's connection and writes its events, one on each line.

use ferrohttp_proto::{
    BodyLength, ClientConnection, Event, ParseError, RequestKind, ResponseEvent, ResponseHead,
    Scratch,
};

use crate::log::{Log, shown};
use crate::vector::Options;

/// The events of `pieces`, which arrive one after the other after a request. Error positions count
/// from the first byte of the first piece.
pub(crate) fn response_transcript(pieces: &[&[u8]], options: Options) -> Vec<String> {
    let mut run = Run::new(options);
    run.request();
    run.receive_all(pieces)
}

/// The same after a first exchange whose response is `first`.
pub(crate) fn second_response_transcript(
    first: &[u8],
    input: &[u8],
    options: Options,
) -> Vec<String> {
    let mut run = Run::new(options);
    run.send(RequestKind::Ordinary);
    run.receive(first)
        .unwrap_or_else(|_| panic!("a valid response"));
    assert!(run.connection.is_idle());
    run.log.clear();
    run.request();
    run.receive_all(&[input])
}

struct Run {
    connection: ClientConnection,
    options: Options,
    unread: Vec<u8>,
    /// Bytes dropped from the front of `unread` so far.
    dropped: usize,
    log: Log,
    upgraded: bool,
}

/// An error ended the run.
struct Ended;

impl Run {
    fn new(options: Options) -> Self {
        Self {
            connection: ClientConnection::new(),
            options,
            unread: Vec::new(),
            dropped: 0,
            log: Log::default(),
            upgraded: false,
        }
    }

    fn request(&mut self) {
        self.send(self.options.request.expect("a case of responses"));
    }

    fn send(&mut self, kind: RequestKind) {
        let mut out = Vec::new();
        self.connection
            .send_head(kind, b"\r\n", false, &mut out)
            .expect("an idle connection");
        self.connection
            .send_end(b"", false, &mut out)
            .expect("the head was sent");
    }

    fn receive_all(mut self, pieces: &[&[u8]]) -> Vec<String> {
        for piece in pieces {
            if self.receive(piece).is_err() {
                return self.log.finish();
            }
        }
        if self.options.eof {
            match self.connection.handle_eof() {
                Ok(event) => {
                    if let Some(event) = event {
                        self.event(event);
                    }
                    self.log.line("eof");
                }
                Err(error) => self.error(error),
            }
        } else if self.upgraded {
            self.log.taken(&self.unread);
        } else if self.connection.close_reason().is_some() {
            self.log.line("closed");
        } else if !self.connection.is_idle() {
            self.log.line("wait");
        }
        self.log.finish()
    }

    fn receive(&mut self, piece: &[u8]) -> Result<(), Ended> {
        let mut scratch = Scratch::new();
        self.unread.extend_from_slice(piece);
        loop {
            let unread = std::mem::take(&mut self.unread);
            let result = self
                .connection
                .handle_data(&self.options.limits, &unread, &mut scratch);
            let (consumed, more) = match result {
                Ok(step) => {
                    let more = step.event.is_some();
                    assert!(step.consumed <= unread.len(), "consumed more than there is");
                    if let Some(event) = step.event {
                        self.event(event);
                    }
                    (step.consumed, more)
                }
                Err(error) => {
                    assert!(error.bytes_parsed <= unread.len(), "{error}");
                    assert!(!self.connection.may_read() && !self.connection.is_idle());
                    self.error(error);
                    return Err(Ended);
                }
            };
            self.unread = unread[consumed..].to_vec();
            self.dropped += consumed;
            if !more {
                return Ok(());
            }
        }
    }

    fn event(&mut self, event: ResponseEvent<'_>) {
        match event {
            Event::Head(head) if head.interim => self.head("information", &head),
            Event::Head(head) => {
                self.head("response", &head);
                self.upgraded = head.upgrade;
            }
            Event::Data(data) => self.log.data(data),
            Event::End(trailers) => {
                self.log.fields("trailer", trailers);
                self.log.line("end");
            }
        }
    }

    fn head(&mut self, word: &str, head: &ResponseHead<'_>) {
        let mut line = format!(
            "{word} {} {}.{} '{}'",
            head.status,
            head.major_version,
            head.minor_version,
            shown(head.reason)
        );
        match head.body {
            BodyLength::None => {}
            BodyLength::Length(length) => {
                line.push_str(&format!(" length={length}"));
            }
            BodyLength::Chunked => line.push_str(" chunked"),
            BodyLength::Unreadable => line.push_str(" unreadable"),
            BodyLength::UntilClose => line.push_str(" until-close"),
        }
        if let Some(seconds) = head.keep_alive_timeout {
            line.push_str(&format!(" timeout={seconds}"));
        }
        for (flag, word) in [
            (!head.keep_alive && !head.upgrade, " close"),
            (head.upgrade, " upgrade"),
        ] {
            line.push_str(if flag { word } else { "" });
        }
        self.log.line(line);
        self.log.fields("field", head.fields.clone());
    }

    fn error(&mut self, error: ParseError) {
        let at = self.dropped + error.bytes_parsed;
        let (code, reason) = (error.kind.code(), error.kind.reason());
        self.log.line(format!("error {code} at {at}: {reason}"));
    }
}
