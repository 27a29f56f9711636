//! The few functions of libuv that it takes to wake an event loop and to have it watch a descriptor, from the libuv
//! inside the running Node.
//!
//! Looked up at run time: only Unix resolves them when the addon is loaded, and napi does the same
//! with Node's own functions on Windows.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use napi::sys;

/// Of `uv_handle_type`, part of libuv's stable interface.
const UV_ASYNC: c_int = 1;
const UV_POLL: c_int = 8;

/// Of `uv_poll_event`.
pub(crate) const UV_READABLE: c_int = 1;

/// An `uv_async_t` or `uv_poll_t`, which only libuv looks into.
#[repr(C)]
pub(crate) struct UvHandle {
    _opaque: [u8; 0],
}

pub(crate) type Callback = unsafe extern "C" fn(*mut UvHandle);

/// With a status and the events.
pub(crate) type PollCallback = unsafe extern "C" fn(*mut UvHandle, c_int, c_int);

/// `uv_metrics_t`, room for what is to come included.
#[repr(C)]
#[derive(Default)]
pub(crate) struct LoopMetrics {
    pub(crate) loop_count: u64,
    _events: u64,
    _events_waiting: u64,
    _reserved: [u64; 13],
}

/// See <https://docs.libuv.org/en/v1.x/async.html>, and `poll.html`, `handle.html` and `metrics.html` beside it.
pub(crate) struct Libuv {
    pub(crate) async_init:
        unsafe extern "C" fn(*mut sys::uv_loop_s, *mut UvHandle, Callback) -> c_int,
    pub(crate) async_send: unsafe extern "C" fn(*mut UvHandle) -> c_int,
    pub(crate) close: unsafe extern "C" fn(*mut UvHandle, Callback),
    pub(crate) reference: unsafe extern "C" fn(*mut UvHandle),
    pub(crate) unreference: unsafe extern "C" fn(*mut UvHandle),
    pub(crate) set_data: unsafe extern "C" fn(*mut UvHandle, *mut c_void),
    pub(crate) get_data: unsafe extern "C" fn(*const UvHandle) -> *mut c_void,
    pub(crate) metrics_info: unsafe extern "C" fn(*mut sys::uv_loop_s, *mut LoopMetrics) -> c_int,
    pub(crate) poll_init: unsafe extern "C" fn(*mut sys::uv_loop_s, *mut UvHandle, c_int) -> c_int,
    pub(crate) poll_start: unsafe extern "C" fn(*mut UvHandle, c_int, PollCallback) -> c_int,
    /// Bytes that an `uv_async_t` takes, and an `uv_poll_t`.
    pub(crate) async_size: usize,
    pub(crate) poll_size: usize,
}

impl Libuv {
    /// None in a host that does not show its libuv.
    pub(crate) fn get() -> Option<&'static Self> {
        static LIBUV: OnceLock<Option<Libuv>> = OnceLock::new();
        LIBUV.get_or_init(Self::load).as_ref()
    }

    fn load() -> Option<Self> {
        #[cfg(unix)]
        let host: libloading::Library = libloading::os::unix::Library::this().into();
        #[cfg(windows)]
        let host: libloading::Library = libloading::os::windows::Library::this().ok()?.into();
        // SAFETY: the names and signatures are those of uv.h, unchanged since libuv 1.45, which is older than any Node
        // supported. The pointers stay good when `host` is dropped: what is looked into is the program itself, which stays
        // loaded.
        unsafe {
            let handle_size = *host
                .get::<unsafe extern "C" fn(c_int) -> usize>(b"uv_handle_size\0")
                .ok()?;
            Some(Self {
                async_init: *host.get(b"uv_async_init\0").ok()?,
                async_send: *host.get(b"uv_async_send\0").ok()?,
                close: *host.get(b"uv_close\0").ok()?,
                reference: *host.get(b"uv_ref\0").ok()?,
                unreference: *host.get(b"uv_unref\0").ok()?,
                set_data: *host.get(b"uv_handle_set_data\0").ok()?,
                get_data: *host.get(b"uv_handle_get_data\0").ok()?,
                metrics_info: *host.get(b"uv_metrics_info\0").ok()?,
                poll_init: *host.get(b"uv_poll_init\0").ok()?,
                poll_start: *host.get(b"uv_poll_start\0").ok()?,
                async_size: handle_size(UV_ASYNC),
                poll_size: handle_size(UV_POLL),
            })
        }
    }
}
