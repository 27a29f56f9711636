//! The wire vectors of `tests/vectors/response-*.md`, each run whole, cut anywhere, after an interim
//! response, after an exchange on the same connection, and as bytes without a request.

use ferrohttp_proto::RequestKind;

use crate::checks::{
    check_bytes, check_cuts, check_each, check_names, check_whole, compare, moved,
};
use crate::response_transcript::{response_transcript, second_response_transcript};
use crate::vector::response_vectors;

const FIRST: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

#[test]
fn there_are_enough_and_each_has_its_own_name() {
    check_names(&response_vectors(), 120);
}

#[test]
fn whole() {
    check_whole(&response_vectors(), response_transcript);
}

#[test]
fn byte_by_byte() {
    check_bytes(&response_vectors(), response_transcript);
}

#[test]
fn cut_in_two_at_every_byte() {
    check_cuts(&response_vectors(), response_transcript);
}

#[test]
fn on_a_connection_used_before() {
    check_each(&response_vectors(), |vector| {
        let actual = second_response_transcript(FIRST, &vector.input, vector.options);
        compare(
            "after an exchange",
            &moved(&actual, FIRST.len()),
            &vector.events,
        )
    });
}

#[test]
fn merged_with_an_interim_response() {
    const INTERIM: &[u8] = b"HTTP/1.1 103 Early\r\nLink: a\r\n\r\n";
    let interim = ["information 103 1.1 'Early'", "field Link: a"];
    check_each(&response_vectors(), |vector| {
        if vector.options.request == Some(RequestKind::Connect) {
            return Ok(());
        }
        let input = [INTERIM, &vector.input].concat();
        let actual = response_transcript(&[&input], vector.options);
        let rest = actual
            .strip_prefix(&interim.map(str::to_owned))
            .ok_or("the interim response was not read")?;
        compare(
            "after an interim response",
            &moved(rest, INTERIM.len()),
            &vector.events,
        )
    });
}

#[test]
fn nothing_after_a_response_is_another() {
    check_each(&response_vectors(), |vector| {
        let ends = vector.input.iter().take_while(|b| b"\r\n".contains(b));
        let ends = ends.count();
        if ends == vector.input.len() {
            return Ok(());
        }
        let input = [FIRST, &vector.input].concat();
        let mut options = vector.options;
        options.request = Some(RequestKind::Ordinary);
        let actual = response_transcript(&[&input], options);
        let expected = [
            "response 200 1.1 'OK' length=2".to_owned(),
            "field Content-Length: 2".to_owned(),
            "data hi".to_owned(),
            "end".to_owned(),
            format!(
                "error ECONNRESET at {}: response without a request",
                FIRST.len() + ends
            ),
        ];
        if actual
            .iter()
            .any(|line| line.starts_with("error HPE_HEADER_OVERFLOW"))
        {
            // A limit too small for the first response as well.
            return Ok(());
        }
        compare("unsolicited", &actual, &expected)
    });
}
