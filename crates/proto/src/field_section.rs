//! Field lines up to the empty line (RFC 9112 section 5): the part that heads and trailers share.
//!
//! ```text
//!            ┌──────────── token ──┐      ':'           other
//! LineStart ─┴─► Name ─────────────┴────► ValueStart ───────► Value ◄─┐ fold (lenient)
//!   │  ▲                                    │ CR                │ CR  │
//!   │  │                                    ▼                   ▼     │
//!   │  │                                  EmptyCr            ValueCr  │
//!   │  │                                    │ LF                │ LF  │
//!   │  │                                    ▼                   ▼     │
//!   │  └──── any other byte ─────────── AfterEmpty ─────────► AfterValue
//!   │ CR             LF
//!   └────► EndCr ──────► complete
//! ```
//!
//! The scanner keeps its position between calls, so that a section that arrives byte by byte is scanned only once, and a malformed
//! byte is refused when it arrives.

use crate::config::Limits;
use crate::directives::{Directives, Sender, Topic, ValueReader};
use crate::error::{ErrorKind, ParseError};
use crate::event::{FieldRange, Scratch};

/// Bytes of a token (RFC 9110 section 5.6.2): field names, and the words of chunk extensions.
pub(crate) const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"!#$%&'*+-.^_`|~";
    let mut index = 0;
    while index < marks.len() {
        table[marks[index] as usize] = true;
        index += 1;
    }
    table
};

/// Bytes of a field value (RFC 9110 section 5.5): HTAB, SP, VCHAR and obs-text.
pub(crate) const VALUE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte == b'\t' as usize || (byte >= 0x20 && byte != 0x7f);
        byte += 1;
    }
    table
};

/// Receives the positions of the fields.
pub(crate) trait FieldSink {
    /// A field line is complete. `folded`: its value contains line ends, which must be removed.
    fn field(&mut self, input: &[u8], range: FieldRange, folded: bool);
}

/// Ignores them: the section is only validated.
impl FieldSink for () {
    fn field(&mut self, _: &[u8], _: FieldRange, _: bool) {}
}

impl FieldSink for Scratch {
    fn field(&mut self, input: &[u8], mut range: FieldRange, folded: bool) {
        if folded {
            // As in Node the line ends are removed, and the white space of the fold is kept.
            let raw = &input[range.value_start as usize..range.value_end as usize];
            let start = input.len() + self.bytes.len();
            self.bytes
                .extend(raw.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')));
            range.value_start = start as u32;
            range.value_end = (input.len() + self.bytes.len()) as u32;
        }
        self.ranges.push(range);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    LineStart,
    Name,
    /// Spaces between a name and its colon (lenient).
    NameSpace,
    ValueStart,
    EmptyCr,
    AfterEmpty,
    Value,
    ValueCr,
    AfterValue,
    EndCr,
}

/// Reads one field section. Offsets are into the `input` of each call, which must always start at the same byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldScanner {
    state: State,
    sender: Sender,
    /// The section follows a start line and no field has begun. A space has an error of its own here.
    first: bool,
    folded: bool,
    /// The name contains spaces (lenient), so it is not one of the names that this crate reads.
    spaced: bool,
    value: ValueReader,
    directives: Directives,
    /// Number of bytes scanned.
    pos: u32,
    /// Offset at which the current name or value starts.
    mark: u32,
    name: (u32, u32),
    /// Number of bytes before `uncounted` that count towards `max_header_size`.
    size: u32,
    /// Offset at which the part of a name or value starts that is not in `size` yet.
    uncounted: u32,
    count: u32,
}

impl FieldScanner {
    /// For the fields of a head, which start at `pos`; `target` bytes are counted already.
    pub(crate) fn head(sender: Sender, pos: usize, target: usize) -> Self {
        Self {
            first: true,
            pos: pos as u32,
            size: target as u32,
            ..Self::trailers(sender, Directives::default())
        }
    }

    /// For the trailer section of a chunked body, which starts at 0; `directives` are those of the head.
    pub(crate) fn trailers(sender: Sender, directives: Directives) -> Self {
        Self {
            state: State::LineStart,
            sender,
            first: false,
            folded: false,
            spaced: false,
            value: ValueReader::new(Topic::Other),
            directives,
            pos: 0,
            mark: 0,
            name: (0, 0),
            size: 0,
            uncounted: 0,
            count: 0,
        }
    }

    /// The meaning of the fields that have been read.
    pub(crate) fn directives(&self) -> Directives {
        self.directives
    }

