//! `Stream`: the socket of a native connection, either TCP or Unix.

use std::io::{self, IoSlice, Read};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, Socket, TcpKeepalive};
use tokio::io::Interest;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::transfer::{SEND, receive, send};

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    Detached(Detached),
}

/// A socket without a runtime: on loan to JavaScript's thread, or on its way to another I/O thread.
#[derive(Debug)]
pub(crate) struct Detached {
    pub(crate) socket: Socket,
    is_tcp: bool,
}

/// Runs `$body` with `$s` bound to a stream of either kind, or `$lent` with a socket that has no runtime.
macro_rules! each {
    ($stream:expr, $s:ident => $body:expr, $lent:ident => $other:expr) => {
        match $stream {
            Self::Tcp($s) => $body,
            #[cfg(unix)]
            Self::Unix($s) => $body,
            Self::Detached(Detached { socket: $lent, .. }) => $other,
        }
    };
    ($stream:expr, $s:ident => $body:expr) => {
        each!($stream, $s => $body, $s => $body)
    };
}

impl Stream {
    /// Reads into the spare capacity of `buffer`. A large body needs neither zeroing nor a copy.
    pub(crate) fn try_read_spare(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        each!(
            self,
            s => s.try_io(Interest::READABLE, || receive(&SockRef::from(s), buffer)),
            lent => receive(lent, buffer)
        )
    }

