//! The functions of libuv for waking an event loop, for watching a descriptor and for callbacks at the ends of its phases, from the
//! libuv in the running Node.
//!
//! They are looked up at run time, because only Unix resolves them when the addon is loaded. napi does the same with Node's own
//! functions on Windows.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use napi::sys;

/// Of `uv_handle_type`, part of libuv's stable interface.
const UV_ASYNC: c_int = 1;
const UV_CHECK: c_int = 2;
const UV_POLL: c_int = 8;
const UV_PREPARE: c_int = 9;

/// Of `uv_poll_event`.
pub(crate) const UV_READABLE: c_int = 1;

/// An `uv_async_t`, `uv_poll_t`, `uv_check_t` or `uv_prepare_t`, whose content only libuv knows.
#[repr(C)]
pub(crate) struct UvHandle {
    _opaque: [u8; 0],
}

pub(crate) type Callback = unsafe extern "C" fn(*mut UvHandle);

/// The callback of an `uv_poll_t`, with a status and the events.
pub(crate) type PollCallback = unsafe extern "C" fn(*mut UvHandle, c_int, c_int);

/// See <https://docs.libuv.org/en/v1.x/async.html>, and `poll.html`, `check.html`, `prepare.html` and `handle.html` there.
pub(crate) struct Libuv {
    pub(crate) async_init:
        unsafe extern "C" fn(*mut sys::uv_loop_s, *mut UvHandle, Callback) -> c_int,
    pub(crate) async_send: unsafe extern "C" fn(*mut UvHandle) -> c_int,
    pub(crate) close: unsafe extern "C" fn(*mut UvHandle, Callback),
    pub(crate) reference: unsafe extern "C" fn(*mut UvHandle),
    pub(crate) unreference: unsafe extern "C" fn(*mut UvHandle),
    pub(crate) set_data: unsafe extern "C" fn(*mut UvHandle, *mut c_void),
    pub(crate) get_data: unsafe extern "C" fn(*const UvHandle) -> *mut c_void,
    pub(crate) poll_init: unsafe extern "C" fn(*mut sys::uv_loop_s, *mut UvHandle, c_int) -> c_int,
    pub(crate) poll_start: unsafe extern "C" fn(*mut UvHandle, c_int, PollCallback) -> c_int,
    pub(crate) check_init: unsafe extern "C" fn(*mut sys::uv_loop_s, *mut UvHandle) -> c_int,
    pub(crate) check_start: unsafe extern "C" fn(*mut UvHandle, Callback) -> c_int,
    pub(crate) prepare_init: unsafe extern "C" fn(*mut sys::uv_loop_s, *mut UvHandle) -> c_int,
    pub(crate) prepare_start: unsafe extern "C" fn(*mut UvHandle, Callback) -> c_int,
    /// Sizes of an `uv_async_t` and of the other handles.
    pub(crate) async_size: usize,
    pub(crate) check_size: usize,
    pub(crate) poll_size: usize,
    pub(crate) prepare_size: usize,
}

impl Libuv {
    /// None in a host that does not export its libuv.
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
        // supported. The pointers remain valid when `host` is dropped, because `host` is the program itself, which is not
        // unloaded.
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
                poll_init: *host.get(b"uv_poll_init\0").ok()?,
                poll_start: *host.get(b"uv_poll_start\0").ok()?,
                check_init: *host.get(b"uv_check_init\0").ok()?,
                check_start: *host.get(b"uv_check_start\0").ok()?,
                prepare_init: *host.get(b"uv_prepare_init\0").ok()?,
                prepare_start: *host.get(b"uv_prepare_start\0").ok()?,
                async_size: handle_size(UV_ASYNC),
                check_size: handle_size(UV_CHECK),
                poll_size: handle_size(UV_POLL),
                prepare_size: handle_size(UV_PREPARE),
            })
        }
    }
}
