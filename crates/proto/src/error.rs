//! What goes wrong: the peer's faults ([`ParseError`]) and the caller's ([`MisuseError`]).

use std::fmt;

/// The peer broke the protocol; nothing further is read from its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What it did.
    pub kind: ErrorKind,
    /// How many bytes of the failing call's `input` were in order: Node's `err.bytesParsed`.
    pub bytes_parsed: usize,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at byte {} ({})",
            self.kind.reason(),
            self.bytes_parsed,
            self.kind.code()
        )
    }
}

impl std::error::Error for ParseError {}

macro_rules! error_kinds {
    ($($(#[$doc:meta])* $name:ident => $code:literal, $reason:literal, $status:literal;)*) => {
        /// One cause for which a message is refused. Code and reason are Node's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* $name,)*
        }

        impl ErrorKind {
            /// All of them, by [`index`](Self::index).
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Node's `err.code`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Node's `err.reason`; its `err.message` is this behind `Parse Error: `.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }

            /// The status of the answer that Node gives when nobody listens for `clientError`.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

error_kinds! {
    /// The request does not start with a known method.
    InvalidMethod => "HPE_INVALID_METHOD", "Invalid method encountered", 400;
}

impl ErrorKind {
    /// The position in [`ALL`](Self::ALL): how a kind crosses a language border.
    pub const fn index(self) -> u16 {
        self as u16
    }
}

/// The caller used a connection out of turn; the connection's state is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MisuseError {
    /// A response without a request to answer.
    NothingToAnswer,
    /// A head, final or interim, after the response's head.
    HeadAlreadySent,
    /// A body part or the end before the response's head.
    HeadNotSent,
    /// Anything after a response that closed the connection, or after an upgrade.
    Closed,
}

impl fmt::Display for MisuseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NothingToAnswer => "no request is waiting for a response",
            Self::HeadAlreadySent => "the response's head has been sent",
            Self::HeadNotSent => "the response's head has not been sent",
            Self::Closed => "the connection takes no further response",
        })
    }
}

impl std::error::Error for MisuseError {}
