//! HTTP/1.1 without I/O: bytes and time in, events and bytes out.

#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

mod body;
mod chunk;
mod close_reason;
mod config;
mod encode;
mod error;
mod event;
mod field_section;
mod framing;
mod head;
mod method;
mod persistence;
mod request_line;
mod server;

pub use close_reason::CloseReason;
pub use config::{Limits, TimeoutKind, Timeouts};
pub use encode::{CONTINUE, encode_error_response};
pub use error::{ErrorKind, MisuseError, ParseError};
pub use event::{BodyLength, Event, Expect, Fields, RequestHead, Scratch, Step};
pub use method::{METHODS, Method};
pub use server::ServerConnection;