    /// Reads, if the poller has reported the socket as readable.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        each!(self, s => s.try_read(buffer), lent => (&*lent).read(buffer))
    }

    /// Reads without asking the poller, which may not have reported the bytes yet.
    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> io::Result<usize> {
        each!(self, s => (&*SockRef::from(s)).read(buffer))
    }

    /// Whether received bytes have not been read. A close would then send RST, which discards bytes that are still to be sent.
    pub(crate) fn has_bytes(&self) -> bool {
        let mut byte = [MaybeUninit::uninit(); 1];
        matches!(each!(self, s => SockRef::from(s).peek(&mut byte)), Ok(1..))
    }

    /// Whether the peer has closed, or has sent bytes that were not read and are not just a few line ends. More line ends than fit
    /// into the buffer count as other bytes, because what follows them is unknown.
    pub(crate) fn has_unread(&self) -> io::Result<bool> {
        let mut bytes = [MaybeUninit::new(0); 16];
        match each!(self, s => SockRef::from(s).peek(&mut bytes)) {
            Ok(count) => {
                // SAFETY: the array is initialised with zeros above.
                let is_line_end =
                    |byte: &MaybeUninit<u8>| matches!(unsafe { byte.assume_init() }, b'\r' | b'\n');
                Ok(count == 0 || count == bytes.len() || !bytes[..count].iter().all(is_line_end))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the peer has closed, and has sent nothing before that was not read.
    pub(crate) fn has_ended(&self) -> io::Result<bool> {
        let mut byte = [MaybeUninit::uninit(); 1];
        match each!(self, s => SockRef::from(s).peek(&mut byte)) {
            Ok(count) => Ok(count == 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        each!(
            self,
            s => s.try_io(Interest::WRITABLE, || send(&SockRef::from(s), bytes)),
            lent => send(lent, bytes)
        )
    }

    /// As `try_write_vectored`, without asking the poller.
    pub(crate) fn write_now(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        each!(self, s => SockRef::from(s).send_vectored_with_flags(slices, SEND))
    }

    /// Whether the poller has reported the socket as writable. Before that, writes through the poller fail with WouldBlock.
    pub(crate) fn is_reported_writable(&self) -> bool {
        let ready = || io::Result::Ok(());
        each!(self, s => s.try_io(Interest::WRITABLE, ready), _lent => Ok(())).is_ok()
    }

    /// As `try_write`, for bytes that are followed by the close. The kernel may hold them until then.
    pub(crate) fn try_write_last(&self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(target_os = "linux")]
        if let Self::Tcp(s) = self {
            let flags = libc::MSG_MORE | SEND;
            return s.try_io(Interest::WRITABLE, || {
                SockRef::from(s).send_with_flags(bytes, flags)
            });
        }
        self.try_write(bytes)
    }

    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        each!(
            self,
            s => s.try_io(Interest::WRITABLE, || {
                SockRef::from(s).send_vectored_with_flags(slices, SEND)
            }),
            lent => lent.send_vectored_with_flags(slices, SEND)
        )
    }

    /// Marks the socket as empty after a short read, which saves the read that would fail with WouldBlock. tokio's own streams do
    /// the same: an edge-triggered poller reports bytes that arrive later.
    pub(crate) fn clear_read_ready(&self) {
        let drained = || io::Result::<()>::Err(io::ErrorKind::WouldBlock.into());
        drop(each!(self, s => s.try_io(Interest::READABLE, drained), _lent => Ok(())));
    }

    /// Ready when the poller has reported bytes. Never ready without a runtime.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, s => s.poll_read_ready(cx), _lent => Poll::Pending)
    }

    /// As `poll_read_ready`.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, s => s.poll_write_ready(cx), _lent => Poll::Pending)
    }

    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        each!(self, s => SockRef::from(s).shutdown(Shutdown::Write))
    }

    /// Whether closing the socket now sends FIN and not RST: all received bytes have been read, and `reset_on_close` was not called.
    pub(crate) fn closes_with_fin(&self) -> bool {
        let asked_for_reset =
            each!(self, s => SockRef::from(s).linger()).is_ok_and(|linger| linger.is_some());
        !asked_for_reset && !self.has_bytes()
    }

    /// The next close sends RST instead of FIN.
    pub(crate) fn reset_on_close(&self) -> io::Result<()> {
        each!(self, s => SockRef::from(s).set_linger(Some(Duration::ZERO)))
    }

    pub(crate) fn set_nodelay(&self, on: bool) -> io::Result<()> {
        match self {
            Self::Tcp(s) => s.set_nodelay(on),
            #[cfg(unix)]
            Self::Unix(_) => Ok(()),
            Self::Detached(lent) if lent.is_tcp => lent.socket.set_tcp_nodelay(on),
            Self::Detached(_) => Ok(()),
        }
    }

    pub(crate) fn set_tcp_keepalive(&self, on: bool, delay: Duration) -> io::Result<()> {
        let socket = match self {
            Self::Tcp(s) => SockRef::from(s),
            Self::Detached(lent) if lent.is_tcp => SockRef::from(&lent.socket),
            _ => return Ok(()),
        };
        socket.set_keepalive(on)?;
        if on && delay >= Duration::from_secs(1) {
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(delay))?;
        }
        Ok(())
    }

    /// Calls `look` with the socket of a stream of either kind.
    pub(crate) fn with_socket<T>(&self, look: impl FnOnce(&Socket) -> T) -> T {
        each!(self, s => look(&SockRef::from(s)))
    }

    /// The local address. None for a Unix socket.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        each!(self, s => SockRef::from(s).local_addr())
            .ok()?
            .as_socket()
    }

    /// The peer's address. None for a Unix socket.
    pub(crate) fn peer_address(&self) -> Option<SocketAddr> {
        each!(self, s => SockRef::from(s).peer_addr())
            .ok()?
            .as_socket()
    }

    /// Removes the socket from its runtime, whose poller watches it no longer.
    pub(crate) fn detach(self) -> io::Result<Detached> {
        Ok(match self {
            Self::Tcp(s) => Detached {
                socket: s.into_std()?.into(),
                is_tcp: true,
            },
            #[cfg(unix)]
            Self::Unix(s) => Detached {
                socket: s.into_std()?.into(),
                is_tcp: false,
            },
            Self::Detached(lent) => lent,
        })
    }

    /// A connected socket that other code has made. Call it inside a runtime.
    pub(crate) fn adopt(socket: Socket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let is_tcp = !socket.local_addr()?.is_unix();
        Self::attach(Detached { socket, is_tcp })
    }

    /// Gives a socket without a runtime to the current one. Call it inside a runtime.
    pub(crate) fn attach(Detached { socket, is_tcp }: Detached) -> io::Result<Self> {
        #[cfg(unix)]
        if !is_tcp {
            return UnixStream::from_std(socket.into()).map(Self::Unix);
        }
        debug_assert!(is_tcp);
        TcpStream::from_std(socket.into()).map(Self::Tcp)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// The result of `has_unread` for a socket whose peer has sent `bytes`.
    async fn has_unread_after(bytes: &[u8]) -> bool {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut peer = std::net::TcpStream::connect(address).expect("a connection");
        let (stream, _) = listener.accept().await.expect("a connection");
        peer.write_all(bytes).expect("room");
        if !bytes.is_empty() {
            stream.readable().await.expect("bytes");
        }
        Stream::Tcp(stream).has_unread().expect("a socket")
    }

    #[tokio::test]
    async fn unread_bytes_after_line_ends_are_noticed() {
        assert!(!has_unread_after(b"").await);
        assert!(!has_unread_after(b"\r\n\r\n").await);
        assert!(has_unread_after(b"\r\nH").await);
        let after_line_ends =
            |count: usize| [&b"\r\n".repeat(count), &b"HTTP/1.1 200 OK\r\n"[..]].concat();
        for count in [0, 1, 7, 8, 9, 500] {
            assert!(has_unread_after(&after_line_ends(count)).await, "{count}");
        }
        assert!(has_unread_after(&b"\r\n".repeat(8)).await);
    }
}
