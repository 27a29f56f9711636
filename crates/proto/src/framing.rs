//! How long a message's body is (RFC 9112 section 6.3). The one place where that is decided.

use crate::error::{ErrorKind, ParseError};
use crate::event::{BodyLength, FieldRange, Fields, RequestKind, ResponseBody, trim_ows};
use crate::method::Method;

/// What the framing fields of a message amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Framing<B> {
    pub(crate) body: B,
    /// The connection ends with this message. A request's framing is then legal but not to be trusted further.
    pub(crate) close: bool,
}

/// The body length of a request.
///
/// In strict mode every contradiction is an error. In lenient mode Transfer-Encoding wins over
/// Content-Length, and codings may stand behind a first `chunked` if the last is `chunked`; a
/// request that would have to be read until the connection closes is refused in both, behind its head.
pub(crate) fn request_body(
    method: Method,
    minor_version: u8,
    fields: &Fields<'_>,
    lenient: bool,
) -> Result<Framing<BodyLength>, ParseError> {
    let (length, coding) = framing_fields(fields, lenient, transfer_encoding)?;
    // 1. Responses without content: HEAD, 1xx, 204, 304. Not for requests.
    // 2. A tunnel after CONNECT. Its request has no content either (RFC 9110 section 9.3.6): what
    //    follows the head is the tunnel's.
    if method == Method::CONNECT {
        return Ok(Framing {
            body: BodyLength::None,
            close: false,
        });
    }
    // 3. Transfer-Encoding overrides Content-Length. Strict mode refused the pair above; here the
    //    connection is closed after the response (RFC 9112 section 6.1).
    // 4. Transfer-Encoding: chunked if that is the last coding, or else the length cannot be known.
    //    In an HTTP/1.0 message its framing is faulty, and the connection is closed after it (section 6.1).
    if let Some(coding) = coding {
        if coding != Coding::Chunked {
            return Ok(Framing {
                body: BodyLength::Unreadable,
                close: false,
            });
        }
        let close = length.is_some() || minor_version == 0;
        return Ok(Framing {
            body: BodyLength::Chunked,
            close,
        });
    }
    // 5. An invalid Content-Length, several of them included, was refused above.
    // 6. A valid Content-Length.
    // 7. A request with neither has no body.
    let body = match length {
        None | Some(0) => BodyLength::None,
        Some(length) => BodyLength::Length(length),
    };
    // 8. Until the connection closes: for responses only.
    Ok(Framing { body, close: false })
}

/// The body of a response with `status` to a request of `kind`.
///
/// The fields must be as good as a request's even where they have no say, except that a coding may
/// be anything: what is not plainly `chunked` lasts until the connection closes, so that nothing
/// behind it can be taken for another response.
pub(crate) fn response_body(
    kind: RequestKind,
    status: u16,
    minor_version: u8,
    fields: &Fields<'_>,
    lenient: bool,
) -> Result<Framing<ResponseBody>, ParseError> {
    let (length, coding) = framing_fields(fields, lenient, response_coding)?;
    let none = ResponseBody::Known(BodyLength::None);
    // 2. A tunnel behind CONNECT. Here it comes first, and with any status, interim ones too: Node
    //    hands the connection over whatever the answer is.
    if kind == RequestKind::Connect {
        return Ok(Framing {
            body: none,
            close: false,
        });
    }
    // 1. No content behind 1xx, 204 and 304, whatever the fields say; HEAD is below.
    if matches!(status, 100..=199 | 204 | 304) {
        return Ok(Framing {
            body: none,
            close: false,
        });
    }
    // 3. Transfer-Encoding overrides Content-Length; strict mode refused the pair above.
    // 4. Chunked if that is the last coding, or else until the connection closes. As for requests, a
    //    pair of both and HTTP/1.0 are not trusted further.
    // 5. An invalid Content-Length, several of them included, was refused above.
    // 6. A valid Content-Length.
    // 7. For requests only.
    // 8. Until the connection closes.
    let (body, close) = match (coding, length) {
        (Some(Coding::Chunked), _) => (
            ResponseBody::Known(BodyLength::Chunked),
            length.is_some() || minor_version == 0,
        ),
        (Some(_), _) | (None, None) => (ResponseBody::UntilClose, true),
        (None, Some(0)) => (none, false),
        (None, Some(length)) => (ResponseBody::Known(BodyLength::Length(length)), false),
    };
    // 1. No content behind HEAD either. Where the same answer to GET would last until the close,
    //    Node closes here as well.
    let body = if kind == RequestKind::Head {
        none
    } else {
        body
    };
    Ok(Framing { body, close })
}

