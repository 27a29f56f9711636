//! Wakes JavaScript's thread, from another thread or by a descriptor that its event loop watches.
//!
//! It uses an `uv_async_t` of its own, and not a thread-safe function of Node-API. Such a function writes to the event loop's
//! descriptor while it holds a lock that the woken thread needs first. When both share a core, the writer is preempted, and two
//! more context switches are needed before a request is handled. Besides, an exception of a request handler must become
//! 'uncaughtException' on every Node.

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use ferrohttp_net::Pulse;
use napi::bindgen_prelude::{Error, JsObjectValue, Result, Status};
use napi::{Env, check_status, sys};

use crate::libuv::{Libuv, UV_READABLE, UvHandle};
use crate::phases::{Phases, reference};

/// Shared with the I/O threads.
#[derive(Clone)]
pub(crate) struct Waker {
    libuv: &'static Libuv,
    /// None when the environment is being torn down.
    handle: Arc<Mutex<Option<Handle>>>,
}

struct Handle(*mut UvHandle);

// SAFETY: `uv_async_send` may be called on any thread. All other uses are on JavaScript's thread: in methods that take its Env, and
// in hooks that Node runs there.
unsafe impl Send for Handle {}

/// The handle's data, for its callbacks. Freed when libuv has closed the handle.
pub(crate) struct Target {
    libuv: &'static Libuv,
    env: sys::napi_env,
    on_wake: sys::napi_ref,
    /// Null before the first call: see `prepare_context`.
    context: sys::napi_async_context,
    handle: Arc<Mutex<Option<Handle>>>,
    cleanup: sys::napi_async_cleanup_hook_handle,
    /// The handle itself, aligned as `uv_async_t` is.
    memory: *mut [u64],
    /// Null until a descriptor is watched.
    watch: *mut Watch,
    /// Null until the ends of phases are watched.
    phases: *mut Phases,
}

/// The data of an `uv_poll_t`. Freed when libuv has closed it.
struct Watch {
    target: *mut Target,
    on_readable: Box<dyn Fn()>,
    memory: *mut [u64],
}

/// Zeroed memory for a libuv handle.
fn handle_memory(size: usize) -> *mut [u64] {
    Box::into_raw(vec![0_u64; size.div_ceil(size_of::<u64>())].into_boxed_slice())
}

impl Waker {
    /// `on_wake` is called on JavaScript's thread after each `wake`; several of them may share a call. Does not keep the event
    /// loop alive until `set_ref(true)`.
    pub(crate) fn new(env: Env, on_wake: &impl JsObjectValue<'static>) -> Result<Self> {
        let libuv = Libuv::get().ok_or_else(|| misuse("this host does not show its libuv"))?;
        let uv_loop = env.get_uv_event_loop()?;
        let memory = handle_memory(libuv.async_size);
        let raw: *mut UvHandle = memory.cast();
        let mut target = Box::new(Target {
            libuv,
            env: env.raw(),
            on_wake: ptr::null_mut(),
            context: ptr::null_mut(),
            handle: Arc::default(),
            cleanup: ptr::null_mut(),
            memory,
            watch: ptr::null_mut(),
            phases: ptr::null_mut(),
        });
        let handle = Arc::clone(&target.handle);
        // SAFETY: all values belong to `env` and this scope; results go into memory that lives long enough. The handle's
        // memory and `target` are freed by `on_closed` only, which libuv calls when it needs neither any more.
        unsafe {
            target.on_wake = reference(env, on_wake.value().value)?;
            if (libuv.async_init)(uv_loop, raw, on_async) != 0 {
                return Err(misuse("the event loop takes no more handles"));
            }
            (libuv.unreference)(raw);
            let target = Box::into_raw(target);
            (libuv.set_data)(raw, target.cast());
            *handle.lock().unwrap_or_else(PoisonError::into_inner) = Some(Handle(raw));
            check_status!(sys::napi_add_async_cleanup_hook(
                env.raw(),
                Some(on_teardown),
                target.cast(),
                &raw mut (*target).cleanup
            ))?;
        }
        Ok(Self { libuv, handle })
    }

