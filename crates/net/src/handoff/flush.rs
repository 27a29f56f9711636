//! Reads a whole flush before any of its commands is applied, so that a flush that does not parse sends nothing.

use super::outbound::{Held, Records};
use crate::id::ConnectionId;

/// A flush does not parse. Only our own JavaScript writes flushes, so this is a bug of ours. The connections that the flush names
/// are closed, because their bytes are lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The connections that its records name, the malformed one among them. The list ends at a record whose header cannot be read.
    pub connections: Vec<ConnectionId>,
}

/// Reads all records of a flush. Afterwards `held` has exactly one buffer for each record that names one, in the order of the
/// records. A buffer that no record names belongs to a record that was never finished, and is released.
///
/// Returns the number of records that write to a peer, counted up to `enough`.
///
/// # Errors
/// A record is malformed or longer than the rest, or names text or a held buffer that does not exist or has another length, or
/// a part of the text has no record.
pub(crate) fn check(
    records: &[u8],
    text: &[u8],
    held: &mut Vec<Held>,
    enough: usize,
) -> Result<usize, Malformed> {
    let mut reader = Records::new(records, text);
    let (mut writes, mut named, mut unnamed) = (0, 0, false);
    for record in reader.by_ref() {
        if writes < enough && record.command.writes() {
            writes += 1;
        }
        let Some((index, len)) = record.command.held() else {
            continue;
        };
        let index = index as usize;
        // Each buffer is sent once, so the numbers ascend.
        let fits = index >= named
            && held
                .get(index)
                .is_some_and(|held| held.bytes().len() == len as usize);
        if !fits {
            return Err(malformed(records));
        }
        unnamed |= index > named;
        named = index + 1;
    }
    if !reader.is_finished() {
        return Err(malformed(records));
    }
    if unnamed || named != held.len() {
        keep_named(records, text, held);
    }
    Ok(writes)
}

/// Releases the buffers that no record names.
fn keep_named(records: &[u8], text: &[u8], held: &mut Vec<Held>) {
    let mut all: Vec<Option<Held>> = std::mem::take(held).into_iter().map(Some).collect();
    *held = Records::new(records, text)
        .filter_map(|record| record.command.held())
        .filter_map(|(index, _)| all.get_mut(index as usize)?.take())
        .collect();
}

fn malformed(records: &[u8]) -> Malformed {
    let mut connections: Vec<ConnectionId> = Vec::new();
    let mut reader = Records::new(records, b"");
    while let Some((id, bytes)) = reader.peek() {
        if !connections.contains(&id) {
            connections.push(id);
        }
        reader.pass_over(bytes);
    }
    Malformed { connections }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crossing::first_word;
    use crate::crossing::flag::HELD;
    use crate::crossing::outbound::{BODY, CREDIT, HEAD};
    use crate::handoff::HeldBytes;

    struct Bytes(&'static [u8]);

    impl HeldBytes for Bytes {
        fn bytes(&self) -> &[u8] {
            self.0
        }
    }

    fn id(slot: u32) -> ConnectionId {
        ConnectionId {
            slot,
            generation: 9,
        }
    }

    fn record(kind: u32, flags: u32, slot: u32, words: &[u32], tail: &[u8]) -> Vec<u8> {
        let length = (16 + words.len() * 4 + tail.len()).next_multiple_of(4);
        let mut bytes: Vec<u8> = [first_word(kind, flags), length as u32, slot, 9]
            .iter()
            .chain(words)
            .flat_map(|word| word.to_le_bytes())
            .collect();
        bytes.extend_from_slice(tail);
        bytes.resize(length, 0);
        bytes
    }

    fn buffers(of: &[&'static [u8]]) -> Vec<Held> {
        of.iter()
            .map(|bytes| Box::new(Bytes(bytes)) as Held)
            .collect()
    }

    fn contents(held: &[Held]) -> Vec<&[u8]> {
        held.iter().map(|held| held.bytes()).collect()
    }

    type Spoil = fn(&mut Vec<u8>, &mut Vec<Held>);

    /// A head of three bytes, a credit, and a body by reference: connections 1, 2, 3.
    fn flush() -> (Vec<u8>, &'static [u8], Vec<Held>) {
        let mut records = record(HEAD, 0, 1, &[3, 2], b"ab");
        records.extend(record(CREDIT, 0, 2, &[1, 0], b""));
        records.extend(record(BODY, HELD, 3, &[5, 1], b""));
        (records, b"abc", buffers(&[b"lost", b"12345"]))
    }

    #[test]
    fn a_buffer_that_no_record_names_is_released() {
        let (records, text, mut held) = flush();
        assert_eq!(check(&records, text, &mut held, 9), Ok(2));
        assert_eq!(contents(&held), [b"12345"]);
    }

    #[test]
    fn writes_are_counted_up_to_the_limit() {
        let (records, text, mut held) = flush();
        assert_eq!(check(&records, text, &mut held, 1), Ok(1));
    }

    #[test]
    fn a_fault_anywhere_refuses_the_whole_flush_and_names_its_connections() {
        let all = vec![id(1), id(2), id(3)];
        let faults: [(&str, Spoil); 6] = [
            ("a kind that is none", |records, _| records[28] = 99),
            ("a flag that is none", |records, _| records[30] = 0x80),
            ("a head longer than the text", |records, _| records[16] = 4),
            ("a head shorter than the text", |records, _| records[16] = 2),
            ("a payload shorter than its record", |records, _| {
                records[20] = 9;
            }),
            ("a held buffer of another length", |_, held| {
                held[1] = Box::new(Bytes(b"1234"));
            }),
        ];
        for (what, spoil) in faults {
            let (mut records, text, mut held) = flush();
            spoil(&mut records, &mut held);
            let refused = check(&records, text, &mut held, 9).expect_err(what);
            assert_eq!(refused.connections, all, "{what}");
        }
    }

    #[test]
    fn connections_after_a_record_that_exceeds_the_flush_are_unknown() {
        let (mut records, text, mut held) = flush();
        records.truncate(records.len() - 4);
        let refused = check(&records, text, &mut held, 9).expect_err("cut");
        assert_eq!(refused.connections, [id(1), id(2)]);
        for length in [0_u32, 3, 15, 18, u32::MAX] {
            let (mut records, text, mut held) = flush();
            records[4..8].copy_from_slice(&length.to_le_bytes());
            let refused = check(&records, text, &mut held, 9).expect_err("length");
            assert_eq!(refused.connections, []);
        }
    }

    #[test]
    fn a_held_buffer_is_sent_once() {
        let mut records = record(BODY, HELD, 1, &[5, 1], b"");
        records.extend(record(BODY, HELD, 2, &[5, 1], b""));
        let mut held = buffers(&[b"first", b"12345"]);
        assert!(check(&records, b"", &mut held, 9).is_err());
    }
}
