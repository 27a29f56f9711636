//! The request methods Node knows, as a one-byte type.

use std::fmt;

/// Every method accepted in a request, in the order of Node 24's `http.METHODS` (alphabetical).
pub const METHODS: &[&str] = &[
    "ACL",
    "BIND",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LINK",
    "LOCK",
    "M-SEARCH",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MOVE",
    "NOTIFY",
    "OPTIONS",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SOURCE",
    "SUBSCRIBE",
    "TRACE",
    "UNBIND",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
];

/// A request method: an index into [`METHODS`], so it cannot be one that Node does not know.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Method(u8);

impl Method {
    /// `CONNECT`: the peer asks for a tunnel (RFC 9110 section 9.3.6).
    pub const CONNECT: Self = Self::known("CONNECT");
    /// `GET`.
    pub const GET: Self = Self::known("GET");
    /// `HEAD`: the response has no body.
    pub const HEAD: Self = Self::known("HEAD");
    /// `OPTIONS`, whose target may be `*`.
    pub const OPTIONS: Self = Self::known("OPTIONS");
    /// `POST`.
    pub const POST: Self = Self::known("POST");

    /// The method with this name, which is case-sensitive (RFC 9110 section 9.1).
    pub fn from_bytes(name: &[u8]) -> Option<Self> {
        match name {
            b"GET" => Some(Self::GET),
            b"POST" => Some(Self::POST),
            _ => METHODS
                .binary_search_by(|known| known.as_bytes().cmp(name))
                .ok()
                .map(|index| Self(index as u8)),
        }
    }

    /// The position in [`METHODS`].
    pub const fn index(self) -> u8 {
        self.0
    }

    /// The name as it is sent.
    pub const fn as_str(self) -> &'static str {
        METHODS[self.0 as usize]
    }

    /// Looks a name up at compile time; a name that is not in the table fails the build.
    const fn known(name: &str) -> Self {
        let mut index = 0;
        while index < METHODS.len() {
            if equal(METHODS[index].as_bytes(), name.as_bytes()) {
                return Self(index as u8);
            }
            index += 1;
        }
        panic!("not in METHODS")
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_for_binary_search() {
        assert!(METHODS.is_sorted());
        assert_eq!(METHODS.len(), 35);
    }

    #[test]
    fn every_name_finds_itself() {
        for (index, name) in METHODS.iter().enumerate() {
            let method = Method::from_bytes(name.as_bytes()).expect(name);
            assert_eq!(usize::from(method.index()), index);
            assert_eq!(method.as_str(), *name);
        }
    }

    #[test]
    fn case_and_length_matter() {
        for name in ["get", "Get", "GE", "GETS", "", "PRI", "DESCRIBE"] {
            assert_eq!(Method::from_bytes(name.as_bytes()), None, "{name}");
        }
    }
}
