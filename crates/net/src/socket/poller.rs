//! A set of sockets that is itself a descriptor (epoll), which is readable while one of the sockets is. An event loop that is not
//! ours watches all of them through this descriptor. Linux only, where such sets may be nested.

#[cfg(target_os = "linux")]
mod epoll {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

    use rustix::event::epoll;

    /// See the module.
    pub(crate) struct Poller(OwnedFd);

    impl Poller {
        /// An empty set. None if the system cannot make one.
        pub(crate) fn new() -> Option<Self> {
            epoll::create(epoll::CreateFlags::CLOEXEC).ok().map(Self)
        }

        /// The descriptor to watch. It does not change.
        pub(crate) fn descriptor(&self) -> Option<RawFd> {
            Some(self.0.as_raw_fd())
        }

        /// Adds a socket. The kernel removes it when its last descriptor is closed.
        pub(crate) fn add(&self, socket: &impl AsFd) -> io::Result<()> {
            let events = epoll::EventFlags::IN | epoll::EventFlags::RDHUP;
            Ok(epoll::add(
                &self.0,
                socket,
                epoll::EventData::new_u64(0),
                events,
            )?)
        }

        /// Removes a socket.
        pub(crate) fn remove(&self, socket: &impl AsFd) -> io::Result<()> {
            Ok(epoll::delete(&self.0, socket)?)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod none {
    use std::convert::Infallible;
    use std::io;

    /// Not available on this system.
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
