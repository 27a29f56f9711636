//! Memory of JavaScript that Rust reads and writes without a call of Node-API each time.

use std::ptr;

use napi::bindgen_prelude::{JsObjectValue, Result};
use napi::{Env, check_status, sys};

use crate::wake::misuse;

/// A Uint8Array of our own JavaScript, kept alive by a reference. It is never transferred or resized, because only
/// `js/internal/bridge/environment.ts` has it.
pub(crate) struct Pinned {
    data: *mut u8,
    len: usize,
    reference: sys::napi_ref,
}

impl Pinned {
    pub(crate) fn new(env: Env, array: &impl JsObjectValue<'static>) -> Result<Self> {
        let value = array.value().value;
        let (data, len) = contents(env, value)?;
        let mut reference = ptr::null_mut();
        // SAFETY: `value` is a live handle of `env`.
        check_status!(unsafe {
            sys::napi_create_reference(env.raw(), value, 1, &raw mut reference)
        })?;
        Ok(Self {
            data,
            len,
            reference,
        })
    }

    pub(crate) const fn as_slice(&self) -> &[u8] {
        // SAFETY: the reference keeps the array's store alive and in place. JavaScript's thread, the only one that has this
        // value, is in Rust now, so no JavaScript writes to it.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }

    pub(crate) const fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `&mut self` makes this the only slice.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.len) }
    }

    /// Releases the array.
    pub(crate) fn release(self, env: Env) {
        // SAFETY: `reference` was created in `env` and is deleted once.
        unsafe { sys::napi_delete_reference(env.raw(), self.reference) };
    }
}

/// The address and length of a Uint8Array's (or Buffer's) bytes. The address is never null, so that a slice can be made.
pub(crate) fn contents(env: Env, value: sys::napi_value) -> Result<(*mut u8, usize)> {
    let (mut kind, mut len, mut data) = (0, 0, ptr::null_mut());
    // SAFETY: `value` is a live handle of `env`; the array's buffer and offset are not asked for.
    check_status!(unsafe {
        sys::napi_get_typedarray_info(
            env.raw(),
            value,
            &raw mut kind,
            &raw mut len,
            &raw mut data,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    })?;
    if kind != sys::TypedarrayType::uint8_array {
        return Err(misuse("a Uint8Array is required"));
    }
    let data = if data.is_null() {
        ptr::NonNull::dangling().as_ptr()
    } else {
        data.cast()
    };
    Ok((data, len))
}
