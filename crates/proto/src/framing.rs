//! Decides how long a message's body is (RFC 9112 section 6.3). No other module does.

use crate::directives::Directives;
use crate::event::{BodyLength, RequestKind};
use crate::method::Method;

/// The result of a message's framing fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Framing {
    pub(crate) body: BodyLength,
    /// The connection ends with this message, because its framing is valid but cannot be trusted further.
    pub(crate) close: bool,
}

const fn kept(body: BodyLength) -> Framing {
    Framing { body, close: false }
}

/// Whether messages of this version have no transfer codings.
const fn is_old((major, minor): (u8, u8)) -> bool {
    major == 0 || minor == 0
}

/// The body length of a request.
///
/// Strict mode has refused contradictions when it read the fields, and refuses a request whose body would last until the close
/// after its head. In lenient mode Transfer-Encoding overrides Content-Length, and such a request is parsed as by Node.
pub(crate) fn request_body(
    method: Method,
    version: (u8, u8),
    directives: Directives,
    lenient: bool,
) -> Framing {
    // 1. Responses without content: HEAD, 1xx, 204, 304. Not for requests.
    // 2. A tunnel after CONNECT. Its request has no content either (RFC 9110 section 9.3.6): the bytes
    //    after the head belong to the tunnel.
    if method == Method::CONNECT {
        return kept(BodyLength::None);
    }
    // 3. Transfer-Encoding overrides Content-Length. Strict mode refused the pair.
    // 4. Transfer-Encoding: chunked if that is the last coding, or else the length cannot be known.
    //    In an HTTP/1.0 message its framing is faulty, and the connection is closed after it (section 6.1).
    if directives.is_chunked() {
        return Framing {
            body: BodyLength::Chunked,
            close: is_old(version),
        };
    }
    if directives.has_coding() {
        return kept(if lenient {
            BodyLength::UntilClose
        } else {
            BodyLength::Unreadable
        });
    }
    // 5. An invalid Content-Length, several of them included, was refused when it was read.
    // 6. A valid Content-Length.
    // 7. A request with neither has no body.
    // 8. Until the connection closes: for responses only.
    kept(match directives.length() {
        None | Some(0) => BodyLength::None,
        Some(length) => BodyLength::Length(length),
    })
}

