//! Reads commands, from JavaScript to I/O threads.

use std::mem::offset_of;

use ferrohttp_proto::RequestKind;

use crate::crossing::layout::{self, Field, HEADER_BYTES, Layout, padded};
use crate::crossing::{close_mode, flag, flags_of, kind_of, outbound as kind};
use crate::id::ConnectionId;

/// Bytes that are owned elsewhere, by a JavaScript Buffer, and must be released after they are written.
pub trait HeldBytes: Send {
    /// The bytes, which must not change or move while the value exists.
    fn bytes(&self) -> &[u8];
}

/// An owned `HeldBytes`.
pub type Held = Box<dyn HeldBytes>;

/// One flush of JavaScript.
pub struct Outbound<'a> {
    /// The records.
    pub records: &'a [u8],
    /// Heads, trailers and short bodies of all records, in order.
    pub text: &'a [u8],
    /// The buffers that records name.
    pub held: Vec<Held>,
}

/// How a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseMode {
    /// At once. Bytes that the kernel does not accept at once are lost.
    Destroy,
    /// After everything has been written.
    AfterFlush,
    /// With RST.
    Reset,
    /// Only our direction, after everything has been written.
    HalfClose,
    /// Only if no request is arriving or unanswered.
    IfIdle,
}

/// Bytes of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload<'a> {
    /// In the record, or in the flush's text.
    Inline(&'a [u8]),
    /// The held buffer with this number, and its length according to the record.
    Held { index: u32, len: u32 },
}

/// A command of JavaScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    /// A response head, or a client's request head, with the first part of the body.
    Head {
        /// The kind of the request by its method, `None` for a response.
        request: Option<RequestKind>,
        head: &'a [u8],
        body: Payload<'a>,
        chunked: bool,
        end: bool,
        close: bool,
        ack: bool,
        /// See `flag::STATE_ONLY`.
        state_only: bool,
    },
    /// A further part of the body.
    Body {
        body: Payload<'a>,
        end: bool,
        close: bool,
        ack: bool,
    },
    /// The end of a response.
    End {
        trailers: &'a [u8],
        close: bool,
        ack: bool,
        /// See `flag::STATE_ONLY`.
        state_only: bool,
    },
    /// An interim response.
    Interim { head: &'a [u8], ack: bool },
    /// Bytes without framing.
    Raw { body: Payload<'a>, ack: bool },
    /// Bytes to be parsed as if the peer had sent them next.
    Feed(Payload<'a>),
    /// Body bytes that may be read beyond the window, or less than 0 to revoke some.
    Credit(i32),
    /// Close.
    Close(CloseMode),
    /// The program takes the connection over.
    Upgrade,
    /// The upgrade has no listener, so the request is an ordinary one.
    DeclineUpgrade,
    /// Inactivity timeout in milliseconds, 0 for none.
    SocketTimeout(u32),
    /// TCP_NODELAY.
    NoDelay(bool),
    /// SO_KEEPALIVE, with the initial delay in milliseconds.
    TcpKeepAlive(bool, u32),
    /// The program has paused its HTTP socket, so nothing is read, or has resumed it.
    Pause(bool),
    /// The program wants a copy of the bytes that are parsed.
    Tap,
    /// A client's limits for the next responses.
    Limits {
        max_header_size: u32,
        validation: u32,
    },
    /// The program keeps the connection after `Timeout::KeepAlive`.
    Keep,
    /// The program has approved the peer of a connection with TLS.
    Approve,
}

impl Command<'_> {
    /// Whether the command writes to the peer, which counts for the size of a flush.
    pub(crate) const fn writes(&self) -> bool {
        matches!(
            self,
            Self::Head { .. }
                | Self::Body { .. }
                | Self::End { .. }
                | Self::Interim { .. }
                | Self::Raw { .. }
                | Self::Approve
        )
    }

    /// The number and the length of its held buffer, if it has one.
    pub(crate) const fn held(&self) -> Option<(u32, u32)> {
        match self {
            Self::Head { body, .. }
            | Self::Body { body, .. }
            | Self::Raw { body, .. }
            | Self::Feed(body) => match *body {
                Payload::Held { index, len } => Some((index, len)),
                Payload::Inline(_) => None,
            },
            _ => None,
        }
    }
}

/// One decoded record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) id: ConnectionId,
    pub(crate) command: Command<'a>,
    /// The bytes of the record, for passing it on.
    pub(crate) bytes: &'a [u8],
    /// Its part of the text, for the same.
    pub(crate) text: &'a [u8],
}

/// Iterates over the records of a flush that `flush::check` has accepted. A malformed record ends the iteration.
///
/// The text of all records (heads, trailers, short bodies) is separate, in their order, because JavaScript encodes one long
/// string many times faster than as many short ones.
pub(crate) struct Records<'a> {
    rest: &'a [u8],
    text: &'a [u8],
}

