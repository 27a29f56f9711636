//! Passes given bytes to a server's connection and writes its events, one on each line.

use std::time::Instant;

use ferrohttp_proto::{
    BodyLength, CloseReason, Event, Expect, Limits, ParseError, RequestEvent, RequestHead, Scratch,
    ServerConnection,
};

use crate::log::{Log, shown};
use crate::vector::Options;

/// When the user answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// As soon as a request is complete.
    AtOnce,
    /// When nothing more can be read without an answer. One request is allowed at a time.
    Late,
}

/// The events of `pieces`, which arrive one after the other. Error positions count from the first byte
/// of the first piece.
pub(crate) fn transcript(pieces: &[&[u8]], options: Options, answers: Answers) -> Vec<String> {
    let mut run = Run::new(options, answers);
    for piece in pieces {
        run.unread.extend_from_slice(piece);
        if run.read().is_err() {
            return run.finish();
        }
    }
    if options.eof {
        match run.connection.handle_eof(&run.unread) {
            Ok(event) => {
                if let Some(event) = event {
                    run.event(event);
                }
                run.log.line("eof");
            }
            Err(error) => run.error(error),
        }
    } else if !run.taken {
        run.note_rest();
    }
    run.finish()
}

struct Run {
    connection: ServerConnection,
    options: Options,
    answers: Answers,
    now: Instant,
    unread: Vec<u8>,
    /// Bytes dropped from the front of `unread` so far.
    dropped: usize,
    log: Log,
    /// The user took the connection over.
    taken: bool,
    /// Complete requests without an answer.
    owed: usize,
}

/// An error ended the run.
struct Ended;

impl Run {
    fn new(options: Options, answers: Answers) -> Self {
        let now = Instant::now();
        let max_pipelined = if answers == Answers::Late { 1 } else { 16 };
        let limits = Limits {
            max_pipelined,
            ..options.limits
        };
        Self {
            connection: ServerConnection::new(now),
            options: Options { limits, ..options },
            answers,
            now,
            unread: Vec::new(),
            dropped: 0,
            log: Log::default(),
            taken: false,
            owed: 0,
        }
    }

    fn read(&mut self) -> Result<(), Ended> {
        let mut scratch = Scratch::new();
        loop {
            let unread = std::mem::take(&mut self.unread);
            let result =
                self.connection
                    .handle_data(self.now, &self.options.limits, &unread, &mut scratch);
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
                    assert!(
                        error.bytes_parsed <= unread.len(),
                        "{error}: beyond the end of {}",
                        unread.escape_ascii()
                    );
                    self.error(error);
                    return Err(Ended);
                }
            };
            self.unread = unread[consumed..].to_vec();
            self.dropped += consumed;
            if self.owed > 0 && (self.answers == Answers::AtOnce || !more) {
                self.answer();
            } else if !more {
                return Ok(());
            }
        }
    }

    fn event(&mut self, event: RequestEvent<'_>) {
        match event {
            Event::Head(head) => self.request(&head),
            Event::Data(data) => self.log.data(data),
            Event::End(trailers) => {
                self.log.fields("trailer", trailers);
                self.log.line("end");
                self.owed += 1;
            }
        }
    }

    fn request(&mut self, head: &RequestHead<'_>) {
        let mut line = format!(
            "request {} {} {}.{}",
            head.method,
            shown(head.target),
            head.major_version,
            head.minor_version
        );
        match head.body {
            BodyLength::None => {}
            BodyLength::Length(length) => line.push_str(&format!(" length={length}")),
            BodyLength::Chunked => line.push_str(" chunked"),
            BodyLength::Unreadable => line.push_str(" unreadable"),
            BodyLength::UntilClose => line.push_str(" until-close"),
        }
        match head.expect {
            Expect::None => {}
            Expect::Continue => line.push_str(" expect=continue"),
            Expect::Other => line.push_str(" expect=other"),
        }
        for (flag, word) in [(!head.keep_alive, " close"), (head.upgrade, " upgrade")] {
            line.push_str(if flag { word } else { "" });
        }
        self.log.line(line);
        self.log.fields("field", head.fields.clone());
        if head.upgrade && self.options.decline {
            self.connection.decline_upgrade();
        } else if head.upgrade {
            self.connection.upgrade();
            self.taken = true;
        }
    }

    /// A response without a body.
    fn answer(&mut self) {
        let mut out = Vec::new();
        self.connection
            .send_head(b"HTTP/1.1 204 No Content\r\n\r\n", false, &mut out)
            .expect("a request is unanswered");
        self.connection
            .send_end(self.now, b"", false, &mut out)
            .expect("the head was sent");
        self.owed -= 1;
    }

    fn error(&mut self, error: ParseError) {
        let at = self.dropped + error.bytes_parsed;
        self.log.line(format!(
            "error {} {} at {at}: {}",
            error.kind.code(),
            error.kind.status(),
            error.kind.reason()
        ));
    }

    /// Adds the state in which the input leaves the connection.
    fn note_rest(&mut self) {
        match self.connection.close_reason() {
            Some(CloseReason::PeerClose) => self.log.line("closed"),
            Some(reason) => self.log.line(format!("closed: {}", reason.explain())),
            None if !self.connection.is_idle() => self.log.line("wait"),
            None if self.log.is_empty() => self.log.line("idle"),
            None => {}
        }
    }

    fn finish(mut self) -> Vec<String> {
        if self.taken {
            self.log.taken(&self.unread);
        }
        self.log.finish()
    }
}

/// An overflow is noticed at the end of a part, and so earlier when the part arrives in pieces. Its position is left out.
pub(crate) fn without_overflow_place(lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .map(|line| match line.split_once(" at ") {
            Some((kind, _)) if is_overflow(line) => kind.to_owned(),
            _ => line.clone(),
        })
        .collect()
}

/// Whether the same bytes, cut in two ways, have the same events. An overflow may be noticed before another error, or
/// after it.
pub(crate) fn agree(one: &[String], other: &[String]) -> bool {
    let ends_early = |short: &[String], long: &[String]| {
        short
            .split_last()
            .is_some_and(|(last, before)| is_overflow(last) && long.starts_with(before))
    };
    one == other || ends_early(one, other) || ends_early(other, one)
}

fn is_overflow(line: &str) -> bool {
    line.starts_with("error HPE_HEADER_OVERFLOW")
        || line.starts_with("error HPE_CHUNK_EXTENSIONS_OVERFLOW")
}
