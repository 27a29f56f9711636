//! A flush of arbitrary bytes from JavaScript to the I/O threads is accepted or refused as a whole, nothing beyond it is read, and only
//! connections that it names are affected.
#![no_main]

use ferrohttp_net::ConnectionId;
use ferrohttp_net::fuzz::read_flush;
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};

/// A record that JavaScript could have written, with the changes of the fuzzer.
#[derive(Debug, Arbitrary)]
struct Record<'a> {
    kind: u8,
    flags: u16,
    slot: u8,
    generation: u8,
    words: [u16; 3],
    count: u8,
    tail: &'a [u8],
    /// Added to the length in the record's header.
    skew: i8,
}

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Bytes(&'a [u8]),
    Records(Vec<Record<'a>>),
}

fn write(records: &[Record<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        let words = &record.words[..usize::from(record.count % 4)];
        let length = (16 + words.len() * 4 + record.tail.len()).next_multiple_of(4);
        let claimed = (length as u32).wrapping_add_signed(i32::from(record.skew) / 16);
        let first = u32::from(record.kind % 20) | u32::from(record.flags % 1024) << 8;
        let start = bytes.len();
        for word in [first, claimed, record.slot.into(), record.generation.into()] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        for &word in words {
            bytes.extend_from_slice(&u32::from(word).to_le_bytes());
        }
        bytes.extend_from_slice(record.tail);
        bytes.resize(start + length, 0);
    }
    bytes
}

/// The connections that the headers of the records name, found by the records' lengths alone.
fn named(bytes: &[u8]) -> Vec<ConnectionId> {
    let mut rest = bytes;
    let mut found = Vec::new();
    let word = |bytes: &[u8], index: usize| {
        let word = bytes.get(index * 4..index * 4 + 4)?;
        Some(u32::from_le_bytes(word.try_into().ok()?))
    };
    while let (Some(length), Some(slot), Some(generation)) =
        (word(rest, 1), word(rest, 2), word(rest, 3))
    {
        let length = length as usize;
        if length < 16 || !length.is_multiple_of(4) || length > rest.len() {
            break;
        }
        found.push(ConnectionId { slot, generation });
        rest = &rest[length..];
    }
    found
}

fuzz_target!(|input: (Input<'_>, &[u8], Vec<u8>)| {
    let (records, text, held) = input;
    let records = match records {
        Input::Bytes(bytes) => bytes.to_vec(),
        Input::Records(records) => write(&records),
    };
    let named = named(&records);
    match read_flush(&records, text, &held) {
        Ok(read) => {
            let ids: Vec<_> = read.iter().map(|(id, _)| *id).collect();
            assert_eq!(ids, named);
            let taken: usize = read.iter().map(|(_, len)| len).sum();
            assert_eq!(taken, records.len() + text.len());
        }
        Err(refused) => {
            assert!(refused.connections.iter().all(|id| named.contains(id)));
            assert!(named.iter().all(|id| refused.connections.contains(id)));
        }
    }
});
