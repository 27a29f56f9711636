//! The rules of a client's connection apart from parsing: order of calls, early responses, closing, upgrades.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use ferrohttp_proto::{
    ClientConnection, CloseReason, ErrorKind, Event, Limits, MisuseError, ParseError, RequestKind,
    Scratch,
};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const CLOSE: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const SWITCH: &[u8] = b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";

/// A connection with its received bytes and its output.
struct Scenario {
    connection: ClientConnection,
    unread: Vec<u8>,
    out: Vec<u8>,
}

impl Scenario {
    fn new() -> Self {
        Self {
            connection: ClientConnection::new(),
            unread: Vec::new(),
            out: Vec::new(),
        }
    }

    /// As `new`, with a whole GET sent.
    fn requested() -> Self {
        let mut scenario = Self::new();
        scenario.request();
        scenario
    }

    fn request(&mut self) -> &mut Self {
        self.head(RequestKind::Ordinary, false).unwrap();
        self.end(false).unwrap();
        self
    }

    fn head(&mut self, kind: RequestKind, chunked: bool) -> Result<(), MisuseError> {
        self.connection.send_head(kind, GET, chunked, &mut self.out)
    }

    fn data(&mut self, part: &[u8]) -> Result<(), MisuseError> {
        self.connection.begin_data(part.len(), &mut self.out)?;
        self.out.extend_from_slice(part);
        self.connection.finish_data(part.len(), &mut self.out);
        Ok(())
    }

    fn end(&mut self, close: bool) -> Result<(), MisuseError> {
        self.connection.send_end(b"", close, &mut self.out)
    }

    /// Receives bytes, and returns the number of their events.
    fn receive(&mut self, input: &[u8]) -> Result<usize, ParseError> {
        self.unread.extend_from_slice(input);
        let mut scratch = Scratch::new();
        let mut events = 0;
        loop {
            let step =
                self.connection
                    .handle_data(&Limits::default(), &self.unread, &mut scratch)?;
            let (consumed, more) = (step.consumed, step.event.is_some());
            self.unread.drain(..consumed);
            events += usize::from(more);
            if !more {
                return Ok(events);
            }
        }
    }

    fn refused(&mut self, input: &[u8]) -> ErrorKind {
        self.receive(input).unwrap_err().kind
    }
}

mod requests {
    use super::*;

    #[test]
    fn plain_body_has_no_framing() {
        let mut s = Scenario::new();
        s.head(RequestKind::Ordinary, false).unwrap();
        s.data(b"hello").unwrap();
        assert!(s.connection.is_sending());
        s.connection
            .send_end(b"A: b\r\n", false, &mut s.out)
            .unwrap();
        assert!(!s.connection.is_sending());
        assert_eq!(s.out, [GET, b"hello"].concat());
    }

    #[test]
    fn chunked_body_is_framed_and_ends_with_the_trailers() {
        let mut s = Scenario::new();
        s.head(RequestKind::Ordinary, true).unwrap();
        for part in [&b"hello"[..], b"", &[b'x'; 26]] {
            s.data(part).unwrap();
        }
        s.connection
            .send_end(b"A: b\r\n", false, &mut s.out)
            .unwrap();
        let body = b"5\r\nhello\r\n1a\r\nxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n0\r\nA: b\r\n\r\n";
        assert_eq!(s.out, [GET, body].concat());
    }

    #[test]
    fn framing_of_one_request_does_not_reach_the_next() {
        let mut s = Scenario::new();
        s.head(RequestKind::Ordinary, true).unwrap();
        s.end(false).unwrap();
        s.receive(OK).unwrap();
        s.out.clear();
        s.request();
        assert_eq!(s.out, GET);
    }

    #[test]
    fn the_head_is_sent_first_and_once() {
        let mut s = Scenario::new();
        assert_eq!(s.data(b"x"), Err(MisuseError::HeadNotSent));
        assert_eq!(s.end(false), Err(MisuseError::HeadNotSent));
        s.head(RequestKind::Ordinary, false).unwrap();
        assert_eq!(
            s.head(RequestKind::Ordinary, false),
            Err(MisuseError::HeadAlreadySent)
        );
        assert_eq!(s.out, GET);
    }

