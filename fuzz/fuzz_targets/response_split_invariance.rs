//! The events of a client's connection do not depend on how its bytes are cut.
#![no_main]

use ferrohttp_proto::{
    ClientConnection, ErrorKind, Event, Fields, Limits, RequestKind, ResponseEvent, Scratch,
};
use libfuzzer_sys::fuzz_target;

/// An event without references to the buffer. Consecutive data is one event.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Information(u16),
    Response(u16, Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>),
    Data(Vec<u8>),
    End(Vec<(Vec<u8>, Vec<u8>)>),
    Error(ErrorKind),
}

impl Seen {
    fn new(event: ResponseEvent<'_>) -> Self {
        let owned = |fields: Fields<'_>| fields.map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
        match event {
            Event::Head(head) if head.interim => Self::Information(head.status),
            Event::Head(head) => {
                Self::Response(head.status, head.reason.to_vec(), owned(head.fields))
            }
            Event::Data(part) => Self::Data(part.to_vec()),
            Event::End(trailers) => Self::End(owned(trailers)),
        }
    }
}

fn run<'p>(
    pieces: impl Iterator<Item = &'p [u8]>,
    kind: RequestKind,
    limits: &Limits,
) -> Vec<Seen> {
    let (mut scratch, mut out) = (Scratch::new(), Vec::new());
    let mut connection = ClientConnection::new();
    connection
        .send_head(kind, b"\r\n", false, &mut out)
        .expect("an idle connection");
    connection
        .send_end(b"", false, &mut out)
        .expect("the head was sent");
    let (mut unread, mut events) = (Vec::new(), Vec::new());
    for piece in pieces {
        unread.extend_from_slice(piece);
        loop {
            let step = match connection.handle_data(limits, &unread, &mut scratch) {
                Ok(step) => step,
                Err(error) => {
                    events.push(Seen::Error(error.kind));
                    return events;
                }
            };
            let more = step.event.is_some();
            match (step.event.map(Seen::new), events.last_mut()) {
                (None, _) => {}
                (Some(Seen::Data(part)), Some(Seen::Data(data))) => data.extend(part),
                (Some(event), _) => events.push(event),
            }
            unread.drain(..step.consumed);
            if !more {
                break;
            }
        }
    }
    match connection.handle_eof() {
        Ok(event) => events.extend(event.map(Seen::new)),
        Err(error) => events.push(Seen::Error(error.kind)),
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

fuzz_target!(|input: (bool, u8, u16, &[u8])| {
    let (lenient, kind, cut, bytes) = input;
    let kind = match kind % 4 {
        0 => RequestKind::Head,
        1 => RequestKind::Connect,
        _ => RequestKind::Ordinary,
    };
    let limits = Limits {
        lenient,
        max_header_size: 64,
        max_headers_count: 4,
        max_chunk_extensions: 16,
        ..Limits::default()
    };
    let whole = run([bytes].into_iter(), kind, &limits);
    assert!(agree(&run(bytes.chunks(1), kind, &limits), &whole));
    let (first, second) = bytes.split_at(usize::from(cut).min(bytes.len()));
    assert!(agree(
        &run([first, second].into_iter(), kind, &limits),
        &whole
    ));
});
