//! The events of a connection, which borrow from the read buffer and the scratch space.

use std::fmt;

use crate::method::Method;

/// The result of one call: the number of bytes to remove from the front of the read buffer, and the event in them.
#[derive(Debug, Clone)]
pub struct Step<E> {
    /// Number of bytes of `input` that are consumed. Data slices of the event lie within them.
    pub consumed: usize,
    /// None if more bytes are needed, or if nothing more may be read now.
    pub event: Option<E>,
}

impl<E> Step<E> {
    /// The same step with another type of event.
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

/// A part after a head, for either side.
#[derive(Debug, Clone)]
pub(crate) enum BodyPart<'b> {
    Data(&'b [u8]),
    End(Fields<'b>),
}

impl<'b, H> From<BodyPart<'b>> for Event<'b, H> {
    fn from(part: BodyPart<'b>) -> Self {
        match part {
            BodyPart::Data(data) => Self::Data(data),
            BodyPart::End(trailers) => Self::End(trailers),
        }
    }
}

/// One part of an incoming message, whose head is an `H`. A message is a `Head`, any number of `Data`, one `End`.
#[derive(Debug, Clone)]
pub enum Event<'b, H> {
    /// A complete head. A response may have any number of interim ones before it, see [`ResponseHead::interim`].
    Head(H),
    /// Some bytes of the body, without the transfer coding. Never empty.
    Data(&'b [u8]),
    /// The message is complete. The trailer fields, usually none.
    End(Fields<'b>),
}

/// One part of a request.
pub type RequestEvent<'b> = Event<'b, RequestHead<'b>>;

/// One part of a response. Nothing follows a head whose `upgrade` is set.
pub type ResponseEvent<'b> = Event<'b, ResponseHead<'b>>;

/// A request's head (RFC 9112 sections 2 to 5).
#[derive(Debug, Clone)]
pub struct RequestHead<'b> {
    /// The method, which is always in [`METHODS`](crate::METHODS).
    pub method: Method,
    /// The request target as sent, in the form that the method allows.
    pub target: &'b [u8],
    /// The version's digits: 1.1, 1.0, 0.9 or 2.0; any in lenient mode.
    pub major_version: u8,
    /// The digit after the dot.
    pub minor_version: u8,
    /// The field lines in wire order.
    pub fields: Fields<'b>,
    /// The length of the body.
    pub body: BodyLength,
    /// Whether the peer keeps the connection (RFC 9112 section 9.3).
    pub keep_alive: bool,
    /// The peer asks to leave HTTP/1.1: `CONNECT`, or `Upgrade` named by `Connection`. Nothing after this head is parsed before
    /// the user decides.
    pub upgrade: bool,
    /// The response that the peer expects before it sends the body.
    pub expect: Expect,
}

impl RequestHead<'_> {
    /// Whether there is a `Host` field (RFC 9112 section 3.2).
    #[must_use]
    pub fn has_host(&self) -> bool {
        self.fields
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(b"host"))
    }
}

/// The length of the body after a head (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// No body.
    None,
    /// Exactly this many bytes, more than none.
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
    /// It cannot be known, because a request's Transfer-Encoding does not end with chunked. The request is refused when its body
    /// is read, and nothing after its head is parsed. As in Node the handler has been called with the head by then.
    Unreadable,
    /// Everything until the peer's FIN. For requests in lenient mode only.
    UntilClose,
}

/// The `Expect` field of a request (RFC 9110 section 10.1.1). Always `None` for HTTP/1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Absent.
    None,
    /// `100-continue`.
    Continue,
    /// Any other value, which is answered with 417.
    Other,
}

/// A response's head (RFC 9112 sections 2 to 5).
#[derive(Debug, Clone)]
pub struct ResponseHead<'b> {
    /// Three digits as a number: 0 to 999.
    pub status: u16,
    /// An interim (1xx) response: another head follows.
    pub interim: bool,
    /// The text after the status, as sent: any bytes except CR and LF, including NUL.
    pub reason: &'b [u8],
    /// The version's digits: 1.1, 1.0, 0.9 or 2.0; any in lenient mode.
    pub major_version: u8,
    /// The digit after the dot.
    pub minor_version: u8,
    /// The field lines in wire order.
    pub fields: Fields<'b>,
    /// The length of the body; none after an interim head.
    pub body: BodyLength,
    /// The connection may carry another request after this response (RFC 9112 section 9.3).
    pub keep_alive: bool,
    /// The number of seconds for which the server keeps an idle connection: the `timeout` at the start of the Keep-Alive field.
    /// Meaningless unless `keep_alive`.
    pub keep_alive_timeout: Option<u32>,
    /// The connection leaves HTTP/1.1 after this head: any response to CONNECT, and 101 with `Upgrade` named by `Connection`. The
    /// bytes after the head are the user's.
    pub upgrade: bool,
}

/// The effect of a request's method on its response. A client may send methods that are not in [`METHODS`](crate::METHODS).
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
    /// The kind of a method, which is in upper case as it is sent.
    pub fn of(method: &[u8]) -> Self {
        match method {
            b"HEAD" => Self::Head,
            b"CONNECT" => Self::Connect,
            _ => Self::Ordinary,
        }
    }
}

/// An iterator over field lines, `(name, value)`, in the order and case of the wire, with duplicates.
///
/// Values are without surrounding white space, and have no CR, LF or, in strict mode, other control bytes except HTAB. Clone it
/// to iterate twice: a clone is two words and a slice.
#[derive(Clone, Default)]
pub struct Fields<'b> {
    base: &'b [u8],
    /// Values that are not contiguous on the wire. Their offsets follow those of `base`.
    unfolded: &'b [u8],
    ranges: &'b [FieldRange],
}

/// The ranges of one field line's name and value in the bytes that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldRange {
    pub(crate) name_start: u32,
    pub(crate) name_end: u32,
    pub(crate) value_start: u32,
    pub(crate) value_end: u32,
}

impl<'b> Fields<'b> {
    /// The fields that a decoder has found in `base` and put into `scratch`.
    pub(crate) fn new(base: &'b [u8], scratch: &'b Scratch) -> Self {
        Self {
            base,
            unfolded: &scratch.bytes,
            ranges: &scratch.ranges,
        }
    }

    /// Number of fields that are left.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// A new iterator over the same fields.
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

/// Number of CR and LF bytes at the start of `input`.
pub(crate) fn count_line_ends(input: &[u8]) -> usize {
    input
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count()
}

/// Working memory of a decoder, unused between two calls, so one is enough for an I/O thread.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) ranges: Vec<FieldRange>,
    pub(crate) bytes: Vec<u8>,
}

impl Scratch {
    /// Empty. It grows to the size for the largest head.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn clear(&mut self) {
        self.ranges.clear();
        self.bytes.clear();
    }
}
