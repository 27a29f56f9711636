//! What goes wrong outside any connection.

use std::fmt;

/// Why a server cannot listen. JavaScript makes Node's error of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenError {
    /// The operating system's error number; 0 where it gave none.
    pub errno: i32,
    /// The step that failed, under libuv's name.
    pub syscall: &'static str,
}

impl ListenError {
    pub(crate) const fn threads(errno: i32) -> Self {
        Self {
            errno,
            syscall: "uv_thread_create",
        }
    }

    pub(crate) fn at(syscall: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |error| Self {
            errno: error.raw_os_error().unwrap_or(0),
            syscall,
        }
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed with error {}", self.syscall, self.errno)
    }
}

impl std::error::Error for ListenError {}
