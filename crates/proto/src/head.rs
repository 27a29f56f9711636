//! Request heads: the general reader, which keeps its place, and a fast one for heads that are all
//! there.

use std::mem::MaybeUninit;

use crate::config::Limits;
use crate::error::ParseError;
use crate::event::{FieldRange, Scratch};
use crate::field_section::FieldScanner;
use crate::method::Method;
use crate::request_line::{RequestLine, RequestLineScanner};

/// Field lines that the fast path takes; heads with more go the general road.
pub(crate) const FAST_FIELDS: usize = 64;

/// How far the head at the front of the read buffer has been read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HeadScanner {
    Line(RequestLineScanner),
    Fields(RequestLine, FieldScanner),
}

/// A complete head; its fields are in the `Scratch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ParsedHead {
    pub(crate) line: RequestLine,
    /// Behind the empty line.
    pub(crate) end: usize,
}

impl ParsedHead {
    pub(crate) fn target<'b>(&self, input: &'b [u8]) -> &'b [u8] {
        &input[self.line.target.0 as usize..self.line.target.1 as usize]
    }
}

/// Reads the head that `input` starts with. `scanner` is where the last call for the same head got
/// to, `None` before the first; it is left `None` when the head is complete.
pub(crate) fn read_head(
    scanner: &mut Option<HeadScanner>,
    input: &[u8],
    limits: &Limits,
    scratch: &mut Scratch,
) -> Result<Option<ParsedHead>, ParseError> {
    scratch.clear();
    if scanner.is_none() && !limits.lenient {
        if let Some(head) = read_head_fast(input, limits, scratch) {
            return Ok(Some(head));
        }
        scratch.clear();
    }
    read_head_general(scanner, input, limits, scratch)
}

/// Decides about every head; the other way only agrees with it.
pub(crate) fn read_head_general(
    scanner: &mut Option<HeadScanner>,
    input: &[u8],
    limits: &Limits,
    scratch: &mut Scratch,
) -> Result<Option<ParsedHead>, ParseError> {
    let resumed = matches!(scanner, Some(HeadScanner::Fields(..)));
    let mut state = scanner
        .take()
        .unwrap_or_else(|| HeadScanner::Line(RequestLineScanner::new()));
    if let HeadScanner::Line(line_scanner) = &mut state {
        match line_scanner.run(input, limits)? {
            None => {
                *scanner = Some(state);
                return Ok(None);
            }
            Some(line) => state = HeadScanner::Fields(line, field_scanner(&line)),
        }
    }
    let HeadScanner::Fields(line, mut fields) = state else {
        return Ok(None);
    };
    // The ranges found by earlier calls are gone: a resumed head is only checked on, and its ranges
    // are taken in one go at the end.
    let end = if resumed {
        fields.run(input, limits, &mut ())?
    } else {
        fields.run(input, limits, scratch)?
    };
    let Some(end) = end else {
        *scanner = Some(HeadScanner::Fields(line, fields));
        return Ok(None);
    };
    if resumed {
        field_scanner(&line).run(input, limits, scratch)?;
    }
    Ok(Some(ParsedHead { line, end }))
}

fn field_scanner(line: &RequestLine) -> FieldScanner {
    FieldScanner::head(line.end as usize, (line.target.1 - line.target.0) as usize)
}

