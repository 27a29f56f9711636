//! How records are collected.

use ferrohttp_proto::{Event, Limits, Scratch, ServerConnection};

use crate::crossing::layout::HEADER_BYTES;
use crate::crossing::{body_flag, first_word, flags_of, inbound as kind, kind_of};
use crate::handoff::batch::Batch;
use crate::handoff::inbound::{INLINE_BODY, SEPARATE};
use crate::handoff::{CHUNK, Chunk, Inbox, Timeout, chunk};
use crate::id::ConnectionId;

const A: ConnectionId = ConnectionId {
    slot: 3,
    generation: 0,
};
const B: ConnectionId = ConnectionId {
    slot: 4,
    generation: 0,
};
/// The next connection in the slot of `A`.
const A2: ConnectionId = ConnectionId {
    slot: 3,
    generation: 1,
};

#[derive(Debug, PartialEq, Eq)]
struct Part {
    id: ConnectionId,
    raw: bool,
    bytes: Vec<u8>,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// The records of a batch, each with its type.
fn records(batch: &Batch) -> Vec<(u32, &[u8])> {
    let mut rest = batch.records();
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (record, others) = rest.split_at(word(rest, 4) as usize);
        assert!(record.len().is_multiple_of(4));
        all.push((kind_of(word(record, 0)), record));
        rest = others;
    }
    all
}

fn parts(batch: &Batch) -> Vec<Part> {
    records(batch)
        .into_iter()
        .filter(|(which, _)| *which == kind::BODY)
        .map(|(_, record)| {
            let flags = flags_of(word(record, 0));
            let len = word(record, HEADER_BYTES) as usize;
            let bytes = if flags & body_flag::TAKE == 0 {
                record[HEADER_BYTES + 8..][..len].to_vec()
            } else {
                let chunk = &batch.chunks[word(record, HEADER_BYTES + 4) as usize];
                chunk[word(record, HEADER_BYTES + 8) as usize..][..len].to_vec()
            };
            assert_eq!(bytes.len(), len);
            let id = ConnectionId {
                slot: word(record, 8),
                generation: word(record, 12),
            };
            Part {
                id,
                raw: flags & body_flag::RAW != 0,
                bytes,
            }
        })
        .collect()
}

fn part(id: ConnectionId, bytes: impl Into<Vec<u8>>) -> Part {
    Part {
        id,
        raw: false,
        bytes: bytes.into(),
    }
}

#[test]
fn few_parts_stay_separate_and_many_share_a_record() {
    for step in [1, 2, 3, 5, 100, 4095, 4096] {
        let mut batch = Batch::default();
        let whole: Vec<u8> = (0..INLINE_BODY).map(|index| (index % 251) as u8).collect();
        let pieces: Vec<_> = whole.chunks(step).collect();
        for piece in &pieces {
            batch.body(A, piece, false);
        }
        let apart = pieces.len().min(SEPARATE as usize);
        let mut expected: Vec<_> = pieces[..apart - 1]
            .iter()
            .map(|piece| part(A, *piece))
            .collect();
        expected.push(part(A, pieces[apart - 1..].concat()));
        assert_eq!(parts(&batch), expected, "in steps of {step}");
    }
}

#[test]
fn a_full_record_is_followed_by_another() {
    let mut batch = Batch::default();
    let whole: Vec<u8> = (0..3 * INLINE_BODY + 17)
        .map(|index| (index % 251) as u8)
        .collect();
    for _ in 1..SEPARATE {
        batch.body(A, b"x", false);
    }
    for piece in whole.chunks(1000) {
        batch.body(A, piece, false);
    }
    let parts = parts(&batch).split_off(SEPARATE as usize - 1);
    assert!(
        parts
            .iter()
            .all(|part| part.bytes.len() <= INLINE_BODY && part.id == A)
    );
    assert_eq!(parts.len(), 4);
    assert_eq!(
        parts
            .into_iter()
            .flat_map(|part| part.bytes)
            .collect::<Vec<_>>(),
        whole
    );
    assert!(batch.chunks.is_empty());
}

#[test]
fn a_large_part_becomes_a_chunk_in_its_place() {
    let mut batch = Batch::default();
    let large = vec![b'x'; INLINE_BODY + 1];
    batch.body(A, b"before", false);
    batch.body(A, &large, false);
    batch.body(A, b"after", false);
    assert_eq!(
        parts(&batch),
        [
            part(A, *b"before"),
            part(A, large.clone()),
            part(A, *b"after")
        ]
    );
    assert_eq!(batch.chunks.len(), 1);
    assert_eq!(*batch.chunks[0], *large);
}

