//! The request line (RFC 9112 section 3), refused at the first byte that cannot be right.

use crate::config::Limits;
use crate::error::{ErrorKind, ParseError};
use crate::method::{METHODS, Method};

/// Bytes of a strict request line beside its target: the longest method, two spaces, `HTTP/1.1`, CR
/// LF, rounded up.
const MAX_PUNCTUATION: usize = 32;

/// A complete request line. Offsets are into the bytes that start with the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestLine {
    pub(crate) method: Method,
    pub(crate) minor_version: u8,
    pub(crate) target: (u32, u32),
    /// Behind the line's end: where the fields start.
    pub(crate) end: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    TargetStart,
    Asterisk,
    Scheme,
    SchemeSlash,
    SchemeSecondSlash,
    Authority,
    /// An `@` has been seen.
    AuthorityHost,
    /// The `host:port` of CONNECT.
    HostPort,
    /// Path, query and fragment: the bytes allowed are the same.
    Path,
    Version,
}

/// Reads one request line; keeps its place between calls, whose `input` must start at the same byte
/// every time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestLineScanner {
    state: State,
    /// Known once bytes have been taken behind it.
    method: Option<Method>,
    minor_version: u8,
    pos: u32,
    /// Where the target or the version starts.
    mark: u32,
    target: (u32, u32),
}

impl RequestLineScanner {
    pub(crate) fn new() -> Self {
        Self {
            state: State::TargetStart,
            method: None,
            minor_version: 0,
            pos: 0,
            mark: 0,
            target: (0, 0),
        }
    }

