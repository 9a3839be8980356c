//! Owns the question how much of its stack the calling thread has left.
//! Refuses to say how much a call needs.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ptr::null_mut;

use super::linux::is_main_thread;

/// The bytes of stack below the caller. `None` on the main thread, whose stack grows as far as
/// `ulimit -s` allows, on a stack that is not the thread's own, and if the C library does not tell.
pub(crate) fn stack_left() -> Option<usize> {
    // For the main thread glibc would read `/proc/self/maps`, which is long in a large process.
    if is_main_thread() {
        return None;
    }
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: no precondition.
    let own = unsafe { libc::pthread_self() };
    // SAFETY: the calling thread is alive, and `attributes` may be written.
    let refused = unsafe { libc::pthread_getattr_np(own, attributes.as_mut_ptr()) };
    if refused != 0 {
        return None;
    }
    let (mut lowest, mut size) = (null_mut(), 0);
    // SAFETY: `pthread_getattr_np` has made the attributes, and both variables may be written.
    let refused = unsafe { libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut lowest, &raw mut size) };
    // SAFETY: the attributes were made above, are not used below, and are destroyed once.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    let here = 0_u8;
    let left = std::ptr::from_ref(&here).addr().checked_sub(lowest.addr())?;
    (refused == 0 && left < size).then_some(left)
}
