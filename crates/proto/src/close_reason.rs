//! The reasons for closing a connection.

/// The reason why a connection cannot carry another message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// This side's last message has announced it: `send_end` was called with `close`.
    LocalClose,
    /// The peer's last message has announced it: a request that has been answered, or a response.
    PeerClose,
    /// The peer has sent FIN, and no response is due.
    PeerEof,
    /// The peer has sent malformed bytes or aborted a message, and the requests before that have been answered.
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
