//! The wire vectors of `tests/vectors/*.md`, each run whole, cut anywhere, behind another request,
//! and answered late.

use crate::transcript::{Answers, transcript, without_overflow_place};
use crate::vector::{Vector, vectors};

/// Fewer cases than this, and some have been lost.
const AT_LEAST: usize = 200;

/// Inputs up to this length are cut at every byte; longer ones at this many places.
pub(crate) const CUTS: usize = 512;

/// Runs `check` on every vector and reports all that fail, not only the first.
fn check_all(check: impl Fn(&Vector) -> Result<(), String>) {
    check_each(&vectors(), check);
}

/// As `check_all`, of these.
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

#[test]
fn there_are_enough_and_each_has_its_own_name() {
    let vectors = vectors();
    assert!(vectors.len() >= AT_LEAST, "only {} vectors", vectors.len());
    let mut names: Vec<_> = vectors.iter().map(|vector| &vector.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), vectors.len());
}

#[test]
fn whole() {
    check_all(|vector| {
        let actual = transcript(
            [&vector.input[..]].into_iter(),
            vector.options,
            Answers::AtOnce,
        );
        compare("whole", &actual, &vector.events)
    });
}

#[test]
fn byte_by_byte() {
    check_all(|vector| {
        let actual = transcript(vector.input.chunks(1), vector.options, Answers::AtOnce);
        compare(
            "byte by byte",
            &without_overflow_place(&actual),
            &without_overflow_place(&vector.events),
        )
    });
}

#[test]
fn cut_in_two_at_every_byte() {
    check_all(|vector| {
        let step = vector.input.len() / CUTS + 1;
        for cut in (0..=vector.input.len()).step_by(step) {
            let (first, second) = vector.input.split_at(cut);
            let actual = transcript([first, second].into_iter(), vector.options, Answers::AtOnce);
            let what = format!("cut at {cut}");
            compare(
                &what,
                &without_overflow_place(&actual),
                &without_overflow_place(&vector.events),
            )?;
        }
        Ok(())
    });
}

#[test]
fn pipelined_behind_a_good_request() {
    const FIRST: &[u8] = b"POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    let first = [
        "request POST /first 1.1 length=2",
        "field Host: a",
        "field Content-Length: 2",
        "data hi",
        "end",
    ];
    check_all(|vector| {
        let input = [FIRST, &vector.input].concat();
        let actual = transcript([&input[..]].into_iter(), vector.options, Answers::AtOnce);
        let rest = actual
            .strip_prefix(&first.map(str::to_owned))
            .ok_or("the first request was not read")?;
        compare(
            "behind a good request",
            &moved(rest, FIRST.len()),
            &vector.events,
        )
    });
}

#[test]
fn answered_one_at_a_time() {
    check_all(|vector| {
        let actual = transcript(
            [&vector.input[..]].into_iter(),
            vector.options,
            Answers::Late,
        );
        compare("answered late", &actual, &vector.events)
    });
}

/// The lines as they would be on a connection of their own, with error positions counted from `by`
/// bytes further on.
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
