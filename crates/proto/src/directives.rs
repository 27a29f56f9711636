//! Reads what the fields of a message say about its framing and its connection, as their bytes arrive.
//!
//! Node's parser decides about Content-Length, Transfer-Encoding, Connection, Proxy-Connection and Upgrade while it reads their
//! values, and refuses an invalid one at its first invalid byte. This module reads the values by the same rules, and only once,
//! so that no later code can understand the message differently.
//!
//! ```text
//! Transfer-Encoding   Coding ─ "chunked" ─► CodingEnd ── "," ──┐        Content-Length   Digits ─ OWS ─► DigitsEnd
//!                        │ other               │ other         │
//!                        ▼                     ▼               │        Connection       Option ─ word ─► OptionEnd
//!                     CodingToken ◄────────────┴───────────────┘                           ▲ │ other        │ other
//!                        │ ","                                                      "," ───┘ ▼              ▼
//!                        └──► CodingSpace ─► Coding                                       OptionToken ◄─────┘
//! ```

use crate::config::Limits;
use crate::error::{ErrorKind, ParseError};
use crate::field_section::VALUE;

/// Which side sent the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    Client,
    Server,
}

/// The directives of all fields so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    flags: u8,
    /// The value of Content-Length.
    length: u64,
}

impl Directives {
    /// `close` in Connection.
    const CLOSE: u8 = 1;
    /// `keep-alive` in Connection.
    const KEEP_ALIVE: u8 = 2;
    /// `upgrade` in Connection.
    const UPGRADE_OPTION: u8 = 4;
    /// Upgrade, with a value.
    const UPGRADE: u8 = 8;
    /// Content-Length.
    const LENGTH: u8 = 16;
    /// Transfer-Encoding, with a value.
    const CODING: u8 = 32;
    /// The last transfer coding is `chunked`.
    const CHUNKED: u8 = 64;

    const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// For the trailer section of a chunked body: begins with the directives of the head, which had `flags`.
    pub(crate) const fn with_flags(flags: u8) -> Self {
        Self { flags, length: 0 }
    }

    pub(crate) const fn flags(self) -> u8 {
        self.flags
    }

    /// The value of Content-Length, if there is one.
    pub(crate) fn length(self) -> Option<u64> {
        self.has(Self::LENGTH).then_some(self.length)
    }

    /// Whether there is a Transfer-Encoding.
    pub(crate) const fn has_coding(self) -> bool {
        self.has(Self::CODING)
    }

    /// Whether the last transfer coding is `chunked`.
    pub(crate) const fn is_chunked(self) -> bool {
        self.has(Self::CHUNKED)
    }

    /// Whether Upgrade names a protocol and Connection names Upgrade.
    pub(crate) const fn wants_upgrade(self) -> bool {
        self.has(Self::UPGRADE) && self.has(Self::UPGRADE_OPTION)
    }

    /// Whether the sender of a message of this version keeps its connection (RFC 9112 section 9.3). Before HTTP/1.1
    /// `keep-alive` decides alone, as in Node.
    pub(crate) const fn keep_alive(self, version: (u8, u8)) -> bool {
        if version.0 > 0 && version.1 > 0 {
            !self.has(Self::CLOSE)
        } else {
            self.has(Self::KEEP_ALIVE)
        }
    }
}

/// The subject of the value being read. The last four say how the value ends so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Other,
    Connection,
    ContentLength,
    TransferEncoding,
    Upgrade,
    Close,
    KeepAlive,
    UpgradeOption,
    Chunked,
}

impl Topic {
    /// The topic of the field with this name.
    pub(crate) fn of(name: &[u8]) -> Self {
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        match name.len() {
            7 if is(b"upgrade") => Self::Upgrade,
            10 if is(b"connection") => Self::Connection,
            14 if is(b"content-length") => Self::ContentLength,
            // For Node it is the same as Connection.
            16 if is(b"proxy-connection") => Self::Connection,
            17 if is(b"transfer-encoding") => Self::TransferEncoding,
            _ => Self::Other,
        }
    }
}

/// The words of Connection that have a meaning.
const OPTIONS: [(&[u8], Topic); 3] = [
    (b"close", Topic::Close),
    (b"upgrade", Topic::UpgradeOption),
    (b"keep-alive", Topic::KeepAlive),
];

