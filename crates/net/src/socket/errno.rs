//! The operating system's error numbers, on systems without libc's names, too.

#[cfg(unix)]
mod system {
    pub(crate) const IN_USE: i32 = libc::EADDRINUSE;
    pub(crate) const INVALID: i32 = libc::EINVAL;
    pub(crate) const TIMED_OUT: i32 = libc::ETIMEDOUT;
}

/// Winsock's.
#[cfg(not(unix))]
mod system {
    pub(crate) const IN_USE: i32 = 10048;
    pub(crate) const INVALID: i32 = 10022;
    pub(crate) const NOT_SUPPORTED: i32 = 10045;
    pub(crate) const TIMED_OUT: i32 = 10060;
}

pub(crate) use system::*;
