//! Sockets that leave us.

use std::io;

use socket2::Socket;

/// A descriptor of a socket, for somebody else to own. Closed when it is dropped.
#[derive(Debug)]
pub struct Descriptor(Socket);

impl Descriptor {
    /// A further descriptor of `socket`, not inherited by child processes.
    pub(crate) fn duplicate(socket: &Socket) -> io::Result<Self> {
        socket.try_clone().map(Self)
    }

    /// As `duplicate`, of one that has been duplicated.
    pub(crate) fn another(&self) -> io::Result<Self> {
        Self::duplicate(&self.0)
    }

    /// The number that the system knows it by; closing it is the caller's from here on.
    ///
    /// # Errors
    /// Where libuv takes no descriptors of sockets.
    #[cfg(unix)]
    pub fn into_number(self) -> io::Result<i32> {
        use std::os::fd::IntoRawFd;
        Ok(self.0.into_raw_fd())
    }

    /// As on Unix.
    ///
    /// # Errors
    /// Always: libuv takes no descriptors of sockets here.
    #[cfg(not(unix))]
    pub fn into_number(self) -> io::Result<i32> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