    /// Has the event loop watch `descriptor`. While it is readable, `on_readable` is called, and then `on_wake`. The descriptor
    /// must stay open as long as `on_readable` exists, and does not keep the event loop alive.
    pub(crate) fn watch(
        &self,
        env: Env,
        descriptor: c_int,
        on_readable: impl Fn() + 'static,
    ) -> Result<()> {
        let uv_loop = env.get_uv_event_loop()?;
        let guard = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = guard
            .as_ref()
            .ok_or_else(|| misuse("the environment has ended"))?;
        let libuv = self.libuv;
        let memory = handle_memory(libuv.poll_size);
        let raw: *mut UvHandle = memory.cast();
        // SAFETY: an Env proves that this is JavaScript's thread, and the handle that is here has its `Target` as data. The
        // new handle's memory and `Watch` are freed by `on_unwatched` only, or here when libuv does not know it.
        unsafe {
            if (libuv.poll_init)(uv_loop, raw, descriptor) != 0 {
                drop(Box::from_raw(memory));
                return Err(misuse("the event loop does not watch this"));
            }
            (libuv.unreference)(raw);
            let target = (libuv.get_data)(handle.0).cast::<Target>();
            let watch = Box::into_raw(Box::new(Watch {
                target,
                on_readable: Box::new(on_readable),
                memory,
            }));
            (libuv.set_data)(raw, watch.cast());
            (*target).watch = watch;
            if (libuv.poll_start)(raw, UV_READABLE, on_poll) != 0 {
                return Err(misuse("the event loop does not watch this"));
            }
        }
        Ok(())
    }

    /// Calls `on_end` at the end of each phase of the event loop in which JavaScript asks for it in `words`, see `phases.rs`.
    /// JavaScript keeps `words` alive and in place. Each end is a turn for `pulse`.
    pub(crate) fn watch_phases(
        &self,
        env: Env,
        on_end: &impl JsObjectValue<'static>,
        words: &mut [u8],
        pulse: Arc<Pulse>,
    ) -> Result<()> {
        let uv_loop = env.get_uv_event_loop()?;
        let guard = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = guard
            .as_ref()
            .ok_or_else(|| misuse("the environment has ended"))?;
        // SAFETY: an Env proves that this is JavaScript's thread, and the handle that is here has its `Target` as data.
        unsafe {
            let target = (self.libuv.get_data)(handle.0).cast::<Target>();
            if !(*target).phases.is_null() {
                return Err(misuse("the phases are watched already"));
            }
            let on_end = on_end.value().value;
            (*target).phases =
                Phases::start(self.libuv, (env, uv_loop), target, on_end, (words, pulse))?;
        }
        Ok(())
    }

    /// Any thread. No effect after the environment has ended.
    pub(crate) fn wake(&self) {
        self.with(|libuv, handle| {
            // SAFETY: `disarm` takes the handle out, under the lock held here, before it is closed.
            unsafe { (libuv.async_send)(handle) };
        });
    }

    /// Whether pending events keep the event loop alive.
    pub(crate) fn set_ref(&self, _: Env, on: bool) {
        self.with(|libuv, handle| {
            let change = if on {
                libuv.reference
            } else {
                libuv.unreference
            };
            // SAFETY: an Env proves that this is JavaScript's thread; the handle is alive as in `wake`.
            unsafe { change(handle) };
        });
    }