    #[test]
    fn only_one_request_is_in_flight() {
        let mut s = Scenario::requested();
        for part in [&OK[..10], &OK[10..OK.len() - 1]] {
            let refused = s.head(RequestKind::Ordinary, false);
            assert_eq!(refused, Err(MisuseError::RequestInFlight));
            s.receive(part).unwrap();
        }
        assert!(s.connection.is_receiving() && !s.connection.is_idle());
        s.receive(&OK[OK.len() - 1..]).unwrap();
        assert!(s.connection.is_idle());
        s.request();
        assert_eq!(s.receive(OK), Ok(3));
    }

    #[test]
    fn the_method_decides_the_kind() {
        for (method, kind) in [
            (&b"HEAD"[..], RequestKind::Head),
            (b"CONNECT", RequestKind::Connect),
            (b"GET", RequestKind::Ordinary),
            (b"X-OWN", RequestKind::Ordinary),
        ] {
            assert_eq!(RequestKind::of(method), kind);
        }
    }

    #[test]
    fn the_kind_holds_for_its_own_response_only() {
        let head_only = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        let mut s = Scenario::new();
        s.head(RequestKind::Head, false).unwrap();
        s.end(false).unwrap();
        assert_eq!(s.receive(head_only), Ok(2));
        s.request();
        assert_eq!(s.receive(OK), Ok(3));
        assert!(s.connection.is_idle());
    }
}

mod unsolicited {
    use super::*;

    #[test]
    fn a_response_before_any_request() {
        let mut s = Scenario::new();
        assert_eq!(s.refused(OK), ErrorKind::Unsolicited);
        assert_eq!(s.connection.close_reason(), Some(CloseReason::ParseError));
        assert_eq!(
            s.head(RequestKind::Ordinary, false),
            Err(MisuseError::Closed)
        );
    }

    #[test]
    fn a_response_on_an_idle_connection() {
        let mut s = Scenario::requested();
        s.receive(OK).unwrap();
        assert_eq!(s.receive(b"\r\n"), Ok(0));
        assert_eq!(s.refused(b"H"), ErrorKind::Unsolicited);
        assert!(!s.connection.is_idle() && !s.connection.may_read());
    }

    #[test]
    fn a_second_response_in_the_same_read() {
        let mut s = Scenario::requested();
        assert_eq!(s.refused(&OK.repeat(2)), ErrorKind::Unsolicited);
    }

    #[test]
    fn bytes_in_the_read_of_the_last_response() {
        // The request has announced the close. Only a response that does so, too, is followed by bytes that are ignored.
        for (response, refused) in [(OK, true), (CLOSE, false)] {
            let mut s = Scenario::new();
            s.head(RequestKind::Ordinary, false).unwrap();
            s.end(true).unwrap();
            let received = [response, b"junk"].concat();
            if refused {
                assert_eq!(s.refused(&received), ErrorKind::Unsolicited);
            } else {
                s.receive(&received).unwrap();
            }
            assert!(s.connection.close_reason().is_some() && !s.connection.may_read());
        }
    }

    #[test]
    fn a_body_without_a_length_after_a_response_to_head() {
        let mut s = Scenario::new();
        s.head(RequestKind::Head, false).unwrap();
        s.end(false).unwrap();
        let received = b"HTTP/1.1 200 OK\r\n\r\nbody";
        assert_eq!(s.refused(received), ErrorKind::Unsolicited);
    }

    #[test]
    fn no_request_follows_the_last_response() {
        let mut s = Scenario::new();
        s.head(RequestKind::Ordinary, false).unwrap();
        s.end(true).unwrap();
        s.receive(OK).unwrap();
        assert_eq!(s.connection.close_reason(), Some(CloseReason::LocalClose));
        assert!(!s.connection.may_read());
        assert_eq!(
            s.head(RequestKind::Ordinary, false),
            Err(MisuseError::Closed)
        );
        assert_eq!(s.refused(b"junk"), ErrorKind::Unsolicited);
    }

