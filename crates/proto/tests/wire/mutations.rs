//! Bytes that no vector has: nothing panics, and the events do not depend on how the bytes are cut.

use crate::checks::Reader;
use crate::response_transcript::response_transcript;
use crate::transcript::{Answers, agree, transcript, without_overflow_place};
use crate::vector::{Vector, response_vectors, vectors};
use crate::vectors::read;

/// Mutants of each vector.
const ROUNDS: usize = 24;

/// Longer inputs are mostly one repeated byte.
const LONGEST: usize = 1024;

/// Bytes that have a meaning in some part of a message.
const BYTES: &[u8] = b"\r\n\t :;,=\"\\\0\x01\x7f\x8005afZ/*?#@[.";

/// A small linear congruential generator: the same mutants in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(input.len() + 1);
            let byte = BYTES[self.below(BYTES.len())];
            match self.below(4) {
                0 => input.insert(at, byte),
                1 if at < input.len() => drop(input.remove(at)),
                2 if at < input.len() => {
                    let end = (at + self.below(20)).min(input.len());
                    let piece = input[at..end].to_vec();
                    input.splice(at..at, piece);
                }
                _ if at < input.len() => input[at] = byte,
                _ => input.push(byte),
            }
        }
    }
}

/// A mutant has the same events however it arrives. `otherwise`: another way of reading it, which must make no difference.
fn check_mutants(seed: u64, vectors: &[Vector], read: Reader, otherwise: &[(&str, Reader)]) {
    let mut random = Random(seed);
    for vector in vectors
        .iter()
        .filter(|vector| vector.input.len() <= LONGEST)
    {
        for _ in 0..ROUNDS {
            let mut input = vector.input.clone();
            random.mutate(&mut input);
            let mut options = vector.options;
            options.limits.lenient ^= random.below(2) == 0;
            options.limits.max_header_size = [16_384, 60, 20][random.below(3)];
            let run =
                |read: Reader, pieces: &[&[u8]]| without_overflow_place(&read(pieces, options));
            let whole = run(read, &[&input]);
            let shown = input.escape_ascii();
            let check = |how: &str, pieces: &[&[u8]]| {
                let cut = run(read, pieces);
                assert!(
                    agree(&cut, &whole),
                    "{how}: {shown} {options:?}\n{cut:#?}\n{whole:#?}"
                );
            };
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            check("byte by byte", &bytes);
            let cut = random.below(input.len() + 1);
            let (first, second) = input.split_at(cut);
            check(&format!("cut at {cut}"), &[first, second]);
            for (what, read) in otherwise {
                assert_eq!(run(*read, &[&input]), whole, "{what}: {shown} {options:?}");
            }
        }
    }
}

#[test]
fn mutated_requests_are_read_the_same_in_any_pieces() {
    let late: Reader = |pieces, options| transcript(pieces, options, Answers::Late);
    check_mutants(24, &vectors(), read, &[("answered late", late)]);
}

#[test]
fn mutated_responses_are_read_the_same_in_any_pieces() {
    check_mutants(42, &response_vectors(), response_transcript, &[]);
}