/// The body of a response with `status` to a request of `kind`.
///
/// The fields must be as valid as a request's even where they have no effect, except that any coding is allowed: a body whose
/// last coding is not `chunked` lasts until the close, so that no bytes after it can be taken for another response.
pub(crate) fn response_body(
    kind: RequestKind,
    status: u16,
    version: (u8, u8),
    directives: Directives,
) -> Framing {
    // 2. A tunnel after CONNECT. It precedes rule 1, with any status, including interim ones, because Node hands the connection
    //    over with any response.
    // 1. No content after 1xx, 204 and 304, whatever the fields say. HEAD is below.
    if kind == RequestKind::Connect || matches!(status, 100..=199 | 204 | 304) {
        return kept(BodyLength::None);
    }
    // 3. Transfer-Encoding overrides Content-Length; strict mode refused the pair.
    // 4. Chunked if that is the last coding, or else until the connection closes. As for requests,
    //    HTTP/1.0 is not trusted further.
    // 5. An invalid Content-Length, several of them included, was refused when it was read.
    // 6. A valid Content-Length.
    // 7. For requests only.
    // 8. Until the connection closes.
    let framing = if directives.is_chunked() {
        Framing {
            body: BodyLength::Chunked,
            close: is_old(version),
        }
    } else {
        match directives.length().filter(|_| !directives.has_coding()) {
            None => Framing {
                body: BodyLength::UntilClose,
                close: true,
            },
            Some(0) => kept(BodyLength::None),
            Some(length) => kept(BodyLength::Length(length)),
        }
    };
    // 1. No content after HEAD either. Where the same response to GET would last until the close, Node
    //    closes here, too.
    match kind {
        RequestKind::Head => Framing {
            body: BodyLength::None,
            ..framing
        },
        _ => framing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::directives::Sender;
    use crate::error::ErrorKind;
    use crate::event::Scratch;
    use crate::field_section::FieldScanner;

    const LENGTH: &str = "Content-Length: 5";
    const CHUNKED: &str = "Transfer-Encoding: chunked";

    /// The directives of field lines, which are without their line ends.
    fn directives_of(
        lines: &[&str],
        sender: Sender,
        lenient: bool,
    ) -> Result<Directives, ErrorKind> {
        let input: String = lines
            .iter()
            .map(|line| format!("{line}\r\n"))
            .chain(["\r\n".to_owned()])
            .collect();
        let limits = Limits {
            lenient,
            ..Limits::default()
        };
        let mut scanner = FieldScanner::head(sender, 0, 0);
        match scanner.run(input.as_bytes(), &limits, &mut Scratch::new()) {
            Ok(end) => {
                assert_eq!(end, Some(input.len()));
                Ok(scanner.directives())
            }
            Err(error) => Err(error.kind),
        }
    }

    /// The framing of a request with these field lines.
    fn framing(
        method: Method,
        minor_version: u8,
        lines: &[&str],
        lenient: bool,
    ) -> Result<Framing, ErrorKind> {
        directives_of(lines, Sender::Client, lenient)
            .map(|directives| request_body(method, (1, minor_version), directives, lenient))
    }

    /// The body and the close of a response whose field lines are these.
    fn response(
        kind: RequestKind,
        status: u16,
        lines: &[&str],
        lenient: bool,
    ) -> Result<Framing, ErrorKind> {
        directives_of(lines, Sender::Server, lenient)
            .map(|directives| response_body(kind, status, (1, 1), directives))
    }

    fn closed(body: BodyLength) -> Framing {
        Framing { body, close: true }
    }

    #[test]
    fn response_fields() {
        let until_close = Ok(closed(BodyLength::UntilClose));
        let chunked = Ok(kept(BodyLength::Chunked));
        let five = Ok(kept(BodyLength::Length(5)));
        let twice = Err(ErrorKind::ContentLengthTwice);
        let cases: [(&[&str], _, _); 15] = [
            (&[], until_close, until_close),
            (&[LENGTH], five, five),
            (
                &["Content-Length: 0"],
                Ok(kept(BodyLength::None)),
                Ok(kept(BodyLength::None)),
            ),
            (&[CHUNKED], chunked, chunked),
            (&["Transfer-Encoding: chunked \t"], chunked, chunked),
            (&["Transfer-Encoding: gzip,\tchunked"], chunked, chunked),
            (&["Transfer-Encoding: x\"a,chunked"], chunked, chunked),
            (&["Transfer-Encoding: gzip"], until_close, until_close),
            (
                &[CHUNKED, "Transfer-Encoding: gzip"],
                until_close,
                until_close,
            ),
            (&["Transfer-Encoding: gzip", CHUNKED], chunked, chunked),
            (&["Transfer-Encoding: chunked,"], until_close, until_close),
            (&["Transfer-Encoding: chunked;a"], until_close, until_close),
            (&[LENGTH, LENGTH], twice, twice),
            (
                &[LENGTH, CHUNKED],
                Err(ErrorKind::CodingWithContentLength),
                chunked,
            ),
            (
                &["Transfer-Encoding: gzip", LENGTH],
                Err(ErrorKind::ContentLengthWithCoding),
                until_close,
            ),
        ];
        for (lines, strict, lenient) in cases {
            let kind = RequestKind::Ordinary;
            assert_eq!(response(kind, 200, lines, false), strict, "{lines:?}");
            assert_eq!(response(kind, 200, lines, true), lenient, "{lines:?}");
        }
    }

    #[test]
    fn responses_without_content_by_status_and_method() {
        let none = Ok(kept(BodyLength::None));
        for lines in [&[LENGTH][..], &[CHUNKED]] {
            for status in [100, 101, 103, 199, 204, 304] {
                assert_eq!(response(RequestKind::Ordinary, status, lines, false), none);
            }
            for status in [0, 99, 200, 205, 404, 999] {
                assert_ne!(response(RequestKind::Ordinary, status, lines, false), none);
                assert_eq!(response(RequestKind::Head, status, lines, false), none);
            }
            for status in [100, 200, 204, 407] {
                assert_eq!(response(RequestKind::Connect, status, lines, false), none);
            }
        }
        assert_eq!(
            response(RequestKind::Head, 200, &[], false),
            Ok(closed(BodyLength::None))
        );
        assert_eq!(response(RequestKind::Head, 304, &[], false), none);
        assert_eq!(
            response(RequestKind::Head, 200, &[LENGTH, LENGTH], false),
            Err(ErrorKind::ContentLengthTwice)
        );
    }

    #[test]
    fn strict_requests() {
        let cases: [(&[&str], _); 15] = [
            (&[], Ok(kept(BodyLength::None))),
            (&[LENGTH], Ok(kept(BodyLength::Length(5)))),
            (&["Content-Length: 0"], Ok(kept(BodyLength::None))),
            (
                &["Content-Length: 18446744073709551615"],
                Ok(kept(BodyLength::Length(u64::MAX))),
            ),
            (
                &["Content-Length: 18446744073709551616"],
                Err(ErrorKind::ContentLengthOverflow),
            ),
            (&["Content-Length: 5, 5"], Err(ErrorKind::ContentLengthChar)),
            (&[LENGTH, LENGTH], Err(ErrorKind::ContentLengthTwice)),
            (&[CHUNKED], Ok(kept(BodyLength::Chunked))),
            (
                &["Transfer-Encoding: gzip", CHUNKED],
                Ok(kept(BodyLength::Chunked)),
            ),
            (
                &["Transfer-Encoding: gzip"],
                Ok(kept(BodyLength::Unreadable)),
            ),
            (
                &["Transfer-Encoding: chunked\t"],
                Ok(kept(BodyLength::Unreadable)),
            ),
            (
                &[CHUNKED, "Transfer-Encoding: gzip"],
                Err(ErrorKind::CodingAfterChunked),
            ),
            (&["Transfer-Encoding:"], Err(ErrorKind::CodingEmpty)),
            (&[LENGTH, CHUNKED], Err(ErrorKind::CodingWithContentLength)),
            (&[CHUNKED, LENGTH], Err(ErrorKind::ContentLengthWithCoding)),
        ];
        for (lines, expected) in cases {
            assert_eq!(
                framing(Method::POST, 1, lines, false),
                expected,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn lenient_requests() {
        let cases: [(&[&str], _); 8] = [
            (&[LENGTH, CHUNKED], Ok(kept(BodyLength::Chunked))),
            (&[CHUNKED, LENGTH], Ok(kept(BodyLength::Chunked))),
            (
                &["Transfer-Encoding: chunked, chunked"],
                Ok(kept(BodyLength::Chunked)),
            ),
            (
                &["Transfer-Encoding: gzip"],
                Ok(kept(BodyLength::UntilClose)),
            ),
            (
                &["Transfer-Encoding: chunked, gzip"],
                Ok(kept(BodyLength::UntilClose)),
            ),
            (
                &[CHUNKED, "Transfer-Encoding: gzip"],
                Ok(kept(BodyLength::UntilClose)),
            ),
            (
                &[LENGTH, "Transfer-Encoding: gzip"],
                Ok(kept(BodyLength::UntilClose)),
            ),
            (&[LENGTH, LENGTH], Err(ErrorKind::ContentLengthTwice)),
        ];
        for (lines, expected) in cases {
            assert_eq!(framing(Method::POST, 1, lines, true), expected, "{lines:?}");
        }
    }

    #[test]
    fn chunked_in_http_1_0_is_the_last_message() {
        assert_eq!(
            framing(Method::POST, 0, &[CHUNKED], false),
            Ok(closed(BodyLength::Chunked))
        );
        assert_eq!(
            framing(Method::POST, 0, &[LENGTH], false),
            Ok(kept(BodyLength::Length(5)))
        );
    }

    #[test]
    fn connect_has_no_body_but_its_framing_fields_are_validated() {
        assert_eq!(
            framing(Method::CONNECT, 1, &[LENGTH], false),
            Ok(kept(BodyLength::None))
        );
        assert_eq!(
            framing(Method::CONNECT, 1, &[LENGTH, LENGTH], false),
            Err(ErrorKind::ContentLengthTwice)
        );
    }
}
