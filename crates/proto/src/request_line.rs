//! The request line (RFC 9112 section 3), refused at its first invalid byte.

use crate::config::Limits;
use crate::error::{ErrorKind, ParseError};
use crate::method::{METHODS, Method};

/// Largest number of bytes of a strict request line without its target: the longest method, two spaces, `HTTP/1.1`, CR LF,
/// rounded up.
const MAX_PUNCTUATION: usize = 32;

/// A complete request line. Offsets are into the bytes that start with the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestLine {
    pub(crate) method: Method,
    pub(crate) major_version: u8,
    pub(crate) minor_version: u8,
    pub(crate) target: (u32, u32),
    /// Offset after the line's end, where the fields start.
    pub(crate) end: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    TargetStart,
    Scheme,
    SchemeSlash,
    SchemeSecondSlash,
    Authority,
    /// Immediately after an `@`.
    AuthorityHost,
    Path,
    Query,
    Fragment,
    Version,
    /// The CR of an HTTP/0.9 request line has been read.
    OldLf,
}

/// Reads one request line. It keeps its position between calls, whose `input` must always start at the same byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestLineScanner {
    state: State,
    /// Known after the first byte that follows it.
    method: Option<Method>,
    version: (u8, u8),
    protocol: Protocol,
    pos: u32,
    /// Where the target or the version starts.
    mark: u32,
    target: (u32, u32),
    /// Bytes of the target that have been checked against the limit.
    size: u32,
}

/// The protocol that a request line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http,
    /// Lenient.
    Rtsp,
    /// Lenient.
    Ice,
}

impl Protocol {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Http => b"HTTP/",
            Self::Rtsp => b"RTSP/",
            Self::Ice => b"ICE/",
        }
    }

    /// Refuses a method for which Node does not accept the protocol.
    fn check_method(self, method: Method, pos: usize) -> Result<(), ParseError> {
        match (self, method.as_str()) {
            (Self::Http, _) | (Self::Rtsp, "OPTIONS" | "GET" | "POST") | (Self::Ice, "SOURCE") => {
                Ok(())
            }
            (Self::Rtsp, _) => Err(ErrorKind::RtspMethod.at(pos)),
            (Self::Ice, _) => Err(ErrorKind::IceMethod.at(pos)),
        }
    }
}

impl RequestLineScanner {
    pub(crate) fn new() -> Self {
        Self {
            state: State::TargetStart,
            method: None,
            version: (1, 0),
            protocol: Protocol::Http,
            pos: 0,
            mark: 0,
            target: (0, 0),
            size: 0,
        }
    }