    /// Continues to read. `Some`: the offset after the empty line. `None`: the section is not complete.
    pub(crate) fn run(
        &mut self,
        input: &[u8],
        limits: &Limits,
        sink: &mut impl FieldSink,
    ) -> Result<Option<usize>, ParseError> {
        let lenient = limits.lenient;
        let mut pos = self.pos as usize;
        while let Some(&byte) = input.get(pos) {
            match self.state {
                State::LineStart => {
                    match byte {
                        b'\r' => self.state = State::EndCr,
                        b'\n' if lenient => return Ok(Some(pos + 1)),
                        b'\n' => return Err(ErrorKind::FieldLine.at(pos + 1)),
                        b' ' if self.first && lenient => {}
                        b' ' if self.first => return Err(ErrorKind::StartLineSpace.at(pos + 1)),
                        _ if TOKEN[byte as usize] => {
                            self.mark = pos as u32;
                            self.uncounted = pos as u32;
                            self.spaced = false;
                            self.state = State::Name;
                        }
                        _ => return Err(ErrorKind::FieldName.at(pos)),
                    }
                    self.first = false;
                }
                State::Name => {
                    pos += input[pos..]
                        .iter()
                        .take_while(|&&byte| TOKEN[byte as usize])
                        .count();
                    let name = &input[self.mark as usize..pos];
                    let topic = || match self.spaced {
                        true => Topic::Other,
                        false => Topic::of(name),
                    };
                    match input.get(pos) {
                        None => break,
                        Some(b':') => self.end_name(pos, topic(), limits)?,
                        // Node refuses the space only after names that it reads itself, and there accepts it in lenient mode.
                        Some(b' ') if topic() != Topic::Other => {
                            if !lenient {
                                self.check_count(self.count + 1, limits, pos + 1)?;
                                self.count_to(pos, limits, pos + 1)?;
                                return Err(ErrorKind::FieldLine.at(pos + 1));
                            }
                            self.value = ValueReader::new(topic());
                            self.state = State::NameSpace;
                        }
                        Some(_) => return Err(ErrorKind::FieldName.at(pos)),
                    }
                }
                State::NameSpace => match byte {
                    b' ' => {}
                    b':' => self.end_name(pos, self.value.topic(), limits)?,
                    _ => {
                        self.spaced = true;
                        self.state = State::Name;
                        continue;
                    }
                },
                State::ValueStart => match byte {
                    // The first space is not counted. Further ones are, because the caller has to store them.
                    b' ' | b'\t' => {
                        self.size += u32::from(pos as u32 != self.name.1 + 1);
                        self.check_size(pos, limits)?;
                    }
                    b'\r' => self.state = State::EmptyCr,
                    b'\n' if lenient => self.state = State::AfterEmpty,
                    b'\n' => return Err(ErrorKind::FieldValue.at(pos + 1)),
                    _ => {
                        self.mark = pos as u32;
                        self.folded = false;
                        self.begin_value(pos, lenient)?;
                        continue;
                    }
                },
                State::EmptyCr => match byte {
                    b'\n' => self.state = State::AfterEmpty,
                    _ if lenient => {
                        self.state = State::AfterEmpty;
                        continue;
                    }
                    _ => return Err(ErrorKind::FieldEmptyLf.at(pos)),
                },
                State::AfterEmpty => match byte {
                    b' ' | b'\t' if lenient => self.state = State::ValueStart,
                    b' ' | b'\t' => return Err(ErrorKind::FieldValue.at(pos + 1)),
                    _ => {
                        self.end_empty_value(input, pos, sink)?;
                        continue;
                    }
                },
                State::Value => {
                    if self.value.is_plain() {
                        pos += input[pos..]
                            .iter()
                            .take_while(|&&byte| VALUE[byte as usize])
                            .count();
                    }
                    let Some(&byte) = input.get(pos) else { break };
                    let (directives, sender) = (&mut self.directives, self.sender);
                    if !self.value.read(directives, sender, limits, (byte, pos))? {
                        match byte {
                            b'\r' => {
                                self.count_to(pos, limits, pos + 1)?;
                                self.state = State::ValueCr;
                            }
                            b'\n' => {
                                self.count_to(pos, limits, pos)?;
                                if !lenient {
                                    return Err(ErrorKind::FieldCr.at(pos));
                                }
                                self.state = State::AfterValue;
                            }
                            _ => {
                                self.count_to(pos, limits, pos)?;
                                return Err(ErrorKind::FieldValue.at(pos));
                            }
                        }
                    }
                }
                State::ValueCr => match byte {
                    b'\n' => self.state = State::AfterValue,
                    _ => return Err(ErrorKind::FieldLf.at(pos)),
                },
                State::AfterValue => match byte {
                    b' ' | b'\t' if lenient => {
                        self.folded = true;
                        self.begin_value(pos, lenient)?;
                        continue;
                    }
                    b' ' | b'\t' => return Err(ErrorKind::FieldFold.at(pos)),
                    _ => {
                        self.end_value(input, pos, sink);
                        continue;
                    }
                },
                State::EndCr => match byte {
                    b'\n' => return Ok(Some(pos + 1)),
                    _ if lenient => return Ok(Some(pos)),
                    _ => return Err(ErrorKind::HeadLf.at(pos)),
                },
            }
            pos += 1;
        }
        self.pos = pos as u32;
        match self.state {
            State::Name | State::NameSpace => {
                // Node counts a field when the first part of its name has arrived.
                self.check_count(self.count + 1, limits, pos)?;
                self.count_to(pos, limits, pos)?;
            }
            State::Value => self.count_to(pos, limits, pos)?,
            _ => {}
        }
        Ok(None)
    }

