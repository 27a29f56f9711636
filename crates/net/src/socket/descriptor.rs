//! Descriptors of sockets that are passed on, and of sockets that are adopted.

use std::io;

use socket2::Socket;

/// A descriptor of a socket for another owner. Closed when it is dropped.
#[derive(Debug)]
pub struct Descriptor(Socket);

impl Descriptor {
    /// A further descriptor of `socket`, not inherited by child processes.
    pub(crate) fn duplicate(socket: &Socket) -> io::Result<Self> {
        socket.try_clone().map(Self)
    }

    /// A further descriptor of the same socket.
    pub(crate) fn another(&self) -> io::Result<Self> {
        Self::duplicate(&self.0)
    }

    /// A further descriptor of the open socket with this number, which its owner keeps.
    ///
    /// # Errors
    /// `number` is not the descriptor of a socket, or there is no further descriptor.
    #[cfg(unix)]
    pub fn of_number(number: i32) -> io::Result<Self> {
        use std::os::fd::BorrowedFd;
        if number < 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: borrowed for this call only, which asks the kernel for a duplicate. The kernel refuses a number that has no
        // open file.
        let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
        let socket = Socket::from(borrowed.try_clone_to_owned()?);
        socket.r#type().map(|_| Self(socket))
    }

    /// As on Unix.
    ///
    /// # Errors
    /// Always: libuv has no descriptors of sockets here.
    #[cfg(not(unix))]
    pub fn of_number(_number: i32) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The socket. It is closed when the result is dropped.
    pub(crate) fn into_socket(self) -> Socket {
        self.0
    }

    /// The number of the descriptor, which the caller has to close.
    ///
    /// # Errors
    /// libuv accepts no descriptors of sockets.
    #[cfg(unix)]
    pub fn into_number(self) -> io::Result<i32> {
        use std::os::fd::IntoRawFd;
        Ok(self.0.into_raw_fd())
    }

    /// As on Unix.
    ///
    /// # Errors
    /// Always: libuv accepts no descriptors of sockets here.
    #[cfg(not(unix))]
    pub fn into_number(self) -> io::Result<i32> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