impl<'a> Records<'a> {
    pub(crate) const fn new(records: &'a [u8], text: &'a [u8]) -> Self {
        Self {
            rest: records,
            text,
        }
    }

    /// Whether every byte of the records and of their text has been read.
    pub(super) const fn is_finished(&self) -> bool {
        self.rest.is_empty() && self.text.is_empty()
    }

    /// The bytes of the next record, well-formed or not, and the connection that it names. None when its length is impossible, or
    /// when no record is left.
    pub(crate) fn peek(&self) -> Option<(ConnectionId, &'a [u8])> {
        let length = word(self.rest, LENGTH)? as usize;
        let bytes = self
            .rest
            .get(..length)
            .filter(|_| length >= HEADER_BYTES && length.is_multiple_of(4))?;
        let id = ConnectionId {
            slot: word(bytes, SLOT)?,
            generation: word(bytes, GENERATION)?,
        };
        Some((id, bytes))
    }

    /// Skips the next record.
    pub(crate) fn pass_over(&mut self, bytes: &[u8]) {
        self.rest = self.rest.get(bytes.len()..).unwrap_or_default();
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (id, bytes) = self.peek()?;
        let record = decode(id, bytes, self.text)?;
        self.rest = self.rest.get(bytes.len()..)?;
        self.text = self.text.get(record.text.len()..)?;
        Some(record)
    }
}

/// The words of a record's header.
const FIRST: usize = 0;
const LENGTH: usize = 1;
const SLOT: usize = 2;
const GENERATION: usize = 3;

fn word(bytes: &[u8], index: usize) -> Option<u32> {
    Field::read(bytes, index * 4)
}

/// The longest record without a payload.
const LONGEST_CONTROL: usize = HEADER_BYTES + layout::Command::BYTES;

/// All flags that exist.
const ALL_FLAGS: u32 = flag::CHUNKED
    | flag::END
    | flag::CLOSE
    | flag::ACKNOWLEDGE
    | flag::HELD
    | flag::TEXT
    | flag::REQUEST_HEAD
    | flag::REQUEST_CONNECT
    | flag::STATE_ONLY;

