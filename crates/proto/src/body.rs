//! Reads message bodies, however they are delimited.

use crate::chunk::{Chunk, ChunkDecoder};
use crate::config::Limits;
use crate::directives::{Directives, Sender};
use crate::error::{ErrorKind, ParseError};
use crate::event::{BodyLength, BodyPart, Fields, Scratch, Step};
use crate::field_section::FieldScanner;

/// Reads the body of one message. The last part is [`BodyPart::End`], even without a body.
#[derive(Clone, Debug)]
pub(crate) enum BodyDecoder {
    /// This many bytes are outstanding.
    Length(u64),
    /// Chunked, with the directives of the head, to which trailers may add.
    Chunked(ChunkDecoder, Sender, u8),
    /// An incomplete trailer section.
    Trailers(Box<Trailers>),
    /// The trailer section has ended the message. The directives of head and trailers.
    Ended(u8),
    /// Everything until the peer's FIN.
    UntilClose,
    /// The length is unknown, which is an error.
    Unreadable,
}

/// A trailer section that arrives in pieces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trailers {
    scanner: FieldScanner,
    /// The state before the first byte.
    fresh: FieldScanner,
}

impl BodyDecoder {
    /// For a message from `sender`, whose head has these directives.
    pub(crate) fn new(length: BodyLength, sender: Sender, directives: Directives) -> Self {
        match length {
            BodyLength::None => Self::Length(0),
            BodyLength::Length(length) => Self::Length(length),
            BodyLength::Chunked => Self::Chunked(ChunkDecoder::new(), sender, directives.flags()),
            BodyLength::UntilClose => Self::UntilClose,
            BodyLength::Unreadable => Self::Unreadable,
        }
    }

    /// The directives of head and trailers, after a trailer section has ended the message.
    pub(crate) fn final_directives(&self) -> Option<Directives> {
        match self {
            Self::Ended(flags) => Some(Directives::with_flags(*flags)),
            _ => None,
        }
    }

    /// Whether `End` needs no further bytes.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self, Self::Length(0))
    }

    /// Whether the message is complete if its sender sends FIN now.
    pub(crate) fn is_complete_at_eof(&self) -> bool {
        matches!(self, Self::Length(0) | Self::UntilClose)
    }

    /// Reads the next part of the body from `input`.
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
            Self::Chunked(decoder, sender, flags) => match decoder.run(input, limits)? {
                Chunk::Data { start, end } => Ok(Step {
                    consumed: end,
                    event: Some(BodyPart::Data(&input[start..end])),
                }),
                Chunk::NeedMore => Ok(Step {
                    consumed: input.len(),
                    event: None,
                }),
                Chunk::Last(end) => {
                    let scanner = FieldScanner::trailers(*sender, Directives::with_flags(*flags));
                    let offset = |error: ParseError| error.offset_by(end);
                    let step = self
                        .begin_trailers(scanner, limits, &input[end..], scratch)
                        .map_err(offset)?;
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
            Self::Ended(_) => Ok(Step::nothing(0)),
            Self::Trailers(trailers) => {
                scratch.clear();
                let Some(end) = trailers.scanner.run(input, limits, &mut ())? else {
                    return Ok(Step::nothing(0));
                };
                trailers.fresh.run(input, limits, scratch)?;
                let directives = trailers.scanner.directives();
                Ok(self.end_trailers(directives, end, input, scratch))
            }
        }
    }

    /// After the last chunk. Usually the section is complete and empty.
    fn begin_trailers<'b>(
        &mut self,
        fresh: FieldScanner,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b mut Scratch,
    ) -> Result<Step<BodyPart<'b>>, ParseError> {
        scratch.clear();
        let mut scanner = fresh;
        match scanner.run(input, limits, scratch)? {
            Some(end) => Ok(self.end_trailers(scanner.directives(), end, input, scratch)),
            None => {
                *self = Self::Trailers(Box::new(Trailers { scanner, fresh }));
                Ok(Step::nothing(0))
            }
        }
    }

    fn end_trailers<'b>(
        &mut self,
        directives: Directives,
        end: usize,
        input: &'b [u8],
        scratch: &'b Scratch,
    ) -> Step<BodyPart<'b>> {
        *self = Self::Ended(directives.flags());
        Step {
            consumed: end,
            event: Some(BodyPart::End(Fields::new(input, scratch))),
        }
    }
}
