//! Listening sockets, and connections that others have accepted.

pub(crate) mod adopted;
pub(crate) mod deferred_accept;
pub(crate) mod error;
pub(crate) mod listener;
