//! Heads of either role: the general reader, which can stop and resume anywhere. Each role adds its start line, and a fast reader
//! for complete heads.

use crate::config::Limits;
use crate::directives::{Directives, Sender, Topic};
use crate::error::ParseError;
use crate::event::{FieldRange, Scratch, count_line_ends};
use crate::field_section::FieldScanner;

/// Largest number of fields for the fast readers. Heads with more are parsed by the general one.
pub(crate) const FAST_FIELDS: usize = 64;

/// A complete start line. Offsets are into the bytes that begin with it.
pub(crate) trait StartLine: Copy {
    /// Reads one, and keeps its position between calls, whose `input` must start at the same byte every time.
    type Scanner: Copy;

    /// The side that sends such lines.
    const SENDER: Sender;

    /// A scanner that has read nothing.
    fn scanner() -> Self::Scanner;

    /// Continues to read. None if the line is not complete.
    fn scan(
        scanner: &mut Self::Scanner,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<Self>, ParseError>;

    /// The range of its target or reason, which counts towards `max_header_size`.
    fn text(&self) -> (u32, u32);

    /// The offset after the line's end, where the fields start.
    fn end(&self) -> usize;

    /// Reads a complete, strict head with httparse. None if the head is invalid, or of a kind that httparse reads differently.
    /// The general reader decides then.
    fn read_fast(input: &[u8], limits: &Limits, scratch: &mut Scratch) -> Option<ParsedHead<Self>>;
}

/// How much of the head at the front of the read buffer has been read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HeadScanner<L: StartLine> {
    Line(L::Scanner),
    Fields(L, FieldScanner),
}

/// A complete head; its fields are in the `Scratch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ParsedHead<L> {
    pub(crate) line: L,
    /// The directives of its fields about framing and connection.
    pub(crate) directives: Directives,
    /// The offset after the empty line.
    pub(crate) end: usize,
}

impl<L: StartLine> ParsedHead<L> {
    /// The target or the reason.
    pub(crate) fn text<'b>(&self, input: &'b [u8]) -> &'b [u8] {
        let (start, end) = self.line.text();
        &input[start as usize..end as usize]
    }
}

/// Number of bytes of line ends before the head with which `input` should start; 0 when the head has begun.
pub(crate) fn count_skipped<T>(scanner: &Option<T>, input: &[u8]) -> usize {
    if scanner.is_some() {
        0
    } else {
        count_line_ends(input)
    }
}

/// Reads the head with which `input` starts. `scanner` is the position of the last call for the same head, None before the first
/// call. It is None again when the head is complete.
pub(crate) fn read_head<L: StartLine>(
    scanner: &mut Option<Box<HeadScanner<L>>>,
    input: &[u8],
    limits: &Limits,
    scratch: &mut Scratch,
) -> Result<Option<ParsedHead<L>>, ParseError> {
    scratch.clear();
    if scanner.is_none() && !limits.lenient {
        if let Some(head) = L::read_fast(input, limits, scratch) {
            return Ok(Some(head));
        }
        scratch.clear();
    }
    read_head_general(scanner, input, limits, scratch)
}

/// The general reader. It decides about every head, and the fast readers must agree with it.
fn read_head_general<L: StartLine>(
    scanner: &mut Option<Box<HeadScanner<L>>>,
    input: &[u8],
    limits: &Limits,
    scratch: &mut Scratch,
) -> Result<Option<ParsedHead<L>>, ParseError> {
    let mut state = match scanner {
        Some(state) => **state,
        None => HeadScanner::Line(L::scanner()),
    };
    // The ranges that earlier calls have found are lost. A resumed head is only checked, and all its ranges are read at the end.
    let resumed = matches!(state, HeadScanner::Fields(..));
    let outcome = advance(&mut state, resumed, input, limits, scratch);
    match outcome {
        Ok(Some(_)) | Err(_) => *scanner = None,
        // Most heads arrive complete, so a connection without an unfinished head has no memory for it.
        Ok(None) => match scanner {
            Some(kept) => **kept = state,
            None => *scanner = Some(Box::new(state)),
        },
    }
    outcome
}

fn advance<L: StartLine>(
    state: &mut HeadScanner<L>,
    resumed: bool,
    input: &[u8],
    limits: &Limits,
    scratch: &mut Scratch,
) -> Result<Option<ParsedHead<L>>, ParseError> {
    if let HeadScanner::Line(line_scanner) = state {
        match L::scan(line_scanner, input, limits)? {
            None => return Ok(None),
            Some(line) => *state = HeadScanner::Fields(line, field_scanner(&line)),
        }
    }
    let HeadScanner::Fields(line, fields) = state else {
        return Ok(None);
    };
    let end = if resumed {
        fields.run(input, limits, &mut ())?
    } else {
        fields.run(input, limits, scratch)?
    };
    let Some(end) = end else { return Ok(None) };
    if resumed {
        field_scanner(line).run(input, limits, scratch)?;
    }
    Ok(Some(ParsedHead {
        line: *line,
        directives: fields.directives(),
        end,
    }))
}

fn field_scanner<L: StartLine>(line: &L) -> FieldScanner {
    let (start, end) = line.text();
    FieldScanner::head(L::SENDER, line.end(), (end - start) as usize)
}