/// Reads the values of Content-Length and Transfer-Encoding, the latter line by line.
fn framing_fields(
    fields: &Fields<'_>,
    lenient: bool,
    read_coding: fn(Option<Coding>, &Fields<'_>, &FieldRange, bool) -> Result<Coding, ParseError>,
) -> Result<(Option<u64>, Option<Coding>), ParseError> {
    let mut length: Option<u64> = None;
    let mut coding: Option<Coding> = None;
    for range in fields.ranges() {
        match framing_field(fields.name(range)) {
            None => {}
            Some(FramingField::ContentLength) => {
                if coding.is_some() && !lenient {
                    return Err(ErrorKind::ContentLengthWithCoding.at(range.name_end as usize + 1));
                }
                if length.is_some() {
                    return Err(ErrorKind::ContentLengthTwice.at(range.value_start as usize));
                }
                length = Some(content_length(fields, range)?);
            }
            Some(FramingField::TransferEncoding) => {
                if length.is_some() && !lenient {
                    return Err(ErrorKind::CodingWithContentLength.at(range.name_end as usize + 1));
                }
                coding = Some(read_coding(coding, fields, range, lenient)?);
            }
        }
    }
    Ok((length, coding))
}

/// Refuses framing fields in a trailer section (RFC 9112 section 7.1.2, RFC 9110 section 6.5.1).
pub(crate) fn check_trailers(fields: &Fields<'_>, lenient: bool) -> Result<(), ParseError> {
    if lenient {
        return Ok(());
    }
    for range in fields.ranges() {
        match framing_field(fields.name(range)) {
            None => {}
            Some(FramingField::ContentLength) => {
                return Err(ErrorKind::ContentLengthWithCoding.at(range.name_end as usize + 1));
            }
            Some(FramingField::TransferEncoding) => {
                return Err(ErrorKind::CodingAfterChunked.at(range.value_start as usize + 1));
            }
        }
    }
    Ok(())
}

enum FramingField {
    ContentLength,
    TransferEncoding,
}

fn framing_field(name: &[u8]) -> Option<FramingField> {
    match name.len() {
        14 if name.eq_ignore_ascii_case(b"content-length") => Some(FramingField::ContentLength),
        17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
            Some(FramingField::TransferEncoding)
        }
        _ => None,
    }
}

/// Digits and nothing else (RFC 9110 section 8.6); not a list, even of equal values.
fn content_length(fields: &Fields<'_>, range: &FieldRange) -> Result<u64, ParseError> {
    // Digits on both sides of a fold: one number or two?
    if fields.is_unfolded(range) {
        return Err(ErrorKind::ContentLengthTwice.at(range.name_end as usize + 1));
    }
    let value = fields.value(range);
    let at = range.value_start as usize;
    if value.is_empty() {
        return Err(ErrorKind::ContentLengthEmpty.at(line_end(fields, range)));
    }
    let mut length: u64 = 0;
    for (index, &byte) in value.iter().enumerate() {
        if !byte.is_ascii_digit() {
            let spaces = value[index..]
                .iter()
                .take_while(|&&byte| byte == b' ')
                .count();
            return Err(ErrorKind::ContentLengthChar.at(at + index + spaces));
        }
        length = length
            .checked_mul(10)
            .and_then(|length| length.checked_add(u64::from(byte - b'0')))
            .ok_or_else(|| ErrorKind::ContentLengthOverflow.at(at + index + 1))?;
    }
    Ok(length)
}

/// The last transfer coding so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Chunked,
    Other,
    /// Only empty list elements up to now.
    Nothing,
}

/// One Transfer-Encoding line; further ones continue its list (RFC 9110 section 5.3).
fn transfer_encoding(
    before: Option<Coding>,
    fields: &Fields<'_>,
    range: &FieldRange,
    lenient: bool,
) -> Result<Coding, ParseError> {
    // Node stops understanding the list at a fold.
    if fields.is_unfolded(range) {
        return Err(ErrorKind::CodingNotChunked.at(range.name_end as usize + 1));
    }
    let value = fields.value(range);
    let at = range.value_start as usize;
    if value.is_empty() {
        return Err(ErrorKind::CodingEmpty.at(line_end(fields, range)));
    }
    if let Some(index) = find_ambiguous_byte(fields, range, lenient) {
        return Err(ErrorKind::CodingNotChunked.at(at + index));
    }
    let mut last = before.unwrap_or(Coding::Nothing);
    let mut start = 0;
    for element in value.split(|&byte| byte == b',') {
        // Behind `chunked` not even an empty element may stand.
        if last == Coding::Chunked && !lenient {
            return Err(ErrorKind::CodingAfterChunked.at(at + start.max(1)));
        }
        let element_end = start + element.len();
        let element = trim_ows(element);
        last = match element {
            b"" if last == Coding::Nothing => Coding::Nothing,
            _ if element.eq_ignore_ascii_case(b"chunked") => Coding::Chunked,
            _ => Coding::Other,
        };
        start = element_end + 1;
    }
    Ok(last)
}