/// The memory of a read: a head, a body part of `length` bytes, and bytes after it.
fn read(length: usize) -> (Vec<u8>, std::ops::Range<usize>) {
    let mut memory = chunk::memory();
    memory.extend_from_slice(b"head");
    memory.extend((0..length).map(|index| index as u8));
    memory.extend_from_slice(b"next");
    (memory, 4..4 + length)
}

#[test]
fn offered_memory_becomes_the_chunk_of_a_part_that_fills_half_of_it() {
    for (length, given) in [(CHUNK / 2 - 1, false), (CHUNK / 2, true)] {
        let (mut memory, part_of) = read(length);
        let (address, expected) = (memory.as_ptr(), memory[part_of.clone()].to_vec());
        let mut batch = Batch::default();
        let mut offer = batch.offer();
        offer.body(A, &memory[part_of], false);
        offer.settle(&mut memory);
        assert_eq!(memory.as_ptr() != address, given, "{length}");
        assert_eq!(memory.is_empty(), given, "{length}");
        assert_eq!(parts(&batch), [part(A, expected)]);
    }
}

#[test]
fn parts_in_offered_memory_share_a_chunk() {
    for (second, given) in [(CHUNK / 4 - 1, false), (CHUNK / 4, true)] {
        let (mut memory, part_of) = read(CHUNK / 2 + 10);
        let address = memory.as_ptr();
        let (middle, end) = (part_of.start + CHUNK / 4, part_of.start + CHUNK / 4 + 6);
        let expected = [
            part(A, &memory[part_of.start..middle]),
            part(A, &memory[end..end + second]),
        ];
        let mut batch = Batch::default();
        let mut offer = batch.offer();
        offer.body(A, &memory[part_of.start..middle], false);
        offer.body(A, &memory[end..end + second], false);
        offer.settle(&mut memory);
        assert_eq!(parts(&batch), expected);
        assert_eq!(batch.chunks.len(), 1);
        assert_eq!(memory.as_ptr() != address, given, "{second}");
    }
}

#[test]
fn offered_memory_is_used_once() {
    let (mut memory, part_of) = read(CHUNK / 2);
    let expected = memory[part_of.clone()].to_vec();
    let mut batch = Batch::default();
    let mut offer = batch.offer();
    offer.body(A, &memory[part_of.clone()], false);
    offer.body(B, &memory[part_of], false);
    offer.settle(&mut memory);
    assert_eq!(
        parts(&batch),
        [part(A, expected.clone()), part(B, expected)]
    );
}

#[test]
fn parts_outside_the_offered_memory_are_copied() {
    let (mut memory, part_of) = read(CHUNK / 2);
    let mut batch = Batch::default();
    let offer = batch.offer();
    offer.settle(&mut memory);
    batch.body(A, &memory[part_of.clone()], false);
    assert_eq!(parts(&batch), [part(A, memory[part_of].to_vec())]);
}

#[test]
fn returned_memory_is_reused() {
    // Other tests of this process may take the memory first, so it is not the same each time.
    let again = (0..100).any(|_| {
        let mut memory = chunk::memory();
        memory.push(1);
        let address = memory.as_ptr();
        drop(Chunk::new(memory, 0));
        let memory = chunk::memory();
        assert!(memory.is_empty() && memory.capacity() == CHUNK);
        memory.as_ptr() == address
    });
    assert!(again);
}

#[test]
fn parts_of_other_connections_stay_separate() {
    let mut batch = Batch::default();
    batch.body(A, b"a", false);
    batch.body(B, b"b", false);
    batch.body(A, b"a", false);
    batch.body(A2, b"next one", false);
    batch.body(A2, b"raw", true);
    batch.body(A2, b"raw", true);
    batch.body(A2, b"not raw", false);
    let expected = [
        part(A, *b"a"),
        part(B, *b"b"),
        part(A, *b"a"),
        part(A2, *b"next one"),
        Part {
            raw: true,
            ..part(A2, *b"raw")
        },
        Part {
            raw: true,
            ..part(A2, *b"raw")
        },
        part(A2, *b"not raw"),
    ];
    assert_eq!(parts(&batch), expected);
}

