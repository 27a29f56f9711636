//! Request heads: the general reader, which keeps its place, and a fast one for heads that are all there.

use std::mem::MaybeUninit;

use crate::config::Limits;
use crate::error::ParseError;
use crate::event::{FieldRange, Scratch};
use crate::field_section::FieldScanner;
use crate::method::Method;
use crate::request_line::{RequestLine, RequestLineScanner};

/// Field lines that the fast path takes; heads with more go the general road.
const FAST_FIELDS: usize = 64;

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

/// Reads the head that `input` starts with. `scanner` is where the last call for the same head got to,
/// `None` before the first; it is left `None` when the head is complete.
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
    // The ranges found by earlier calls are gone: a resumed head is only checked on, and its ranges are
    // taken in one go at the end.
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

/// Reads a strict head in origin-form that is wholly there, by httparse. `None`: not one of those, or not
/// in order; the general reader says what it is.
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
    if limits.max_headers_count != 0 && request.headers.len() > limits.max_headers_count {
        return None;
    }
    let (method, target) = (request.method?, request.path?);
    let minor_version = request.version?;
    let method = Method::from_bytes(method.as_bytes())?;
    // httparse takes any UTF-8 in a target, and leaves its form to us.
    if method == Method::CONNECT || !target.starts_with('/') || !target.is_ascii() {
        return None;
    }
    let offset = |part: &[u8]| part.as_ptr() as usize - input.as_ptr() as usize;
    let target_start = offset(target.as_bytes());
    let target_end = target_start + target.len();
    // httparse skips empty lines before the request, which are not here any more, and nothing else.
    if target_start != method.as_str().len() + 1 {
        return None;
    }
    // httparse takes a bare LF for a line end: what precedes each line must be a CR LF.
    let after_crlf = |line_start: usize| input[line_start - 2] == b'\r';
    let line_end = target_end + " HTTP/1.1\r\n".len();
    let empty_line = end - 2;
    let first_line = request
        .headers
        .first()
        .map_or(empty_line, |field| offset(field.name.as_bytes()));
    if first_line != line_end || !after_crlf(empty_line) || !after_crlf(end) {
        return None;
    }
    for field in request.headers.iter() {
        let name_start = offset(field.name.as_bytes());
        let value_start = offset(field.value);
        if !after_crlf(name_start) {
            return None;
        }
        scratch.ranges.push(FieldRange {
            name_start: name_start as u32,
            name_end: (name_start + field.name.len()) as u32,
            value_start: value_start as u32,
            value_end: (value_start + field.value.len()) as u32,
        });
    }
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
