//! The chunked transfer coding, read (RFC 9112 section 7.1): sizes, extensions, data.
//!
//! ```text
//! size [ ";" name [ "=" value ] ]* CRLF  data CRLF  …  "0" … CRLF  → trailer section
//! ```
//!
//! Nothing is buffered: a size line may be cut anywhere, and its bytes are consumed as they come.

use crate::config::Limits;
use crate::error::{ErrorKind, ParseError};
use crate::field_section::TOKEN;

/// What a call of [`ChunkDecoder::run`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// `input[start..end]` is data; all before `end` is done with.
    Data { start: usize, end: usize },
    /// All of `input` is done with.
    NeedMore,
    /// The last chunk's line ends at this offset; the trailer section follows.
    Last(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The first digit of a size.
    Size,
    SizeDigits,
    /// White space behind a size (lenient).
    SizeSpace,
    SizeLf,
    /// Behind `;`.
    Extension,
    ExtensionName,
    /// Behind `=`.
    ExtensionValueStart,
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
    /// Extension bytes of this chunk.
    extensions: u32,
    /// The chunk's size while that is read, then the data bytes still to come.
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
                    None => match byte {
                        b'\r' => self.state = State::SizeLf,
                        b';' => self.state = State::Extension,
                        b' ' | b'\t' if lenient => self.state = State::SizeSpace,
                        b'\n' => {
                            if let Some(last) =
                                self.bare_lf(pos, ErrorKind::ChunkSizeCr.at(pos + 1), lenient)?
                            {
                                return Ok(last);
                            }
                        }
                        b' ' | b'\t' => return Err(ErrorKind::ChunkSize.at(pos + 1)),
                        _ => return Err(ErrorKind::ChunkSize.at(pos)),
                    },
                },
                State::SizeSpace => match byte {
                    b' ' | b'\t' => {}
                    b'\r' => self.state = State::SizeLf,
                    b';' => self.state = State::Extension,
                    b'\n' => {
                        if let Some(last) =
                            self.bare_lf(pos, ErrorKind::ChunkSizeCr.at(pos + 1), lenient)?
                        {
                            return Ok(last);
                        }
                    }
                    _ => return Err(ErrorKind::ChunkSize.at(pos)),
                },
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
                    if let Some(last) = self.run_extension(pos, byte, limits)? {
                        return Ok(last);
                    }
                }
            }
            pos += 1;
        }
        Ok(Chunk::NeedMore)
    }

    /// One byte of a chunk extension (RFC 9112 section 7.1.1). The white space that the section's
    /// grammar tolerates for old senders is refused, as Node does.
    fn run_extension(
        &mut self,
        pos: usize,
        byte: u8,
        limits: &Limits,
    ) -> Result<Option<Chunk>, ParseError> {
        let token = TOKEN[byte as usize];
        let lenient = limits.lenient;
        let refuse = |kind: ErrorKind| Err(kind.at(pos + 1));
        let mut counts = true;
        match self.state {
            State::Extension => match byte {
                _ if token => self.state = State::ExtensionName,
                b';' if lenient => {}
                b'=' if lenient => self.state = State::ExtensionValueStart,
                b'\n' => {
                    return self.bare_lf(pos, ErrorKind::ChunkExtensionNameCr.at(pos), lenient);
                }
                b' ' | b'\t' | b'\r' => return refuse(ErrorKind::ChunkExtension),
                _ => return refuse(ErrorKind::ChunkExtensionName),
            },
            State::ExtensionName => match byte {
                _ if token => {}
                b'=' => (self.state, counts) = (State::ExtensionValueStart, false),
                b';' => (self.state, counts) = (State::Extension, false),
                b'\r' => (self.state, counts) = (State::SizeLf, false),
                b'\n' => {
                    return self.bare_lf(pos, ErrorKind::ChunkExtensionNameCr.at(pos), lenient);
                }
                _ => return refuse(ErrorKind::ChunkExtensionName),
            },
            State::ExtensionValueStart => match byte {
                b'"' => self.state = State::Quoted,
                _ if token => self.state = State::ExtensionValue,
                b';' if lenient => (self.state, counts) = (State::Extension, false),
                b'\r' if lenient => (self.state, counts) = (State::SizeLf, false),
                b'\n' => {
                    return self.bare_lf(pos, ErrorKind::ChunkExtensionValueCr.at(pos), lenient);
                }
                _ => return refuse(ErrorKind::ChunkExtensionValue),
            },
            State::ExtensionValue => match byte {
                _ if token => {}
                b'"' if lenient => self.state = State::Quoted,
                b';' => (self.state, counts) = (State::Extension, false),
                b'\r' => (self.state, counts) = (State::SizeLf, false),
                b'\n' => {
                    return self.bare_lf(pos, ErrorKind::ChunkExtensionValueCr.at(pos), lenient);
                }
                _ => return refuse(ErrorKind::ChunkExtensionValue),
            },
            State::Quoted => match byte {
                b'"' => self.state = State::QuotedEnd,
                b'\\' => self.state = State::QuotedEscape,
                b'\t' | 0x20..=0x7e | 0x80.. => {}
                _ => return refuse(ErrorKind::ChunkExtensionQuoted),
            },
            State::QuotedEscape => match byte {
                b'\t' | 0x20..=0x7e | 0x80.. => self.state = State::Quoted,
                _ => return refuse(ErrorKind::ChunkExtensionEscape),
            },
            _ => match byte {
                b';' => (self.state, counts) = (State::Extension, false),
                b'\r' => (self.state, counts) = (State::SizeLf, false),
                b'\n' => {
                    return self.bare_lf(pos, ErrorKind::ChunkExtensionValueCr.at(pos), lenient);
                }
                _ => return Err(ErrorKind::ChunkExtensionUnquoted.at(pos)),
            },
        }
        self.extensions += u32::from(counts);
        if self.extensions as usize > limits.max_chunk_extensions {
            return refuse(ErrorKind::ChunkExtensionsOverflow);
        }
        Ok(None)
    }

    /// A size line that ends in a bare LF: an error unless lenient.
    fn bare_lf(
        &mut self,
        pos: usize,
        error: ParseError,
        lenient: bool,
    ) -> Result<Option<Chunk>, ParseError> {
        if !lenient {
            return Err(error);
        }
        self.state = State::Data;
        Ok((self.remaining == 0).then_some(Chunk::Last(pos + 1)))
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
