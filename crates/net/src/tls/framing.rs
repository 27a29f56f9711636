//! The boundaries of the records that a peer sends, to read no more ciphertext than its plaintext has room for.

/// Bytes of a record's header.
pub(super) const HEADER: usize = 5;

/// Largest plaintext of a record.
const LARGEST: usize = 16 * 1024;

/// What the ciphertext of a record has in addition to its plaintext: header, content type and tag of TLS 1.3. Records of TLS 1.2
/// differ by a few bytes.
const OVERHEAD: usize = HEADER + 1 + 16;

/// Follows the headers of records through bytes that are split at any place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Framing {
    /// The received part of a header.
    header: [u8; HEADER],
    /// Received bytes of a record that is not complete. 0 between records.
    received: usize,
    /// Outstanding bytes of the record. 0 before its header is complete.
    left: usize,
}

impl Framing {
    /// These bytes have been received.
    pub(super) fn advance(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left == 0 {
                let count = bytes.len().min(HEADER - self.received);
                self.header[self.received..][..count].copy_from_slice(&bytes[..count]);
                bytes = &bytes[count..];
                self.received += count;
                if self.received == HEADER {
                    let [_, _, _, high, low] = self.header;
                    self.left = usize::from(u16::from_be_bytes([high, low]));
                }
            } else {
                let count = bytes.len().min(self.left);
                bytes = &bytes[count..];
                self.received += count;
                self.left -= count;
            }
            if self.received >= HEADER && self.left == 0 {
                self.received = 0;
            }
        }
    }

    /// Received bytes of a record that is not complete.
    pub(super) const fn received(&self) -> usize {
        self.received
    }

    /// Largest number of further bytes whose plaintext, with that of the incomplete record, is not larger than `room`.
    pub(super) const fn ciphertext_for(&self, room: usize) -> usize {
        let records = room.div_ceil(LARGEST);
        (room + records * OVERHEAD).saturating_sub(self.received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(plaintext: usize) -> Vec<u8> {
        let length = u16::try_from(plaintext + OVERHEAD - HEADER).expect("a record");
        let mut bytes = [&[23, 3, 3][..], &length.to_be_bytes()].concat();
        bytes.resize(plaintext + OVERHEAD, 0xff);
        bytes
    }

    #[test]
    fn records_are_followed_through_any_split() {
        let records = [record(1), record(0), record(300), record(LARGEST)];
        let bytes = records.concat();
        for piece in [1, 2, 3, 4, 5, 6, 7, 100, bytes.len()] {
            let mut framing = Framing::default();
            let mut ends = Vec::new();
            let mut at = 0;
            for part in bytes.chunks(piece) {
                framing.advance(part);
                at += part.len();
                let begun = records
                    .iter()
                    .scan(0, |end, record| {
                        *end += record.len();
                        Some(*end)
                    })
                    .filter(|&end| end <= at)
                    .last()
                    .unwrap_or_default();
                ends.push(framing.received);
                assert_eq!(framing.received, at - begun, "{piece}, {at}");
            }
            assert_eq!(ends.last(), Some(&0));
        }
    }

    #[test]
    fn a_record_without_content_has_a_header_only() {
        let mut framing = Framing::default();
        framing.advance(&[23, 3, 3, 0, 0, 23, 3]);
        assert_eq!(framing.received, 2);
    }

    /// For all sizes of records, the plaintext of the bytes that are allowed fits.
    #[test]
    fn plaintext_fits_into_the_room() {
        for size in [1, 100, 1400, LARGEST - 1, LARGEST] {
            let bytes = record(size).repeat(200_000 / size + 1);
            for room in [1, 99, 100, 16_383, 16_384, 16_385, 40_000, 65_536] {
                for begun in [0, 3, 5, 20, size + OVERHEAD - 1] {
                    let mut framing = Framing::default();
                    framing.advance(&bytes[..begun]);
                    let all = begun + framing.ciphertext_for(room);
                    let plaintext = all.min(bytes.len()) / (size + OVERHEAD) * size;
                    assert!(plaintext <= room, "{size}, {room}, {begun}");
                }
            }
        }
    }

    #[test]
    fn full_records_fill_the_room() {
        let framing = Framing::default();
        assert_eq!(
            framing.ciphertext_for(4 * LARGEST),
            4 * (LARGEST + OVERHEAD)
        );
        assert_eq!(framing.ciphertext_for(20_000), 20_000 + 2 * OVERHEAD);
    }
}
