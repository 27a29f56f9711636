//! The rules of a server's connection apart from parsing: order of calls, pipelining, closing, deadlines.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::time::{Duration, Instant};

use ferrohttp_proto::{
    CloseReason, ErrorKind, Event, Limits, MisuseError, ParseError, Scratch, ServerConnection,
    TimeoutKind, Timeouts,
};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";

/// A connection with its clock, its received bytes and its output.
struct Scenario {
    connection: ServerConnection,
    limits: Limits,
    opened: Instant,
    now: Instant,
    unread: Vec<u8>,
    out: Vec<u8>,
}

impl Scenario {
    fn new() -> Self {
        let now = Instant::now();
        let connection = ServerConnection::new(now);
        Self {
            connection,
            limits: Limits::default(),
            opened: now,
            now,
            unread: Vec::new(),
            out: Vec::new(),
        }
    }

    /// As `new`, with `input` received.
    fn with(input: &[u8]) -> Self {
        let mut scenario = Self::new();
        scenario.receive(input).expect("valid input");
        scenario
    }

    fn wait(&mut self, seconds: u64) -> &mut Self {
        self.now += Duration::from_secs(seconds);
        self
    }

    /// Receives bytes, and returns the number of their events.
    fn receive(&mut self, input: &[u8]) -> Result<usize, ParseError> {
        self.unread.extend_from_slice(input);
        self.read()
    }

    fn read(&mut self) -> Result<usize, ParseError> {
        let mut scratch = Scratch::new();
        let mut events = 0;
        loop {
            let step =
                self.connection
                    .handle_data(self.now, &self.limits, &self.unread, &mut scratch)?;
            let more = step.event.is_some();
            if let Some(Event::Data(data)) = step.event {
                assert!(!data.is_empty());
            }
            let consumed = step.consumed;
            self.unread.drain(..consumed);
            events += usize::from(more);
            if !more {
                return Ok(events);
            }
        }
    }

    fn answer(&mut self) -> &mut Self {
        self.answer_with(false)
    }

    fn answer_with(&mut self, close: bool) -> &mut Self {
        self.connection
            .send_head(HEAD, false, &mut self.out)
            .expect("a request to answer");
        self.connection
            .send_end(self.now, b"", close, &mut self.out)
            .expect("the head was sent");
        self
    }

    /// The next deadline in seconds from the opening of the connection.
    fn deadline(&self, timeouts: &Timeouts) -> Option<(u64, TimeoutKind)> {
        let (at, kind) = self.connection.poll_timeout(timeouts)?;
        Some(((at - self.opened).as_secs(), kind))
    }
}

fn timeouts(headers: u64, request: u64, keep_alive: u64) -> Timeouts {
    let limit = |seconds| (seconds > 0).then(|| Duration::from_secs(seconds));
    Timeouts {
        headers: limit(headers),
        request: limit(request),
        keep_alive: limit(keep_alive),
    }
}

mod responses {
    use super::*;

    #[test]
    fn plain_body_has_no_framing() {
        let mut s = Scenario::with(GET);
        s.connection.send_head(HEAD, false, &mut s.out).unwrap();
        s.connection.begin_data(5, &mut s.out).unwrap();
        s.out.extend_from_slice(b"hello");
        s.connection.finish_data(5, &mut s.out);
        s.connection
            .send_end(s.now, b"", false, &mut s.out)
            .unwrap();
        assert_eq!(s.out, [HEAD, b"hello"].concat());
    }

    #[test]
    fn chunked_body_is_framed_and_ends_with_the_trailers() {
        let mut s = Scenario::with(GET);
        s.connection.send_head(HEAD, true, &mut s.out).unwrap();
        for part in [&b"hello"[..], b"", &[b'x'; 26]] {
            s.connection.begin_data(part.len(), &mut s.out).unwrap();
            s.out.extend_from_slice(part);
            s.connection.finish_data(part.len(), &mut s.out);
        }
        s.connection
            .send_end(s.now, b"A: b\r\n", false, &mut s.out)
            .unwrap();
        let body = b"5\r\nhello\r\n1a\r\nxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n0\r\nA: b\r\n\r\n";
        assert_eq!(s.out, [HEAD, body].concat());
    }