/// httparse's result for a head.
pub(crate) struct FastHead<'b> {
    pub(crate) headers: &'b [httparse::Header<'b>],
    /// Where the start line ends.
    pub(crate) line_end: usize,
    /// Where the head ends.
    pub(crate) end: usize,
}

/// Puts the fields that httparse has found in `input` into `scratch`, and returns what they say about framing. None when there are
/// too many fields, when one is to be refused, or when httparse has accepted a line end that is none.
pub(crate) fn take_fields(
    FastHead {
        headers,
        line_end,
        end,
    }: FastHead<'_>,
    input: &[u8],
    limits: &Limits,
    scratch: &mut Scratch,
    sender: Sender,
) -> Option<Directives> {
    if limits.max_headers_count != 0 && headers.len() > limits.max_headers_count {
        return None;
    }
    let offset = |part: &[u8]| part.as_ptr() as usize - input.as_ptr() as usize;
    // httparse accepts a bare LF as a line end, but CR LF must precede each line.
    let after_crlf = |line_start: usize| input[line_start - 2] == b'\r';
    let empty_line = end - 2;
    let first_line = headers
        .first()
        .map_or(empty_line, |field| offset(field.name.as_bytes()));
    if first_line != line_end || !after_crlf(empty_line) || !after_crlf(end) {
        return None;
    }
    let mut directives = Directives::default();
    for field in headers {
        let name_start = offset(field.name.as_bytes());
        let name_end = name_start + field.name.len();
        // An empty value has the same offset as from the general reader.
        let value_start = if field.value.is_empty() {
            name_end + 1
        } else {
            offset(field.value)
        };
        if !after_crlf(name_start) {
            return None;
        }
        let value_end = value_start + field.value.len();
        let topic = Topic::of(field.name.as_bytes());
        if topic != Topic::Other {
            let after = memchr::memchr(b'\r', &input[value_end..])?;
            let line = match field.value.is_empty() {
                true => &[],
                false => &input[value_start..value_end + after],
            };
            directives.read_line(topic, line, sender)?;
        }
        scratch.ranges.push(FieldRange {
            name_start: name_start as u32,
            name_end: name_end as u32,
            value_start: value_start as u32,
            value_end: value_end as u32,
        });
    }
    Some(directives)
}

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod agreement {
    use std::fmt::Debug;

    use super::*;

    /// Panics when the fast reader accepts a head that the general one refuses, or reads it differently. Returns whether it has
    /// accepted it. The general reader reads every input: it goes byte by byte, so a fuzzer learns from its coverage how a head
    /// begins, which the fast reader compares as a whole.
    pub(crate) fn check<L: StartLine + Debug + PartialEq>(input: &[u8], limits: &Limits) -> bool {
        let (mut fast, mut general) = (Scratch::new(), Scratch::new());
        let expected = read_head_general(&mut None, input, limits, &mut general);
        let Some(head) = L::read_fast(input, limits, &mut fast) else {
            return false;
        };
        assert_eq!(expected, Ok(Some(head)), "{}", input.escape_ascii());
        assert_eq!(fast.ranges, general.ranges, "{}", input.escape_ascii());
        true
    }
}

/// Checks for the heads of both roles.
#[cfg(test)]
pub(crate) mod checks {
    use std::fmt::Debug;

    use super::*;

    /// Whether the fast reader accepts the head. It must agree with the general one.
    pub(crate) fn is_fast<L: StartLine + Debug + PartialEq>(head: &[u8]) -> bool {
        agreement::check::<L>(head, &Limits::default())
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

    /// Both readers agree on `heads` with up to three bytes replaced by one of `bytes`, inserted or removed.
    pub(crate) fn agree_on_mutations<L: StartLine + Debug + PartialEq>(
        heads: &[&[u8]],
        bytes: &[u8],
    ) {
        // Miri takes seconds for a hundred heads.
        let rounds = if cfg!(miri) { 400 } else { 40_000 };
        let mut random = Mutations(7);
        let mut taken = 0;
        for _ in 0..rounds {
            let mut head = heads[random.below(heads.len())].to_vec();
            for _ in 0..=random.below(3) {
                let at = random.below(head.len());
                let byte = bytes[random.below(bytes.len())];
                match random.below(3) {
                    0 => head[at] = byte,
                    1 => head.insert(at, byte),
                    _ => drop(head.remove(at)),
                }
            }
            taken += usize::from(is_fast::<L>(&head));
        }
        assert!(taken > rounds / 10, "only {taken} were heads at all");
    }

    /// A head that arrives byte by byte is read as the same head.
    pub(crate) fn reads_in_pieces<L: StartLine + Debug + PartialEq>(head: &[u8]) {
        let (mut whole, mut pieces) = (Scratch::new(), Scratch::new());
        let limits = Limits::default();
        let expected = read_head::<L>(&mut None, head, &limits, &mut whole).expect("a good head");
        let mut scanner = None;
        let end = expected.expect("complete").end;
        for length in 1..end {
            let partial = read_head(&mut scanner, &head[..length], &limits, &mut pieces);
            assert_eq!(partial, Ok(None));
        }
        assert_eq!(
            read_head(&mut scanner, &head[..end], &limits, &mut pieces),
            Ok(expected)
        );
        assert_eq!(pieces.ranges, whole.ranges);
    }
}
