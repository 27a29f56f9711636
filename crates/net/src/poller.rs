//! A set of sockets that is itself a descriptor, readable while one of them is: an event loop that is not ours
//! watches all of them through it. Linux only, where such sets may be nested.

#[cfg(target_os = "linux")]
mod epoll {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

    /// See the module.
    pub(crate) struct Poller(OwnedFd);

    impl Poller {
        /// An empty set; None when the system gives none.
        pub(crate) fn new() -> Option<Self> {
            // SAFETY: takes no pointers.
            let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
            // SAFETY: a descriptor that was just made, and that nobody else knows.
            (fd >= 0).then(|| Self(unsafe { OwnedFd::from_raw_fd(fd) }))
        }

        /// What to watch. Stays the same.
        pub(crate) fn descriptor(&self) -> Option<RawFd> {
            Some(self.0.as_raw_fd())
        }

        /// Takes a socket in. One that is closed leaves by itself.
        pub(crate) fn add(&self, socket: &impl AsFd) -> io::Result<()> {
            self.control(libc::EPOLL_CTL_ADD, socket)
        }

        /// Lets a socket go.
        pub(crate) fn remove(&self, socket: &impl AsFd) -> io::Result<()> {
            self.control(libc::EPOLL_CTL_DEL, socket)
        }

        fn control(&self, operation: libc::c_int, socket: &impl AsFd) -> io::Result<()> {
            let mut event = libc::epoll_event {
                events: (libc::EPOLLIN | libc::EPOLLRDHUP) as u32,
                u64: 0,
            };
            let socket = socket.as_fd().as_raw_fd();
            // SAFETY: both descriptors are open while they are borrowed here, and the kernel copies the event.
            match unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, socket, &raw mut event) }
            {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod none {
    use std::convert::Infallible;
    use std::io;

    /// There are none here.
    pub(crate) struct Poller(Infallible);

    impl Poller {
        pub(crate) const fn new() -> Option<Self> {
            None
        }

        pub(crate) fn descriptor(&self) -> Option<i32> {
            match self.0 {}
        }

        pub(crate) fn add<S>(&self, _: &S) -> io::Result<()> {
            match self.0 {}
        }

        pub(crate) fn remove<S>(&self, _: &S) -> io::Result<()> {
            match self.0 {}
        }
    }
}

#[cfg(target_os = "linux")]
pub(crate) use epoll::Poller;
#[cfg(not(target_os = "linux"))]
pub(crate) use none::Poller;
