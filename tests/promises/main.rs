//! The promises P1 to P11, a file for each by its number. A test that may end its process runs in a
//! child.
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for

#[path = "../common/mod.rs"]
mod common;

mod exits;
mod p01_safety;
mod p02_joined;
mod p03_no_way_out;
mod p04_failures;
mod p05_stop;
mod p06_no_polling;
mod p07_end;
mod p08_visible;
mod p09_bounded;
mod p10_own_threads;
mod p11_refusal;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than any address space holds: the OS must refuse it.
const ABSURD_STACK: usize = 1 << 47;

fn os_tid(thread: &homebound::ThreadStatus) -> i32 {
    i32::try_from(thread.os_tid.expect("known on Linux")).unwrap()
}

/// From now on the kernel refuses the calling thread new ones, until the limit given back is set.
fn refuse_threads() -> Rlimit {
    let before = getrlimit(Resource::Nproc);
    let none = Rlimit { current: Some(0), maximum: before.maximum };
    setrlimit(Resource::Nproc, none).expect("lowering is allowed");
    if rustix::process::getuid().is_root() {
        rustix::thread::set_thread_uid(rustix::fs::Uid::from_raw(65534)).expect("root may");
    }
    before
}
