//! The writing half of a connection in either role: what may be sent next, and the framing of a body.

use crate::encode;
use crate::error::MisuseError;

/// The part of a message that may be sent next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    /// The head of a message.
    Head,
    /// Its body, without chunks.
    Body,
    /// Its body, in chunks.
    Chunks,
}

impl Writing {
    /// Sends a head. `chunked`: the head says so, and the body is framed in chunks.
    pub(crate) fn begin(&mut self, head: &[u8], chunked: bool, out: &mut Vec<u8>) {
        *self = if chunked { Self::Chunks } else { Self::Body };
        out.extend_from_slice(head);
    }

    /// Announces a body part of `len` bytes. `closed`: no further message is accepted.
    pub(crate) fn begin_data(
        self,
        closed: bool,
        len: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        self.check_body(closed)?;
        if self == Self::Chunks && len > 0 {
            encode::chunk_size(len, out);
        }
        Ok(())
    }

    /// Follows the bytes of a body part.
    pub(crate) fn finish_data(self, len: usize, out: &mut Vec<u8>) {
        if self == Self::Chunks && len > 0 {
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Ends the message. `trailers` are only written in chunked coding. `closed` as of `begin_data`.
    pub(crate) fn end(
        &mut self,
        closed: bool,
        trailers: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        self.check_body(closed)?;
        if *self == Self::Chunks {
            encode::last_chunk(trailers, out);
        }
        *self = Self::Head;
        Ok(())
    }

    fn check_body(self, closed: bool) -> Result<(), MisuseError> {
        match self {
            Self::Head if closed => Err(MisuseError::Closed),
            Self::Head => Err(MisuseError::HeadNotSent),
            Self::Body | Self::Chunks => Ok(()),
        }
    }
}