    #[test]
    fn framing_of_one_response_does_not_reach_the_next() {
        let mut s = Scenario::with(&GET.repeat(2));
        s.connection.send_head(HEAD, true, &mut s.out).unwrap();
        s.connection
            .send_end(s.now, b"", false, &mut s.out)
            .unwrap();
        s.out.clear();
        s.answer();
        assert_eq!(s.out, HEAD);
    }

    #[test]
    fn interim_responses_precede_the_head() {
        let mut s = Scenario::with(GET);
        s.connection
            .send_interim(ferrohttp_proto::CONTINUE, &mut s.out)
            .unwrap();
        s.answer();
        assert_eq!(s.out, [b"HTTP/1.1 100 Continue\r\n\r\n", HEAD].concat());
    }

    #[test]
    fn nothing_can_be_answered_before_a_request() {
        let mut s = Scenario::new();
        assert_eq!(
            s.connection.send_head(HEAD, false, &mut s.out),
            Err(MisuseError::NothingToAnswer)
        );
        assert_eq!(
            s.connection.send_interim(HEAD, &mut s.out),
            Err(MisuseError::NothingToAnswer)
        );
        assert_eq!(
            s.connection.begin_data(1, &mut s.out),
            Err(MisuseError::HeadNotSent)
        );
        assert_eq!(
            s.connection.send_end(s.now, b"", false, &mut s.out),
            Err(MisuseError::HeadNotSent)
        );
        assert!(s.out.is_empty());
    }

    #[test]
    fn a_head_is_sent_once() {
        let mut s = Scenario::with(GET);
        s.connection.send_head(HEAD, false, &mut s.out).unwrap();
        assert_eq!(
            s.connection.send_head(HEAD, false, &mut s.out),
            Err(MisuseError::HeadAlreadySent)
        );
        assert_eq!(
            s.connection.send_interim(HEAD, &mut s.out),
            Err(MisuseError::HeadAlreadySent)
        );
        assert_eq!(s.out, HEAD);
    }

    #[test]
    fn nothing_is_sent_after_a_closing_response() {
        let mut s = Scenario::with(&GET.repeat(2));
        s.answer_with(true);
        assert_eq!(
            s.connection.send_head(HEAD, false, &mut s.out),
            Err(MisuseError::Closed)
        );
        assert_eq!(
            s.connection.begin_data(1, &mut s.out),
            Err(MisuseError::Closed)
        );
        assert_eq!(s.out, HEAD);
    }

    #[test]
    fn a_response_may_end_before_its_request() {
        let mut s = Scenario::with(POST);
        s.answer();
        assert!(!s.connection.is_idle() && s.connection.is_receiving());
        assert_eq!(s.receive(b"hello"), Ok(2));
        assert!(s.connection.is_idle() && !s.connection.is_receiving());
    }
}

mod pipelining {
    use super::*;

    #[test]
    fn reading_stops_at_the_limit_and_continues_after_each_response() {
        let mut s = Scenario::new();
        s.limits.max_pipelined = 2;
        assert_eq!(s.receive(&GET.repeat(4)), Ok(4));
        assert_eq!(
            (s.connection.unanswered(), s.unread.len()),
            (2, 2 * GET.len())
        );
        assert!(!s.connection.may_read(&s.limits));
        s.answer();
        assert!(s.connection.may_read(&s.limits));
        assert_eq!(s.read(), Ok(2));
        assert_eq!(s.unread.len(), GET.len());
    }

    #[test]
    fn the_body_of_the_last_request_is_still_read() {
        let mut s = Scenario::new();
        s.limits.max_pipelined = 1;
        s.receive(POST).unwrap();
        assert!(s.connection.may_read(&s.limits));
        assert_eq!(s.receive(b"hello"), Ok(2));
        assert!(!s.connection.may_read(&s.limits));
    }

