//! Sockets: reading and writing them (`stream`), opening them (`connect`), their descriptors, and an epoll set. This module knows
//! nothing of HTTP connections.

pub(crate) mod connect;
pub(crate) mod descriptor;
pub(crate) mod errno;
pub(crate) mod poller;
pub(crate) mod stream;
mod transfer;
