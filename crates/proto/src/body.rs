//! Message bodies, read: whatever delimits them.

use crate::chunk::{Chunk, ChunkDecoder};
use crate::config::Limits;
use crate::error::{ErrorKind, ParseError};
use crate::event::{BodyLength, BodyPart, Fields, Scratch, Step};
use crate::field_section::FieldScanner;
use crate::framing;

/// Reads the body of one message; the last part is [`BodyPart::End`], also when there is no body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BodyDecoder {
    /// This many bytes are still to come.
    Length(u64),
    Chunked(ChunkDecoder),
    Trailers(FieldScanner),
    /// Everything until the peer ends its side.
    UntilClose,
    /// Nobody knows how much: an error.
    Unreadable,
}

impl BodyDecoder {
    pub(crate) fn new(length: BodyLength) -> Self {
        match length {
            BodyLength::None => Self::Length(0),
            BodyLength::Length(length) => Self::Length(length),
            BodyLength::Chunked => Self::Chunked(ChunkDecoder::new()),
            BodyLength::Unreadable => Self::Unreadable,
        }
    }

    /// Whether nothing more has to come before `End`.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self, Self::Length(0))
    }

    /// Whether the message is complete if its sender ends its side now.
    pub(crate) fn is_complete_at_eof(&self) -> bool {
        matches!(self, Self::Length(0) | Self::UntilClose)
    }

    /// The next part of the body that `input` goes on with.
    pub(crate) fn run<'b>(
        &mut self,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b mut Scratch,
    ) -> Result<Step<BodyPart<'b>>, ParseError> {
        match self {
            Self::Length(0) => Ok(Step {
                consumed: 0,
                event: Some(BodyPart::End(Fields::default())),
            }),
            Self::Length(remaining) => {
                let taken = (input.len() as u64).min(*remaining) as usize;
                *remaining -= taken as u64;
                Ok(Step {
                    consumed: taken,
                    event: (taken > 0).then(|| BodyPart::Data(&input[..taken])),
                })
            }
            Self::Chunked(decoder) => match decoder.run(input, limits)? {
                Chunk::Data { start, end } => Ok(Step {
                    consumed: end,
                    event: Some(BodyPart::Data(&input[start..end])),
                }),
                Chunk::NeedMore => Ok(Step {
                    consumed: input.len(),
                    event: None,
                }),
                Chunk::Last(end) => {
                    *self = Self::Trailers(FieldScanner::trailers());
                    let offset = |error: ParseError| error.behind(end);
                    let step = self.run(limits, &input[end..], scratch).map_err(offset)?;
                    Ok(Step {
                        consumed: end + step.consumed,
                        ..step
                    })
                }
            },
            Self::UntilClose => Ok(Step {
                consumed: input.len(),
                event: (!input.is_empty()).then_some(BodyPart::Data(input)),
            }),
            Self::Unreadable => Err(ErrorKind::CodingNotChunked.at(0)),
            Self::Trailers(scanner) => {
                let Some(end) = read_trailers(scanner, limits, input, scratch)? else {
                    return Ok(Step {
                        consumed: 0,
                        event: None,
                    });
                };
                let fields = Fields::new(input, scratch);
                framing::check_trailers(&fields, limits.lenient)?;
                Ok(Step {
                    consumed: end,
                    event: Some(BodyPart::End(fields)),
                })
            }
        }
    }
}

/// The offset behind the trailer section, once it is complete; its fields are in `scratch`.
fn read_trailers(
    scanner: &mut FieldScanner,
    limits: &Limits,
    input: &[u8],
    scratch: &mut Scratch,
) -> Result<Option<usize>, ParseError> {
    scratch.clear();
    let fresh = scanner.is_fresh();
    let end = if fresh {
        scanner.run(input, limits, scratch)?
    } else {
        scanner.run(input, limits, &mut ())?
    };
    if end.is_some() && !fresh {
        FieldScanner::trailers().run(input, limits, scratch)?;
    }
    Ok(end)
}
