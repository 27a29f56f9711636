//! The writing half of a connection, whichever its role: what may be sent next, and the bytes around a body.

use crate::encode;
use crate::error::MisuseError;

/// What may be sent next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    /// The head of a message.
    Head,
    /// Its body, framed by what its head says.
    Body,
    /// Its body, in chunks.
    Chunks,
}

impl Writing {
    /// Sends a head whose turn it is; `chunked`: it says so, and the body is to be framed in chunks.
    pub(crate) fn begin(&mut self, head: &[u8], chunked: bool, out: &mut Vec<u8>) {
        *self = if chunked { Self::Chunks } else { Self::Body };
        out.extend_from_slice(head);
    }

    /// Announces a body part of `len` bytes. `closed`: no further message is taken.
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

    /// Ends the message; `trailers` are written only in chunked coding. `closed` as of `begin_data`.
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
