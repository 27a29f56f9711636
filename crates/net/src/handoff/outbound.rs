//! JavaScript → I/O threads: commands.

use ferrohttp_proto::RequestKind;

use super::{HEADER_BYTES, HEADER_WORDS, padded};
use crate::id::ConnectionId;

/// Record types. Mirrored in `js/internal/records.ts`.
pub(super) mod kind {
    pub(in crate::handoff) const HEAD: u8 = 1;
    pub(in crate::handoff) const BODY: u8 = 2;
    pub(in crate::handoff) const END: u8 = 3;
    pub(in crate::handoff) const INTERIM: u8 = 4;
    pub(in crate::handoff) const RAW: u8 = 5;
    pub(in crate::handoff) const CREDIT: u8 = 6;
    pub(in crate::handoff) const CLOSE: u8 = 7;
    pub(in crate::handoff) const UPGRADE: u8 = 8;
    pub(in crate::handoff) const DECLINE_UPGRADE: u8 = 9;
    pub(in crate::handoff) const SOCKET_TIMEOUT: u8 = 10;
    pub(in crate::handoff) const NO_DELAY: u8 = 11;
    pub(in crate::handoff) const TCP_KEEP_ALIVE: u8 = 12;
    pub(in crate::handoff) const PAUSE: u8 = 13;
    pub(in crate::handoff) const TAP: u8 = 14;
    pub(in crate::handoff) const KEEP: u8 = 15;
    pub(in crate::handoff) const REQUEST: u8 = 16;
    pub(in crate::handoff) const LIMITS: u8 = 17;
    pub(in crate::handoff) const FEED: u8 = 18;
}

/// Flags of HEAD, REQUEST, BODY, END, INTERIM, RAW and FEED. The first four are `js/internal/transport.ts`'s.
pub(super) mod flag {
    pub(in crate::handoff) const CHUNKED: u32 = 1;
    pub(in crate::handoff) const END: u32 = 2;
    pub(in crate::handoff) const CLOSE: u32 = 4;
    pub(in crate::handoff) const ACKNOWLEDGE: u32 = 8;
    /// The payload is a held buffer of the flush; the word after its length says which one.
    pub(in crate::handoff) const HELD: u32 = 16;
    /// The payload is in the flush's text, behind the head.
    pub(in crate::handoff) const TEXT: u32 = 32;
    /// The request's method is HEAD.
    pub(in crate::handoff) const REQUEST_HEAD: u32 = 64;
    /// The request's method is CONNECT.
    pub(in crate::handoff) const REQUEST_CONNECT: u32 = 128;
    /// The program writes the message's bytes to the socket itself: the record only moves the engine on.
    pub(in crate::handoff) const STATE_ONLY: u32 = 256;
    /// Every flag that has a meaning.
    pub(in crate::handoff) const ALL: u32 = 511;
}

/// Bytes that belong to somebody else and must be given back when written: a JavaScript Buffer.
pub trait HeldBytes: Send {
    /// The bytes. They must not change or move while the value lives.
    fn bytes(&self) -> &[u8];
}

/// An owned `HeldBytes`.
pub type Held = Box<dyn HeldBytes>;

/// How a connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseMode {
    /// At once; what the kernel does not take at once is lost.
    Destroy,
    /// Once everything has been written.
    AfterFlush,
    /// With RST.
    Reset,
    /// Only our direction, once everything has been written.
    HalfClose,
    /// Only when nothing of a request has arrived and none is unanswered.
    IfIdle,
}

/// Bytes of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload<'a> {
    /// In the record, or in the flush's text.
    Inline(&'a [u8]),
    /// The held buffer with this number, and how many bytes the record says it has.
    Held { index: u32, len: u32 },
}

