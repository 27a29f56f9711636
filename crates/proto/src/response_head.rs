//! Response heads: the general reader, which keeps its place, and a fast one for heads that are all
//! there.

use std::mem::MaybeUninit;

use crate::config::Limits;
use crate::error::ParseError;
use crate::event::Scratch;
use crate::field_section::FieldScanner;
use crate::head::{FAST_FIELDS, take_fields};
use crate::status_line::{StatusLine, StatusLineScanner};

/// How far the head at the front of the read buffer has been read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ResponseScanner {
    Line(StatusLineScanner),
    Fields(StatusLine, FieldScanner),
}

/// A complete head; its fields are in the `Scratch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ParsedResponse {
    pub(crate) line: StatusLine,
    /// Behind the empty line.
    pub(crate) end: usize,
}

impl ParsedResponse {
    pub(crate) fn reason<'b>(&self, input: &'b [u8]) -> &'b [u8] {
        &input[self.line.reason.0 as usize..self.line.reason.1 as usize]
    }
}

/// Reads the head that `input` starts with. `scanner` is where the last call for the same head got
/// to, `None` before the first; it is left `None` when the head is complete.
pub(crate) fn read_response(
    scanner: &mut Option<ResponseScanner>,
    input: &[u8],
    limits: &Limits,
    scratch: &mut Scratch,
) -> Result<Option<ParsedResponse>, ParseError> {
    scratch.clear();
    if scanner.is_none() && !limits.lenient {
        if let Some(head) = read_response_fast(input, limits, scratch) {
            return Ok(Some(head));
        }
        scratch.clear();
    }
    read_response_general(scanner, input, limits, scratch)
}

/// Decides about every head; the other way only agrees with it.
pub(crate) fn read_response_general(
    scanner: &mut Option<ResponseScanner>,
    input: &[u8],
    limits: &Limits,
    scratch: &mut Scratch,
) -> Result<Option<ParsedResponse>, ParseError> {
    let resumed = matches!(scanner, Some(ResponseScanner::Fields(..)));
    let mut state = scanner
        .take()
        .unwrap_or_else(|| ResponseScanner::Line(StatusLineScanner::new()));
    if let ResponseScanner::Line(line_scanner) = &mut state {
        match line_scanner.run(input, limits)? {
            None => {
                *scanner = Some(state);
                return Ok(None);
            }
            Some(line) => state = ResponseScanner::Fields(line, field_scanner(&line)),
        }
    }
    let ResponseScanner::Fields(line, mut fields) = state else {
        return Ok(None);
    };
    // As for requests: a resumed head's ranges are taken in one go at the end.
    let end = if resumed {
        fields.run(input, limits, &mut ())?
    } else {
        fields.run(input, limits, scratch)?
    };
    let Some(end) = end else {
        *scanner = Some(ResponseScanner::Fields(line, fields));
        return Ok(None);
    };
    if resumed {
        field_scanner(&line).run(input, limits, scratch)?;
    }
    Ok(Some(ParsedResponse { line, end }))
}

fn field_scanner(line: &StatusLine) -> FieldScanner {
    FieldScanner::head(line.end as usize, (line.reason.1 - line.reason.0) as usize)
}

/// Reads a strict HTTP/1.x head that is wholly there, by httparse. `None`: not one of those, or not
/// in order; the general reader says what it is.
pub(crate) fn read_response_fast(
    input: &[u8],
    limits: &Limits,
    scratch: &mut Scratch,
) -> Option<ParsedResponse> {
    const STATUS_END: usize = "HTTP/1.1 200".len();
    // httparse skips empty lines, which are not here any more.
    if !input.starts_with(b"HTTP/1.") {
        return None;
    }
    // Within the limit as a whole, hence also without its punctuation.
    let input = &input[..input.len().min(limits.max_header_size)];
    let mut fields = [const { MaybeUninit::uninit() }; FAST_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        input,
        &mut fields,
    );
    let Ok(httparse::Status::Complete(end)) = parsed else {
        return None;
    };
    let (minor_version, status) = (response.version?, response.code?);
    // httparse hides a reason beyond ASCII, so its place is taken from the bytes.
    let line_end = memchr::memchr(b'\n', input)? + 1;
    let reason = match input[STATUS_END] {
        b' ' => STATUS_END + 1,
        _ => STATUS_END,
    };
    let reason_end = line_end - "\r\n".len();
    if reason_end < reason {
        return None;
    }
    take_fields(response.headers, input, line_end, end, limits, scratch)?;
    Some(ParsedResponse {
        line: StatusLine {
            major_version: 1,
            minor_version,
            status,
            reason: (reason as u32, reason_end as u32),
            end: line_end as u32,
        },
        end,
    })
}

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod agreement {
    use super::*;

    /// Panics when the fast path takes a head that the general one refuses, or reads it
    /// differently. Answers whether it took it.
    pub(crate) fn check(input: &[u8], limits: &Limits) -> bool {
        let (mut fast, mut general) = (Scratch::new(), Scratch::new());
        let Some(head) = read_response_fast(input, limits, &mut fast) else {
            return false;
        };
        let expected = read_response_general(&mut None, input, limits, &mut general);
        assert_eq!(expected, Ok(Some(head)), "{}", input.escape_ascii());
        assert_eq!(fast.ranges, general.ranges, "{}", input.escape_ascii());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: [&[u8]; 5] = [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.0 404 \r\nA:\r\nB: \t \r\nC:d \t\r\nE: \x80\xff\r\n\r\n",
        b"HTTP/1.1 304\r\nX-Token!: a:b, c\td\r\nX-Token!: a\r\n\r\n",
        b"HTTP/1.1 500  \xe9\t x \r\nA: b\r\n\r\n",
    ];

    #[test]
    fn the_fast_path_takes_ordinary_heads() {
        for head in HEADS {
            let shown = head.escape_ascii();
            assert!(agreement::check(head, &Limits::default()), "{shown}");
        }
    }

    #[test]
    fn the_fast_path_leaves_what_httparse_reads_otherwise() {
        let heads: [&[u8]; 7] = [
            b"HTTP/1.1 200 OK\n\r\n",
            b"HTTP/1.1 200\n\r\n",
            b"HTTP/1.1 200 OK\r\n\n",
            b"HTTP/1.1 200 OK\r\nA: b\n\r\n",
            b"\r\nHTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/2.0 200 OK\r\n\r\n",
            b"HTTP/1.1 200 \x01\r\n\r\n",
        ];
        for head in heads {
            let shown = head.escape_ascii();
            assert!(!agreement::check(head, &Limits::default()), "{shown}");
        }
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
        const BYTES: &[u8] = b"\r\n\t :\0\x01\x7f\x80aZ/12H.0";
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
            let expected =
                read_response(&mut None, head, &limits, &mut whole).expect("a good head");
            let mut scanner = None;
            let end = expected.expect("complete").end;
            for length in 1..end {
                let partial = read_response(&mut scanner, &head[..length], &limits, &mut pieces);
                assert_eq!(partial, Ok(None));
            }
            assert_eq!(
                read_response(&mut scanner, &head[..end], &limits, &mut pieces),
                Ok(expected)
            );
            assert_eq!(pieces.ranges, whole.ranges);
        }
    }
}