    #[test]
    fn a_limit_of_0_is_one_of_1() {
        let mut s = Scenario::new();
        s.limits.max_pipelined = 0;
        assert_eq!(s.receive(&GET.repeat(2)), Ok(2));
    }

    #[test]
    fn requests_before_a_malformed_one_are_answered_first() {
        let mut s = Scenario::with(GET);
        assert_eq!(
            s.receive(b"bad").map_err(|error| error.kind),
            Err(ErrorKind::Method)
        );
        assert!(!s.connection.is_receiving());
        assert_eq!(s.connection.close_reason(), None);
        s.answer();
        assert_eq!(s.connection.close_reason(), Some(CloseReason::ParseError));
    }

    #[test]
    fn a_request_with_a_bad_body_need_not_be_answered() {
        let mut s = Scenario::with(GET);
        let bad = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx";
        assert_eq!(
            s.receive(bad).map_err(|error| error.kind),
            Err(ErrorKind::ChunkSize)
        );
        assert!(s.connection.is_receiving());
        assert_eq!(
            (s.connection.unanswered(), s.connection.close_reason()),
            (2, None)
        );
        s.answer();
        assert_eq!(s.connection.close_reason(), Some(CloseReason::ParseError));
    }

    #[test]
    fn a_request_answered_early_may_still_be_incomplete() {
        let mut s = Scenario::with(POST);
        s.answer();
        assert_eq!(
            s.connection
                .handle_eof(b"")
                .map(|_| ())
                .map_err(|error| error.kind),
            Err(ErrorKind::Eof)
        );
        assert_eq!(s.connection.close_reason(), Some(CloseReason::ParseError));
    }

    #[test]
    fn nothing_is_read_after_an_error() {
        let mut s = Scenario::new();
        assert!(s.receive(b"bad").is_err());
        s.unread.clear();
        assert_eq!(s.receive(GET), Ok(0));
        assert!(s.unread.is_empty() && !s.connection.may_read(&s.limits));
    }
}

mod closing {
    use super::*;

    #[test]
    fn a_kept_connection_has_no_reason() {
        let mut s = Scenario::with(GET);
        s.answer();
        assert_eq!(s.connection.close_reason(), None);
        assert!(s.connection.is_idle() && s.connection.may_read(&s.limits));
    }

    #[test]
    fn the_response_closes() {
        let mut s = Scenario::with(&GET.repeat(2));
        s.answer_with(true);
        assert_eq!(s.connection.close_reason(), Some(CloseReason::LocalClose));
        assert!(!s.connection.may_read(&s.limits));
        assert_eq!(s.receive(GET), Ok(0));
    }

    #[test]
    fn the_request_closes_once_answered() {
        let mut s = Scenario::with(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
        assert!(!s.connection.may_read(&s.limits));
        assert_eq!(s.connection.close_reason(), None);
        s.answer();
        assert_eq!(s.connection.close_reason(), Some(CloseReason::PeerClose));
    }

    #[test]
    fn a_half_closed_peer_is_answered_first() {
        let mut s = Scenario::with(&GET.repeat(2));
        s.connection.handle_eof(b"").unwrap();
        s.answer();
        assert_eq!(s.connection.close_reason(), None);
        s.answer();
        assert_eq!(s.connection.close_reason(), Some(CloseReason::PeerEof));
    }

    #[test]
    fn a_half_close_without_a_request_ends_the_connection() {
        let mut s = Scenario::new();
        s.connection.handle_eof(b"\r\n").unwrap();
        assert_eq!(s.connection.close_reason(), Some(CloseReason::PeerEof));
    }

    #[test]
    fn a_request_cut_off_is_an_error() {
        let mut s = Scenario::with(POST);
        assert_eq!(
            s.connection
                .handle_eof(b"")
                .map(|_| ())
                .map_err(|error| error.kind),
            Err(ErrorKind::Eof)
        );
        assert!(s.connection.is_receiving());
        assert_eq!(s.connection.close_reason(), Some(CloseReason::ParseError));
    }
}

mod upgrades {
    use super::*;