    /// No call after this one reaches the event loop.
    pub(crate) fn disarm(&self) {
        self.handle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    fn with(&self, act: impl FnOnce(&Libuv, *mut UvHandle)) {
        let guard = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = &*guard {
            act(self.libuv, handle.0);
        }
    }
}

/// Runs on JavaScript's thread, from the event loop.
unsafe extern "C" fn on_async(handle: *mut UvHandle) {
    let Some(libuv) = Libuv::get() else { return };
    // SAFETY: the data was set right after `async_init`, on this thread, and is freed by `on_closed`, after which libuv
    // calls nothing.
    unsafe {
        let target = (libuv.get_data)(handle).cast::<Target>();
        call(target, (*target).on_wake);
    }
}

/// As `on_async`, of a descriptor that is watched.
unsafe extern "C" fn on_poll(handle: *mut UvHandle, _: c_int, _: c_int) {
    let Some(libuv) = Libuv::get() else { return };
    // SAFETY: as in `on_async`; both handles are closed together. A panic must not cross into libuv.
    unsafe {
        let watch = (libuv.get_data)(handle).cast::<Watch>();
        drop(catch_unwind(AssertUnwindSafe(|| ((*watch).on_readable)())));
        call((*watch).target, (*(*watch).target).on_wake);
    }
}

/// Calls `on_wake` in the next turn of the event loop. Safe on JavaScript's thread, with a `Target` that has not been freed.
pub(crate) unsafe fn wake(target: *mut Target) {
    // SAFETY: the caller's promise: the handle lives as long as its `Target`, and is not closed before that is torn down.
    unsafe { ((*target).libuv.async_send)((*target).memory.cast()) };
}

/// Calls a function of JavaScript. Safe on JavaScript's thread, with a `Target` that has not been freed and a reference of its
/// environment.
pub(crate) unsafe fn call(target: *mut Target, function: sys::napi_ref) {
    // SAFETY: the caller's promise. Every value is used within the scope opened here. Closing the callback scope runs
    // ticks and microtasks, as after any callback of Node's own.
    unsafe {
        let (env, reference) = ((*target).env, function);
        let (mut scope, mut callback_scope) = (ptr::null_mut(), ptr::null_mut());
        let (mut this, mut function) = (ptr::null_mut(), ptr::null_mut());
        if sys::napi_open_handle_scope(env, &raw mut scope) != sys::Status::napi_ok {
            return;
        }
        if sys::napi_get_undefined(env, &raw mut this) == sys::Status::napi_ok
            && sys::napi_get_reference_value(env, reference, &raw mut function)
                == sys::Status::napi_ok
            && prepare_context(target)
            && sys::napi_open_callback_scope(
                env,
                ptr::null_mut(),
                (*target).context,
                &raw mut callback_scope,
            ) == sys::Status::napi_ok
        {
            let status =
                sys::napi_call_function(env, this, function, 0, ptr::null(), ptr::null_mut());
            if status == sys::Status::napi_pending_exception {
                let mut error = ptr::null_mut();
                if sys::napi_get_and_clear_last_exception(env, &raw mut error)
                    == sys::Status::napi_ok
                {
                    sys::napi_fatal_exception(env, error);
                }
            }
            sys::napi_close_callback_scope(env, callback_scope);
        }
        sys::napi_close_handle_scope(env, scope);
    }
}

/// Makes the async context of the calls, unless it exists. The first call makes it, and not `new`, so that async hooks of the
/// program that exist by then get its `init`. Safe as `call` is, within a handle scope.
unsafe fn prepare_context(target: *mut Target) -> bool {
    // SAFETY: the caller's promise; the text ends in a NUL, as -1 says.
    unsafe {
        if !(*target).context.is_null() {
            return true;
        }
        let mut name = ptr::null_mut();
        let text = c"ferrohttp".as_ptr();
        sys::napi_create_string_utf8((*target).env, text, -1, &raw mut name) == sys::Status::napi_ok
            && sys::napi_async_init(
                (*target).env,
                ptr::null_mut(),
                name,
                &raw mut (*target).context,
            ) == sys::Status::napi_ok
    }
}

/// The environment ends: releases everything that belongs to it, and has libuv close the handle.
unsafe extern "C" fn on_teardown(_: sys::napi_async_cleanup_hook_handle, data: *mut c_void) {
    let target = data.cast::<Target>();
    // SAFETY: `data` is the `Target` given with this hook, which Node calls once, on JavaScript's thread, before
    // `on_closed` can free it. It is taken under the lock, so no thread sends to the handle when it is closed.
    unsafe {
        let (libuv, env) = ((*target).libuv, (*target).env);
        (*target)
            .handle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        sys::napi_delete_reference(env, (*target).on_wake);
        if !(*target).context.is_null() {
            sys::napi_async_destroy(env, (*target).context);
        }
        // libuv calls back for all handles in the same turn of the event loop. Node waits for `on_closed`.
        if !(*target).watch.is_null() {
            (libuv.close)((*(*target).watch).memory.cast(), on_unwatched);
        }
        if !(*target).phases.is_null() {
            (*(*target).phases).stop(env, libuv);
        }
        (libuv.close)((*target).memory.cast(), on_closed);
    }
}

unsafe extern "C" fn on_unwatched(handle: *mut UvHandle) {
    let Some(libuv) = Libuv::get() else { return };
    // SAFETY: as in `on_closed`.
    unsafe {
        let watch = Box::from_raw((libuv.get_data)(handle).cast::<Watch>());
        drop(Box::from_raw(watch.memory));
    }
}

unsafe extern "C" fn on_closed(handle: *mut UvHandle) {
    let Some(libuv) = Libuv::get() else { return };
    // SAFETY: libuv calls this once, after everything else with this handle; the data and the memory came from
    // `Box::into_raw`.
    unsafe {
        let target = Box::from_raw((libuv.get_data)(handle).cast::<Target>());
        drop(Box::from_raw(target.memory));
        if !target.phases.is_null() {
            drop(Box::from_raw(target.phases));
        }
        sys::napi_remove_async_cleanup_hook(target.cleanup);
    }
}

/// An error for a caller that breaks the binding's contract, or for a host without a required function.
pub(crate) fn misuse(message: &str) -> Error {
    Error::new(Status::InvalidArg, message)
}
