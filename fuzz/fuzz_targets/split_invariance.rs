//! The events of a server's connection do not depend on how its bytes are cut.
#![no_main]

use std::time::Instant;

use ferrohttp_proto::{ErrorKind, Event, Limits, Scratch, ServerConnection};
use libfuzzer_sys::fuzz_target;

/// An event without references to the buffer. Consecutive data is one event.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Request(Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>),
    Data(Vec<u8>),
    End(Vec<(Vec<u8>, Vec<u8>)>),
    Error(ErrorKind),
}

fn run<'p>(pieces: impl Iterator<Item = &'p [u8]>, limits: &Limits) -> Vec<Seen> {
    let (now, mut scratch, mut out) = (Instant::now(), Scratch::new(), Vec::new());
    let mut connection = ServerConnection::new(now);
    let (mut unread, mut events) = (Vec::new(), Vec::new());
    for piece in pieces {
        unread.extend_from_slice(piece);
        loop {
            let step = match connection.handle_data(now, limits, &unread, &mut scratch) {
                Ok(step) => step,
                Err(error) => {
                    events.push(Seen::Error(error.kind));
                    return events;
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
                    events.push(Seen::Request(head.target.to_vec(), owned(head.fields)));
                }
                Event::Data(part) => match events.last_mut() {
                    Some(Seen::Data(data)) => data.extend_from_slice(part),
                    _ => events.push(Seen::Data(part.to_vec())),
                },
                Event::End(trailers) => {
                    events.push(Seen::End(owned(trailers)));
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
    events
}

/// Whether two lists of events agree. An overflow is noticed at the end of the part that is too long, so it may precede another error or
/// follow it.
fn agree(one: &[Seen], other: &[Seen]) -> bool {
    let ends_early = |short: &[Seen], long: &[Seen]| {
        short.split_last().is_some_and(|(last, before)| {
            matches!(
                last,
                Seen::Error(ErrorKind::HeaderOverflow | ErrorKind::ChunkExtensionsOverflow)
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
