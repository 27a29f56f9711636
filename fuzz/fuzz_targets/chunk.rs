//! A chunked body delivers no more bytes than it has, ends once, and never stalls.
#![no_main]

use std::time::Instant;

use ferrohttp_proto::{Event, Limits, Scratch, ServerConnection};
use libfuzzer_sys::fuzz_target;

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

fuzz_target!(|input: (bool, &[u8])| {
    let (lenient, body) = input;
    let limits = Limits {
        lenient,
        ..Limits::default()
    };
    let (now, mut scratch) = (Instant::now(), Scratch::new());
    let mut connection = ServerConnection::new(now);
    let step = connection
        .handle_data(now, &limits, HEAD, &mut scratch)
        .expect("a valid head");
    assert_eq!(step.consumed, HEAD.len());

    let (mut unread, mut data) = (body, 0);
    loop {
        let Ok(step) = connection.handle_data(now, &limits, unread, &mut scratch) else {
            return;
        };
        unread = &unread[step.consumed..];
        match step.event {
            None => break,
            Some(Event::Data(part)) => {
                assert!(!part.is_empty() && step.consumed >= part.len());
                data += part.len();
            }
            Some(Event::End(_)) => break,
            Some(Event::Head(_)) => unreachable!("a request within a body"),
        }
    }
    assert!(data <= body.len());
});