/// Reads one record of `bytes`, whose text is at the beginning of `text`. None unless it fits exactly: its payload ends where the
/// record ends, and JavaScript writes such flags, modes and lengths.
fn decode<'a>(id: ConnectionId, bytes: &'a [u8], text: &'a [u8]) -> Option<Record<'a>> {
    let first = word(bytes, FIRST)?;
    let (kind, flags) = (kind_of(first), flags_of(first));
    let is = |flag: u32| flags & flag != 0;
    if is(!ALL_FLAGS) || (is(flag::HELD) && is(flag::TEXT)) {
        return None;
    }
    let first_number =
        || -> Option<u32> { Field::read(bytes, HEADER_BYTES + offset_of!(layout::Command, first)) };
    let second_number = || -> Option<u32> {
        Field::read(bytes, HEADER_BYTES + offset_of!(layout::Command, second))
    };
    // Length of the text that belongs to this record.
    let mut used = 0_usize;
    let mut from_text = |len: u32| {
        let start = used;
        used = start.checked_add(len as usize)?;
        text.get(start..used)
    };
    // The offset at which the record must end.
    let mut end_at = None;
    let mut payload = |fields: usize, len: u32| {
        let start = HEADER_BYTES + fields;
        if is(flag::HELD) {
            end_at = Some(start + 4);
            let index = Field::read(bytes, start)?;
            return Some(Payload::Held { index, len });
        }
        let end = start.checked_add(len as usize)?;
        end_at = Some(padded(end));
        bytes.get(start..end).map(Payload::Inline)
    };
    let command = match kind {
        kind::HEAD | kind::REQUEST => {
            let fields = layout::Message::read(bytes)?;
            Command::Head {
                request: (kind == kind::REQUEST).then_some(if is(flag::REQUEST_HEAD) {
                    RequestKind::Head
                } else if is(flag::REQUEST_CONNECT) {
                    RequestKind::Connect
                } else {
                    RequestKind::Ordinary
                }),
                head: from_text(fields.head_length)?,
                body: if is(flag::TEXT) {
                    Payload::Inline(from_text(fields.body_length)?)
                } else {
                    payload(layout::Message::BYTES, fields.body_length)?
                },
                chunked: is(flag::CHUNKED),
                end: is(flag::END),
                close: is(flag::CLOSE),
                ack: is(flag::ACKNOWLEDGE),
                state_only: is(flag::STATE_ONLY),
            }
        }
        kind::BODY | kind::RAW | kind::FEED => {
            let fields = layout::Bytes::read(bytes)?;
            let body = payload(layout::Bytes::BYTES, fields.length)?;
            match kind {
                kind::BODY => Command::Body {
                    body,
                    end: is(flag::END),
                    close: is(flag::CLOSE),
                    ack: is(flag::ACKNOWLEDGE),
                },
                kind::RAW => Command::Raw {
                    body,
                    ack: is(flag::ACKNOWLEDGE),
                },
                _ => Command::Feed(body),
            }
        }
        kind::END => Command::End {
            trailers: from_text(layout::Text::read(bytes)?.length)?,
            close: is(flag::CLOSE),
            ack: is(flag::ACKNOWLEDGE),
            state_only: is(flag::STATE_ONLY),
        },
        kind::INTERIM => Command::Interim {
            head: from_text(layout::Text::read(bytes)?.length)?,
            ack: is(flag::ACKNOWLEDGE),
        },
        kind::CREDIT => Command::Credit(first_number()?.cast_signed()),
        kind::CLOSE => Command::Close(match first_number()? {
            close_mode::DESTROY => CloseMode::Destroy,
            close_mode::AFTER_FLUSH => CloseMode::AfterFlush,
            close_mode::RESET => CloseMode::Reset,
            close_mode::HALF => CloseMode::HalfClose,
            close_mode::IF_IDLE => CloseMode::IfIdle,
            _ => return None,
        }),
        kind::UPGRADE => Command::Upgrade,
        kind::DECLINE_UPGRADE => Command::DeclineUpgrade,
        kind::SOCKET_TIMEOUT => Command::SocketTimeout(first_number()?),
        kind::NO_DELAY => Command::NoDelay(first_number()? != 0),
        kind::TCP_KEEP_ALIVE => Command::TcpKeepAlive(first_number()? != 0, second_number()?),
        kind::PAUSE => Command::Pause(first_number()? != 0),
        kind::LIMITS => Command::Limits {
            max_header_size: first_number()?,
            validation: second_number()?,
        },
        kind::TAP => Command::Tap,
        kind::KEEP => Command::Keep,
        kind::APPROVE => Command::Approve,
        _ => return None,
    };
    match end_at {
        Some(end) if end != bytes.len() => return None,
        None if bytes.len() > LONGEST_CONTROL => return None,
        _ => {}
    }
    Some(Record {
        id,
        command,
        bytes,
        text: text.get(..used)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crossing::first_word;

    fn record(kind: u32, flags: u32, words: &[u32], tail: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let length = padded(HEADER_BYTES + words.len() * 4 + tail.len());
        for word in [first_word(kind, flags), length as u32, 7, 9] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        for word in words {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(tail);
        bytes.resize(length, 0);
        bytes
    }

    #[test]
    fn reads_a_head_with_its_body_and_the_next_records() {
        let mut bytes = record(kind::HEAD, flag::END | flag::CHUNKED, &[4, 5], b"hello");
        bytes.extend(record(kind::CREDIT, 0, &[(-77_i32).cast_unsigned()], b""));
        bytes.extend(record(kind::HEAD, flag::TEXT, &[4, 3], b""));
        bytes.extend(record(kind::END, 0, &[6], b""));
        let all: Vec<_> = Records::new(&bytes, b"HEADheadabct: v\r\n").collect();
        assert_eq!(all.len(), 4);
        assert_eq!(
            all[0].id,
            ConnectionId {
                slot: 7,
                generation: 9
            }
        );
        assert_eq!(
            all[0].command,
            Command::Head {
                request: None,
                head: b"HEAD",
                body: Payload::Inline(b"hello"),
                chunked: true,
                end: true,
                close: false,
                ack: false,
                state_only: false
            }
        );
        assert_eq!(all[1].command, Command::Credit(-77));
        assert_eq!((all[1].text, all[2].text), (&b""[..], &b"headabc"[..]));
        assert_eq!(
            all[2].command,
            Command::Head {
                request: None,
                head: b"head",
                body: Payload::Inline(b"abc"),
                chunked: false,
                end: false,
                close: false,
                ack: false,
                state_only: false
            }
        );
        assert!(matches!(
            all[3].command,
            Command::End {
                trailers: b"t: v\r\n",
                ..
            }
        ));
    }

    #[test]
    fn a_held_payload_is_not_in_the_record() {
        let bytes = record(
            kind::BODY,
            flag::HELD | flag::ACKNOWLEDGE,
            &[1 << 20, 3],
            b"",
        );
        let all: Vec<_> = Records::new(&bytes, b"").collect();
        assert_eq!(
            all[0].command,
            Command::Body {
                body: Payload::Held {
                    index: 3,
                    len: 1 << 20
                },
                end: false,
                close: false,
                ack: true
            }
        );
        assert_eq!(all[0].command.held(), Some((3, 1 << 20)));
    }

    #[test]
    fn a_length_beyond_the_bytes_ends_the_reading() {
        let bytes = record(kind::CREDIT, 0, &[1], b"");
        assert_eq!(Records::new(&bytes[..bytes.len() - 1], b"").count(), 0);
        assert_eq!(Records::new(&bytes[..6], b"").count(), 0);
    }
}