    /// Continues to read. `None`: the line is not complete.
    pub(crate) fn run(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<RequestLine>, ParseError> {
        let method = match self.method {
            Some(method) => method,
            None => {
                let Some((method, end)) = read_method(input)? else {
                    return Ok(None);
                };
                self.method = Some(method);
                self.pos = end as u32;
                self.mark = end as u32;
                method
            }
        };
        let mut pos = self.pos as usize;
        while let Some(&byte) = input.get(pos) {
            let end = match self.state {
                State::Version => self.read_version(pos, byte, method, limits.lenient)?,
                State::OldLf => Some(end_old_line(pos, byte, limits.lenient)?),
                _ => self.read_target(pos, byte, method, limits)?,
            };
            if let Some(end) = end {
                return Ok(Some(RequestLine {
                    method,
                    major_version: self.version.0,
                    minor_version: self.version.1,
                    target: self.target,
                    end: end as u32,
                }));
            }
            pos += 1;
        }
        self.pos = pos as u32;
        if !matches!(
            self.state,
            State::Version | State::OldLf | State::TargetStart
        ) {
            self.check_target(pos, limits)?;
        }
        self.check_spaces(pos, limits)?;
        Ok(None)
    }

    /// Node checks the limit at the end of each part of the target.
    fn check_target(&mut self, end: usize, limits: &Limits) -> Result<(), ParseError> {
        self.size = end as u32 - self.mark;
        if self.size as usize >= limits.max_header_size {
            return Err(ErrorKind::HeaderOverflow.at(end));
        }
        Ok(())
    }

    /// Counts spaces, too, which Node does not: the caller has to store them.
    fn check_spaces(&self, pos: usize, limits: &Limits) -> Result<(), ParseError> {
        let spaces = pos.saturating_sub(self.size as usize + MAX_PUNCTUATION);
        if spaces >= limits.max_header_size {
            return Err(ErrorKind::HeaderOverflow.at(pos));
        }
        Ok(())
    }

    /// Reads one byte of the target, or the byte after it. `Some`: the line of an HTTP/0.9 request ends at this offset.
    fn read_target(
        &mut self,
        pos: usize,
        byte: u8,
        method: Method,
        limits: &Limits,
    ) -> Result<Option<usize>, ParseError> {
        let within = matches!(
            self.state,
            State::Authority | State::AuthorityHost | State::Path | State::Query | State::Fragment
        );
        match byte {
            b'\t' | b'\x0c' if self.state != State::SchemeSecondSlash => {
                return Err(ErrorKind::TargetChar.at(pos + 1));
            }
            b' ' if self.state == State::TargetStart => {
                self.mark = pos as u32 + 1;
                self.check_spaces(pos, limits)?;
                return Ok(None);
            }
            b' ' if within => {
                self.end_target(pos, limits)?;
                self.state = State::Version;
                return Ok(None);
            }
            b'\r' | b'\n' if within || self.may_be_empty(method) => {
                self.end_target(pos, limits)?;
                self.version = (0, 9);
                self.state = State::OldLf;
                return match byte {
                    b'\n' => end_old_line(pos, byte, limits.lenient).map(Some),
                    _ => Ok(None),
                };
            }
            b' ' | b'\r' | b'\n' if self.state != State::SchemeSecondSlash => {
                return Err(ErrorKind::TargetChar.at(pos + 1));
            }
            _ => {}
        }
        self.state = match self.state {
            State::TargetStart if method == Method::CONNECT => Self::authority(pos, byte, false)?,
            State::TargetStart => match byte {
                b'/' | b'*' => State::Path,
                _ if byte.is_ascii_alphabetic() => State::Scheme,
                _ => return Err(ErrorKind::TargetStart.at(pos)),
            },
            State::Scheme => match byte {
                b':' => State::SchemeSlash,
                _ if byte.is_ascii_alphabetic() => State::Scheme,
                _ => return Err(ErrorKind::TargetScheme.at(pos)),
            },
            State::SchemeSlash if byte == b'/' => State::SchemeSecondSlash,
            State::SchemeSecondSlash if byte == b'/' => State::Authority,
            State::SchemeSlash | State::SchemeSecondSlash => {
                return Err(ErrorKind::TargetScheme.at(pos));
            }
            State::Authority => Self::authority(pos, byte, false)?,
            State::AuthorityHost => Self::authority(pos, byte, true)?,
            State::Path => match byte {
                b'?' => State::Query,
                b'#' => State::Fragment,
                0x21..=0x7e => State::Path,
                _ => return Err(ErrorKind::TargetPath.at(pos)),
            },
            State::Query => match byte {
                b'#' => State::Fragment,
                0x21..=0x7e => State::Query,
                _ => return Err(ErrorKind::TargetQuery.at(pos)),
            },
            State::Fragment => match byte {
                0x21..=0x7e => State::Fragment,
                _ => return Err(ErrorKind::TargetFragment.at(pos)),
            },
            State::Version | State::OldLf => self.state,
        };
        Ok(None)
    }

    /// Whether the target is empty and Node accepts that: in lenient mode, if a line end follows.
    fn may_be_empty(&self, method: Method) -> bool {
        self.state == State::TargetStart && method == Method::CONNECT
    }

    fn authority(pos: usize, byte: u8, after_at: bool) -> Result<State, ParseError> {
        match byte {
            b'/' => Ok(State::Path),
            b'?' => Ok(State::Query),
            b'@' if after_at => Err(ErrorKind::TargetDoubleAt.at(pos + 1)),
            b'@' => Ok(State::AuthorityHost),
            _ if is_authority(byte) => Ok(State::Authority),
            _ => Err(ErrorKind::TargetAuthority.at(pos)),
        }
    }

    fn end_target(&mut self, pos: usize, limits: &Limits) -> Result<(), ParseError> {
        self.check_target(pos, limits)?;
        self.target = (self.mark, pos as u32);
        self.mark = pos as u32 + 1;
        Ok(())
    }

    /// Reads one byte of `HTTP/1.x` CR LF. `Some`: the line ends at this offset.
    fn read_version(
        &mut self,
        pos: usize,
        byte: u8,
        method: Method,
        lenient: bool,
    ) -> Result<Option<usize>, ParseError> {
        let refuse = |kind: ErrorKind| Err(kind.at(pos));
        let index = pos - self.mark as usize;
        if index == 0 {
            match byte {
                // Immediately after the target Node's error is that of a byte of the target.
                b'\t' | b'\x0c' if pos == self.target.1 as usize + 1 => {
                    return Err(ErrorKind::TargetChar.at(pos + 1));
                }
                b' ' => self.mark += 1,
                b'H' => {}
                b'R' if lenient => self.protocol = Protocol::Rtsp,
                b'I' if lenient => self.protocol = Protocol::Ice,
                _ => return refuse(ErrorKind::Protocol),
            }
            return Ok(None);
        }
        let name = self.protocol.name();
        if let Some(&expected) = name.get(index) {
            if byte != expected {
                return refuse(ErrorKind::Protocol);
            }
            if index + 2 == name.len() {
                self.protocol.check_method(method, pos + 1)?;
            }
            return Ok(None);
        }
        let digit = byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'));
        match index - name.len() {
            0 => match digit {
                Some(digit) => self.version.0 = digit,
                None => return refuse(ErrorKind::VersionMajor),
            },
            1 if byte != b'.' => return refuse(ErrorKind::VersionDot),
            1 => {}
            2 => match digit {
                Some(digit) => {
                    self.version.1 = digit;
                    if !lenient && !matches!(self.version, (0, 9) | (1, 0 | 1) | (2, 0)) {
                        return Err(ErrorKind::Version.at(pos + 1));
                    }
                }
                None => return refuse(ErrorKind::VersionMinor),
            },
            3 => match byte {
                b'\r' => {}
                // Node skips another LF after it.
                b'\n' if lenient => {}
                b'\n' => return Err(ErrorKind::VersionEnd.at(pos + 1)),
                _ => return refuse(ErrorKind::VersionEnd),
            },
            _ => match byte {
                b'\n' => return Ok(Some(pos + 1)),
                _ if lenient => return Ok(Some(pos)),
                _ => return refuse(ErrorKind::VersionLf),
            },
        }
        Ok(None)
    }
}

/// The line end of an HTTP/0.9 request line, which is accepted in lenient mode only.
fn end_old_line(pos: usize, byte: u8, lenient: bool) -> Result<usize, ParseError> {
    match byte {
        b'\n' if lenient => Ok(pos + 1),
        b'\n' => Err(ErrorKind::TargetChar.at(pos + 1)),
        _ => Err(ErrorKind::TargetLf.at(pos)),
    }
}

/// The method and the offset after the space after it; `None`: more bytes are needed.
fn read_method(input: &[u8]) -> Result<Option<(Method, usize)>, ParseError> {
    let common = METHODS.iter().map(|name| common_prefix(name, input));
    let known = common.max().unwrap_or(0);
    match (input.get(known), Method::from_bytes(&input[..known])) {
        (None, _) => Ok(None),
        (Some(b' '), Some(method)) => Ok(Some((method, known + 1))),
        (Some(b'_'), Some(Method::GET)) | (Some(_), None) => refuse_method(input, known),
        (Some(_), Some(_)) => Err(ErrorKind::MethodEnd.at(known)),
    }
}

/// Methods of RTSP and of HTTP/2's preface. Node's parser knows them, and reads to the end of such a method before it refuses it.
const FOREIGN_METHODS: &[&str] = &[
    "ANNOUNCE",
    "DESCRIBE",
    "FLUSH",
    "GET_PARAMETER",
    "PAUSE",
    "PLAY",
    "PRI",
    "RECORD",
    "REDIRECT",
    "SETUP",
    "SET_PARAMETER",
    "TEARDOWN",
];

/// The error has the offset of the byte at which Node refuses the method. Bytes that may become one of
/// `FOREIGN_METHODS` are not refused yet.
fn refuse_method(input: &[u8], known: usize) -> Result<Option<(Method, usize)>, ParseError> {
    let foreign = FOREIGN_METHODS
        .iter()
        .map(|name| common_prefix(name, input));
    let known = foreign.max().unwrap_or(0).max(known);
    if known == input.len() {
        return Ok(None);
    }
    Err(ErrorKind::Method.at(known))
}

fn common_prefix(name: &str, input: &[u8]) -> usize {
    name.bytes().zip(input).take_while(|(a, b)| a == *b).count()
}

/// Bytes of an authority (RFC 3986 section 3.2).
fn is_authority(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]%".contains(&byte)
}
