//! Why a connection must be closed.

/// Why no further message can use a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// This side's last message said so: `send_end` was called with `close`.
    LocalClose,
    /// The peer's last message said so: a request that has been answered, or a response.
    PeerClose,
    /// The peer ended its side, and nothing is owed to it.
    PeerEof,
    /// The peer broke the protocol or broke off, and the requests before that have been answered.
    ParseError,
}

impl CloseReason {
    /// A phrase for logs.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::LocalClose => "this side announced the close of the connection",
            Self::PeerClose => "the peer announced the close of the connection",
            Self::PeerEof => "the peer ended its side of the connection",
            Self::ParseError => "the peer broke the protocol",
        }
    }
}