    fn end_name(&mut self, pos: usize, topic: Topic, limits: &Limits) -> Result<(), ParseError> {
        self.name = (self.mark, pos as u32);
        self.count += 1;
        self.check_count(self.count, limits, pos + 1)?;
        self.count_to(pos, limits, pos + 1)?;
        let kind = match topic {
            Topic::TransferEncoding if self.directives.length().is_some() => {
                Some(ErrorKind::CodingWithContentLength)
            }
            Topic::ContentLength if self.directives.has_coding() => {
                Some(ErrorKind::ContentLengthWithCoding)
            }
            _ => None,
        };
        if let Some(kind) = kind
            && !limits.lenient
        {
            return Err(kind.at(pos + 1));
        }
        self.value = ValueReader::new(topic);
        self.state = State::ValueStart;
        Ok(())
    }

    /// The first byte of a value, or of its next line, is at `pos`.
    fn begin_value(&mut self, pos: usize, lenient: bool) -> Result<(), ParseError> {
        self.uncounted = pos as u32;
        self.state = State::Value;
        self.value
            .begin(&mut self.directives, self.sender, lenient, pos)
    }

    fn end_empty_value(
        &mut self,
        input: &[u8],
        pos: usize,
        sink: &mut impl FieldSink,
    ) -> Result<(), ParseError> {
        match self.value.topic() {
            Topic::ContentLength => return Err(ErrorKind::ContentLengthEmpty.at(pos)),
            Topic::TransferEncoding => return Err(ErrorKind::CodingEmpty.at(pos)),
            _ => {}
        }
        let (name_start, name_end) = self.name;
        // An empty value gets an offset within the line, so that its range is one of `input`.
        let at = name_end + 1;
        sink.field(
            input,
            FieldRange {
                name_start,
                name_end,
                value_start: at,
                value_end: at,
            },
            false,
        );
        self.state = State::LineStart;
        Ok(())
    }

    /// A value is complete. Its line ends at `pos`.
    fn end_value(&mut self, input: &[u8], pos: usize, sink: &mut impl FieldSink) {
        self.value.end(&mut self.directives);
        let (name_start, name_end) = self.name;
        // Only a folded value contains line ends.
        let raw = &input[self.mark as usize..pos];
        let length = raw
            .iter()
            .rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
            .map_or(0, |last| last + 1);
        let range = FieldRange {
            name_start,
            name_end,
            value_start: self.mark,
            value_end: self.mark + length as u32,
        };
        // The whole fold may be in the white space after the value.
        let folded = self.folded && memchr::memchr2(b'\r', b'\n', &raw[..length]).is_some();
        sink.field(input, range, folded);
        self.state = State::LineStart;
    }

    /// Counts the part of a name or value that ends at `end`. White space after a value counts, as in Node. Node checks the limit
    /// at the end of each part, when it has read up to `noticed`.
    fn count_to(&mut self, end: usize, limits: &Limits, noticed: usize) -> Result<(), ParseError> {
        self.size += end as u32 - self.uncounted;
        self.uncounted = end as u32;
        self.check_size(noticed, limits)
    }

    fn check_count(&self, count: u32, limits: &Limits, pos: usize) -> Result<(), ParseError> {
        if limits.max_headers_count != 0 && count as usize > limits.max_headers_count {
            return Err(ErrorKind::HeaderOverflow.at(pos));
        }
        Ok(())
    }

    fn check_size(&self, pos: usize, limits: &Limits) -> Result<(), ParseError> {
        if self.size as usize >= limits.max_header_size {
            return Err(ErrorKind::HeaderOverflow.at(pos));
        }
        Ok(())
    }
}
