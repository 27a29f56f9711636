//! HTTP/1.1 without I/O: bytes and time in, events and bytes out.
//!
//! ```text
//!              received bytes                         what the user does
//!                    │                                        │
//!   ┌────────────────▼────────────────────────────────────────▼───────────────┐
//!   │ ServerConnection   reading: head ─► body ─► trailers   writing: framing │
//!   │ ClientConnection                                                        │
//!   └────────────────┬────────────────────┬───────────────────────┬───────────┘
//!                    ▼                    ▼                       ▼
//!              Step { Event }        poll_timeout           bytes to be sent
//! ```
//!
//! In scope: parsing messages (RFC 9112) at least as strictly as Node's own parser, or with the leniency of its
//! `insecureHTTPParser`; framing messages that are sent; keep-alive, pipelining, upgrades, a server's deadlines; and errors with
//! Node's codes. Out of scope: sockets, clocks, threads, the meaning of heads beyond framing, and the text of heads that are
//! sent.
//!
//! Nothing is buffered here. The caller keeps a read buffer, and removes from its front the bytes that a [`Step`] has consumed.
//! Events borrow from this buffer and from a [`Scratch`], which all connections of a thread can share.
//!
//! # A request and its response
//!
//! ```
//! use std::time::Instant;
//! use ferrohttp_proto::{Event, Limits, Method, Scratch, ServerConnection};
//!
//! let (limits, mut scratch, now) = (Limits::default(), Scratch::new(), Instant::now());
//! let mut connection = ServerConnection::new(now);
//! let mut received: &[u8] = b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
//!
//! let step = connection.handle_data(now, &limits, received, &mut scratch)?;
//! let Some(Event::Head(head)) = step.event else { panic!("not a request") };
//! assert_eq!((head.method, head.target), (Method::POST, &b"/upload"[..]));
//! assert_eq!(head.fields.clone().next(), Some((&b"Host"[..], &b"a"[..])));
//! received = &received[step.consumed..];
//!
//! let step = connection.handle_data(now, &limits, received, &mut scratch)?;
//! assert!(matches!(step.event, Some(Event::Data(b"hello"))));
//! received = &received[step.consumed..];
//!
//! let step = connection.handle_data(now, &limits, received, &mut scratch)?;
//! assert!(matches!(step.event, Some(Event::End(_))));
//!
//! let mut out = Vec::new();
//! connection.send_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, &mut out)?;
//! connection.begin_data(2, &mut out)?;
//! out.extend_from_slice(b"hi"); // or a vectored write of the caller's own buffer
//! connection.finish_data(2, &mut out);
//! connection.send_end(now, b"", false, &mut out)?;
//! assert!(out.ends_with(b"\r\n\r\n2\r\nhi\r\n0\r\n\r\n"));
//! assert!(connection.is_idle());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

mod body;
mod chunk;
mod client;
mod close_reason;
mod config;
mod directives;
mod encode;
mod error;
mod event;
mod field_section;
mod framing;
mod head;
mod method;
mod persistence;
mod request_head;
mod request_line;
mod response_head;
mod server;
mod status_line;
mod writing;

pub use client::ClientConnection;
pub use close_reason::CloseReason;
pub use config::{Limits, MAX_PIPELINED, TimeoutKind, Timeouts};
pub use encode::{CONTINUE, encode_error_response};
pub use error::{ErrorKind, MisuseError, ParseError};
pub use event::{
    BodyLength, Event, Expect, Fields, RequestEvent, RequestHead, RequestKind, ResponseEvent,
    ResponseHead, Scratch, Step,
};
pub use method::{METHODS, Method};
pub use server::ServerConnection;

/// Internals for fuzz targets.
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz {
    use crate::Limits;
    use crate::head::agreement;
    use crate::request_line::RequestLine;
    use crate::status_line::StatusLine;

    /// Panics when the fast and the general reader of heads disagree.
    pub fn check_head_paths(input: &[u8]) {
        agreement::check::<RequestLine>(input, &Limits::default());
    }

    /// Panics when the fast and the general reader of response heads disagree.
    pub fn check_response_paths(input: &[u8]) {
        agreement::check::<StatusLine>(input, &Limits::default());
    }
}
