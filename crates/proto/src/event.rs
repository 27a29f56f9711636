//! What a connection reports, borrowed from the read buffer and the scratch space.

use std::fmt;

use crate::method::Method;

/// The outcome of one call: how many bytes to drop from the front of the read buffer, and what they
/// said.
#[derive(Debug, Clone)]
pub struct Step<'b> {
    /// Bytes of `input` that are done with. Data slices of the event lie within them.
    pub consumed: usize,
    /// `None`: more bytes are needed, or nothing more may be read now.
    pub event: Option<Event<'b>>,
}

/// One part of an incoming message. Each message is a `Request`, any number of `Data`, one `End`.
#[derive(Debug, Clone)]
pub enum Event<'b> {
    /// A complete request head.
    Request(RequestHead<'b>),
    /// Some bytes of the body, transfer coding removed; never empty.
    Data(&'b [u8]),
    /// The message is complete; the trailer fields, mostly none.
    End(Fields<'b>),
}

/// A request's head (RFC 9112 sections 2 to 5).
#[derive(Debug, Clone)]
pub struct RequestHead<'b> {
    /// The method; never one outside [`METHODS`](crate::METHODS).
    pub method: Method,
    /// The request target as sent, in the form that the method allows.
    pub target: &'b [u8],
    /// 0 or 1: HTTP/1.0 or HTTP/1.1. Up to 9 in lenient mode.
    pub minor_version: u8,
    /// The field lines in wire order.
    pub fields: Fields<'b>,
    /// How much body follows.
    pub body: BodyLength,
    /// The peer is willing to keep the connection (RFC 9112 section 9.3).
    pub keep_alive: bool,
    /// The peer asks to leave HTTP/1.1: `CONNECT`, or `Upgrade` named by `Connection`. Nothing
    /// behind this head is read before the user decides.
    pub upgrade: bool,
    /// What the peer expects before it sends the body.
    pub expect: Expect,
}

/// How much body follows a head (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// None at all.
    None,
    /// Exactly this many bytes, more than none.
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
}

/// The `Expect` field of a request (RFC 9110 section 10.1.1). Always `None` for HTTP/1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Absent.
    None,
    /// `100-continue`.
    Continue,
    /// Something else, for which 417 is the answer.
    Other,
}

/// Field lines in wire order and case, duplicates kept: an iterator of `(name, value)`.
///
/// Values are without the white space around them, and free of CR, LF and (in strict mode) other
/// control bytes but HTAB. A clone is two words and a slice: iterate over one to iterate twice.
#[derive(Clone, Default)]
pub struct Fields<'b> {
    base: &'b [u8],
    /// Values that are not on the wire in one piece; addressed behind `base`.
    unfolded: &'b [u8],
    ranges: &'b [FieldRange],
}

/// Where one field line's name and value lie in the bytes they were read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldRange {
    pub(crate) name_start: u32,
    pub(crate) name_end: u32,
    pub(crate) value_start: u32,
    pub(crate) value_end: u32,
}

impl<'b> Fields<'b> {
    /// The fields that a decoder left in `scratch` while it read `base`.
    pub(crate) fn new(base: &'b [u8], scratch: &'b Scratch) -> Self {
        Self {
            base,
            unfolded: &scratch.bytes,
            ranges: &scratch.ranges,
        }
    }

    /// How many are left.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// A fresh iterator over the same fields.
    pub fn iter(&self) -> Self {
        self.clone()
    }

    /// Whether the value was folded, so that its range is not one of `base`.
    pub(crate) fn is_unfolded(&self, range: &FieldRange) -> bool {
        range.value_start as usize >= self.base.len()
    }

    pub(crate) fn base(&self) -> &'b [u8] {
        self.base
    }

    pub(crate) fn ranges(&self) -> &'b [FieldRange] {
        self.ranges
    }

    pub(crate) fn name(&self, range: &FieldRange) -> &'b [u8] {
        &self.base[range.name_start as usize..range.name_end as usize]
    }

    pub(crate) fn value(&self, range: &FieldRange) -> &'b [u8] {
        let (start, end) = (range.value_start as usize, range.value_end as usize);
        match start.checked_sub(self.base.len()) {
            None => &self.base[start..end],
            Some(start) => &self.unfolded[start..end - self.base.len()],
        }
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = (&'b [u8], &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (range, rest) = self.ranges.split_first()?;
        self.ranges = rest;
        Some((self.name(range), self.value(range)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.ranges.len(), Some(self.ranges.len()))
    }
}

impl ExactSizeIterator for Fields<'_> {}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(
                self.iter().map(|(name, value)| {
                    format!("{}: {}", name.escape_ascii(), value.escape_ascii())
                }),
            )
            .finish()
    }
}

/// `value` without the spaces and tabs around it (OWS, RFC 9110 section 5.6.3).
pub(crate) fn trim_ows(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let start = value.iter().position(is_text).unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(is_text)
        .map_or(start, |last| last + 1);
    &value[start..end]
}

/// Working space of a decoder, with nothing in it between two calls: one for a whole I/O thread
/// will do.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) ranges: Vec<FieldRange>,
    pub(crate) bytes: Vec<u8>,
}

impl Scratch {
    /// An empty one; it grows to what the largest head needs.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn clear(&mut self) {
        self.ranges.clear();
        self.bytes.clear();
    }
}
