//! What a connection reports, borrowed from the read buffer and the scratch space.

use std::fmt;

use crate::method::Method;

/// The outcome of one call: how many bytes to drop from the front of the read buffer, and what they
/// said.
#[derive(Debug, Clone)]
pub struct Step<E> {
    /// Bytes of `input` that are done with. Data slices of the event lie within them.
    pub consumed: usize,
    /// `None`: more bytes are needed, or nothing more may be read now.
    pub event: Option<E>,
}

impl<E> Step<E> {
    /// The same step in other words.
    pub(crate) fn map<T>(self, event: impl FnOnce(E) -> T) -> Step<T> {
        Step {
            consumed: self.consumed,
            event: self.event.map(event),
        }
    }

    /// No event, after `consumed` bytes.
    pub(crate) fn nothing(consumed: usize) -> Self {
        Self {
            consumed,
            event: None,
        }
    }
}

/// What follows a head, whichever side reads it.
#[derive(Debug, Clone)]
pub(crate) enum BodyPart<'b> {
    Data(&'b [u8]),
    End(Fields<'b>),
}

impl<'b> From<BodyPart<'b>> for Event<'b> {
    fn from(part: BodyPart<'b>) -> Self {
        match part {
            BodyPart::Data(data) => Self::Data(data),
            BodyPart::End(trailers) => Self::End(trailers),
        }
    }
}

/// One part of an incoming request. Each is a `Request`, any number of `Data`, one `End`.
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
    /// The version's digits: 1.1, 1.0, 0.9 or 2.0; any in lenient mode.
    pub major_version: u8,
    /// The digit behind the dot.
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
    /// It cannot be known: a request's Transfer-Encoding does not end in chunked. The request is refused as soon as its
    /// body is asked for; nothing behind its head is read. As Node does, whose handler has the head by then.
    Unreadable,
    /// All until the peer ends its side. Of a request in lenient mode only.
    UntilClose,
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

/// One part of what answers a request. Each answer is any number of `Information`, one `Response`,
/// any number of `Data`, one `End`.
#[derive(Debug, Clone)]
pub enum ClientEvent<'b> {
    /// The complete head of an interim (1xx) response; the final one is still to come.
    Information(ResponseHead<'b>),
    /// The complete head of the final response. Nothing follows if its `upgrade` is set.
    Response(ResponseHead<'b>),
    /// Some bytes of the body, transfer coding removed; never empty.
    Data(&'b [u8]),
    /// The response is complete; the trailer fields, mostly none.
    End(Fields<'b>),
}

impl<'b> From<BodyPart<'b>> for ClientEvent<'b> {
    fn from(part: BodyPart<'b>) -> Self {
        match part {
            BodyPart::Data(data) => Self::Data(data),
            BodyPart::End(trailers) => Self::End(trailers),
        }
    }
}

/// A response's head (RFC 9112 sections 2 to 5).
#[derive(Debug, Clone)]
pub struct ResponseHead<'b> {
    /// Three digits as a number: 0 to 999.
    pub status: u16,
    /// What stands behind the status, as sent: any bytes but CR and LF, NUL included.
    pub reason: &'b [u8],
    /// The version's digits: 1.1, 1.0, 0.9 or 2.0; any in lenient mode.
    pub major_version: u8,
    /// The digit behind the dot.
    pub minor_version: u8,
    /// The field lines in wire order.
    pub fields: Fields<'b>,
    /// How much body follows; none behind an interim head.
    pub body: BodyLength,
    /// The connection may carry another request behind this response (RFC 9112 section 9.3).
    pub keep_alive: bool,
    /// Seconds for which the server keeps an idle connection: the `timeout` that a Keep-Alive field
    /// starts with. Meaningless unless `keep_alive`.
    pub keep_alive_timeout: Option<u32>,
    /// The connection leaves HTTP/1.1 behind this head: any answer to CONNECT, and 101 with
    /// `Upgrade` named by `Connection`. What follows the head is the user's.
    pub upgrade: bool,
}

/// What a request's method means for its response. A client may send methods that are not in
/// [`METHODS`](crate::METHODS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// HEAD: the response has no body.
    Head,
    /// CONNECT: the response begins a tunnel.
    Connect,
    /// Any other.
    Ordinary,
}

impl RequestKind {
    /// That of `method`, in upper case as it is sent.
    pub fn of(method: &[u8]) -> Self {
        match method {
            b"HEAD" => Self::Head,
            b"CONNECT" => Self::Connect,
            _ => Self::Ordinary,
        }
    }
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

/// How many CR and LF bytes `input` starts with.
pub(crate) fn count_line_ends(input: &[u8]) -> usize {
    input
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count()
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