/// One Transfer-Encoding line of a response: whether `chunked` is plainly its last element. Earlier
/// lines do not matter.
fn response_coding(
    _before: Option<Coding>,
    fields: &Fields<'_>,
    range: &FieldRange,
    lenient: bool,
) -> Result<Coding, ParseError> {
    let value = fields.value(range);
    if value.is_empty() && !fields.is_unfolded(range) {
        return Err(ErrorKind::CodingEmpty.at(line_end(fields, range)));
    }
    if fields.is_unfolded(range) || find_ambiguous_byte(fields, range, lenient).is_some() {
        return Ok(Coding::Other);
    }
    let last = value.rsplit(|&byte| byte == b',').next().unwrap_or(value);
    Ok(if trim_ows(last).eq_ignore_ascii_case(b"chunked") {
        Coding::Chunked
    } else {
        Coding::Other
    })
}

/// Behind the line end of an empty field.
fn line_end(fields: &Fields<'_>, range: &FieldRange) -> usize {
    let start = range.name_end as usize;
    memchr::memchr(b'\n', &fields.base()[start..]).map_or(start, |index| start + index + 1)
}

/// Where one line's list of codings is not read alike by everybody: at a tab, which Node does not
/// take for white space here, and in strict mode at a quote (is the comma within it a separator?).
fn find_ambiguous_byte(fields: &Fields<'_>, range: &FieldRange, lenient: bool) -> Option<usize> {
    // With the white space behind the value.
    let line = fields.base()[range.value_start as usize..]
        .iter()
        .take_while(|byte| !matches!(byte, b'\r' | b'\n'));
    line.enumerate()
        .find(|(_, byte)| **byte == b'\t' || (**byte == b'"' && !lenient))
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::event::Scratch;
    use crate::field_section::FieldScanner;

    /// What `decide` makes of the field lines, each without its line end.
    fn decided<B>(
        lines: &[&str],
        lenient: bool,
        decide: impl FnOnce(&Fields<'_>) -> Result<Framing<B>, ParseError>,
    ) -> Result<Framing<B>, ErrorKind> {
        let input: String = lines
            .iter()
            .map(|line| format!("{line}\r\n"))
            .chain(["\r\n".to_owned()])
            .collect();
        let mut scratch = Scratch::new();
        let limits = Limits {
            lenient,
            ..Limits::default()
        };
        let end = FieldScanner::trailers()
            .run(input.as_bytes(), &limits, &mut scratch)
            .expect("good fields");
        assert_eq!(end, Some(input.len()));
        decide(&Fields::new(input.as_bytes(), &scratch)).map_err(|error| error.kind)
    }

    /// What a request's field lines amount to.
    fn framing(
        method: Method,
        minor_version: u8,
        lines: &[&str],
        lenient: bool,
    ) -> Result<Framing<BodyLength>, ErrorKind> {
        decided(lines, lenient, |fields| {
            request_body(method, minor_version, fields, lenient)
        })
    }

    /// The body and the close of a response whose field lines are these.
    fn response(
        kind: RequestKind,
        status: u16,
        lines: &[&str],
        lenient: bool,
    ) -> Result<(ResponseBody, bool), ErrorKind> {
        decided(lines, lenient, |fields| {
            response_body(kind, status, 1, fields, lenient)
        })
        .map(|framing| (framing.body, framing.close))
    }

    #[test]
    fn response_fields() {
        let known = |body| Ok((ResponseBody::Known(body), false));
        let until_close = Ok((ResponseBody::UntilClose, true));
        let cases: [(&[&str], _, _); 11] = [
            (&[], until_close, until_close),
            (
                &[LENGTH],
                known(BodyLength::Length(5)),
                known(BodyLength::Length(5)),
            ),
            (
                &["Content-Length: 0"],
                known(BodyLength::None),
                known(BodyLength::None),
            ),
            (
                &[CHUNKED],
                known(BodyLength::Chunked),
                known(BodyLength::Chunked),
            ),
            (&["Transfer-Encoding: gzip"], until_close, until_close),
            (
                &[CHUNKED, "Transfer-Encoding: gzip"],
                until_close,
                until_close,
            ),
            (
                &["Transfer-Encoding: gzip", CHUNKED],
                known(BodyLength::Chunked),
                known(BodyLength::Chunked),
            ),
            (&["Transfer-Encoding: chunked,"], until_close, until_close),
            (
                &[LENGTH, LENGTH],
                Err(ErrorKind::ContentLengthTwice),
                Err(ErrorKind::ContentLengthTwice),
            ),
            (
                &[LENGTH, CHUNKED],
                Err(ErrorKind::CodingWithContentLength),
                Ok((ResponseBody::Known(BodyLength::Chunked), true)),
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
        let none = |close| Ok((ResponseBody::Known(BodyLength::None), close));
        for lines in [&[LENGTH][..], &[CHUNKED]] {
            for status in [100, 101, 103, 199, 204, 304] {
                assert_eq!(
                    response(RequestKind::Ordinary, status, lines, false),
                    none(false)
                );
            }
            for status in [0, 99, 200, 205, 404, 999] {
                assert_ne!(
                    response(RequestKind::Ordinary, status, lines, false),
                    none(false)
                );
                assert_eq!(
                    response(RequestKind::Head, status, lines, false),
                    none(false)
                );
            }
            for status in [100, 200, 204, 407] {
                assert_eq!(
                    response(RequestKind::Connect, status, lines, false),
                    none(false)
                );
            }
        }
        assert_eq!(response(RequestKind::Head, 200, &[], false), none(true));
        assert_eq!(response(RequestKind::Head, 304, &[], false), none(false));
        assert_eq!(
            response(RequestKind::Head, 200, &[LENGTH, LENGTH], false),
            Err(ErrorKind::ContentLengthTwice)
        );
    }

    fn kept(body: BodyLength) -> Result<Framing<BodyLength>, ErrorKind> {
        Ok(Framing { body, close: false })
    }

    fn closed(body: BodyLength) -> Result<Framing<BodyLength>, ErrorKind> {
        Ok(Framing { body, close: true })
    }

    const LENGTH: &str = "Content-Length: 5";
    const CHUNKED: &str = "Transfer-Encoding: chunked";

    #[test]
    fn strict() {
        let cases: [(&[&str], _); 14] = [
            (&[], kept(BodyLength::None)),
            (&[LENGTH], kept(BodyLength::Length(5))),
            (&["Content-Length: 0"], kept(BodyLength::None)),
            (
                &["Content-Length: 18446744073709551615"],
                kept(BodyLength::Length(u64::MAX)),
            ),
            (
                &["Content-Length: 18446744073709551616"],
                Err(ErrorKind::ContentLengthOverflow),
            ),
            (&["Content-Length: 5, 5"], Err(ErrorKind::ContentLengthChar)),
            (&[LENGTH, LENGTH], Err(ErrorKind::ContentLengthTwice)),
            (&[CHUNKED], kept(BodyLength::Chunked)),
            (
                &["Transfer-Encoding: gzip", CHUNKED],
                kept(BodyLength::Chunked),
            ),
            (&["Transfer-Encoding: gzip"], kept(BodyLength::Unreadable)),
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
    fn lenient_takes_both_and_closes() {
        assert_eq!(
            framing(Method::POST, 1, &[LENGTH, CHUNKED], true),
            closed(BodyLength::Chunked)
        );
        assert_eq!(
            framing(Method::POST, 1, &[CHUNKED, LENGTH], true),
            closed(BodyLength::Chunked)
        );
        let twice = framing(
            Method::POST,
            1,
            &["Transfer-Encoding: chunked, chunked"],
            true,
        );
        assert_eq!(twice, kept(BodyLength::Chunked));
    }

    #[test]
    fn lenient_still_refuses_what_has_no_length() {
        for lines in [
            &["Transfer-Encoding: gzip"][..],
            &["Transfer-Encoding: chunked, gzip"],
            &[CHUNKED, "Transfer-Encoding: gzip"],
        ] {
            assert_eq!(
                framing(Method::POST, 1, lines, true),
                kept(BodyLength::Unreadable),
                "{lines:?}"
            );
        }
        assert_eq!(
            framing(Method::POST, 1, &[LENGTH, LENGTH], true),
            Err(ErrorKind::ContentLengthTwice)
        );
    }

    #[test]
    fn chunked_in_http_1_0_is_the_last_message() {
        assert_eq!(
            framing(Method::POST, 0, &[CHUNKED], false),
            closed(BodyLength::Chunked)
        );
        assert_eq!(
            framing(Method::POST, 0, &[LENGTH], false),
            kept(BodyLength::Length(5))
        );
    }

    #[test]
    fn connect_has_no_body_but_its_framing_fields_must_be_good() {
        assert_eq!(
            framing(Method::CONNECT, 1, &[LENGTH], false),
            kept(BodyLength::None)
        );
        assert_eq!(
            framing(Method::CONNECT, 1, &[LENGTH, LENGTH], false),
            Err(ErrorKind::ContentLengthTwice)
        );
    }
}
