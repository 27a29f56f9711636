//! Errors: the peer's faults ([`ParseError`]) and the caller's ([`MisuseError`]).

use std::fmt;

/// The peer has broken the protocol. Nothing further is read from its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The kind of the error.
    pub kind: ErrorKind,
    /// Number of valid bytes at the beginning of the failing call's `input`: Node's `err.bytesParsed`.
    pub bytes_parsed: usize,
}

impl ParseError {
    /// The same error, counted from `skipped` bytes earlier.
    pub(crate) const fn offset_by(self, skipped: usize) -> Self {
        Self {
            bytes_parsed: self.bytes_parsed + skipped,
            ..self
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at byte {} ({})",
            self.kind.reason(),
            self.bytes_parsed,
            self.kind.code()
        )
    }
}

impl std::error::Error for ParseError {}

macro_rules! error_kinds {
    ($($(#[$doc:meta])* $name:ident => $code:literal, $reason:literal, $status:literal;)*) => {
        /// One cause for which a message is refused. Code and reason are Node's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* $name,)*
        }

        impl ErrorKind {
            /// All of them, by [`index`](Self::index).
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Node's `err.code`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Node's `err.reason`; its `err.message` is this after `Parse Error: `.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }

            /// The status of the answer that Node gives without a listener for `clientError`.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

error_kinds! {
    /// The message does not start with a known method.
    Method => "HPE_INVALID_METHOD", "Invalid method encountered", 400;
    /// A known method that is not followed by one space.
    MethodEnd => "HPE_INVALID_METHOD", "Expected space after method", 400;
    /// White space, or the line's end, where the target or the version is due; HTTP/0.9 too.
    TargetChar => "HPE_INVALID_URL", "Invalid characters in url", 400;
    /// The target has none of the forms of RFC 9112 section 3.2, or one that its method may not
    /// have.
    TargetStart => "HPE_INVALID_URL", "Unexpected start char in url", 400;
    /// An invalid byte before the `://` of an absolute target.
    TargetScheme => "HPE_INVALID_URL", "Unexpected char in url schema", 400;
    /// An invalid byte in the authority of a target.
    TargetAuthority => "HPE_INVALID_URL", "Unexpected char in url server", 400;
    /// Two `@` in the authority of a target.
    TargetDoubleAt => "HPE_INVALID_URL", "Double @ in url", 400;
    /// An invalid byte in the path of a target.
    TargetPath => "HPE_INVALID_URL", "Invalid char in url path", 400;
    /// An invalid byte in the query of a target.
    TargetQuery => "HPE_INVALID_URL", "Invalid char in url query", 400;
    /// An invalid byte in the fragment of a target.
    TargetFragment => "HPE_INVALID_URL", "Invalid char in url fragment start", 400;
    /// A CR without LF after the target of an HTTP/0.9 request.
    TargetLf => "HPE_INVALID_URL", "Expected CRLF", 400;
    /// The version does not start with `HTTP/`.
    Protocol => "HPE_INVALID_CONSTANT", "Expected HTTP/, RTSP/ or ICE/", 400;
    /// RTSP with a method that it does not have (lenient).
    RtspMethod => "HPE_INVALID_CONSTANT", "Invalid method for RTSP/x.x request", 400;
    /// ICE with another method than SOURCE (lenient).
    IceMethod => "HPE_INVALID_CONSTANT", "Expected SOURCE method for ICE/x.x request", 400;
    /// No digit after `HTTP/`.
    VersionMajor => "HPE_INVALID_VERSION", "Invalid major version", 400;
    /// No dot after the major version.
    VersionDot => "HPE_INVALID_VERSION", "Expected dot", 400;
    /// No digit after the dot.
    VersionMinor => "HPE_INVALID_VERSION", "Invalid minor version", 400;
    /// Neither HTTP/1.0 nor HTTP/1.1.
    Version => "HPE_INVALID_VERSION", "Invalid HTTP version", 400;
    /// Something between the version and the line's end.
    VersionEnd => "HPE_INVALID_VERSION", "Expected CRLF after version", 400;
    /// A CR without LF after the version.
    VersionLf => "HPE_STRICT", "Expected CRLF after version", 400;
    /// A space before the first field line.
    StartLineSpace => "HPE_UNEXPECTED_SPACE", "Unexpected space after start line", 400;
    /// A field name that is empty or has a byte that is no token character, white space included.
    FieldName => "HPE_INVALID_HEADER_TOKEN", "Invalid header token", 400;
    /// A bare LF in place of the empty line.
    FieldLine => "HPE_INVALID_HEADER_TOKEN", "Invalid header field char", 400;
    /// A control byte in a field value, or an empty value folded or ended by a bare LF.
    FieldValue => "HPE_INVALID_HEADER_TOKEN", "Invalid header value char", 400;
    /// A folded field value (obs-fold, RFC 9112 section 5.2).
    FieldFold => "HPE_INVALID_HEADER_TOKEN", "Unexpected whitespace after header value", 400;
    /// A field line ended by a bare LF.
    FieldCr => "HPE_CR_EXPECTED", "Missing expected CR after header value", 400;
    /// A CR without LF in or after a field value.
    FieldLf => "HPE_LF_EXPECTED", "Missing expected LF after header value", 400;
    /// A CR without LF in place of a field value, or in a status line.
    FieldEmptyLf => "HPE_STRICT", "Expected LF after CR", 400;
    /// A CR without LF in place of the empty line.
    HeadLf => "HPE_STRICT", "Expected LF after headers", 400;
    /// A head or trailer section above `max_header_size` or `max_headers_count`.
    HeaderOverflow => "HPE_HEADER_OVERFLOW", "Header overflow", 431;
    /// A Content-Length that is not digits only: signs, lists, fractions.
    ContentLengthChar => "HPE_INVALID_CONTENT_LENGTH", "Invalid character in Content-Length", 400;
    /// A Content-Length of 2^64 or more.
    ContentLengthOverflow => "HPE_INVALID_CONTENT_LENGTH", "Content-Length overflow", 400;
    /// A Content-Length without a value.
    ContentLengthEmpty => "HPE_INVALID_CONTENT_LENGTH", "Empty Content-Length", 400;
    /// A second Content-Length, equal or not.
    ContentLengthTwice => "HPE_UNEXPECTED_CONTENT_LENGTH", "Duplicate Content-Length", 400;
    /// Content-Length after Transfer-Encoding, or in trailers.
    ContentLengthWithCoding => "HPE_INVALID_CONTENT_LENGTH", "Content-Length can't be present with Transfer-Encoding", 400;
    /// Transfer-Encoding after Content-Length.
    CodingWithContentLength => "HPE_INVALID_TRANSFER_ENCODING", "Transfer-Encoding can't be present with Content-Length", 400;
    /// A Transfer-Encoding without a value.
    CodingEmpty => "HPE_INVALID_TRANSFER_ENCODING", "Empty Transfer-Encoding", 400;
    /// Something after `chunked` in Transfer-Encoding, or Transfer-Encoding in trailers.
    CodingAfterChunked => "HPE_INVALID_TRANSFER_ENCODING", "Invalid `Transfer-Encoding` header value", 400;
    /// A request's last transfer coding is not `chunked`.
    CodingNotChunked => "HPE_INVALID_TRANSFER_ENCODING", "Request has invalid `Transfer-Encoding`", 400;
    /// A chunk size that does not start with a hexadecimal digit, or is followed by something that
    /// may not follow.
    ChunkSize => "HPE_INVALID_CHUNK_SIZE", "Invalid character in chunk size", 400;
    /// A chunk size of 2^64 or more.
    ChunkSizeOverflow => "HPE_INVALID_CHUNK_SIZE", "Chunk size overflow", 400;
    /// A chunk size ended by a bare LF.
    ChunkSizeCr => "HPE_CR_EXPECTED", "Missing expected CR after chunk size", 400;
    /// A CR without LF at the end of a chunk's first line.
    ChunkSizeLf => "HPE_STRICT", "Expected LF after chunk size", 400;
    /// A chunk extension without a name.
    ChunkExtension => "HPE_STRICT", "Invalid character in chunk extensions", 400;
    /// An invalid byte in the name of a chunk extension.
    ChunkExtensionName => "HPE_STRICT", "Invalid character in chunk extensions name", 400;
    /// The name of a chunk extension ended by a bare LF.
    ChunkExtensionNameCr => "HPE_CR_EXPECTED", "Missing expected CR after chunk extension name", 400;
    /// An invalid byte in the value of a chunk extension, or no value after `=`.
    ChunkExtensionValue => "HPE_STRICT", "Invalid character in chunk extensions value", 400;
    /// The value of a chunk extension ended by a bare LF.
    ChunkExtensionValueCr => "HPE_CR_EXPECTED", "Missing expected CR after chunk extension value", 400;
    /// An invalid byte in the quoted value of a chunk extension.
    ChunkExtensionQuoted => "HPE_STRICT", "Invalid character in chunk extensions quoted value", 400;
    /// An invalid byte after a backslash in the quoted value of a chunk extension.
    ChunkExtensionEscape => "HPE_STRICT", "Invalid quoted-pair in chunk extensions quoted value", 400;
    /// Something after the closing quote of a chunk extension's value.
    ChunkExtensionUnquoted => "HPE_STRICT", "Invalid character in chunk extensions quote value", 400;
    /// Chunk extensions above `max_chunk_extensions`.
    ChunkExtensionsOverflow => "HPE_CHUNK_EXTENSIONS_OVERFLOW", "Chunk extensions overflow", 413;
    /// Chunk data ended by a bare LF.
    ChunkDataCr => "HPE_CR_EXPECTED", "Missing expected CR after chunk data", 400;
    /// Chunk data that does not end where the chunk size says.
    ChunkDataLf => "HPE_STRICT", "Expected LF after chunk data", 400;
    /// The peer has sent FIN within a message.
    Eof => "HPE_INVALID_EOF_STATE", "Invalid EOF state", 400;
    /// Something other than a space after the version of a status line.
    VersionSpace => "HPE_INVALID_VERSION", "Expected space after version", 400;
    /// A status that is not three digits.
    Status => "HPE_INVALID_STATUS", "Invalid status code", 400;
    /// Something between the status and the reason or the line's end.
    StatusEnd => "HPE_INVALID_STATUS", "Invalid response status", 400;
    /// A status line ended by a bare LF.
    StatusCr => "HPE_CR_EXPECTED", "Missing expected CR after response line", 400;
    /// A response after an interim one that announced the close of the connection.
    ClosedConnection => "HPE_CLOSED_CONNECTION", "Data after `Connection: close`", 400;
    /// Bytes on a client's connection when no response is due. The connection has to be closed, and
    /// no request gets this error.
    Unsolicited => "ECONNRESET", "response without a request", 400;
    /// The server has sent FIN before a final response's head was complete. It is not a parse error,
    /// so the reason is the whole message.
    HangUp => "ECONNRESET", "socket hang up", 400;
    /// The server has sent FIN within a response's body. It is not a parse error, so the reason is
    /// the whole message.
    Aborted => "ECONNRESET", "aborted", 400;
}

impl ErrorKind {
    /// The error of this kind at `bytes_parsed`.
    pub(crate) const fn at(self, bytes_parsed: usize) -> ParseError {
        ParseError {
            kind: self,
            bytes_parsed,
        }
    }

    /// The position in [`ALL`](Self::ALL), by which JavaScript knows a kind.
    pub const fn index(self) -> u16 {
        self as u16
    }
}

/// The caller has called a method in a state that does not allow it. The state is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MisuseError {
    /// A response without a request to answer.
    NothingToAnswer,
    /// A head, final or interim, after the message's head.
    HeadAlreadySent,
    /// A body part or the end before the message's head.
    HeadNotSent,
    /// A request while the response to another one is not complete, or before `handle_data` has
    /// checked whether bytes follow that response.
    RequestInFlight,
    /// Anything after a message that closed the connection, or after an upgrade.
    Closed,
}

impl fmt::Display for MisuseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NothingToAnswer => "no request is waiting for a response",
            Self::HeadAlreadySent => "the message's head has been sent",
            Self::HeadNotSent => "the message's head has not been sent",
            Self::RequestInFlight => "the last request's response is not complete",
            Self::Closed => "the connection takes no further message",
        })
    }
}

impl std::error::Error for MisuseError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::encode_error_response;

    #[test]
    fn an_index_finds_its_kind() {
        for (index, kind) in ErrorKind::ALL.iter().enumerate() {
            assert_eq!(usize::from(kind.index()), index);
        }
    }

    #[test]
    fn code_and_reason_identify_each_kind() {
        let mut texts: Vec<_> = ErrorKind::ALL
            .iter()
            .map(|kind| (kind.code(), kind.reason()))
            .collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn every_kind_has_a_response_with_its_status() {
        for kind in ErrorKind::ALL {
            assert!(
                kind.code().starts_with("HPE_") || kind.code() == "ECONNRESET",
                "{kind:?}"
            );
            let start = format!("HTTP/1.1 {} ", kind.status());
            assert!(
                encode_error_response(kind.status()).starts_with(start.as_bytes()),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn display_has_reason_offset_and_code() {
        let error = ErrorKind::Method.at(3).offset_by(2);
        assert_eq!(
            error.to_string(),
            "Invalid method encountered at byte 5 (HPE_INVALID_METHOD)"
        );
    }
}