    /// Reads on; `None`: the line is not complete.
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
            self.check_size(pos, limits)?;
            if self.state == State::Version {
                if let Some(end) = self.read_version(pos, byte, limits.lenient)? {
                    return Ok(Some(RequestLine {
                        method,
                        minor_version: self.minor_version,
                        target: self.target,
                        end: end as u32,
                    }));
                }
            } else {
                self.read_target(input, pos, method, limits)?;
            }
            pos += 1;
        }
        self.pos = pos as u32;
        self.check_size(pos, limits)?;
        Ok(None)
    }

    fn check_size(&self, pos: usize, limits: &Limits) -> Result<(), ParseError> {
        let target = if self.state == State::Version {
            0
        } else {
            pos - self.mark as usize
        };
        // What is not target is long in lenient mode only, by spaces.
        let all = pos.saturating_sub(MAX_PUNCTUATION);
        if target.max(all) >= limits.max_header_size {
            return Err(ErrorKind::HeaderOverflow.at(pos));
        }
        Ok(())
    }

    /// One byte of the target, or the space behind it.
    fn read_target(
        &mut self,
        input: &[u8],
        pos: usize,
        method: Method,
        limits: &Limits,
    ) -> Result<(), ParseError> {
        let lenient = limits.lenient;
        let byte = input[pos];
        match byte {
            b'\t' | b'\n' | b'\x0c' | b'\r' => return Err(ErrorKind::TargetChar.at(pos + 1)),
            b' ' => return self.end_target(input, pos, limits),
            _ => {}
        }
        self.state = match self.state {
            State::TargetStart => match byte {
                _ if method == Method::CONNECT && lenient => return self.authority(pos, byte),
                // Of CONNECT, too: it is what Node's own client sends when nobody says where to.
                b'/' => State::Path,
                _ if method == Method::CONNECT => {
                    self.state = State::HostPort;
                    return self.read_target(input, pos, method, limits);
                }
                b'*' if lenient => State::Path,
                b'*' if may_be_asterisk(method) => State::Asterisk,
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
            State::Authority | State::AuthorityHost => return self.authority(pos, byte),
            State::HostPort if is_authority(byte) && byte != b'@' => State::HostPort,
            State::HostPort => return Err(ErrorKind::TargetAuthority.at(pos)),
            State::Path if matches!(byte, 0x21..=0x7e) => State::Path,
            State::Path | State::Asterisk | State::Version => {
                return Err(ErrorKind::TargetPath.at(pos));
            }
        };
        Ok(())
    }

    fn authority(&mut self, pos: usize, byte: u8) -> Result<(), ParseError> {
        self.state = match byte {
            b'/' | b'?' => State::Path,
            b'@' if self.state == State::AuthorityHost => {
                return Err(ErrorKind::TargetDoubleAt.at(pos + 1));
            }
            b'@' => State::AuthorityHost,
            _ if !is_authority(byte) => return Err(ErrorKind::TargetAuthority.at(pos)),
            _ if self.state == State::AuthorityHost => State::AuthorityHost,
            _ => State::Authority,
        };
        Ok(())
    }

    fn end_target(&mut self, input: &[u8], pos: usize, limits: &Limits) -> Result<(), ParseError> {
        match self.state {
            State::TargetStart if limits.lenient => {
                self.mark = pos as u32 + 1;
                return Ok(());
            }
            State::TargetStart => return Err(ErrorKind::TargetStart.at(pos)),
            State::Scheme | State::SchemeSlash | State::SchemeSecondSlash => {
                return Err(ErrorKind::TargetChar.at(pos + 1));
            }
            State::HostPort if !is_host_port(&input[self.mark as usize..pos]) => {
                return Err(ErrorKind::TargetAuthority.at(pos));
            }
            _ => {}
        }
        self.target = (self.mark, pos as u32);
        self.mark = pos as u32 + 1;
        self.state = State::Version;
        Ok(())
    }

    /// One byte of `HTTP/1.x` CR LF; `Some`: the line ends at this offset.
    fn read_version(
        &mut self,
        pos: usize,
        byte: u8,
        lenient: bool,
    ) -> Result<Option<usize>, ParseError> {
        const PROTOCOL: &[u8] = b"HTTP/";
        let refuse = |kind: ErrorKind| Err(kind.at(pos));
        match pos - self.mark as usize {
            0 if byte == b' ' && lenient => self.mark += 1,
            index @ 0..5 if byte != PROTOCOL[index] => return refuse(ErrorKind::Protocol),
            0..5 => {}
            5 => match byte {
                b'1' => {}
                // What follows is refused as soon as it is known whether this is a version at all.
                b'0'..=b'9' => self.minor_version = u8::MAX,
                _ => return refuse(ErrorKind::VersionMajor),
            },
            6 if byte != b'.' => return refuse(ErrorKind::VersionDot),
            6 => {}
            7 => match byte {
                b'0'..=b'9' => {
                    let minor = byte - b'0';
                    if self.minor_version == u8::MAX || (minor > 1 && !lenient) {
                        return Err(ErrorKind::Version.at(pos + 1));
                    }
                    self.minor_version = minor;
                }
                _ => return refuse(ErrorKind::VersionMinor),
            },
            8 => match byte {
                b'\r' => {}
                b'\n' if lenient => return Ok(Some(pos + 1)),
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

/// The method and the offset behind the space after it; `None`: more bytes are needed.
fn read_method(input: &[u8]) -> Result<Option<(Method, usize)>, ParseError> {
    let common = METHODS.iter().map(|name| common_prefix(name, input));
    let known = common.max().unwrap_or(0);
    match (input.get(known), Method::from_bytes(&input[..known])) {
        (None, _) => Ok(None),
        (Some(b' '), Some(method)) => Ok(Some((method, known + 1))),
        (Some(_), Some(_)) => Err(ErrorKind::MethodEnd.at(known)),
        (Some(_), None) => refuse_method(input, known),
    }
}

/// Methods of RTSP and of HTTP/2's preface. Node's parser knows them, so that is how far it reads.
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

/// The error names the byte at which Node refuses; bytes that may yet belong to a foreign method are waited for.
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

/// Asterisk-form is for OPTIONS (RFC 9112 section 3.2.4); UPnP's methods use it too.
fn may_be_asterisk(method: Method) -> bool {
    matches!(method.as_str(), "OPTIONS" | "M-SEARCH" | "NOTIFY")
}

/// Bytes of an authority (RFC 3986 section 3.2).
fn is_authority(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@[]%".contains(&byte)
}

/// Authority-form (RFC 9112 section 3.2.3): a host, and a port that is not empty.
fn is_host_port(target: &[u8]) -> bool {
    let Some(colon) = memchr::memrchr(b':', target) else {
        return false;
    };
    let (host, port) = (&target[..colon], &target[colon + 1..]);
    !host.is_empty() && matches!(port.len(), 1..=5) && port.iter().all(u8::is_ascii_digit)
}