const CHUNKED: &[u8] = b"chunked";

/// The position of the reader in a value, see the diagram of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Plain,
    /// After a byte that strict mode refuses: the rest of the line has no meaning.
    Anything,
    /// This many bytes of `chunked` have been read.
    Coding(u8),
    CodingEnd,
    CodingToken,
    CodingSpace,
    Digits,
    DigitsEnd,
    Option,
    /// This many bytes of a word of [`OPTIONS`] have been read.
    Word(u8, u8),
    OptionEnd,
    OptionToken,
}

/// Reads the value of one field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueReader {
    topic: Topic,
    place: Place,
}

impl ValueReader {
    /// For a field about `topic`.
    pub(crate) const fn new(topic: Topic) -> Self {
        Self {
            topic,
            place: Place::Plain,
        }
    }

    pub(crate) const fn topic(self) -> Topic {
        self.topic
    }

    /// Whether the value needs no inspection beyond the bytes that a value may have.
    pub(crate) fn is_plain(self) -> bool {
        self.place == Place::Plain
    }

    /// The value begins at `pos`, or continues there in the next line (lenient).
    pub(crate) fn begin(
        &mut self,
        directives: &mut Directives,
        sender: Sender,
        lenient: bool,
        pos: usize,
    ) -> Result<(), ParseError> {
        // After a fold `chunked` is not the last word any more.
        if self.topic == Topic::Chunked {
            self.topic = Topic::Other;
        }
        self.place = match self.topic {
            Topic::Upgrade => {
                directives.flags |= Directives::UPGRADE;
                self.topic = Topic::Other;
                Place::Plain
            }
            Topic::TransferEncoding => {
                if directives.is_chunked() {
                    forbid_after_chunked(sender, lenient, pos)?;
                }
                directives.flags |= Directives::CODING;
                directives.flags &= !Directives::CHUNKED;
                Place::Coding(0)
            }
            Topic::ContentLength if directives.has(Directives::LENGTH) => {
                return Err(ErrorKind::ContentLengthTwice.at(pos));
            }
            Topic::ContentLength => Place::Digits,
            Topic::Connection => Place::Option,
            _ => Place::Plain,
        };
        Ok(())
    }

    /// Reads one byte, CR and LF included, at its position. Returns false when it does not belong to the value: it ends the value
    /// or is refused.
    pub(crate) fn read(
        &mut self,
        directives: &mut Directives,
        sender: Sender,
        limits: &Limits,
        (byte, pos): (u8, usize),
    ) -> Result<bool, ParseError> {
        let lenient = limits.lenient;
        let lower = byte.to_ascii_lowercase();
        loop {
            // An arm that does not consume the byte continues with the next place.
            self.place = match self.place {
                Place::Plain | Place::Anything => {
                    return Ok(VALUE[byte as usize] || self.accepts_invalid(byte, limits));
                }
                Place::Coding(count) if lower == CHUNKED[usize::from(count)] => {
                    self.place = match count + 1 {
                        7 => Place::CodingEnd,
                        count => Place::Coding(count),
                    };
                    return Ok(true);
                }
                Place::Coding(_) => Place::CodingToken,
                Place::CodingEnd => match byte {
                    b' ' => return Ok(true),
                    // Node delivers the chunk framing of such a response as part of its body.
                    b'\t' if sender == Sender::Server => return Ok(true),
                    b'\r' | b'\n' => {
                        self.topic = Topic::Chunked;
                        return Ok(false);
                    }
                    b',' => {
                        forbid_after_chunked(sender, lenient, pos)?;
                        Place::CodingToken
                    }
                    _ => Place::CodingToken,
                },
                Place::CodingToken => match byte {
                    b',' => {
                        self.place = Place::CodingSpace;
                        return Ok(true);
                    }
                    _ if VALUE[byte as usize] => return Ok(true),
                    _ => {
                        self.topic = Topic::Other;
                        Place::Plain
                    }
                },
                Place::CodingSpace => match byte {
                    b' ' | b'\t' => return Ok(true),
                    _ => Place::Coding(0),
                },
                Place::Digits => match byte {
                    b'0'..=b'9' => {
                        let digit = u64::from(byte - b'0');
                        directives.length = directives
                            .length
                            .checked_mul(10)
                            .and_then(|length| length.checked_add(digit))
                            .ok_or_else(|| ErrorKind::ContentLengthOverflow.at(pos + 1))?;
                        return Ok(true);
                    }
                    _ => Place::DigitsEnd,
                },
                Place::DigitsEnd => match byte {
                    b' ' | b'\t' => return Ok(true),
                    b'\r' | b'\n' => {
                        directives.flags |= Directives::LENGTH;
                        return Ok(false);
                    }
                    _ => return Err(ErrorKind::ContentLengthChar.at(pos)),
                },
                Place::Option => match byte {
                    b' ' | b'\t' => return Ok(true),
                    _ => match OPTIONS.iter().position(|(word, _)| word[0] == lower) {
                        Some(index) => {
                            self.place = Place::Word(index as u8, 1);
                            return Ok(true);
                        }
                        None => Place::OptionToken,
                    },
                },
                Place::Word(index, count) => {
                    let (word, topic) = OPTIONS[usize::from(index)];
                    if word[usize::from(count)] != lower {
                        Place::OptionToken
                    } else if usize::from(count) + 1 < word.len() {
                        self.place = Place::Word(index, count + 1);
                        return Ok(true);
                    } else {
                        self.topic = topic;
                        self.place = Place::OptionEnd;
                        return Ok(true);
                    }
                }
                Place::OptionEnd => match byte {
                    b' ' | b'\t' => return Ok(true),
                    b',' => {
                        self.note(directives);
                        self.place = Place::Option;
                        return Ok(true);
                    }
                    b'\r' | b'\n' => return Ok(false),
                    _ => {
                        self.topic = Topic::Other;
                        Place::OptionToken
                    }
                },
                Place::OptionToken => match byte {
                    b',' => {
                        self.place = Place::Option;
                        return Ok(true);
                    }
                    _ if VALUE[byte as usize] => return Ok(true),
                    _ => return Ok(self.accepts_invalid(byte, limits)),
                },
            };
        }
    }

