//! A thread of ours that the kernel lists and that has not taken its first step. It is held there: what the system makes of it
//! is lent by this binary, which stands between std and the C library.
#![cfg(target_os = "linux")]

mod common;

use std::ffi::{c_int, c_void};
use std::sync::{Condvar, Mutex, PoisonError};

use common::within;
use homebound::registry;

/// New threads are held before their first step.
static HELD: Mutex<bool> = Mutex::new(false);
static FREED: Condvar = Condvar::new();

type Start = extern "C" fn(*mut c_void) -> *mut c_void;
type Create =
    unsafe extern "C" fn(*mut libc::pthread_t, *const libc::pthread_attr_t, Start, *mut c_void) -> c_int;

struct First {
    start: Start,
    arg: *mut c_void,
}

/// What std calls: a symbol of the program goes before that of a library.
///
/// # Safety
/// That of the C library's.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attr: *const libc::pthread_attr_t,
    start: Start,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the name ends with a NUL.
    let create = unsafe { libc::dlsym(libc::RTLD_NEXT, c"pthread_create".as_ptr()) };
    assert!(!create.is_null(), "the C library has it");
    // SAFETY: the C library's function has this type.
    let create = unsafe { std::mem::transmute::<*mut c_void, Create>(create) };
    let first = Box::into_raw(Box::new(First { start, arg })).cast();
    // SAFETY: the caller's arguments, but for a function that runs his with his.
    let refused = unsafe { create(thread, attr, begin, first) };
    if refused != 0 {
        // SAFETY: no thread has it.
        drop(unsafe { Box::from_raw(first.cast::<First>()) });
    }
    refused
}

extern "C" fn begin(first: *mut c_void) -> *mut c_void {
    // SAFETY: made above, for this call.
    #[allow(unsafe_code)]
    let First { start, arg } = *unsafe { Box::from_raw(first.cast::<First>()) };
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    while *held {
        held = FREED.wait(held).unwrap_or_else(PoisonError::into_inner);
    }
    drop(held);
    start(arg)
}

fn hold(yes: bool) {
    *HELD.lock().unwrap() = yes;
    FREED.notify_all();
}

#[test]
fn p8_a_thread_that_has_not_begun_is_not_foreign() {
    // catches: a thread of ours that is nobody's until it has told who it is
    within(|| {
        let exit = registry::run(|s| {
            let before = s.snapshot();
            hold(true);
            let (first, second) =
                (s.spawn("first", "is held", |_| Ok(()))?, s.spawn("second", "too", |_| Ok(()))?);
            let held = s.snapshot();
            hold(false);
            first.join()?;
            second.join()?;
            let names =
                |list: Vec<homebound::ForeignThread>| list.into_iter().map(|t| t.name).collect::<Vec<_>>();
            assert_eq!(names(held.foreign), names(before.foreign), "the two are ours");
            Ok(())
        });
        assert!(exit.result.is_ok(), "{:?}", exit.result);
    });
}
