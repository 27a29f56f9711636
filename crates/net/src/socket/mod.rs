//! Sockets, without the connections on them: transports behind one type, descriptors, connecting, a poller.

pub(crate) mod connect;
pub(crate) mod descriptor;
pub(crate) mod errno;
pub(crate) mod poller;
pub(crate) mod stream;
