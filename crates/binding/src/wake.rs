//! Waking JavaScript's thread.
//!
//! A thread-safe function made by hand rather than by napi's wrapper for two reasons: an exception
//! thrown by a request handler must become 'uncaughtException' (the wrapper's default only warns
//! below Node-API 10), and `ref`/`unref` must be callable as often as servers come and go.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use napi::bindgen_prelude::{Error, JsObjectValue, Result, Status};
use napi::{Env, JsValue, check_status, sys};

/// Shared with the I/O threads. None once the environment is being torn down.
#[derive(Clone)]
pub(crate) struct Waker(Arc<Mutex<Option<RawFunction>>>);

struct RawFunction(sys::napi_threadsafe_function);

// SAFETY: a napi_threadsafe_function may be called from any thread; that is what it is for. Its other
// uses (ref, unref) happen through methods that take the JavaScript thread's Env.
unsafe impl Send for RawFunction {}

impl Waker {
    /// `on_wake` is called on JavaScript's thread, without arguments, once for each `wake`. Does not
    /// keep the event loop alive until `set_ref(true)`.
    pub(crate) fn new(env: Env, on_wake: &impl JsObjectValue<'static>) -> Result<Self> {
        let name = env.create_string("ferrohttp")?;
        let mut function = ptr::null_mut();
        // SAFETY: all handles belong to `env` and this scope; the function keeps its own reference to `on_wake`.
        check_status!(unsafe {
            sys::napi_create_threadsafe_function(
                env.raw(),
                on_wake.value().value,
                ptr::null_mut(),
                name.raw(),
                0,
                1,
                ptr::null_mut(),
                None,
                ptr::null_mut(),
                Some(call_js),
                &raw mut function,
            )
        })?;
        let waker = Self(Arc::new(Mutex::new(Some(RawFunction(function)))));
        waker.set_ref(env, false)?;
        Ok(waker)
    }

    /// Any thread; nothing happens once the environment is gone.
    pub(crate) fn wake(&self) {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(function) = &*guard {
            // SAFETY: `disarm` takes the function out, under this lock, before Node frees it.
            unsafe {
                sys::napi_call_threadsafe_function(
                    function.0,
                    ptr::null_mut(),
                    sys::ThreadsafeFunctionCallMode::nonblocking,
                );
            }
        }
    }

    /// Whether pending events keep the event loop alive.
    pub(crate) fn set_ref(&self, env: Env, on: bool) -> Result<()> {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(function) = &*guard else {
            return Ok(());
        };
        // SAFETY: `env` proves that this is JavaScript's thread; the function is alive as in `wake`.
        let status = unsafe {
            if on {
                sys::napi_ref_threadsafe_function(env.raw(), function.0)
            } else {
                sys::napi_unref_threadsafe_function(env.raw(), function.0)
            }
        };
        check_status!(status)
    }

    /// No call after this one reaches Node. To be called before Node frees the function: by a cleanup
    /// hook added after it was made, since hooks run in reverse order.
    pub(crate) fn disarm(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Runs on JavaScript's thread, within a callback scope: ticks and microtasks run when it returns.
unsafe extern "C" fn call_js(
    env: sys::napi_env,
    function: sys::napi_value,
    _: *mut c_void,
    _: *mut c_void,
) {
    if env.is_null() || function.is_null() {
        return;
    }
    let mut this = ptr::null_mut();
    // SAFETY: Node calls this with a live env and function; every handle is used within this scope only.
    unsafe {
        sys::napi_get_undefined(env, &raw mut this);
        let status = sys::napi_call_function(env, this, function, 0, ptr::null(), ptr::null_mut());
        if status == sys::Status::napi_pending_exception {
            let mut error = ptr::null_mut();
            if sys::napi_get_and_clear_last_exception(env, &raw mut error) == sys::Status::napi_ok {
                sys::napi_fatal_exception(env, error);
            }
        }
    }
}

/// An error for a caller that broke the binding's own contract.
pub(crate) fn misuse(message: &str) -> Error {
    Error::new(Status::InvalidArg, message)
}
