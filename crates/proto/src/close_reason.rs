//! Why a connection must be closed.

/// Why no further message can use a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The response said so: `send_end` was called with `close`.
    LocalClose,
    /// The peer's last request said so, and it has been answered.
    PeerClose,
    /// The peer half-closed, and all it asked has been answered.
    PeerEof,
    /// The peer broke the protocol, and the requests before that have been answered.
    ParseError,
}

impl CloseReason {
    /// A phrase for logs.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::LocalClose => "the response announced the close of the connection",
            Self::PeerClose => "the last request announced the close of the connection",
            Self::PeerEof => "the peer ended its side of the connection",
            Self::ParseError => "the peer broke the protocol",
        }
    }
}
