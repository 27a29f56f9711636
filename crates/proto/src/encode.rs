//! Bytes that the engine writes itself.

/// The interim response to `Expect: 100-continue`.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Node's complete response to a message that was refused with `status`, or that of 400 for a status without one.
pub const fn encode_error_response(status: u16) -> &'static [u8] {
    match status {
        408 => b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n",
        413 => b"HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\n\r\n",
        431 => b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n",
        _ => b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    }
}

/// The first line of a chunk of `len` bytes, in lower-case hexadecimal as in Node.
pub(crate) fn chunk_size(len: usize, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut line = [0; usize::BITS as usize / 4];
    let mut start = line.len();
    let mut rest = len;
    loop {
        start -= 1;
        line[start] = DIGITS[rest & 0xf];
        rest >>= 4;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&line[start..]);
    out.extend_from_slice(b"\r\n");
}

/// The end of a chunked body. `trailers` are field lines with their line ends.
pub(crate) fn last_chunk(trailers: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    out.extend_from_slice(trailers);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_sizes_are_lower_case_hexadecimal_without_leading_zeros() {
        for (len, line) in [
            (1, "1\r\n"),
            (10, "a\r\n"),
            (16, "10\r\n"),
            (0xdead, "dead\r\n"),
            (1 << 30, "40000000\r\n"),
        ] {
            let mut out = Vec::new();
            chunk_size(len, &mut out);
            assert_eq!(out, line.as_bytes());
        }
        let mut out = Vec::new();
        chunk_size(usize::MAX, &mut out);
        assert_eq!(out, format!("{:x}\r\n", usize::MAX).as_bytes());
    }

    #[test]
    fn the_last_chunk_takes_the_trailers() {
        let mut out = Vec::new();
        last_chunk(b"", &mut out);
        assert_eq!(out, b"0\r\n\r\n");
        out.clear();
        last_chunk(b"A: b\r\nC: d\r\n", &mut out);
        assert_eq!(out, b"0\r\nA: b\r\nC: d\r\n\r\n");
    }

    #[test]
    fn error_responses_equal_nodes() {
        let answers = [
            (400, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
            (
                408,
                "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n",
            ),
            (
                413,
                "HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\n\r\n",
            ),
            (
                431,
                "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n",
            ),
        ];
        for (status, answer) in answers {
            assert_eq!(encode_error_response(status), answer.as_bytes());
        }
    }
}
