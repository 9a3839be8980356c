//! Owns the faults that are injected: the system refuses, hooks panic, `/proc` and descriptors are
//! missing, crowds.
//! Refuses to test what a fault-free run does: that is in the suites of the promises and the
//! semantics.
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

#[path = "../common/mod.rs"]
mod common;

mod afterwards;
mod crowd;
mod drops;
mod files;
mod frozen;
mod held;
mod limits;
mod million;
mod notice;
mod passed;
mod room;
mod subscribers;
mod suspended;
mod unreadable;

use common::os_threads;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many threads the process has, and how many panics it has heard of. Taken before a fault,
/// asked after it.
struct Ledger {
    threads: usize,
    panics: Arc<AtomicUsize>,
}

impl Ledger {
    /// Installs a panic hook that counts, and says nothing: for panics in great number.
    fn quiet() -> Ledger {
        std::panic::set_hook(Box::new(|_| ()));
        Ledger::open()
    }

    /// Installs a panic hook that counts, before the present one.
    fn open() -> Ledger {
        let panics = Arc::new(AtomicUsize::new(0));
        let counted = panics.clone();
        let earlier = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            counted.fetch_add(1, Ordering::SeqCst);
            earlier(info);
        }));
        Ledger { threads: os_threads(), panics }
    }

    /// How many panics the hook was told of.
    fn heard(&self) -> usize {
        self.panics.load(Ordering::SeqCst)
    }

    /// A joined thread stays in the kernel's list for a moment: it must go by itself.
    #[track_caller]
    fn all_are_home(&self) {
        common::eventually("no thread is left", || os_threads() == self.threads);
    }
}
