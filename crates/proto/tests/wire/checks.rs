//! Checks for the vectors of both roles.

use crate::transcript::without_overflow_place;
use crate::vector::{Options, Vector};

/// Inputs up to this length are cut at every byte; longer ones at this many places.
const CUTS: usize = 512;

/// The events of an input that arrives in these pieces, one on each line.
pub(crate) type Reader = fn(&[&[u8]], Options) -> Vec<String>;

/// Runs `check` on every vector and reports all that fail, not only the first.
pub(crate) fn check_each(vectors: &[Vector], check: impl Fn(&Vector) -> Result<(), String>) {
    let failures: Vec<String> = vectors
        .iter()
        .filter_map(|vector| {
            check(vector)
                .err()
                .map(|error| format!("{}\n{error}", vector.name))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} failed\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

pub(crate) fn compare(what: &str, actual: &[String], expected: &[String]) -> Result<(), String> {
    if actual == expected {
        return Ok(());
    }
    Err(format!(
        "{what}\nexpected:\n  {}\nactual:\n  {}",
        expected.join("\n  "),
        actual.join("\n  ")
    ))
}

/// There are at least `at_least` vectors, so none has been lost, and each has its own name.
pub(crate) fn check_names(vectors: &[Vector], at_least: usize) {
    assert!(vectors.len() >= at_least, "only {} vectors", vectors.len());
    let mut names: Vec<_> = vectors.iter().map(|vector| &vector.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), vectors.len());
}

/// Each input arrives at once.
pub(crate) fn check_whole(vectors: &[Vector], read: Reader) {
    check_each(vectors, |vector| {
        let actual = read(&[&vector.input], vector.options);
        compare("whole", &actual, &vector.events)
    });
}

/// Each input arrives byte by byte.
pub(crate) fn check_bytes(vectors: &[Vector], read: Reader) {
    check_each(vectors, |vector| {
        let bytes: Vec<&[u8]> = vector.input.chunks(1).collect();
        compare_pieces("byte by byte", vector, &bytes, read)
    });
}

/// Each input arrives in two pieces, cut anywhere.
pub(crate) fn check_cuts(vectors: &[Vector], read: Reader) {
    check_each(vectors, |vector| {
        let step = vector.input.len() / CUTS + 1;
        for cut in (0..=vector.input.len()).step_by(step) {
            let (first, second) = vector.input.split_at(cut);
            compare_pieces(&format!("cut at {cut}"), vector, &[first, second], read)?;
        }
        Ok(())
    });
}

fn compare_pieces(
    what: &str,
    vector: &Vector,
    pieces: &[&[u8]],
    read: Reader,
) -> Result<(), String> {
    compare(
        what,
        &without_overflow_place(&read(pieces, vector.options)),
        &without_overflow_place(&vector.events),
    )
}

/// The lines as they would be on a connection of their own: error positions are less by `by`
/// bytes.
pub(crate) fn moved(lines: &[String], by: usize) -> Vec<String> {
    let moved_line = |line: &String| {
        let (before, rest) = line.split_once(" at ")?;
        let (place, reason) = rest.split_once(": ")?;
        let place: usize = place.parse().ok()?;
        Some(format!("{before} at {}: {reason}", place - by))
    };
    if lines.is_empty() {
        return vec!["idle".to_owned()];
    }
    lines
        .iter()
        .map(|line| {
            if line.starts_with("error ") {
                moved_line(line).unwrap_or_else(|| line.clone())
            } else {
                line.clone()
            }
        })
        .collect()
}
