//! Fields that are not about framing: the expectation, and how long an idle connection is kept.

use crate::event::{Expect, Fields};

/// Reads the Expect fields of a request.
pub(crate) fn expect(fields: &Fields<'_>) -> Expect {
    let mut expect = Expect::None;
    for (name, value) in fields.iter() {
        if name.len() == 6 && name.eq_ignore_ascii_case(b"expect") {
            expect = expectation(expect, value);
        }
    }
    expect
}

/// The number of seconds for which a server keeps an idle connection, by its first Keep-Alive line, as if the lines were joined.
pub(crate) fn keep_alive_timeout(fields: &Fields<'_>) -> Option<u32> {
    fields
        .iter()
        .find(|(name, _)| name.len() == 10 && name.eq_ignore_ascii_case(b"keep-alive"))
        .and_then(|(_, value)| timeout(value))
}

/// The number of `timeout=5` at the start of a Keep-Alive value, as Node's agent reads it.
fn timeout(value: &[u8]) -> Option<u32> {
    let digits = value.strip_prefix(b"timeout=")?;
    let end = digits
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(digits.len());
    let add = |number: u32, digit: &u8| {
        number
            .saturating_mul(10)
            .saturating_add(u32::from(digit - b'0'))
    };
    (end > 0).then(|| digits[..end].iter().fold(0, add))
}

/// Reads one more Expect line. As in Node, `100-continue` counts anywhere in it as a word.
fn expectation(before: Expect, value: &[u8]) -> Expect {
    const CONTINUE: &[u8] = b"100-continue";
    let is_word =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let found = value
        .windows(CONTINUE.len())
        .enumerate()
        .any(|(start, window)| {
            window.eq_ignore_ascii_case(CONTINUE)
                && !is_word(start.checked_sub(1).and_then(|index| value.get(index)))
                && !is_word(value.get(start + CONTINUE.len()))
        });
    if found || before == Expect::Continue {
        Expect::Continue
    } else {
        Expect::Other
    }
}
