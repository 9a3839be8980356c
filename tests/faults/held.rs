//! Owns a *watch* that is held in the handler of a signal, so that a test can say what comes before
//! *watch* looks.
//! Refuses to know what that is.
#![allow(unsafe_code)] // a signal for one thread has no safe form

use std::sync::atomic::{AtomicBool, Ordering};

use homebound::Scope;

static IS_IN: AtomicBool = AtomicBool::new(false);
static MAY_GO: AtomicBool = AtomicBool::new(false);

extern "C" fn hold(_signal: libc::c_int) {
    IS_IN.store(true, Ordering::SeqCst);
    while !MAY_GO.load(Ordering::SeqCst) {
        std::hint::spin_loop();
    }
}

/// Returns when *watch* is in the handler.
pub(super) fn hold_watch(s: &Scope<'_, '_>) {
    [&IS_IN, &MAY_GO].into_iter().for_each(|word| word.store(false, Ordering::SeqCst));
    let snapshot = s.snapshot();
    let watch = snapshot.root.threads.iter().find(|thread| thread.name == "homebound-watch");
    let watch = watch.and_then(|watch| watch.os_tid).expect("it has told who it is").cast_signed();
    // SAFETY: the handler only uses words.
    unsafe { libc::signal(libc::SIGUSR2, hold as extern "C" fn(_) as usize) };
    let own = rustix::process::getpid().as_raw_nonzero().get();
    // SAFETY: the thread is one of this process, and the handler is in place.
    unsafe { libc::syscall(libc::SYS_tgkill, own, watch, libc::SIGUSR2) };
    while !IS_IN.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
}

/// *watch* goes on.
pub(super) fn let_watch_go() {
    MAY_GO.store(true, Ordering::SeqCst);
}

/// Sends a signal to the calling thread, which has handled it when this returns.
pub(super) fn raise(signal: i32) {
    // SAFETY: it has no preconditions.
    assert_eq!(unsafe { libc::raise(signal) }, 0);
}
