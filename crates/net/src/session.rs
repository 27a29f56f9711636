//! The engine without a socket: parses the bytes of a stream that JavaScript owns, and returns records.
//!
//! It serves connections that cannot be native: any Duplex, and sockets that others have made. JavaScript reads and writes the
//! stream, and keeps the timeouts.

use std::time::Instant;

use ferrohttp_proto::{ErrorKind, Limits, RequestKind, Scratch};

use crate::handoff::Batch;
use crate::id::ConnectionId;
use crate::messages::{Engine, Input, Reported, Translator};

/// There is one connection only.
const ID: ConnectionId = ConnectionId {
    slot: 0,
    generation: 0,
};

/// The connection of one stream, in either role. Every method is synchronous. `records` returns the events, see `handoff`.
pub struct Session {
    engine: Engine,
    limits: Limits,
    /// Bytes that the engine has not consumed yet.
    input: Vec<u8>,
    scratch: Scratch,
    batch: Batch,
    /// JavaScript has the head of an upgrade and has not decided yet.
    upgrade_pending: bool,
    /// The request being received has no body, so no END record follows its head.
    without_body: bool,
    failed: Option<ErrorKind>,
}

impl Session {
    /// The server's side of a stream.
    #[must_use]
    pub fn server(limits: Limits) -> Self {
        Self::new(Engine::server(Instant::now()), limits)
    }

    /// The client's side of a stream.
    #[must_use]
    pub fn client(limits: Limits) -> Self {
        Self::new(Engine::client(), limits)
    }

    fn new(engine: Engine, limits: Limits) -> Self {
        Self {
            engine,
            limits,
            input: Vec::new(),
            scratch: Scratch::new(),
            batch: Batch::default(),
            upgrade_pending: false,
            without_body: false,
            failed: None,
        }
    }

    /// Parses `data`, which the stream has received.
    pub fn feed(&mut self, data: &[u8]) {
        if let Some(kind) = self.failed {
            self.with_translator(Instant::now(), |_, translator| {
                translator.after_error(kind, data);
            });
            return;
        }
        if self.input.is_empty() {
            let used = self.parse(Input::new(data));
            self.input.extend_from_slice(&data[used..]);
        } else {
            let seen = self.input.len();
            self.input.extend_from_slice(data);
            self.resume_behind(seen);
        }
    }

    /// The stream has ended.
    pub fn eof(&mut self) {
        if self.upgrade_pending || self.failed.is_some() {
            return;
        }
        let rest = std::mem::take(&mut self.input);
        let outcome = self.with_translator(Instant::now(), |engine, translator| {
            let outcome = engine.report_fin(translator, &rest);
            if outcome.is_ok() {
                translator.eof();
            }
            outcome
        });
        self.failed = outcome.err().map(|error| error.kind);
    }

    /// Server: the response to the oldest unanswered request has been written; `close` if it has announced the end of the
    /// connection. Requests that had to wait for it are parsed. No effect out of turn.
    pub fn answered(&mut self, close: bool) {
        if self.engine.is_client() {
            return;
        }
        let mut nothing = Vec::new();
        // The head may have been counted already.
        let _ = self.engine.send_head(None, b"", false, &mut nothing);
        let _ = self
            .engine
            .send_end(Instant::now(), b"", close, &mut nothing);
        self.resume();
    }

    /// Client: a request's head is written. Returns false if another request is in progress, or the connection accepts no more.
    pub fn begin(&mut self, kind: RequestKind) -> bool {
        self.engine
            .send_head(Some(kind), b"", false, &mut Vec::new())
            .is_ok()
    }

    /// Client: the request has been written. No effect out of turn.
    pub fn finished(&mut self, close: bool) {
        if self.engine.is_client() {
            let mut nothing = Vec::new();
            let _ = self
                .engine
                .send_end(Instant::now(), b"", close, &mut nothing);
        }
    }

