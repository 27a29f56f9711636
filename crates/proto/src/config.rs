//! What the embedder may set: sizes, counts, leniency and time limits.

use std::time::Duration;

/// Requests of one connection that may be delivered and not yet answered, unless configured otherwise.
pub const MAX_PIPELINED: u16 = 64;

/// How much a peer may send before it is refused, and how strictly it is read.
///
/// A plain value: the driver owns one for all connections of a server or of one kind of request,
/// and passes it to every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one head, or of one trailer section, from which on it is refused
    /// (`maxHeaderSize`). Counted as Node counts: target or reason, field names and field
    /// values, without the punctuation around them. Default 16,384.
    pub max_header_size: usize,
    /// Fields allowed in one head, or in one trailer section; 0 means no limit
    /// (`server.maxHeadersCount`; unset it means 1,000 in Node 24). Default 1,000.
    pub max_headers_count: usize,
    /// Bytes of extensions allowed on one chunk, the punctuation between them not counted. Node
    /// counts so, and has no option for it. Default 16,384, Node's number.
    pub max_chunk_extensions: usize,
    /// Requests that may be delivered and not yet answered; the next one is read only below it.
    /// At least 1. Default [`MAX_PIPELINED`].
    pub max_pipelined: u16,
    /// Read what `insecureHTTPParser` lets through. Default false.
    pub lenient: bool,
    /// Let control characters into field values, but for NUL, CR and LF (`httpValidation: 'relaxed'`). Default false.
    pub relaxed_values: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_header_size: 16 * 1024,
            max_headers_count: 1000,
            max_chunk_extensions: 16 * 1024,
            max_pipelined: MAX_PIPELINED,
            lenient: false,
            relaxed_values: false,
        }
    }
}

/// The time limits of a server connection; `None` turns one off.
///
/// The defaults are Node's (`server.headersTimeout`, `server.requestTimeout`,
/// `server.keepAliveTimeout`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the opening of the connection, or the first byte of a later request, to the end of the
    /// request's head. Default 60 s.
    pub headers: Option<Duration>,
    /// From the same moment to the end of the whole request. Default 300 s.
    pub request: Option<Duration>,
    /// From the end of the last response to the first byte of the next request. Default 5 s.
    pub keep_alive: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            headers: Some(Duration::from_secs(60)),
            request: Some(Duration::from_secs(300)),
            keep_alive: Some(Duration::from_secs(5)),
        }
    }
}

/// Which limit of [`Timeouts`] a deadline belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutKind {
    /// The head did not arrive in time: answer 408 and close.
    Headers,
    /// The request did not arrive in time: answer 408 and close.
    Request,
    /// No further request came: close without a word.
    KeepAlive,
}
