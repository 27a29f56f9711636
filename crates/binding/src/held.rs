//! Large bodies that are written from JavaScript's memory, without a copy.

use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use ferrohttp_net::{Held, HeldBytes};
use napi::bindgen_prelude::Result;
use napi::{Env, check_status, sys};

use crate::pinned::contents;

/// References whose buffers have been written, and which JavaScript's thread has to delete.
#[derive(Clone, Default)]
pub(crate) struct Released(Arc<Mutex<Vec<Reference>>>);

struct Reference(sys::napi_ref);

// SAFETY: other threads only carry the pointer; it is used on JavaScript's thread alone.
unsafe impl Send for Reference {}

impl Released {
    /// Deletes the references that other threads have released. JavaScript's thread only.
    pub(crate) fn collect(&self, env: Env) {
        let released = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for reference in released {
            // SAFETY: created in this env by `hold`, deleted once because `HeldBuffer` gives it up once.
            unsafe { sys::napi_delete_reference(env.raw(), reference.0) };
        }
    }

    /// Keeps `value`, a Uint8Array, alive until it has been written.
    pub(crate) fn hold(&self, env: Env, value: sys::napi_value) -> Result<Held> {
        let (data, len) = contents(env, value)?;
        let mut reference = ptr::null_mut();
        // SAFETY: `value` is a live handle of `env`.
        check_status!(unsafe {
            sys::napi_create_reference(env.raw(), value, 1, &raw mut reference)
        })?;
        Ok(Box::new(HeldBuffer {
            data,
            len,
            reference: Some(Reference(reference)),
            released: self.clone(),
        }))
    }
}

struct HeldBuffer {
    data: *const u8,
    len: usize,
    reference: Option<Reference>,
    released: Released,
}

// SAFETY: the bytes are only read. The program may write into a buffer that it has passed to `write()`. As in Node the changed
// bytes are sent then, and never memory of others, because the reference keeps the store alive.
unsafe impl Send for HeldBuffer {}

impl HeldBytes for HeldBuffer {
    fn bytes(&self) -> &[u8] {
        // SAFETY: the reference keeps the array's store alive; `Environment::shutdown` waits until no
        // I/O thread has a HeldBuffer before Node takes the memory down.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

impl Drop for HeldBuffer {
    fn drop(&mut self) {
        if let Some(reference) = self.reference.take() {
            self.released
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(reference);
        }
    }
}
