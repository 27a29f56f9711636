//! Response heads: the parts that differ from request heads. The fast reader accepts those of HTTP/1.x.

use std::mem::MaybeUninit;

use crate::config::Limits;
use crate::directives::Sender;
use crate::error::ParseError;
use crate::event::Scratch;
use crate::head::{FAST_FIELDS, FastHead, ParsedHead, StartLine, take_fields};
use crate::status_line::{StatusLine, StatusLineScanner};

impl StartLine for StatusLine {
    type Scanner = StatusLineScanner;

    const SENDER: Sender = Sender::Server;

    fn scanner() -> StatusLineScanner {
        StatusLineScanner::new()
    }

    fn scan(
        scanner: &mut StatusLineScanner,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<Self>, ParseError> {
        scanner.run(input, limits)
    }

    fn text(&self) -> (u32, u32) {
        self.reason
    }

    fn end(&self) -> usize {
        self.end as usize
    }

    fn read_fast(input: &[u8], limits: &Limits, scratch: &mut Scratch) -> Option<ParsedHead<Self>> {
        const STATUS_END: usize = "HTTP/1.1 200".len();
        // httparse skips empty lines, which have been removed already.
        if !input.starts_with(b"HTTP/1.") {
            return None;
        }
        // The whole head is within the limit, so it is within it without punctuation, too.
        let input = &input[..input.len().min(limits.max_header_size)];
        let mut fields = [const { MaybeUninit::uninit() }; FAST_FIELDS];
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            input,
            &mut fields,
        );
        let Ok(httparse::Status::Complete(end)) = parsed else {
            return None;
        };
        let (minor_version, status) = (response.version?, response.code?);
        // httparse hides a reason with bytes beyond ASCII, so its range is found in the bytes.
        let line_end = memchr::memchr(b'\n', input)? + 1;
        let reason = match input[STATUS_END] {
            b' ' => STATUS_END + 1,
            _ => STATUS_END,
        };
        let reason_end = line_end - "\r\n".len();
        if reason_end < reason {
            return None;
        }
        let head = FastHead {
            headers: response.headers,
            line_end,
            end,
        };
        let directives = take_fields(head, input, limits, scratch, Self::SENDER)?;
        Some(ParsedHead {
            line: Self {
                major_version: 1,
                minor_version,
                status,
                reason: (reason as u32, reason_end as u32),
                end: line_end as u32,
            },
            directives,
            end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::checks::{agree_on_mutations, is_fast, reads_in_pieces};

    const HEADS: [&[u8]; 5] = [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.0 404 \r\nA:\r\nB: \t \r\nC:d \t\r\nE: \x80\xff\r\n\r\n",
        b"HTTP/1.1 304\r\nX-Token!: a:b, c\td\r\nX-Token!: a\r\n\r\n",
        b"HTTP/1.1 500  \xe9\t x \r\nA: b\r\n\r\n",
    ];

    #[test]
    fn the_fast_path_reads_ordinary_heads() {
        for head in HEADS {
            assert!(is_fast::<StatusLine>(head), "{}", head.escape_ascii());
        }
    }

    #[test]
    fn the_fast_path_refuses_heads_that_httparse_reads_differently() {
        let heads: [&[u8]; 7] = [
            b"HTTP/1.1 200 OK\n\r\n",
            b"HTTP/1.1 200\n\r\n",
            b"HTTP/1.1 200 OK\r\n\n",
            b"HTTP/1.1 200 OK\r\nA: b\n\r\n",
            b"\r\nHTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/2.0 200 OK\r\n\r\n",
            b"HTTP/1.1 200 \x01\r\n\r\n",
        ];
        for head in heads {
            assert!(!is_fast::<StatusLine>(head), "{}", head.escape_ascii());
        }
    }

    #[test]
    fn both_readers_agree_on_mutated_heads() {
        agree_on_mutations::<StatusLine>(&HEADS, b"\r\n\t :\0\x01\x7f\x80aZ/12H.0");
    }

    #[test]
    fn a_head_in_pieces_is_the_same_head() {
        for head in HEADS {
            reads_in_pieces::<StatusLine>(head);
        }
    }
}
