//! A body, a thread or a payload panics on the way out.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::panic::panic_any;

use crate::common::subscriber::Told;
use crate::common::*;
use homebound::{Context, Result, scope};

#[test]
fn x1_body_panics_with_a_borrowing_worker_per_kind() {
    // catches: an unwinding body that skips the wait for one of the kinds of thread
    within(|| {
        let lender = Lender::new();
        let bytes = vec![0xAA_u8; 64];
        let payload = panics(|| {
            scope(|s| {
                s.spawn("worker", "reads the bytes", lingering(&lender))?;
                s.service("service", "reads the bytes", lingering(&lender))?;
                s.thread("isolated", "reads the bytes").isolated().spawn(lingering(&lender))?;
                s.thread("vital", "reads the bytes").vital().spawn(lingering(&lender))?;
                let group = s.group("group")?;
                group.spawn("member", "reads the bytes", lingering(&lender))?;
                std::mem::forget(group);
                s.spawn("bytes", "checks them at the end", |cx| {
                    cx.wait_for_stop();
                    linger(20);
                    assert!(bytes.iter().all(|b| *b == 0xAA), "read from freed memory");
                    Ok(())
                })?;
                let loan = lender.lend();
                s.defer("last", move || Ok(loan.touch()));
                if true {
                    panic_any(11_u8);
                }
                Ok(())
            })
        });
        lender.assert_unused();
        drop(bytes);
        assert_eq!(payload.downcast_ref::<u8>(), Some(&11));
    });
}

#[test]
fn x1_a_nested_body_panics_through_the_outer_scope() {
    // catches: a panic that passes the outer scope's wait on its way up
    within(|| {
        let lender = Lender::new();
        let payload = panics(|| {
            scope(|outer| {
                outer.spawn("outer", "uses its loan", lingering(&lender))?;
                outer.subscope("inner", |inner| {
                    inner.spawn("inner", "uses its loan", lingering(&lender))?;
                    if true {
                        panic!("from deep inside");
                    }
                    Ok(())
                })?;
                Ok(())
            })
        });
        lender.assert_unused();
        assert_eq!(text(&*payload), "from deep inside");
        assert!(homebound::current().is_none());
    });
}

#[test]
fn x1_a_subscriber_that_panics_does_not_skip_the_wait() {
    // catches: the library's own log line as the way out past the wait; a thread counted for ever
    fn scenario(what: &str) -> i32 {
        let (what, lender) = (what.to_owned(), Lender::new());
        let on_unwind = OnDrop(|| lender.assert_unused());
        let subscriber = Told::new(move |line: &str| assert!(!line.starts_with(&what), "told: {line}"));
        let run = || {
            tracing::subscriber::with_default(subscriber, || {
                scope(|s| {
                    for _ in 0..3 {
                        s.spawn("slow", "uses its loan", lingering(&lender))?;
                    }
                    s.service("service", "uses its loan", lingering(&lender))?;
                    s.thread("vital", "ends first").vital().spawn(|_| Ok(()))?;
                    Err::<(), _>(boom("the body gives up"))
                })
            })
        };
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        lender.assert_unused();
        std::mem::forget(ended);
        drop(on_unwind);
        0
    }
    for what in ["event", "span", "event DEBUG", "event INFO", "event ERROR"] {
        child_passes_with(what, scenario);
    }
}

#[test]
fn x1_a_scope_in_a_destructor_while_its_thread_unwinds() {
    // catches: a guard that takes the unwinding around the scope for one inside; a hook set while
    // panicking
    child_passes(|_| {
        let lender = Lender::new();
        let payload = panics(|| {
            let _scope_in_drop = OnDrop(|| {
                let result = scope(|s| {
                    s.spawn("slow", "uses its loan", lingering(&lender))?;
                    s.stop();
                    Ok(())
                });
                assert!(result.is_ok());
                lender.assert_unused();
            });
            panic!("around the scope");
        });
        assert_eq!(text(&*payload), "around the scope");
        0
    });
}

#[test]
fn x2_payloads_that_panic_when_dropped() {
    // catches: the count-down skipped, or the process aborted, wherever the payload is dropped
    child_passes(|_| {
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            let bomber = |_: &Context| -> Result { panic_any(Bomb::chain(4)) };
            let joined = s.thread("joined", "panics").isolated().spawn(bomber)?;
            drop_quietly(joined.join());
            for _ in 0..3 {
                s.thread("dropped", "panics").isolated().spawn(bomber)?;
            }
            s.stop();
            Ok(())
        });
        lender.assert_unused();
        assert_eq!(result.as_ref().unwrap_err().failures().len(), 3);
        drop_quietly(result);
        0
    });
}

#[test]
fn x2_more_payloads_than_the_list_holds() {
    // catches: payloads over the limit of 1024 dropped outside of any guard
    child_passes(|_| {
        let result = scope(|s| {
            for _ in 0..1030 {
                let bomber = |_: &Context| -> Result { panic_any(Bomb::new()) };
                let bomber = s.thread("bomber", "panics").isolated().spawn(bomber)?;
                let _ = bomber.done().recv();
            }
            Ok(())
        });
        let omitted = result.as_ref().unwrap_err().omitted();
        assert!((6..=12).contains(&omitted), "{omitted}");
        drop_quietly(result);
        0
    });
}