#[test]
fn a_record_between_two_parts_keeps_its_place() {
    type Add = fn(&mut Batch);
    let between: [(u32, Add); 7] = [
        (kind::OPEN, |batch| batch.open(B, 1, (None, None))),
        (kind::CLOSED, |batch| batch.closed(B, 0, (0, 0), 0)),
        (kind::ACK, |batch| batch.ack(A, 1)),
        (kind::TIMEOUT, |batch| batch.timeout(A, Timeout::Socket)),
        (kind::EOF, |batch| batch.eof(B)),
        (kind::LISTENER_CLOSED, |batch| batch.listener_closed(1)),
        (kind::DROPPED, |batch| batch.dropped(1, (None, None))),
    ];
    for (expected, add) in between {
        let mut batch = Batch::default();
        batch.body(A, b"1", false);
        add(&mut batch);
        batch.body(A, b"2", false);
        let kinds: Vec<_> = records(&batch)
            .into_iter()
            .map(|(which, _)| which)
            .collect();
        assert_eq!(kinds, [kind::BODY, expected, kind::BODY]);
        assert_eq!(parts(&batch), [part(A, *b"1"), part(A, *b"2")]);
    }
}

#[test]
fn a_batch_is_published_early_by_requests_or_by_bytes() {
    let mut scratch = Scratch::new();
    let mut batch = Batch::default();
    let mut heads = 0;
    while !batch.is_worthwhile() {
        let mut engine = ServerConnection::new(std::time::Instant::now());
        let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let step = engine
            .handle_data(
                std::time::Instant::now(),
                &Limits::default(),
                request,
                &mut scratch,
            )
            .expect("a request");
        let Some(Event::Head(head)) = step.event else {
            panic!("a head expected")
        };
        batch.head(A, &head, b"");
        heads += 1;
    }
    assert_eq!(heads, 64);

    let mut batch = Batch::default();
    let mut bytes = 0;
    while !batch.is_worthwhile() {
        // Of two connections in turn, so that the parts are not joined.
        let id = if bytes % (8 * 1024) == 0 { A } else { B };
        batch.body(id, &[0; 4 * 1024], false);
        bytes += 4 * 1024;
    }
    assert_eq!(bytes, 256 * 1024);

    let mut batch = Batch::default();
    let mut bytes = 0;
    while !batch.is_worthwhile() {
        batch.body_chunk(A, Chunk::copy_of(&[0; 32 * 1024]), false);
        bytes += 32 * 1024;
    }
    assert_eq!(bytes, 1024 * 1024);

    let mut batch = Batch::default();
    batch.publish_soon();
    assert!(!batch.is_worthwhile(), "there is nothing to tell");
    batch.eof(A);
    batch.publish_soon();
    assert!(batch.is_worthwhile());
}

#[test]
fn a_chunk_has_the_size_that_javascript_takes() {
    let mut batch = Batch::default();
    batch.body_chunk(A, Chunk::copy_of(&[7; 3]), true);
    let words: Vec<_> = batch
        .records()
        .chunks(4)
        .map(|word| u32::from_le_bytes(word.try_into().expect("a word")))
        .collect();
    assert_eq!(
        words,
        [
            first_word(kind::BODY, body_flag::TAKE | body_flag::RAW),
            28,
            A.slot,
            A.generation,
            3,
            0,
            0
        ]
    );
    assert_eq!(*batch.chunks[0], [7; 3]);
}

/// A batch after a panic between the beginning and the end of a record.
#[test]
fn an_incomplete_record_is_never_read() {
    let mut batch = Batch::default();
    batch.eof(A);
    batch.begin(kind::BODY, 0, B, ());
    batch.bytes.extend_from_slice(b"what a peer sent");
    assert_eq!(records(&batch).len(), 1);
    batch.eof(B);
    let kinds: Vec<_> = records(&batch)
        .into_iter()
        .map(|(which, record)| (which, word(record, 8)))
        .collect();
    assert_eq!(kinds, [(kind::EOF, A.slot), (kind::EOF, B.slot)]);
}

#[test]
fn a_part_that_a_panic_interrupts_is_not_continued() {
    let mut batch = Batch::default();
    for _ in 0..=SEPARATE {
        batch.body(A, b"part", false);
    }
    let open = batch.open_body.take().expect("a record that grows");
    batch.whole = open.start;
    batch.bytes.extend_from_slice(b"torn");
    batch.body(A, b"next", false);
    let last = parts(&batch).pop().expect("a part");
    assert_eq!(last.bytes, b"next");
    assert!(
        !records(&batch)
            .iter()
            .any(|(_, record)| record.ends_with(b"torn"))
    );
}

#[test]
fn an_incomplete_record_alone_is_not_published() {
    let inbox = Inbox::new(Box::new(|| {}));
    let mut batch = Batch::default();
    batch.begin(kind::BODY, 0, A, ());
    assert!(!inbox.push(&mut batch));
    assert!(!batch.is_worthwhile());
}
