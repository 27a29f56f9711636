//! Settings: sizes, counts, leniency and time limits.

use std::time::Duration;

/// Default for the number of requests of a connection that may be delivered and not answered yet.
pub const MAX_PIPELINED: u16 = 64;

/// The limits for a peer's messages, and how strictly they are parsed.
///
/// A plain value: the driver owns one for all connections of a server or of one kind of request,
/// and passes it to every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size in bytes at which a head or a trailer section is refused (`maxHeaderSize`). Counted as in Node: target or reason,
    /// field names and field values, without the punctuation around them. Default 16,384.
    pub max_header_size: usize,
    /// Largest number of fields in a head or a trailer section, 0 for no limit (`server.maxHeadersCount`, which is 1,000 in Node
    /// 24 if it is not set). Default 1,000.
    pub max_headers_count: usize,
    /// Largest number of bytes of a chunk's extensions, without punctuation, as in Node, which has no option for it. Default
    /// 16,384, as in Node.
    pub max_chunk_extensions: usize,
    /// Largest number of requests that are delivered and not answered yet. The next one is parsed only below it. At least 1.
    /// Default [`MAX_PIPELINED`].
    pub max_pipelined: u16,
    /// Whether messages are accepted that `insecureHTTPParser` accepts. Default false.
    pub lenient: bool,
    /// Whether field values may have control characters except NUL, CR and LF (`httpValidation: 'relaxed'`). Default false.
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

/// The time limits of a server's connection. None disables a limit.
///
/// The defaults are Node's (`server.headersTimeout`, `server.requestTimeout`,
/// `server.keepAliveTimeout`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the beginning of the connection, or the first byte of a later request, to the end of the request's head. Default 60 s.
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

/// The limit of [`Timeouts`] to which a deadline belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutKind {
    /// The head has not arrived in time. The answer is 408, and the connection closes.
    Headers,
    /// The request has not arrived in time. The answer is 408, and the connection closes.
    Request,
    /// No further request has arrived. The connection closes without an answer.
    KeepAlive,
}
