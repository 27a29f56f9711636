//! What a message says about its connection: keep-alive, upgrade, expectation.

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
    let mut options = Options::default();
    let mut protocol = false;
    let mut expect = Expect::None;
    for (name, value) in fields.iter() {
        match name.len() {
            6 if name.eq_ignore_ascii_case(b"expect") => expect = expectation(expect, value),
            7 if name.eq_ignore_ascii_case(b"upgrade") => protocol |= !value.is_empty(),
            10 | 16 if is_connection(name) => options.add(value),
            _ => {}
        }
    }
    let modern = minor_version > 0;
    Wishes {
        keep_alive: options.allow_reuse(modern),
        // RFC 9110 section 7.8: Upgrade in an HTTP/1.0 request is ignored.
        upgrade: method == Method::CONNECT || (options.upgrade && protocol && modern),
        // RFC 9110 section 10.1.1: so is Expect.
        expect: if modern { expect } else { Expect::None },
    }
}

/// What one response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResponseWishes {
    pub(crate) keep_alive: bool,
    /// Upgrade, named by Connection.
    pub(crate) upgrade: bool,
    /// Seconds.
    pub(crate) timeout: Option<u32>,
}

/// Reads Connection (and Proxy-Connection), Upgrade and Keep-Alive.
pub(crate) fn response_wishes(version: (u8, u8), fields: &Fields<'_>) -> ResponseWishes {
    let mut options = Options::default();
    let mut protocol = false;
    // The first line's word counts, as if the lines were joined.
    let mut hint: Option<&[u8]> = None;
    for (name, value) in fields.iter() {
        match name.len() {
            7 if name.eq_ignore_ascii_case(b"upgrade") => protocol |= !value.is_empty(),
            10 if name.eq_ignore_ascii_case(b"keep-alive") => {
                hint.get_or_insert(value);
            }
            10 | 16 if is_connection(name) => options.add(value),
            _ => {}
        }
    }
    let (major, minor) = version;
    ResponseWishes {
        // Of versions that are not HTTP/1.x nothing is assumed.
        keep_alive: major == 1 && options.allow_reuse(minor > 0),
        // Node takes it from HTTP/1.0 as well.
        upgrade: options.upgrade && protocol,
        timeout: hint.and_then(timeout),
    }
}

/// The number of `timeout=5` at the start of a Keep-Alive value, which is how Node's agent reads it.
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

/// The connection options (RFC 9110 section 7.6.1) that mean something here.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    close: bool,
    keep_alive: bool,
    upgrade: bool,
}

impl Options {
    /// One more Connection line.
    fn add(&mut self, value: &[u8]) {
        for option in value.split(|&byte| byte == b',').map(trim_ows) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }

    /// RFC 9112 section 9.3: `close` first, then the version, then `keep-alive`.
    fn allow_reuse(self, modern: bool) -> bool {
        !self.close && (modern || self.keep_alive)
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
