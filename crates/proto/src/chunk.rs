//! Reads the chunked transfer coding (RFC 9112 section 7.1): sizes, extensions, data.
//!
//! ```text
//! size [ ";" [ name ] [ "=" [ value ] ] ]* CRLF  data CRLF  …  "0" … CRLF  → trailer section
//! ```
//!
//! Nothing is buffered: a size line may be cut anywhere, and its bytes are consumed as they arrive.

use crate::config::Limits;
use crate::error::{ErrorKind, ParseError};
use crate::field_section::TOKEN;

/// The result of a call of [`ChunkDecoder::run`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// `input[start..end]` is data. All bytes before `end` are consumed.
    Data { start: usize, end: usize },
    /// All of `input` is consumed.
    NeedMore,
    /// The last chunk's line ends at this offset; the trailer section follows.
    Last(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The first digit of a size.
    Size,
    SizeDigits,
    /// White space after a size (lenient).
    SizeSpace,
    /// After the CR of a size line. Lenient: or after its LF, where another one is skipped, as in Node.
    SizeLf,
    /// After `;`.
    Extension,
    ExtensionName,
    ExtensionValue,
    Quoted,
    QuotedEscape,
    QuotedEnd,
    Data,
    DataCr,
    DataLf,
}

/// Reads one chunked body up to its trailer section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkDecoder {
    state: State,
    /// Number of extension bytes of this chunk.
    extensions: u32,
    /// The chunk's size while it is read, then the number of data bytes that are outstanding.
    remaining: u64,
}

