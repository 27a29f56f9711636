//! The two system calls of each exchange: `send` and `receive`.
//!
//! On Linux they are made without the C library, whose `send` and `recv` are cancellation points of POSIX threads: entering and leaving
//! those costs one percent of the CPU of a small request.

use std::io;

use socket2::Socket;

/// The flags of each `send`. NOSIGNAL: a closed peer is an error and not a signal, as in the standard library. DONTWAIT: a child
/// process that has the same socket may have made it blocking, which changes our descriptor, too.
#[cfg(target_os = "linux")]
pub(super) const SEND: i32 = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
#[cfg(all(unix, not(target_os = "linux")))]
pub(super) const SEND: i32 = libc::MSG_DONTWAIT;
#[cfg(not(unix))]
pub(super) const SEND: i32 = 0;

/// Sends with `SEND`, and returns how many bytes the kernel has accepted.
pub(super) fn send(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::net::SendFlags;
        const FLAGS: SendFlags = SendFlags::NOSIGNAL.union(SendFlags::DONTWAIT);
        Ok(rustix::net::send(socket, bytes, FLAGS)?)
    }
    #[cfg(not(target_os = "linux"))]
    socket.send_with_flags(bytes, SEND)
}

/// Receives into the spare capacity of `buffer`, and returns the number of bytes.
pub(super) fn receive(socket: &Socket, buffer: &mut Vec<u8>) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::buffer::spare_capacity;
        use rustix::net::{RecvFlags, recv};
        Ok(recv(socket, spare_capacity(buffer), RecvFlags::empty())?.0)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let count = socket.recv(buffer.spare_capacity_mut())?;
        // SAFETY: the kernel has written `count` bytes after the vector's end.
        unsafe { buffer.set_len(buffer.len() + count) };
        Ok(count)
    }
}