/// What JavaScript asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    /// A response head, with the first part of the body; of a client, a request head.
    Head {
        /// What the request's method means for its response; `None` when this is a response.
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
    /// Bytes that no framing touches.
    Raw { body: Payload<'a>, ack: bool },
    /// Bytes to be read as if the peer had sent them next.
    Feed(Payload<'a>),
    /// So many body bytes more may be on their way to the consumer, or fewer.
    Credit(i32),
    /// Close.
    Close(CloseMode),
    /// The program takes the connection over.
    Upgrade,
    /// Nobody listens for the upgrade: an ordinary request after all.
    DeclineUpgrade,
    /// Inactivity timeout in milliseconds, 0 for none.
    SocketTimeout(u32),
    /// TCP_NODELAY.
    NoDelay(bool),
    /// SO_KEEPALIVE, with the initial delay in milliseconds.
    TcpKeepAlive(bool, u32),
    /// The program paused its HTTP socket, or resumed it: nothing is read meanwhile.
    Pause(bool),
    /// The program listens to what comes in beside the parser.
    Tap,
    /// Of a client: what goes for the responses from here on.
    Limits {
        max_header_size: u32,
        validation: u32,
    },
    /// The program has been told of `Timeout::KeepAlive` and keeps the connection.
    Keep,
}

impl Command<'_> {
    /// Whether the peer waits for this: the measure of a batch's size.
    pub(crate) const fn writes(&self) -> bool {
        matches!(
            self,
            Self::Head { .. }
                | Self::Body { .. }
                | Self::End { .. }
                | Self::Interim { .. }
                | Self::Raw { .. }
        )
    }

    /// The number and the length of the held buffer that belongs to it.
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
    /// The record as it came, for passing it on.
    pub(crate) bytes: &'a [u8],
    /// Its part of the text, likewise.
    pub(crate) text: &'a [u8],
}

/// Reads the records of a flush that `flush::check` has accepted; a malformed one ends the iteration.
///
/// The text of all records (heads, trailers, short bodies) comes apart from them and in their order:
/// JavaScript encodes one long string many times faster than as many short ones.
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

    /// The bytes of the next record, however well-formed, and the connection that it names. None when the length is
    /// none that a record can have, or none is left.
    pub(super) fn peek(&self) -> Option<(ConnectionId, &'a [u8])> {
        let length = word(self.rest, 1)? as usize;
        let bytes = self
            .rest
            .get(..length)
            .filter(|_| length >= HEADER_BYTES && length.is_multiple_of(4))?;
        let id = ConnectionId {
            slot: word(bytes, 2)?,
            generation: word(bytes, 3)?,
        };
        Some((id, bytes))
    }

    /// Passes over the next record without reading it.
    pub(super) fn pass_over(&mut self, bytes: &[u8]) {
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

fn word(bytes: &[u8], index: usize) -> Option<u32> {
    let bytes = bytes.get(index * 4..index * 4 + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// The longest record without a payload: two words of its own, both of which JavaScript always writes.
const LONGEST_CONTROL: usize = HEADER_BYTES + 8;

/// Reads one record of `bytes`, whose text is at the beginning of `text`. None unless it fits exactly: its payload
/// ends where the record ends, and its flags, modes and lengths are ones that JavaScript writes.
fn decode<'a>(id: ConnectionId, bytes: &'a [u8], text: &'a [u8]) -> Option<Record<'a>> {
    let first = word(bytes, 0)?;
    let (kind, flags) = ((first & 0xff) as u8, first >> 8);
    let is = |flag: u32| flags & flag != 0;
    if is(!flag::ALL) || (is(flag::HELD) && is(flag::TEXT)) {
        return None;
    }
    let own = |index: usize| word(bytes, HEADER_WORDS + index);
    // How much of the text belongs to this record.
    let mut used = 0_usize;
    let mut from_text = |len: u32| {
        let start = used;
        used = start.checked_add(len as usize)?;
        text.get(start..used)
    };
    // Where the record must end.
    let mut end_at = None;
    let mut payload = |words: usize, len: u32| {
        let start = HEADER_BYTES + words * 4;
        if is(flag::HELD) {
            end_at = Some(start + 4);
            let index = own(words)?;
            return Some(Payload::Held { index, len });
        }
        let end = start.checked_add(len as usize)?;
        end_at = Some(padded(end));
        bytes.get(start..end).map(Payload::Inline)
    };
    let command = match kind {
        kind::HEAD | kind::REQUEST => Command::Head {
            request: (kind == kind::REQUEST).then_some(if is(flag::REQUEST_HEAD) {
                RequestKind::Head
            } else if is(flag::REQUEST_CONNECT) {
                RequestKind::Connect
            } else {
                RequestKind::Ordinary
            }),
            head: from_text(own(0)?)?,
            body: if is(flag::TEXT) {
                Payload::Inline(from_text(own(1)?)?)
            } else {
                payload(2, own(1)?)?
            },
            chunked: is(flag::CHUNKED),
            end: is(flag::END),
            close: is(flag::CLOSE),
            ack: is(flag::ACKNOWLEDGE),
            state_only: is(flag::STATE_ONLY),
        },
        kind::BODY => Command::Body {
            body: payload(1, own(0)?)?,
            end: is(flag::END),
            close: is(flag::CLOSE),
            ack: is(flag::ACKNOWLEDGE),
        },
        kind::END => Command::End {
            trailers: from_text(own(0)?)?,
            close: is(flag::CLOSE),
            ack: is(flag::ACKNOWLEDGE),
            state_only: is(flag::STATE_ONLY),
        },
        kind::INTERIM => Command::Interim {
            head: from_text(own(0)?)?,
            ack: is(flag::ACKNOWLEDGE),
        },
        kind::RAW => Command::Raw {
            body: payload(1, own(0)?)?,
            ack: is(flag::ACKNOWLEDGE),
        },
        kind::FEED => Command::Feed(payload(1, own(0)?)?),
        kind::CREDIT => Command::Credit(own(0)?.cast_signed()),
        kind::CLOSE => Command::Close(match own(0)? {
            0 => CloseMode::Destroy,
            1 => CloseMode::AfterFlush,
            2 => CloseMode::Reset,
            3 => CloseMode::HalfClose,
            4 => CloseMode::IfIdle,
            _ => return None,
        }),
        kind::UPGRADE => Command::Upgrade,
        kind::DECLINE_UPGRADE => Command::DeclineUpgrade,
        kind::SOCKET_TIMEOUT => Command::SocketTimeout(own(0)?),
        kind::NO_DELAY => Command::NoDelay(own(0)? != 0),
        kind::TCP_KEEP_ALIVE => Command::TcpKeepAlive(own(0)? != 0, own(1)?),
        kind::PAUSE => Command::Pause(own(0)? != 0),
        kind::LIMITS => Command::Limits {
            max_header_size: own(0)?,
            validation: own(1)?,
        },
        kind::TAP => Command::Tap,
        kind::KEEP => Command::Keep,
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

    fn record(kind: u8, flags: u32, words: &[u32], tail: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let length = padded(HEADER_BYTES + words.len() * 4 + tail.len());
        for word in [u32::from(kind) | flags << 8, length as u32, 7, 9] {
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
    fn reads_a_head_with_its_body_and_what_follows() {
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