/// Reads a strict head in origin-form that is wholly there, by httparse. `None`: not one of those,
/// or not in order; the general reader says what it is.
pub(crate) fn read_head_fast(
    input: &[u8],
    limits: &Limits,
    scratch: &mut Scratch,
) -> Option<ParsedHead> {
    // Within the limit as a whole, hence also without its punctuation.
    let input = &input[..input.len().min(limits.max_header_size)];
    let mut fields = [const { MaybeUninit::uninit() }; FAST_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    let Ok(httparse::Status::Complete(end)) = request.parse_with_uninit_headers(input, &mut fields)
    else {
        return None;
    };
    let (method, target) = (request.method?, request.path?);
    let minor_version = request.version?;
    let method = Method::from_bytes(method.as_bytes())?;
    // httparse takes any UTF-8 in a target, and leaves its form to us.
    if method == Method::CONNECT || !target.starts_with('/') || !target.is_ascii() {
        return None;
    }
    let target_start = target.as_ptr() as usize - input.as_ptr() as usize;
    let target_end = target_start + target.len();
    // httparse skips empty lines before the request, which are not here any more, and nothing else.
    if target_start != method.as_str().len() + 1 {
        return None;
    }
    let line_end = target_end + " HTTP/1.1\r\n".len();
    take_fields(request.headers, input, line_end, end, limits, scratch)?;
    let target = (target_start as u32, target_end as u32);
    Some(ParsedHead {
        line: RequestLine {
            method,
            minor_version,
            target,
            end: line_end as u32,
        },
        end,
    })
}

/// Takes over the fields that httparse found in the head of `input` whose start line ends at
/// `line_end`. `None`: it has read something as a line end that is none, or there are too many.
pub(crate) fn take_fields(
    headers: &[httparse::Header<'_>],
    input: &[u8],
    line_end: usize,
    end: usize,
    limits: &Limits,
    scratch: &mut Scratch,
) -> Option<()> {
    if limits.max_headers_count != 0 && headers.len() > limits.max_headers_count {
        return None;
    }
    let offset = |part: &[u8]| part.as_ptr() as usize - input.as_ptr() as usize;
    // httparse takes a bare LF for a line end: what precedes each line must be a CR LF.
    let after_crlf = |line_start: usize| input[line_start - 2] == b'\r';
    let empty_line = end - 2;
    let first_line = headers
        .first()
        .map_or(empty_line, |field| offset(field.name.as_bytes()));
    if first_line != line_end || !after_crlf(empty_line) || !after_crlf(end) {
        return None;
    }
    for field in headers {
        let name_start = offset(field.name.as_bytes());
        let name_end = name_start + field.name.len();
        // An empty value is where the general reader puts it, so that errors have one place.
        let value_start = if field.value.is_empty() {
            name_end + 1
        } else {
            offset(field.value)
        };
        if !after_crlf(name_start) {
            return None;
        }
        scratch.ranges.push(FieldRange {
            name_start: name_start as u32,
            name_end: name_end as u32,
            value_start: value_start as u32,
            value_end: (value_start + field.value.len()) as u32,
        });
    }
    Some(())
}

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod agreement {
    use super::*;

    /// Panics when the fast path takes a head that the general one refuses, or reads it
    /// differently. Answers whether it took it.
    pub(crate) fn check(input: &[u8], limits: &Limits) -> bool {
        let (mut fast, mut general) = (Scratch::new(), Scratch::new());
        let Some(head) = read_head_fast(input, limits, &mut fast) else {
            return false;
        };
        let expected = read_head_general(&mut None, input, limits, &mut general);
        assert_eq!(expected, Ok(Some(head)), "{}", input.escape_ascii());
        assert_eq!(fast.ranges, general.ranges, "{}", input.escape_ascii());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        b"GET /\"<>\\^`{|} HTTP/1.0\r\nA:\r\nB: \t \r\nC:d \t\r\nE: \x80\xff\r\n\r\n",
        b"UNSUBSCRIBE /c HTTP/1.1\r\nX-Token!: a:b, c\td\r\nX-Token!: a\r\n\r\n",
    ];

    #[test]
    fn the_fast_path_takes_ordinary_heads() {
        for head in HEADS {
            assert!(
                agreement::check(head, &Limits::default()),
                "{}",
                head.escape_ascii()
            );
        }
    }

    #[test]
    fn the_fast_path_leaves_what_httparse_reads_otherwise() {
        let heads: [&[u8]; 9] = [
            b"GET / HTTP/1.1\n\r\n",
            b"GET / HTTP/1.1\r\n\n",
            b"GET / HTTP/1.1\r\nA: b\n\r\n",
            b"GET / HTTP/1.1\r\nA: b\nB: c\r\n\r\n",
            b"GET / HTTP/1.1\r\nA:\nB: c\r\n\r\n",
            b"\r\nGET / HTTP/1.1\r\n\r\n",
            b"GET /\xc3\xa9 HTTP/1.1\r\n\r\n",
            b"FOO / HTTP/1.1\r\n\r\n",
            b"GET a HTTP/1.1\r\n\r\n",
        ];
        for head in heads {
            assert!(
                !agreement::check(head, &Limits::default()),
                "{}",
                head.escape_ascii()
            );
        }
    }

    #[test]
    fn the_fast_path_keeps_to_the_limits() {
        let head = b"GET / HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n";
        let limits = Limits {
            max_headers_count: 1,
            ..Limits::default()
        };
        assert!(!agreement::check(head, &limits));
        let limits = Limits {
            max_header_size: 5,
            ..Limits::default()
        };
        assert!(!agreement::check(head, &limits));
        let many = [
            b"GET / HTTP/1.1\r\n".as_slice(),
            &b"A: b\r\n".repeat(FAST_FIELDS + 1),
            b"\r\n",
        ]
        .concat();
        assert!(!agreement::check(&many, &Limits::default()));
    }

    /// A small linear congruential generator: the same mutations in every run.
    struct Mutations(u64);

    impl Mutations {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % limit
        }
    }

    #[test]
    fn both_paths_agree_on_mutated_heads() {
        const BYTES: &[u8] = b"\r\n\t :\0\x01\x7f\x80aZ/*?#@[0.";
        let mut random = Mutations(7);
        let mut taken = 0;
        for _ in 0..40_000 {
            let mut head = HEADS[random.below(HEADS.len())].to_vec();
            for _ in 0..=random.below(3) {
                let at = random.below(head.len());
                let byte = BYTES[random.below(BYTES.len())];
                match random.below(3) {
                    0 => head[at] = byte,
                    1 => head.insert(at, byte),
                    _ => drop(head.remove(at)),
                }
            }
            taken += usize::from(agreement::check(&head, &Limits::default()));
        }
        assert!(taken > 4_000, "only {taken} were heads at all");
    }

    #[test]
    fn a_head_in_pieces_comes_out_as_the_same_head() {
        for head in HEADS {
            let (mut whole, mut pieces) = (Scratch::new(), Scratch::new());
            let limits = Limits::default();
            let expected = read_head(&mut None, head, &limits, &mut whole).expect("a good head");
            let mut scanner = None;
            let end = expected.expect("complete").end;
            for length in 1..end {
                assert_eq!(
                    read_head(&mut scanner, &head[..length], &limits, &mut pieces),
                    Ok(None)
                );
            }
            assert_eq!(
                read_head(&mut scanner, &head[..end], &limits, &mut pieces),
                Ok(expected)
            );
            assert_eq!(pieces.ranges, whole.ranges);
        }
    }
}