    #[test]
    fn bytes_after_a_response_never_answer_the_next_request() {
        let mut s = Scenario::requested();
        let received = OK.repeat(2);
        let (mut unread, mut scratch) = (&received[..], Scratch::new());
        loop {
            let step = s
                .connection
                .handle_data(&Limits::default(), unread, &mut scratch)
                .unwrap();
            unread = &unread[step.consumed..];
            if matches!(step.event, Some(Event::End(_))) {
                break;
            }
        }
        assert_eq!(unread, OK);
        // The user sends another request without having read the rest.
        assert!(!s.connection.is_idle());
        assert_eq!(
            s.head(RequestKind::Ordinary, false),
            Err(MisuseError::RequestInFlight)
        );
        let error = s
            .connection
            .handle_data(&Limits::default(), unread, &mut scratch)
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsolicited);
    }

    #[test]
    fn nothing_is_read_after_an_error() {
        let mut s = Scenario::requested();
        assert_eq!(s.refused(b"junk"), ErrorKind::Protocol);
        assert_eq!(s.receive(OK), Ok(0));
        assert!(s.unread.is_empty());
    }
}

mod early {
    use super::*;

    #[test]
    fn a_response_may_be_complete_before_its_request() {
        let mut s = Scenario::new();
        s.head(RequestKind::Ordinary, true).unwrap();
        assert_eq!(s.receive(OK), Ok(3));
        assert!(!s.connection.is_idle() && s.connection.close_reason().is_none());
        s.data(b"late").unwrap();
        s.end(false).unwrap();
        assert!(s.connection.is_idle());
    }

    #[test]
    fn a_second_one_meanwhile_is_unsolicited() {
        let mut s = Scenario::new();
        s.head(RequestKind::Ordinary, true).unwrap();
        s.receive(OK).unwrap();
        assert_eq!(s.refused(OK), ErrorKind::Unsolicited);
    }

    #[test]
    fn the_close_it_announces_does_not_wait_for_the_request() {
        let mut s = Scenario::new();
        s.head(RequestKind::Ordinary, true).unwrap();
        s.receive(CLOSE).unwrap();
        assert_eq!(s.connection.close_reason(), Some(CloseReason::PeerClose));
    }

    #[test]
    fn the_close_the_request_announces_comes_with_its_end() {
        let mut s = Scenario::new();
        s.head(RequestKind::Ordinary, true).unwrap();
        s.receive(OK).unwrap();
        assert_eq!(s.connection.close_reason(), None);
        s.end(true).unwrap();
        assert_eq!(s.connection.close_reason(), Some(CloseReason::LocalClose));
    }
}

mod closing {
    use super::*;

    #[test]
    fn the_response_announces_it() {
        let mut s = Scenario::requested();
        s.receive(&CLOSE[..CLOSE.len() - 1]).unwrap();
        assert_eq!(s.connection.close_reason(), None);
        // Later bytes are ignored.
        assert_eq!(s.receive(b"\nHTTP/1.1 200 OK"), Ok(2));
        assert_eq!(s.connection.close_reason(), Some(CloseReason::PeerClose));
        assert_eq!(
            s.head(RequestKind::Ordinary, false),
            Err(MisuseError::Closed)
        );
        assert_eq!(s.data(b"x"), Err(MisuseError::Closed));
    }

    #[test]
    fn the_request_announced_it() {
        let mut s = Scenario::new();
        s.head(RequestKind::Ordinary, false).unwrap();
        s.end(true).unwrap();
        assert_eq!(s.connection.close_reason(), None);
        assert_eq!(s.receive(OK), Ok(3));
        assert_eq!(s.connection.close_reason(), Some(CloseReason::LocalClose));
    }

    #[test]
    fn line_ends_on_an_idle_connection_are_ignored_up_to_a_limit() {
        let mut s = Scenario::requested();
        s.receive(OK).unwrap();
        assert_eq!(s.receive(&b"\r\n".repeat(500)), Ok(0));
        assert!(s.connection.is_idle());
        let error = s.receive(&b"\r\n".repeat(20)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsolicited);
        assert!(!s.connection.may_read());
    }