    /// Whether this mode accepts a byte that RFC 9110 does not allow in a field value.
    fn accepts_invalid(&mut self, byte: u8, limits: &Limits) -> bool {
        let accepted = limits.lenient || (limits.relaxed_values && byte != 0);
        if is_line_end(byte) || !accepted {
            return false;
        }
        self.place = Place::Anything;
        true
    }

    /// The value has ended, and is not continued in the next line.
    pub(crate) fn end(&mut self, directives: &mut Directives) {
        self.note(directives);
    }

    /// Notes the word with which the value ends so far.
    fn note(&mut self, directives: &mut Directives) {
        let flag = match self.topic {
            Topic::Close => Directives::CLOSE,
            Topic::KeepAlive => Directives::KEEP_ALIVE,
            Topic::UpgradeOption => Directives::UPGRADE_OPTION,
            Topic::Chunked => {
                directives.flags |= Directives::CHUNKED;
                return;
            }
            _ => return,
        };
        directives.flags |= flag;
        self.topic = Topic::Connection;
    }
}

impl Directives {
    /// Reads a complete, strict field line. `line` is its value up to the CR, including white space. None if the field has to be
    /// refused.
    pub(crate) fn read_line(&mut self, topic: Topic, line: &[u8], sender: Sender) -> Option<()> {
        let mut reader = ValueReader::new(topic);
        let refused = match topic {
            Topic::ContentLength => line.is_empty() || self.has_coding(),
            Topic::TransferEncoding => line.is_empty() || self.has(Self::LENGTH),
            _ => false,
        };
        if line.is_empty() || refused {
            return (!refused).then_some(());
        }
        let strict = Limits::default();
        reader.begin(self, sender, false, 0).ok()?;
        for &byte in line.iter().chain(b"\r") {
            if !reader.read(self, sender, &strict, (byte, 0)).ok()? && byte != b'\r' {
                return None;
            }
        }
        reader.end(self);
        Some(())
    }
}

const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// After `chunked` a request must not name a further coding, not even an empty one.
fn forbid_after_chunked(sender: Sender, lenient: bool, pos: usize) -> Result<(), ParseError> {
    if sender == Sender::Client && !lenient {
        return Err(ErrorKind::CodingAfterChunked.at(pos + 1));
    }
    Ok(())
}