impl ChunkDecoder {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Size,
            extensions: 0,
            remaining: 0,
        }
    }

    pub(crate) fn run(&mut self, input: &[u8], limits: &Limits) -> Result<Chunk, ParseError> {
        let lenient = limits.lenient;
        let mut pos = 0;
        while let Some(&byte) = input.get(pos) {
            match self.state {
                State::Size => match hex_value(byte) {
                    Some(digit) => {
                        self.remaining = u64::from(digit);
                        self.extensions = 0;
                        self.state = State::SizeDigits;
                    }
                    None => return Err(ErrorKind::ChunkSize.at(pos)),
                },
                State::SizeDigits => match hex_value(byte) {
                    Some(_) if self.remaining > u64::MAX >> 4 => {
                        return Err(ErrorKind::ChunkSizeOverflow.at(pos + 1));
                    }
                    Some(digit) => self.remaining = self.remaining << 4 | u64::from(digit),
                    None => self.end_size(pos, byte, lenient)?,
                },
                State::SizeSpace => self.end_size(pos, byte, lenient)?,
                State::SizeLf => {
                    let end = match byte {
                        b'\n' => pos + 1,
                        _ if lenient => pos,
                        _ => return Err(ErrorKind::ChunkSizeLf.at(pos)),
                    };
                    self.state = State::Data;
                    if self.remaining == 0 {
                        return Ok(Chunk::Last(end));
                    }
                    pos = end;
                    continue;
                }
                State::Data => {
                    let available = (input.len() - pos) as u64;
                    let taken = available.min(self.remaining);
                    self.remaining -= taken;
                    if self.remaining == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok(Chunk::Data {
                        start: pos,
                        end: pos + taken as usize,
                    });
                }
                State::DataCr => match byte {
                    b'\r' => self.state = State::DataLf,
                    b'\n' if lenient => self.state = State::Size,
                    b'\n' => return Err(ErrorKind::ChunkDataCr.at(pos + 1)),
                    _ if lenient => {
                        self.state = State::Size;
                        continue;
                    }
                    _ => return Err(ErrorKind::ChunkDataLf.at(pos)),
                },
                State::DataLf => {
                    self.state = State::Size;
                    match byte {
                        b'\n' => {}
                        _ if lenient => continue,
                        _ => return Err(ErrorKind::ChunkDataLf.at(pos)),
                    }
                }
                _ => {
                    self.run_extension(pos, byte, limits)?;
                    if self.state == State::SizeLf && byte == b'\n' {
                        continue;
                    }
                }
            }
            pos += 1;
        }
        // Node counts the bytes of a name or value at the end of each part of it.
        self.check_extensions(pos, limits)?;
        Ok(Chunk::NeedMore)
    }

    /// The state after the digits of a size.
    fn end_size(&mut self, pos: usize, byte: u8, lenient: bool) -> Result<(), ParseError> {
        self.state = match byte {
            b'\r' => State::SizeLf,
            b';' => State::Extension,
            b'\n' if lenient => State::SizeLf,
            b'\n' => return Err(ErrorKind::ChunkSizeCr.at(pos + 1)),
            b' ' | b'\t' if lenient => State::SizeSpace,
            b' ' | b'\t' => return Err(ErrorKind::ChunkSize.at(pos + 1)),
            _ => return Err(ErrorKind::ChunkSize.at(pos)),
        };
        Ok(())
    }

    /// One byte of a chunk extension (RFC 9112 section 7.1.1). As in Node names and values may be empty, and the white
    /// space that the section's grammar tolerates for old senders is refused.
    fn run_extension(&mut self, pos: usize, byte: u8, limits: &Limits) -> Result<(), ParseError> {
        let token = TOKEN[byte as usize];
        let refuse = |kind: ErrorKind| Err(kind.at(pos + 1));
        // The caller reads a bare LF again, as the line's end.
        let bare_lf = |kind: ErrorKind| match limits.lenient {
            true => Ok(State::SizeLf),
            false => Err(kind.at(pos)),
        };
        let before = self.state;
        self.state = match before {
            State::Extension if matches!(byte, b' ' | b'\r') => {
                return refuse(ErrorKind::ChunkExtension);
            }
            State::Extension | State::ExtensionName => match byte {
                _ if token => State::ExtensionName,
                b'=' => State::ExtensionValue,
                b';' => State::Extension,
                b'\r' => State::SizeLf,
                b'\n' => bare_lf(ErrorKind::ChunkExtensionNameCr)?,
                _ => return refuse(ErrorKind::ChunkExtensionName),
            },
            State::ExtensionValue => match byte {
                _ if token => State::ExtensionValue,
                b'"' => State::Quoted,
                b';' => State::Extension,
                b'\r' => State::SizeLf,
                b'\n' => bare_lf(ErrorKind::ChunkExtensionValueCr)?,
                _ => return refuse(ErrorKind::ChunkExtensionValue),
            },
            State::Quoted => match byte {
                b'"' => State::QuotedEnd,
                b'\\' => State::QuotedEscape,
                b'\t' | 0x20..=0x7e | 0x80.. => State::Quoted,
                _ => return refuse(ErrorKind::ChunkExtensionQuoted),
            },
            State::QuotedEscape => match byte {
                b'\t' | 0x20..=0x7e | 0x80.. => State::Quoted,
                _ => return refuse(ErrorKind::ChunkExtensionEscape),
            },
            _ => match byte {
                b';' => State::Extension,
                b'\r' => State::SizeLf,
                b'\n' => bare_lf(ErrorKind::ChunkExtensionValueCr)?,
                _ => return Err(ErrorKind::ChunkExtensionUnquoted.at(pos)),
            },
        };
        let punctuation = matches!(byte, b'=' | b';' | b'\r' | b'\n')
            && !matches!(before, State::Quoted | State::QuotedEscape);
        if punctuation || self.state == State::QuotedEnd {
            self.extensions += u32::from(!punctuation);
            self.check_extensions(pos + 1, limits)?;
        } else {
            self.extensions += 1;
        }
        Ok(())
    }

    fn check_extensions(&self, pos: usize, limits: &Limits) -> Result<(), ParseError> {
        if self.extensions as usize > limits.max_chunk_extensions {
            return Err(ErrorKind::ChunkExtensionsOverflow.at(pos));
        }
        Ok(())
    }
}

fn hex_value(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
