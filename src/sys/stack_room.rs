//! Owns the question where the stack of the calling thread is, and how much of it is left.
//! Refuses to say how much a call needs.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr::null_mut;

use super::linux::is_main_thread;

/// The bytes of stack below the caller. `None` where [`own_stack`] tells nothing.
pub(crate) fn stack_left() -> Option<usize> {
    let (stack, here) = own_stack()?;
    here.checked_sub(stack.start)
}

/// The outer end of the stack that the caller is on. `None` where [`own_stack`] tells nothing.
#[cfg(feature = "stacks")]
pub(crate) fn stack_end() -> Option<u64> {
    own_stack().map(|(stack, _)| stack.end as u64)
}

/// The addresses of the calling thread's stack, and one of a variable on it. `None` on the main
/// thread, whose stack grows as far as `ulimit -s` allows, on a stack that is not the thread's own,
/// and if the C library does not tell.
fn own_stack() -> Option<(Range<usize>, usize)> {
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
    let here = std::ptr::from_ref(&here).addr();
    let stack = lowest.addr()..lowest.addr().checked_add(size)?;
    (refused == 0 && stack.contains(&here)).then_some((stack, here))
}
