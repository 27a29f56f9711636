//! Sockets that leave us, and sockets that come to us.

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

    /// A further descriptor of the open socket that the system knows by `number`, which stays its owner's.
    ///
    /// # Errors
    /// `number` is no descriptor of a socket; there is no further descriptor.
    #[cfg(unix)]
    pub fn of_number(number: i32) -> io::Result<Self> {
        use std::os::fd::BorrowedFd;
        if number < 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: borrowed for this call only, in which nothing is done but to ask the kernel for a duplicate, which it
        // refuses where no file is open by that number.
        let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
        let socket = Socket::from(borrowed.try_clone_to_owned()?);
        socket.r#type().map(|_| Self(socket))
    }

    /// As on Unix.
    ///
    /// # Errors
    /// Always: libuv shows no descriptors of sockets here.
    #[cfg(not(unix))]
    pub fn of_number(_number: i32) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The socket, which closes with what is returned.
    pub(crate) fn into_socket(self) -> Socket {
        self.0
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