    /// Server: the upgrade has no listener, so the next bytes are HTTP.
    pub fn decline_upgrade(&mut self) {
        self.engine.decline_upgrade();
        self.upgrade_pending = false;
        self.resume();
    }

    /// Whether a message has begun and not ended.
    #[must_use]
    pub fn is_receiving(&self) -> bool {
        self.engine.is_receiving()
    }

    /// Whether no exchange is in progress.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.input.is_empty() && self.engine.is_idle()
    }

    /// Calls `take` with the records since the last call, if there are any.
    pub fn records<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        if self.batch.records().is_empty() {
            return None;
        }
        let taken = take(self.batch.records());
        self.batch.reset();
        Some(taken)
    }

    fn resume(&mut self) {
        self.resume_behind(0);
    }

    /// Parses the bytes that are left, of which the first `seen` are not new.
    fn resume_behind(&mut self, seen: usize) {
        if self.upgrade_pending || (self.input.is_empty() && !self.is_receiving()) {
            return;
        }
        let mut bytes = std::mem::take(&mut self.input);
        let used = self.parse(Input {
            bytes: &bytes,
            seen,
            used: 0,
        });
        bytes.drain(..used);
        self.input = bytes;
    }

    /// Returns the number of bytes of `input` that are consumed.
    fn parse(&mut self, mut input: Input<'_>) -> usize {
        let now = Instant::now();
        let mut scratch = std::mem::take(&mut self.scratch);
        while !self.upgrade_pending && self.failed.is_none() {
            let outcome = self.with_translator(now, |engine, translator| {
                engine
                    .report_next(translator, &mut input, &mut scratch)
                    .inspect_err(|error| translator.error(*error, &input))
            });
            match outcome {
                Ok(Reported::Nothing) => break,
                Ok(Reported::Head { upgrade, .. }) => self.upgrade_pending = upgrade,
                Ok(Reported::Data(_) | Reported::End) => {}
                Err(error) => {
                    self.failed = Some(error.kind);
                    input.used = input.bytes.len();
                }
            }
        }
        self.scratch = scratch;
        input.used
    }

    fn with_translator<T>(
        &mut self,
        now: Instant,
        act: impl FnOnce(&mut Engine, &mut Translator<'_>) -> T,
    ) -> T {
        let mut translator = Translator {
            id: ID,
            now,
            limits: &self.limits,
            batch: &mut self.batch,
            whole_bodies: true,
            without_body: &mut self.without_body,
        };
        act(&mut self.engine, &mut translator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crossing::inbound::{BODY, END, EOF, ERROR, HEAD, RESPONSE};
    use crate::crossing::kind_of;

    /// The types of all records, and their bytes.
    fn reported(session: &mut Session) -> (Vec<u32>, Vec<u8>) {
        session
            .records(|records| {
                let word =
                    |at: usize| u32::from_le_bytes(records[at..at + 4].try_into().expect("a word"));
                let (mut kinds, mut at) = (Vec::new(), 0);
                while at < records.len() {
                    kinds.push(kind_of(word(at)));
                    at += word(at + 4) as usize;
                }
                assert_eq!(at, records.len());
                (kinds, records.to_vec())
            })
            .unwrap_or_default()
    }

    fn kinds(session: &mut Session) -> Vec<u32> {
        reported(session).0
    }

    fn has(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn a_request_in_pieces_is_one_request() {
        let request = b"POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nabc";
        let mut session = Session::server(Limits::default());
        let mut all = Vec::new();
        for byte in request {
            session.feed(&[*byte]);
            all.extend(kinds(&mut session));
        }
        assert_eq!(all, [HEAD, BODY, BODY, BODY, END]);
        assert!(!session.is_receiving() && !session.is_idle());
        session.answered(false);
        assert!(session.is_idle());
    }

    #[test]
    fn trailers_that_announce_the_close_say_that_the_response_is_the_last() {
        for (trailers, last) in [("", 0), ("Connection: close\r\n", 1)] {
            let mut session = Session::client(Limits::default());
            assert!(session.begin(RequestKind::Ordinary));
            session.finished(false);
            session.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            assert_eq!(kinds(&mut session), [RESPONSE]);
            session.feed(format!("0\r\n{trailers}\r\n").as_bytes());
            let (kinds, bytes) = reported(&mut session);
            assert_eq!((kinds, bytes[1]), (vec![END], last));
            assert_eq!(session.begin(RequestKind::Ordinary), last == 0);
        }
    }

    #[test]
    fn a_long_body_part_stays_in_its_record() {
        let mut session = Session::server(Limits::default());
        session.feed(b"POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 100000\r\n\r\n");
        session.feed(&[b'x'; 100_000]);
        let (kinds, bytes) = reported(&mut session);
        assert_eq!(kinds, [HEAD, BODY, END]);
        assert!(bytes.len() > 100_000);
    }

    #[test]
    fn requests_beyond_the_limit_wait_for_answers() {
        let limits = Limits {
            max_pipelined: 2,
            ..Limits::default()
        };
        let mut session = Session::server(limits);
        session.feed(&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
        assert_eq!(kinds(&mut session), [HEAD, HEAD]);
        session.answered(false);
        assert_eq!(kinds(&mut session), [HEAD]);
    }

    #[test]
    fn bytes_after_an_upgrade_wait_for_the_decision() {
        let mut session = Session::server(Limits::default());
        session.feed(
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
        );
        let (first, bytes) = reported(&mut session);
        assert_eq!(first, [HEAD]);
        assert!(has(&bytes, b"GET /b HTTP/1.1"));
        session.decline_upgrade();
        assert_eq!(kinds(&mut session), [HEAD]);
    }

    #[test]
    fn a_broken_stream_is_reported_while_bytes_arrive() {
        let mut session = Session::server(Limits::default());
        session.feed(b"nonsense\r\n\r\n");
        assert_eq!(kinds(&mut session), [ERROR]);
        session.feed(b"more");
        assert_eq!(kinds(&mut session), [ERROR]);
        session.eof();
        assert_eq!(kinds(&mut session), []);
    }

    #[test]
    fn an_end_within_a_request_is_an_error_and_between_requests_none() {
        let mut session = Session::server(Limits::default());
        session.feed(b"GET / HT");
        session.eof();
        assert_eq!(kinds(&mut session), [ERROR]);
        let mut session = Session::server(Limits::default());
        session.eof();
        assert_eq!(kinds(&mut session), [EOF]);
    }

    #[test]
    fn a_response_needs_a_request() {
        let mut session = Session::client(Limits::default());
        assert!(session.begin(RequestKind::Ordinary));
        assert!(!session.begin(RequestKind::Ordinary));
        session.finished(false);
        session
            .feed(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Fine\r\nContent-Length: 2\r\n\r\nhi");
        let (first, bytes) = reported(&mut session);
        assert_eq!(first, [RESPONSE, RESPONSE, BODY, END]);
        assert!(has(&bytes, b"Fine\nContent-Length\n2"));
        assert!(session.is_idle());
        session.feed(b"HTTP/1.1 200 Smuggled\r\n\r\n");
        assert_eq!(kinds(&mut session), [ERROR]);
        assert!(!session.begin(RequestKind::Ordinary));
    }

    #[test]
    fn a_body_until_the_end_ends_with_the_stream() {
        let mut session = Session::client(Limits::default());
        assert!(session.begin(RequestKind::Ordinary));
        session.finished(false);
        session.feed(b"HTTP/1.1 200 OK\r\n\r\nabc");
        assert_eq!(kinds(&mut session), [RESPONSE, BODY]);
        assert!(session.is_receiving());
        session.eof();
        assert_eq!(kinds(&mut session), [END, EOF]);
    }
}
