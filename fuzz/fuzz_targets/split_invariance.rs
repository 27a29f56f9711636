//! What a connection says does not depend on how its bytes are cut.
#![no_main]

use std::time::Instant;

use ferrohttp_proto::{ErrorKind, Event, Limits, Scratch, ServerConnection};
use libfuzzer_sys::fuzz_target;

/// An event that outlives its buffer; neighbouring data is one.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Request(Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>),
    Data(Vec<u8>),
    End(Vec<(Vec<u8>, Vec<u8>)>),
    Error(ErrorKind),
}

fn run<'p>(pieces: impl Iterator<Item = &'p [u8]>, limits: &Limits) -> Vec<Said> {
    let (now, mut scratch, mut out) = (Instant::now(), Scratch::new(), Vec::new());
    let mut connection = ServerConnection::new(now);
    let (mut unread, mut said) = (Vec::new(), Vec::new());
    for piece in pieces {
        unread.extend_from_slice(piece);
        loop {
            let step = match connection.handle_data(now, limits, &unread, &mut scratch) {
                Ok(step) => step,
                Err(error) => {
                    said.push(Said::Error(error.kind));
                    return said;
                }
            };
            let Some(event) = step.event else {
                unread.drain(..step.consumed);
                break;
            };
            let owned = |fields: ferrohttp_proto::Fields<'_>| {
                fields.map(|(n, v)| (n.to_vec(), v.to_vec())).collect()
            };
            let mut upgrade = false;
            match event {
                Event::Head(head) => {
                    upgrade = head.upgrade;
                    said.push(Said::Request(head.target.to_vec(), owned(head.fields)));
                }
                Event::Data(part) => match said.last_mut() {
                    Some(Said::Data(data)) => data.extend_from_slice(part),
                    _ => said.push(Said::Data(part.to_vec())),
                },
                Event::End(trailers) => {
                    said.push(Said::End(owned(trailers)));
                    connection
                        .send_head(b"\r\n", false, &mut out)
                        .expect("a request is unanswered");
                    connection
                        .send_end(now, b"", false, &mut out)
                        .expect("the head was sent");
                }
            }
            unread.drain(..step.consumed);
            if upgrade {
                connection.decline_upgrade();
            }
        }
    }
    said
}

/// An overflow may be noticed before something else that is wrong, or behind it: where the part ends that is too long.
fn agree(one: &[Said], other: &[Said]) -> bool {
    let ends_early = |short: &[Said], long: &[Said]| {
        short.split_last().is_some_and(|(last, before)| {
            matches!(
                last,
                Said::Error(ErrorKind::HeaderOverflow | ErrorKind::ChunkExtensionsOverflow)
            ) && long.starts_with(before)
        })
    };
    one == other || ends_early(one, other) || ends_early(other, one)
}

fuzz_target!(|input: (bool, u16, &[u8])| {
    let (lenient, cut, bytes) = input;
    let limits = Limits {
        lenient,
        max_header_size: 64,
        max_headers_count: 4,
        max_chunk_extensions: 16,
        ..Limits::default()
    };
    let whole = run([bytes].into_iter(), &limits);
    assert!(agree(&run(bytes.chunks(1), &limits), &whole));
    let (first, second) = bytes.split_at(usize::from(cut).min(bytes.len()));
    assert!(agree(&run([first, second].into_iter(), &limits), &whole));
});
