//! Bytes that this side writes around what the caller gives.

/// The interim response to `Expect: 100-continue`.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What Node writes, as a whole, to a peer whose message was refused with `status`; 400 for a status it has no answer for.
pub const fn encode_error_response(status: u16) -> &'static [u8] {
    match status {
        408 => b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n",
        413 => b"HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\n\r\n",
        431 => b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n",
        _ => b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    }
}
