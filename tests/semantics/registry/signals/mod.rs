//! Signals that a program takes for itself, or leaves alone: `forward` and `without`, with real
//! signals in re-executed children.
#![allow(unsafe_code)] // sigaction has no safe form

mod children;
mod forward;
mod presses;
mod refused;

use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::Sender;
use homebound::Signals;
use libc::SIGUSR2;

/// How often the program's own handler ran.
static OWN: AtomicUsize = AtomicUsize::new(0);

extern "C" fn own(_: libc::c_int) {
    OWN.fetch_add(1, Ordering::SeqCst);
}

/// Installs the program's own handler, with a flag and a mask that are to be put back as well.
fn install_own(signal: i32) -> libc::sigaction {
    // SAFETY: all-zero is a valid sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = own as extern "C" fn(libc::c_int) as usize;
    action.sa_flags = libc::SA_RESTART | libc::SA_NODEFER;
    // SAFETY: the set is valid, and the number a signal.
    assert_eq!(unsafe { libc::sigaddset(&mut action.sa_mask, SIGUSR2) }, 0);
    // SAFETY: the handler only counts.
    assert_eq!(unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) }, 0);
    action
}

/// Sends a signal to the calling thread: handled when this returns, so that none is merged with the
/// next.
fn raise(signal: i32) {
    // SAFETY: it has no preconditions.
    assert_eq!(unsafe { libc::raise(signal) }, 0);
}

fn default_with<const N: usize>(numbers: [i32; N], to: &Sender<i32>) -> Signals {
    numbers.into_iter().fold(Signals::default(), |signals, number| signals.forward(number, to.clone()))
}
