//! Owns the values that a tree's threads borrow, capture and return: each finds out when it is used
//! or dropped too late.
//! Refuses to be undefined behaviour itself: the memory that is read is counted, and only a
//! lifetime is borrowed.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::fault::fail_by_panic;
use super::log::{Failing, How, Log, What};
use super::tree::Id;

const MAGIC: u64 = 0x6c69_7669_6e67_2121;
const POISON: u64 = 0xdead_dead_dead_dead;

/// Lives in the frame of a scope's caller, and is poisoned when that frame is left.
#[derive(Debug)]
pub(super) struct Canary(Arc<AtomicU64>);

impl Canary {
    pub(super) fn new() -> Canary {
        Canary(Arc::new(AtomicU64::new(MAGIC)))
    }

    pub(super) fn lend(&self) -> Loan<'_> {
        Loan { magic: Watch(Some(Arc::clone(&self.0))), _borrowed: PhantomData }
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.0.store(POISON, Ordering::SeqCst);
    }
}

/// Borrows a canary, as the compiler sees it. The memory that it reads outlives both, so that a
/// faulty library is caught without undefined behaviour.
#[derive(Debug, Clone)]
pub(super) struct Loan<'a> {
    magic: Watch,
    _borrowed: PhantomData<&'a Canary>,
}

impl Loan<'_> {
    /// For a closure that borrows nothing.
    pub(super) fn none() -> Loan<'static> {
        Loan { magic: Watch(None), _borrowed: PhantomData }
    }

    pub(super) fn check(&self, node: Id, log: &Log) {
        self.magic.check(node, log);
    }

    pub(super) fn watch(&self) -> Watch {
        self.magic.clone()
    }
}

/// Reads a canary without a lifetime.
#[derive(Debug, Clone)]
pub(super) struct Watch(Option<Arc<AtomicU64>>);

impl Watch {
    fn check(&self, node: Id, log: &Log) {
        if self.0.as_ref().is_some_and(|magic| magic.load(Ordering::SeqCst) != MAGIC) {
            log.note(node, What::Poisoned);
        }
    }
}

/// A capture of a closure. It notes its drop, and its `Drop` may be set to panic.
#[derive(Debug)]
pub(super) struct Capture<'a> {
    pub(super) node: Id,
    pub(super) log: Log,
    pub(super) loan: Loan<'a>,
    pub(super) panics: AtomicBool,
}

impl Drop for Capture<'_> {
    fn drop(&mut self) {
        self.loan.check(self.node, &self.log);
        let panics = self.panics.load(Ordering::SeqCst);
        if panics {
            self.log.note(self.node, What::Fails(Failing { message: self.node, how: How::Own }));
        }
        self.log.note(self.node, What::Gone);
        if panics {
            fail_by_panic(self.node);
        }
    }
}

/// The result of a worker. It notes its drop, and its `Drop` may be set to panic.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) node: Id,
    pub(super) log: Log,
    pub(super) watch: Watch,
    pub(super) panics: bool,
}

impl Value {
    /// A joiner has the value now, so its drop is no failure of the thread any more.
    pub(super) fn defuse(mut self) {
        self.panics = false;
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.watch.check(self.node, &self.log);
        // A second panic during an unwinding would abort any program.
        let panics = self.panics && !std::thread::panicking();
        if panics {
            self.log.note(self.node, What::Fails(Failing { message: self.node, how: How::Unclaimed }));
        }
        self.log.note(self.node, What::ResultGone);
        if panics {
            fail_by_panic(self.node);
        }
    }
}
