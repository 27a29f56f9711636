//! The wire vectors of `tests/vectors/*.md`, each run whole, cut anywhere, after another request,
//! and answered late.

use crate::checks::{
    check_bytes, check_cuts, check_each, check_names, check_whole, compare, moved,
};
use crate::transcript::{Answers, transcript};
use crate::vector::{Options, vectors};

/// The events of the pieces when each request is answered as soon as it is complete.
pub(crate) fn read(pieces: &[&[u8]], options: Options) -> Vec<String> {
    transcript(pieces, options, Answers::AtOnce)
}

#[test]
fn there_are_enough_and_each_has_its_own_name() {
    check_names(&vectors(), 200);
}

#[test]
fn whole() {
    check_whole(&vectors(), read);
}

#[test]
fn byte_by_byte() {
    check_bytes(&vectors(), read);
}

#[test]
fn cut_in_two_at_every_byte() {
    check_cuts(&vectors(), read);
}

#[test]
fn pipelined_after_a_valid_request() {
    const FIRST: &[u8] = b"POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    let first = [
        "request POST /first 1.1 length=2",
        "field Host: a",
        "field Content-Length: 2",
        "data hi",
        "end",
    ];
    check_each(&vectors(), |vector| {
        let input = [FIRST, &vector.input].concat();
        let actual = read(&[&input], vector.options);
        let rest = actual
            .strip_prefix(&first.map(str::to_owned))
            .ok_or("the first request was not read")?;
        compare(
            "after a valid request",
            &moved(rest, FIRST.len()),
            &vector.events,
        )
    });
}

#[test]
fn answered_one_at_a_time() {
    check_each(&vectors(), |vector| {
        let actual = transcript(&[&vector.input], vector.options, Answers::Late);
        compare("answered late", &actual, &vector.events)
    });
}