    #[test]
    fn nothing_after_the_head_is_read_before_the_decision() {
        let s = Scenario::with(&[UPGRADE, GET].concat());
        assert_eq!(s.unread, GET);
        assert!(!s.connection.may_read(&s.limits));
        assert_eq!(s.connection.unanswered(), 1);
    }

    #[test]
    fn after_an_upgrade_the_bytes_belong_to_the_user() {
        let mut s = Scenario::with(&[UPGRADE, GET].concat());
        s.connection.upgrade();
        assert_eq!(s.read(), Ok(0));
        assert_eq!((s.unread.as_slice(), s.connection.unanswered()), (GET, 0));
        assert_eq!(s.connection.close_reason(), None);
        assert_eq!(s.deadline(&Timeouts::default()), None);
    }

    #[test]
    fn a_declined_upgrade_is_an_ordinary_request() {
        let mut s = Scenario::with(&[UPGRADE, GET].concat());
        s.connection.decline_upgrade();
        assert_eq!(s.read(), Ok(3));
        s.answer().answer();
        assert!(s.connection.is_idle());
    }

    #[test]
    fn requests_before_it_can_still_be_answered() {
        let mut s = Scenario::with(&[GET, UPGRADE].concat());
        s.connection.upgrade();
        s.answer();
        assert_eq!(s.connection.unanswered(), 0);
    }

    #[test]
    fn a_response_begun_before_the_takeover_is_void() {
        let mut s = Scenario::with(UPGRADE);
        s.connection.send_head(HEAD, true, &mut s.out).unwrap();
        s.connection.upgrade();
        assert_eq!(
            s.connection.send_end(s.now, b"", false, &mut s.out),
            Err(MisuseError::HeadNotSent)
        );
        assert_eq!(s.connection.unanswered(), 0);
    }

    #[test]
    fn a_declined_connect_is_the_last_request() {
        let mut s = Scenario::with(b"CONNECT a:1 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
        s.connection.decline_upgrade();
        assert_eq!(s.read(), Ok(1));
        s.answer();
        assert_eq!(s.connection.close_reason(), Some(CloseReason::PeerClose));
    }

    #[test]
    fn decisions_without_an_upgrade_change_nothing() {
        let mut s = Scenario::with(GET);
        s.connection.upgrade();
        s.connection.decline_upgrade();
        assert_eq!(s.connection.unanswered(), 1);
        s.answer();
        assert!(s.connection.is_idle());
    }
}

mod deadlines {
    use super::*;

    #[test]
    fn the_first_head_counts_from_the_opening() {
        let mut s = Scenario::new();
        let limits = timeouts(60, 300, 5);
        assert_eq!(s.deadline(&limits), Some((60, TimeoutKind::Headers)));
        s.wait(7).receive(&GET[..10]).unwrap();
        assert_eq!(s.deadline(&limits), Some((60, TimeoutKind::Headers)));
    }

    #[test]
    fn the_shorter_limit_comes_first() {
        let s = Scenario::new();
        assert_eq!(
            s.deadline(&timeouts(60, 20, 5)),
            Some((20, TimeoutKind::Request))
        );
        assert_eq!(
            s.deadline(&timeouts(0, 20, 5)),
            Some((20, TimeoutKind::Request))
        );
        assert_eq!(s.deadline(&timeouts(0, 0, 5)), None);
    }

    #[test]
    fn only_request_timeout_applies_to_a_body() {
        let mut s = Scenario::with(POST);
        s.wait(100).receive(b"hel").unwrap();
        assert_eq!(
            s.deadline(&timeouts(60, 300, 5)),
            Some((300, TimeoutKind::Request))
        );
        assert_eq!(s.deadline(&timeouts(60, 0, 5)), None);
    }

    #[test]
    fn no_deadline_runs_while_a_request_is_answered() {
        let s = Scenario::with(GET);
        assert_eq!(s.deadline(&timeouts(60, 300, 5)), None);
    }

