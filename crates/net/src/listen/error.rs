//! Errors of listening.

use std::fmt;

use crate::socket::errno;

/// Why a server cannot listen. JavaScript makes Node's error of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenError {
    /// The operating system's error number; 0 where it gave none.
    pub errno: i32,
    /// The step that failed, under libuv's name.
    pub syscall: &'static str,
    /// Only the IPv4 wildcard address was left to try when it failed.
    pub fell_back: bool,
}

impl ListenError {
    pub(crate) const fn threads(errno: i32) -> Self {
        Self {
            errno,
            syscall: "uv_thread_create",
            fell_back: false,
        }
    }

    /// The options name no address that exists.
    #[must_use]
    pub const fn invalid() -> Self {
        Self {
            errno: errno::INVALID,
            syscall: "listen",
            fell_back: false,
        }
    }

    pub(crate) fn at(syscall: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |error| Self {
            errno: error.raw_os_error().unwrap_or(0),
            syscall,
            fell_back: false,
        }
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed with error {}", self.syscall, self.errno)
    }
}

impl std::error::Error for ListenError {}
