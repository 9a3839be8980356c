//! Owns loans: a lender knows whether its loans are still in use, and a loan whether its lender
//! lives.
//! Refuses to know the semantics under test.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{NEVER, linger};
use homebound::{Context, Result};

/// A worker that uses its loan until the stop and a little longer, and ends as stopped.
pub fn lingering<'a>(lender: &'a Lender) -> impl FnOnce(&Context) -> Result + Send + use<'a> {
    let loan = lender.lend();
    move |cx| {
        let stopped = cx.sleep(NEVER);
        linger(20);
        loan.touch();
        Ok(stopped?)
    }
}

/// Lends itself out and knows how many loans are still in use: the canary of P1.
/// A loan checked after the lender's death is a use after free, found without making one.
#[derive(Default)]
pub struct Lender {
    loans: Arc<AtomicUsize>,
    dead: Arc<AtomicBool>,
}

impl Lender {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn lend(&self) -> Loan<'_> {
        self.loans.fetch_add(1, Ordering::SeqCst);
        Loan { loans: self.loans.clone(), dead: self.dead.clone(), _borrowed: PhantomData }
    }

    pub fn in_use(&self) -> usize {
        self.loans.load(Ordering::SeqCst)
    }

    #[track_caller]
    pub fn assert_unused(&self) {
        assert_eq!(self.in_use(), 0, "something borrowed is still in use");
    }
}

impl Drop for Lender {
    fn drop(&mut self) {
        self.dead.store(true, Ordering::SeqCst);
    }
}

pub struct Loan<'a> {
    loans: Arc<AtomicUsize>,
    dead: Arc<AtomicBool>,
    _borrowed: PhantomData<&'a Lender>,
}

impl Loan<'_> {
    /// Uses the borrowed value.
    pub fn touch(&self) {
        assert!(!self.dead.load(Ordering::SeqCst), "used after the lender was dropped");
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if self.dead.load(Ordering::SeqCst) {
            eprintln!("a loan outlived its lender");
            std::process::abort();
        }
        self.loans.fetch_sub(1, Ordering::SeqCst);
    }
}