    #[test]
    fn keep_alive_counts_from_the_end_of_the_last_response() {
        let mut s = Scenario::with(&GET.repeat(2));
        s.wait(10).answer();
        assert_eq!(s.deadline(&timeouts(60, 300, 5)), None);
        s.wait(10).answer();
        assert_eq!(
            s.deadline(&timeouts(60, 300, 5)),
            Some((25, TimeoutKind::KeepAlive))
        );
        assert_eq!(s.deadline(&timeouts(60, 300, 0)), None);
    }

    #[test]
    fn keep_alive_counts_from_the_end_of_a_request_answered_early() {
        let mut s = Scenario::with(POST);
        s.answer().wait(10).receive(b"hello").unwrap();
        assert_eq!(
            s.deadline(&timeouts(60, 300, 5)),
            Some((15, TimeoutKind::KeepAlive))
        );
    }

    #[test]
    fn keep_alive_counts_after_a_last_request_too() {
        const LAST: &[u8] = b"POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 1\r\n\r\n";
        let limits = timeouts(60, 300, 5);
        let due = Some((6, TimeoutKind::KeepAlive));
        let mut s = Scenario::with(LAST);
        s.receive(b"x").unwrap();
        assert!(!s.connection.is_idle());
        assert_eq!(s.deadline(&limits), None);
        s.wait(1).answer();
        assert!(s.connection.is_idle());
        assert_eq!(s.deadline(&limits), due);
        // Bytes that are ignored do not prolong it.
        s.wait(1).receive(GET).unwrap();
        assert_eq!(s.deadline(&limits), due);

        let mut s = Scenario::with(LAST);
        s.answer();
        assert!(!s.connection.is_idle());
        s.wait(1).receive(b"x").unwrap();
        assert!(s.connection.is_idle());
        assert_eq!(s.deadline(&limits), due);

        let mut s = Scenario::with(LAST);
        s.receive(b"x").unwrap();
        s.answer_with(true);
        assert!(!s.connection.is_idle());
        assert_eq!(s.deadline(&limits), None);
    }

    #[test]
    fn a_later_head_counts_from_its_first_byte() {
        let mut s = Scenario::with(GET);
        s.answer().wait(3).receive(b"\r\n").unwrap();
        assert_eq!(
            s.deadline(&timeouts(60, 300, 5)),
            Some((5, TimeoutKind::KeepAlive))
        );
        s.wait(1).receive(b"G").unwrap();
        assert_eq!(
            s.deadline(&timeouts(60, 300, 5)),
            Some((64, TimeoutKind::Headers))
        );
        s.wait(1).receive(&POST[1..]).unwrap_err();
        assert_eq!(s.deadline(&timeouts(60, 300, 5)), None);
    }

    #[test]
    fn no_deadline_runs_for_a_request_that_waits_for_its_turn() {
        let mut s = Scenario::new();
        s.limits.max_pipelined = 1;
        s.receive(&[GET, POST].concat()).unwrap();
        assert_eq!(s.deadline(&timeouts(60, 300, 5)), None);
        s.wait(50).answer();
        s.read().unwrap();
        assert_eq!(
            s.deadline(&timeouts(60, 300, 5)),
            Some((350, TimeoutKind::Request))
        );
    }

    #[test]
    fn no_deadline_runs_on_a_closing_connection() {
        let mut s = Scenario::with(GET);
        s.answer_with(true);
        assert_eq!(s.deadline(&Timeouts::default()), None);
        let mut s = Scenario::with(POST);
        s.connection.handle_eof(b"").unwrap_err();
        assert_eq!(s.deadline(&Timeouts::default()), None);
    }

    #[test]
    fn a_limit_beyond_the_clock_has_no_effect() {
        let s = Scenario::new();
        let timeouts = Timeouts {
            headers: Some(Duration::MAX),
            request: None,
            keep_alive: None,
        };
        assert_eq!(s.deadline(&timeouts), None);
    }
}