    #[test]
    #[cfg_attr(miri, ignore = "parses a quarter of a megabyte, which takes hours")]
    fn interim_responses_have_a_limit_together() {
        let mut s = Scenario::requested();
        let interim = b"HTTP/1.1 102 Processing\r\n\r\n";
        let many = interim.repeat(16 * 16_384 / interim.len());
        assert!(s.receive(&many).is_ok());
        assert_eq!(
            s.receive(&interim.repeat(1000)).unwrap_err().kind,
            ErrorKind::HeaderOverflow
        );
    }

    #[test]
    fn an_idle_connection_is_closed_by_the_server() {
        for mut s in [Scenario::new(), Scenario::requested()] {
            if !s.connection.is_idle() {
                s.receive(OK).unwrap();
            }
            assert!(s.connection.handle_eof().unwrap().is_none());
            assert_eq!(s.connection.close_reason(), Some(CloseReason::PeerEof));
            assert_eq!(
                s.head(RequestKind::Ordinary, false),
                Err(MisuseError::Closed)
            );
        }
    }

    #[test]
    fn a_body_until_the_close_ends_with_it() {
        let mut s = Scenario::requested();
        assert_eq!(s.receive(b"HTTP/1.1 200 OK\r\n\r\nhello"), Ok(2));
        assert!(s.connection.is_receiving());
        let event = s.connection.handle_eof().unwrap();
        assert!(matches!(event, Some(Event::End(trailers)) if trailers.is_empty()));
        assert_eq!(s.connection.close_reason(), Some(CloseReason::PeerEof));
        assert!(s.connection.handle_eof().unwrap().is_none());
    }

    #[test]
    fn cut_off_responses_are_distinguished() {
        let error = |input: &[u8]| {
            let mut s = Scenario::requested();
            s.receive(input).unwrap();
            let kind = s.connection.handle_eof().unwrap_err().kind;
            assert_eq!(s.connection.close_reason(), Some(CloseReason::ParseError));
            (kind.code(), kind.reason())
        };
        assert_eq!(error(b""), ("ECONNRESET", "socket hang up"));
        assert_eq!(error(&OK[..9]), ("ECONNRESET", "socket hang up"));
        assert_eq!(
            error(b"HTTP/1.1 100 X\r\n\r\n"),
            ("ECONNRESET", "socket hang up")
        );
        assert_eq!(error(&OK[..OK.len() - 1]), ("ECONNRESET", "aborted"));
        assert_eq!(error(&OK[..OK.len() - 2]), ("ECONNRESET", "aborted"));
    }
}

mod hand_over {
    use super::*;

    #[test]
    fn bytes_after_101_are_left() {
        let mut s = Scenario::requested();
        assert_eq!(s.receive(&[SWITCH, b"abc"].concat()), Ok(1));
        assert_eq!(s.unread, b"abc");
        assert!(!s.connection.may_read() && s.connection.close_reason().is_none());
        assert!(s.connection.handle_eof().unwrap().is_none());
        assert_eq!(
            s.head(RequestKind::Ordinary, false),
            Err(MisuseError::Closed)
        );
    }

    #[test]
    fn bytes_after_the_answer_to_connect_are_left() {
        let mut s = Scenario::new();
        s.head(RequestKind::Connect, false).unwrap();
        s.end(false).unwrap();
        assert_eq!(s.receive(OK), Ok(1));
        assert_eq!(s.unread, b"hi");
    }

    #[test]
    fn an_unfinished_request_is_ended_by_the_user() {
        let mut s = Scenario::new();
        s.head(RequestKind::Ordinary, true).unwrap();
        s.receive(SWITCH).unwrap();
        assert!(!s.connection.is_sending());
        assert_eq!(s.data(b"x"), Err(MisuseError::Closed));
        assert_eq!(s.end(false), Err(MisuseError::Closed));
        assert_eq!(s.out, GET);
    }
}
