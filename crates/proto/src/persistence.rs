//! What a request says about its connection: keep-alive, upgrade, expectation.

use crate::event::{Expect, Fields, trim_ows};
use crate::method::Method;

/// The wishes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    pub(crate) expect: Expect,
}

/// Reads Connection (and Proxy-Connection, which Node takes for the same), Upgrade and Expect.
pub(crate) fn wishes(method: Method, minor_version: u8, fields: &Fields<'_>) -> Wishes {
    let (mut close, mut keep_alive, mut upgrade) = (false, false, false);
    let mut protocol = false;
    let mut expect = Expect::None;
    for (name, value) in fields.iter() {
        match name.len() {
            6 if name.eq_ignore_ascii_case(b"expect") => expect = expectation(expect, value),
            7 if name.eq_ignore_ascii_case(b"upgrade") => protocol |= !value.is_empty(),
            10 | 16 if is_connection(name) => {
                for option in value.split(|&byte| byte == b',').map(trim_ows) {
                    close |= option.eq_ignore_ascii_case(b"close");
                    keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                    upgrade |= option.eq_ignore_ascii_case(b"upgrade");
                }
            }
            _ => {}
        }
    }
    let modern = minor_version > 0;
    Wishes {
        // RFC 9112 section 9.3: `close` first, then the version, then `keep-alive`.
        keep_alive: !close && (modern || keep_alive),
        // RFC 9110 section 7.8: Upgrade in an HTTP/1.0 request is ignored.
        upgrade: method == Method::CONNECT || (upgrade && protocol && modern),
        // RFC 9110 section 10.1.1: so is Expect.
        expect: if modern { expect } else { Expect::None },
    }
}

fn is_connection(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"connection") || name.eq_ignore_ascii_case(b"proxy-connection")
}

/// One more Expect line. `100-continue` counts wherever it stands as a word, which is how Node
/// looks for it.
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
