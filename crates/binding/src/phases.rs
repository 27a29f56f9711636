//! The ends of an event loop's phases: of the callbacks of I/O, and of everything else (timers, immediates, closed handles)
//! before the loop polls for I/O again. JavaScript's writes of one phase can be sent together at its end.

use std::ptr;
use std::sync::Arc;

use ferrohttp_net::{Pulse, phase_word as word};
use napi::bindgen_prelude::Result;
use napi::{Env, sys};

use crate::libuv::{Libuv, UvHandle};
use crate::wake::{Target, call, misuse, wake};

/// The data of both handles. Freed with the environment's `Target`, which has it.
pub(crate) struct Phases {
    target: *mut Target,
    on_end: sys::napi_ref,
    words: *mut u32,
    pulse: Arc<Pulse>,
    /// Number of writes in the last phase of I/O, and in the last other one.
    writes: [u32; 2],
    /// An `uv_check_t`, called after I/O, and an `uv_prepare_t`, called before it.
    handles: [*mut UvHandle; 2],
}

const AFTER_IO: usize = 0;
const BEFORE_IO: usize = 1;

/// Memory for either handle.
fn words_of_handle(libuv: &Libuv) -> usize {
    libuv
        .check_size
        .max(libuv.prepare_size)
        .div_ceil(size_of::<u64>())
}

impl Phases {
    /// Calls `on_end` at the end of each phase in which JavaScript has asked for it. Does not keep the event loop alive.
    ///
    /// # Safety
    /// On the thread of `env` and its event loop; `target` is alive and gets the result, `on_end` is a function of `env`, and
    /// `memory`, which JavaScript keeps alive and in place, has the shared words.
    ///
    /// # Errors
    /// The memory is too short or not aligned.
    pub(crate) unsafe fn start(
        libuv: &'static Libuv,
        (env, uv_loop): (Env, *mut sys::uv_loop_s),
        target: *mut Target,
        on_end: sys::napi_value,
        (memory, pulse): (&mut [u8], Arc<Pulse>),
    ) -> Result<*mut Self> {
        let words: *mut u32 = memory.as_mut_ptr().cast();
        if memory.len() < word::COUNT as usize * size_of::<u32>() || !words.is_aligned() {
            return Err(misuse("the words of a phase are required"));
        }
        // Nothing fails after this, so nothing has to be undone.
        let on_end = reference(env, on_end)?;
        let [after, before] = [(); 2].map(|()| -> *mut UvHandle {
            Box::into_raw(vec![0_u64; words_of_handle(libuv)].into_boxed_slice()).cast()
        });
        let phases = Box::into_raw(Box::new(Self {
            target,
            on_end,
            words,
            pulse,
            writes: [0; 2],
            handles: [after, before],
        }));
        // SAFETY: the caller's promise. The handles' memory is freed by `on_closed` only, and none of these calls fails: libuv
        // documents 0 as the only result of each.
        unsafe {
            (libuv.check_init)(uv_loop, after);
            (libuv.prepare_init)(uv_loop, before);
            for handle in [after, before] {
                (libuv.set_data)(handle, phases.cast());
                (libuv.unreference)(handle);
            }
            (libuv.check_start)(after, on_after_io);
            (libuv.prepare_start)(before, on_before_io);
        }
        Ok(phases)
    }

    /// Has libuv close the handles. The caller frees this value when libuv has called back for a handle that was closed at the same
    /// time or later.
    ///
    /// # Safety
    /// On JavaScript's thread, once.
    pub(crate) unsafe fn stop(&self, env: sys::napi_env, libuv: &Libuv) {
        // SAFETY: the caller's promise; both handles are alive until then.
        unsafe {
            sys::napi_delete_reference(env, self.on_end);
            for handle in self.handles {
                (libuv.close)(handle, on_closed);
            }
        }
    }
}

/// A reference to a function of JavaScript.
pub(crate) fn reference(env: Env, function: sys::napi_value) -> Result<sys::napi_ref> {
    let mut reference = ptr::null_mut();
    // SAFETY: `function` is a live handle of `env`.
    napi::check_status!(unsafe {
        sys::napi_create_reference(env.raw(), function, 1, &raw mut reference)
    })?;
    Ok(reference)
}

unsafe extern "C" fn on_after_io(handle: *mut UvHandle) {
    // SAFETY: libuv calls this with a handle that `start` has made.
    unsafe { end(handle, AFTER_IO) };
}

unsafe extern "C" fn on_before_io(handle: *mut UvHandle) {
    // SAFETY: as above.
    unsafe { end(handle, BEFORE_IO) };
}

/// The phase before `kind` has ended. Safe in the callback of a handle that `start` has made.
unsafe fn end(handle: *mut UvHandle, kind: usize) {
    let Some(libuv) = Libuv::get() else { return };
    // SAFETY: the data and the words exist until the handle is closed. Only JavaScript's thread writes to them, and this is that
    // thread.
    unsafe {
        let phases = (libuv.get_data)(handle).cast::<Phases>();
        (*phases).pulse.turned();
        let words = (*phases).words;
        let writes = words.add(word::WRITES as usize).replace(0);
        if kind == BEFORE_IO {
            words.add(word::SENT as usize).write(0);
            let turn = words.add(word::TURN as usize);
            turn.write((*turn).wrapping_add(1));
        }
        (*phases).writes[kind] = writes;
        words
            .add(word::EXPECTED as usize)
            .write((*phases).writes[kind ^ 1]);
        if words.add(word::WAITING as usize).replace(0) == 0 {
            return;
        }
        call((*phases).target, (*phases).on_end);
        // Ticks at the end of the call may have written, too. The loop polls for I/O next, and may sleep there. JavaScript is
        // woken, so that it sends records that wait now.
        if kind == BEFORE_IO && words.add(word::WAITING as usize).read() != 0 {
            wake((*phases).target);
        }
    }
}

unsafe extern "C" fn on_closed(handle: *mut UvHandle) {
    let Some(libuv) = Libuv::get() else { return };
    let memory = ptr::slice_from_raw_parts_mut(handle.cast::<u64>(), words_of_handle(libuv));
    // SAFETY: libuv calls this once, after everything else with this handle, whose memory `start` has made in this size.
    drop(unsafe { Box::from_raw(memory) });
}
