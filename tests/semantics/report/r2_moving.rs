//! R2: the numbers of a report that is asked for while threads end and scopes close.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use super::adds_up;
use crate::common::*;
use homebound::{Context, Scope, ShutdownReport, scope};

/// Number of scopes, one inside the other, in which each of the threads ends.
const DEEP: usize = 4;
const ROUNDS: usize = 300;

/// Counts around the threads of the test.
#[derive(Default)]
struct Counts {
    /// Raised before a spawn.
    begun: AtomicUsize,
    /// Raised after a join.
    ended: AtomicUsize,
}

impl Counts {
    /// Two threads in this scope, one of them before the scopes below it and one after, down to the
    /// deepest.
    fn round(&self, s: &Scope<'_, '_>, left: usize) -> homebound::Result {
        self.one(s)?;
        if left > 0 {
            s.subscope("inside", |below| self.round(below, left - 1))?;
        }
        self.one(s)
    }

    fn one(&self, s: &Scope<'_, '_>) -> homebound::Result {
        self.begun.fetch_add(1, SeqCst);
        s.spawn("short", "ends at once", |_| Ok(()))?.join()?;
        self.ended.fetch_add(1, SeqCst);
        Ok(())
    }

    /// A report counts each thread that had ended before it was asked for, and none twice.
    /// `others`: the other threads that it counts.
    fn holds(&self, others: usize, report: impl FnOnce() -> ShutdownReport) {
        let ended = self.ended.load(SeqCst);
        let report = report();
        let begun = self.begun.load(SeqCst);
        adds_up(&report);
        let counted = report.total - others;
        assert!(ended <= counted && counted <= begun, "{ended} <= {counted} <= {begun}");
        // A thread that is home has a row as long as there is room for it.
        assert_eq!(report.threads.len(), report.timeout + report.joined.min(1024));
    }
}

#[test]
fn r2_a_report_counts_each_thread_once_while_scopes_close() {
    // catches: a thread that is in no list while its scope hands it on to the scope around, or
    // while the tallies take it in; one that is found in two lists and counted twice
    within(|| {
        let counts = Counts::default();
        let result = scope(|s| {
            let (over, is_over) = gate();
            let makes = |cx: &Context| {
                // Asked for from inside, so it returns at once, and the grace lasts.
                drop(s.shutdown(NEVER));
                let all =
                    cx.shield(LIMIT, |_| (0..ROUNDS).try_for_each(|_| scope(|s| counts.round(s, DEEP))));
                drop(over);
                Ok(all?)
            };
            let counts = &counts;
            let asks = move |_: &Context| {
                while !is_over.try_recv().is_err_and(|gone| gone.is_disconnected()) {
                    if counts.ended.load(SeqCst) > 0 {
                        // The maker. A thread that asks is not counted.
                        counts.holds(1, || s.shutdown(NEVER));
                    }
                }
                Ok(())
            };
            // Before the maker, which stops the scope: a stopped scope refuses a spawn.
            let asker = s.spawn("asker", "asks for reports", asks)?;
            let maker = s.spawn("maker", "starts threads in nested scopes", makes)?;
            maker.join()?;
            asker.join()?;
            let report = s.shutdown(Duration::ZERO);
            Ok(assert_eq!(report.total, 2 + 2 * (DEEP + 1) * ROUNDS, "{report}"))
        });
        result.unwrap();
    });
}
