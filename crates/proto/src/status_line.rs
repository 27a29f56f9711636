//! The status line (RFC 9112 section 4), refused at its first invalid byte.

use crate::config::Limits;
use crate::error::{ErrorKind, ParseError};

/// The protocol names that a status line may start with. Node takes the two others for HTTP, by their grammar.
const PROTOCOLS: [&[u8]; 3] = [b"HTTP/", b"RTSP/", b"ICE/"];

/// A complete status line. Offsets are into the bytes that start with the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusLine {
    pub(crate) major_version: u8,
    pub(crate) minor_version: u8,
    pub(crate) status: u16,
    pub(crate) reason: (u32, u32),
    /// Offset after the line's end, where the fields start.
    pub(crate) end: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Protocol,
    Major,
    Dot,
    Minor,
    Space,
    /// This many digits have been read.
    Status(u8),
    StatusEnd,
    Reason,
    Lf,
}

/// Reads one status line. It keeps its position between calls, whose `input` must always start at the same byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StatusLineScanner {
    state: State,
    pos: u32,
    line: StatusLine,
}

impl StatusLineScanner {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Protocol,
            pos: 0,
            line: StatusLine {
                major_version: 0,
                minor_version: 0,
                status: 0,
                reason: (0, 0),
                end: 0,
            },
        }
    }

    /// Continues to read. `None`: the line is not complete.
    pub(crate) fn run(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<StatusLine>, ParseError> {
        let mut pos = self.pos as usize;
        while let Some(&byte) = input.get(pos) {
            if self.state == State::Reason {
                let rest = &input[pos..];
                let Some(length) = memchr::memchr2(b'\r', b'\n', rest) else {
                    pos = input.len();
                    self.check_reason(pos, limits, pos)?;
                    break;
                };
                pos += length;
                self.check_reason(pos, limits, pos + 1)?;
                self.line.reason.1 = pos as u32;
                self.state = State::Lf;
                if input[pos] == b'\n' {
                    if !limits.lenient {
                        return Err(ErrorKind::StatusCr.at(pos + 1));
                    }
                    return Ok(Some(self.end(pos + 1)));
                }
            } else if let Some(end) = self.step(input, pos, byte, limits.lenient)? {
                return Ok(Some(self.end(end)));
            }
            pos += 1;
        }
        self.pos = pos as u32;
        Ok(None)
    }

    fn end(&mut self, end: usize) -> StatusLine {
        self.line.end = end as u32;
        self.line
    }

    /// The reason counts towards the size of the head, as a request's target does.
    fn check_reason(&self, end: usize, limits: &Limits, noticed: usize) -> Result<(), ParseError> {
        if end - self.line.reason.0 as usize >= limits.max_header_size {
            return Err(ErrorKind::HeaderOverflow.at(noticed));
        }
        Ok(())
    }

    /// Reads one byte outside the reason. `Some`: the line ends at this offset.
    fn step(
        &mut self,
        input: &[u8],
        pos: usize,
        byte: u8,
        lenient: bool,
    ) -> Result<Option<usize>, ParseError> {
        let digit = byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'));
        let refuse = |kind: ErrorKind| Err(kind.at(pos));
        self.state = match self.state {
            State::Protocol => {
                let read = &input[..=pos];
                if PROTOCOLS.contains(&read) {
                    State::Major
                } else if PROTOCOLS.iter().any(|name| name.starts_with(read)) {
                    State::Protocol
                } else {
                    return refuse(ErrorKind::Protocol);
                }
            }
            State::Major => {
                let Some(digit) = digit else {
                    return refuse(ErrorKind::VersionMajor);
                };
                self.line.major_version = digit;
                State::Dot
            }
            State::Dot if byte == b'.' => State::Minor,
            State::Dot => return refuse(ErrorKind::VersionDot),
            State::Minor => {
                let Some(digit) = digit else {
                    return refuse(ErrorKind::VersionMinor);
                };
                self.line.minor_version = digit;
                let version = (self.line.major_version, digit);
                if !lenient && !matches!(version, (0, 9) | (1, 0 | 1) | (2, 0)) {
                    return Err(ErrorKind::Version.at(pos + 1));
                }
                State::Space
            }
            State::Space if byte == b' ' => State::Status(0),
            State::Space => return refuse(ErrorKind::VersionSpace),
            State::Status(count) => {
                let Some(digit) = digit else {
                    return refuse(ErrorKind::Status);
                };
                self.line.status = self.line.status * 10 + u16::from(digit);
                if count == 2 {
                    State::StatusEnd
                } else {
                    State::Status(count + 1)
                }
            }
            State::StatusEnd => {
                self.line.reason = (pos as u32, pos as u32);
                match byte {
                    b' ' => {
                        self.line.reason = (pos as u32 + 1, pos as u32 + 1);
                        State::Reason
                    }
                    b'\r' => State::Lf,
                    b'\n' if lenient => return Ok(Some(pos + 1)),
                    b'\n' => return Err(ErrorKind::StatusEnd.at(pos + 1)),
                    _ => return refuse(ErrorKind::StatusEnd),
                }
            }
            State::Lf => match byte {
                b'\n' => return Ok(Some(pos + 1)),
                _ if lenient => return Ok(Some(pos)),
                _ => return refuse(ErrorKind::FieldEmptyLf),
            },
            // `run` reads the whole reason itself.
            State::Reason => State::Reason,
        };
        Ok(None)
    }
}
