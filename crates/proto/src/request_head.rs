//! Request heads: the parts that differ from response heads. The fast reader accepts targets in origin-form.

use std::mem::MaybeUninit;

use crate::config::Limits;
use crate::directives::Sender;
use crate::error::ParseError;
use crate::event::Scratch;
use crate::head::{FAST_FIELDS, FastHead, ParsedHead, StartLine, take_fields};
use crate::method::Method;
use crate::request_line::{RequestLine, RequestLineScanner};

impl StartLine for RequestLine {
    type Scanner = RequestLineScanner;

    const SENDER: Sender = Sender::Client;

    fn scanner() -> RequestLineScanner {
        RequestLineScanner::new()
    }

    fn scan(
        scanner: &mut RequestLineScanner,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<Self>, ParseError> {
        scanner.run(input, limits)
    }

    fn text(&self) -> (u32, u32) {
        self.target
    }

    fn end(&self) -> usize {
        self.end as usize
    }

    fn read_fast(input: &[u8], limits: &Limits, scratch: &mut Scratch) -> Option<ParsedHead<Self>> {
        // The whole head is within the limit, so it is within it without punctuation, too.
        let input = &input[..input.len().min(limits.max_header_size)];
        let mut fields = [const { MaybeUninit::uninit() }; FAST_FIELDS];
        let mut request = httparse::Request::new(&mut []);
        let Ok(httparse::Status::Complete(end)) =
            request.parse_with_uninit_headers(input, &mut fields)
        else {
            return None;
        };
        let (method, target) = (request.method?, request.path?);
        let minor_version = request.version?;
        let method = Method::from_bytes(method.as_bytes())?;
        // httparse accepts any UTF-8 in a target, and does not check its form.
        if method == Method::CONNECT || !target.starts_with('/') || !target.is_ascii() {
            return None;
        }
        let target_start = target.as_ptr() as usize - input.as_ptr() as usize;
        let target_end = target_start + target.len();
        // httparse skips empty lines before the request, which have been removed already, and nothing else.
        if target_start != method.as_str().len() + 1 {
            return None;
        }
        let line_end = target_end + " HTTP/1.1\r\n".len();
        let head = FastHead {
            headers: request.headers,
            line_end,
            end,
        };
        let directives = take_fields(head, input, limits, scratch, Self::SENDER)?;
        let target = (target_start as u32, target_end as u32);
        Some(ParsedHead {
            line: Self {
                method,
                major_version: 1,
                minor_version,
                target,
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
    use crate::head::agreement;
    use crate::head::checks::{agree_on_mutations, is_fast, reads_in_pieces};

    const HEADS: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        b"GET /\"<>\\^`{|} HTTP/1.0\r\nA:\r\nB: \t \r\nC:d \t\r\nE: \x80\xff\r\n\r\n",
        b"UNSUBSCRIBE /c HTTP/1.1\r\nX-Token!: a:b, c\td\r\nX-Token!: a\r\n\r\n",
    ];

    #[test]
    fn the_fast_path_reads_ordinary_heads() {
        for head in HEADS {
            assert!(is_fast::<RequestLine>(head), "{}", head.escape_ascii());
        }
    }

    #[test]
    fn the_fast_path_refuses_heads_that_httparse_reads_differently() {
        let heads: [&[u8]; 9] = [
            b"GET / HTTP/1.1\n\r\n",
            b"GET / HTTP/1.1\r\n\n",
            b"GET / HTTP/1.1\r\nA: b\n\r\n",
            b"GET / HTTP/1.1\r\nA: b\nB: c\r\n\r\n",
            b"GET / HTTP/1.1\r\nA:\nB: c\r\n\r\n",
            b"\r\nGET / HTTP/1.1\r\n\r\n",
            b"GET /\xc3\xa9 HTTP/1.1\r\n\r\n",
            b"FOO / HTTP/1.1\r\n\r\n",
            b"GET a HTTP/1.1\r\n\r\n",
        ];
        for head in heads {
            assert!(!is_fast::<RequestLine>(head), "{}", head.escape_ascii());
        }
    }

    #[test]
    fn the_fast_path_applies_the_limits() {
        let head = b"GET / HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n";
        let limits = Limits {
            max_headers_count: 1,
            ..Limits::default()
        };
        assert!(!agreement::check::<RequestLine>(head, &limits));
        let limits = Limits {
            max_header_size: 5,
            ..Limits::default()
        };
        assert!(!agreement::check::<RequestLine>(head, &limits));
        let many = [
            b"GET / HTTP/1.1\r\n".as_slice(),
            &b"A: b\r\n".repeat(FAST_FIELDS + 1),
            b"\r\n",
        ]
        .concat();
        assert!(!is_fast::<RequestLine>(&many));
    }

    #[test]
    fn both_readers_agree_on_mutated_heads() {
        agree_on_mutations::<RequestLine>(&HEADS, b"\r\n\t :\0\x01\x7f\x80aZ/*?#@[0.");
    }

    #[test]
    fn a_head_in_pieces_is_the_same_head() {
        for head in HEADS {
            reads_in_pieces::<RequestLine>(head);
        }
    }
}
