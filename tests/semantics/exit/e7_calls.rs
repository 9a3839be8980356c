//! E7: user code may call back from anywhere.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::cell::RefCell;
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::{BoxError, Context, Result, Scope, scope};

/// Calls everything there is to call.
fn call_back<'s>(s: &'s Scope<'s, '_>) {
    let _ = (s.is_stopping(), s.active_threads(), s.dump_status(), s.snapshot().to_string());
    let _ = (s.context().path(), homebound::current(), homebound::registry::snapshot());
    let _ = (homebound::registry::dump_status(), s.stop_signal().is_empty());
    drop(s.context().on_stop(|| ()));
    drop(s.group("from a drop"));
    s.defer("from a drop", || Ok(()));
    s.stopper().stop();
    s.stop();
    let _ = s.spawn("from a drop", "is refused", |_| Ok(()));
    let _ = s.shutdown(Duration::ZERO);
}

#[test]
fn e7_user_code_calls_back_from_drops_callbacks_and_deferred() {
    // catches: any lock of the library held while user code runs
    within(|| {
        for how in 0..6 {
            let called = AtomicUsize::new(0);
            let result = scope(|s| {
                let called = &called;
                let again = move || {
                    call_back(s);
                    called.fetch_add(1, Ordering::SeqCst);
                };
                match how {
                    0 => {
                        let capture = OnDrop(again);
                        drop(s.spawn("capture", "calls back", move |_| {
                            let _unused = &capture;
                            Ok(())
                        })?);
                    }
                    1 => drop(s.spawn("result", "calls back", move |_| Ok(OnDrop(again)))?),
                    2 => s.defer("deferred", move || Ok(again())),
                    3 => s.context().with_on_stop(again, || s.stop()),
                    4 => {
                        let late = s.spawn("taken", "calls back", move |_| Ok(OnDrop(again)))?;
                        let _ = late.done().recv();
                        drop(late);
                    }
                    _ => {
                        s.stop();
                        let refused = OnDrop(again);
                        assert!(s.spawn("no", "is refused", move |_| Ok(drop(refused))).is_err());
                    }
                }
                Ok(())
            });
            assert!(result.is_ok(), "{how}: {result:?}");
            assert_eq!(called.load(Ordering::SeqCst), 1, "{how}");
        }
    });
}

/// Payload and error that call back through a context when dropped or displayed.
struct Calls(Context, Arc<AtomicBool>);

impl Calls {
    fn call(&self) {
        let cx = &self.0;
        let _ = (cx.is_stopping(), cx.stop_reason(), cx.path(), cx.stopper().is_stopping());
        let _ = (cx.spawn("no", "may be refused", |_| Ok(())), homebound::registry::dump_status());
        cx.stopper().stop();
        drop(cx.on_stop(|| ()));
        self.1.store(true, Ordering::SeqCst);
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.call();
    }
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.call();
        f.write_str("Calls")
    }
}

impl std::fmt::Display for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.call();
        f.write_str("calls back")
    }
}

impl std::error::Error for Calls {}

#[test]
fn e7_payloads_and_errors_call_back() {
    // catches: Drop or Display of a failure under a lock
    within(|| {
        for how in 0..3 {
            let called = Arc::new(AtomicBool::new(false));
            let result = scope(|s| {
                let calls = Calls(s.context().clone(), called.clone());
                drop(s.spawn("calls", "calls back", move |_| -> Result {
                    match how {
                        0 => panic_any(calls),
                        1 => Err(BoxError::from(calls)),
                        _ => Err(anyhow::Error::from(calls).into()),
                    }
                })?);
                Ok(())
            });
            let error = result.unwrap_err();
            assert_eq!(error.failures().len(), 1);
            assert!(!error.to_string().is_empty() && !format!("{error:?}").is_empty());
            drop(error);
            assert!(called.load(Ordering::SeqCst), "{how}");
        }
    });
}

#[test]
fn e7_thread_local_destructors_call_back_and_have_no_context() {
    // catches: a current() that is still set, or a panic, in a thread-local's drop
    type Last = RefCell<Option<OnDrop<Box<dyn FnMut()>>>>;
    thread_local!(static LAST: Last = const { RefCell::new(None) });
    within(|| {
        let (tell, told) = unbounded();
        let result = scope(|s| {
            s.spawn("ends", "calls back at its very end", move |cx| {
                let cx = cx.clone();
                LAST.set(Some(OnDrop(Box::new(move || {
                    let none = homebound::current().is_none();
                    let _ = cx.spawn("no", "may be refused", |_| Ok(()));
                    cx.stopper().stop();
                    let _ = tell.send((none, cx.is_stopping()));
                }))));
                Ok(())
            })?;
            Ok(())
        });
        assert!(result.is_ok());
        assert_eq!(told.iter().collect::<Vec<_>>(), [(true, true)]);
    });
}

#[test]
fn e7_a_tracing_subscriber_calls_back() {
    // catches: an event or a span under a lock
    child_passes(|_| {
        let called = Arc::new(AtomicUsize::new(0));
        let count = called.clone();
        let subscriber = Told::new(move |_: &str| {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = homebound::registry::dump_status();
            if let Some(cx) = homebound::current() {
                let _ = (cx.is_stopping(), cx.stop_reason(), cx.path(), cx.stop_signal().is_empty());
                drop(cx.on_stop(|| ()));
            }
        });
        let result = tracing::subscriber::with_default(subscriber, || {
            scope(|s| {
                s.service("service", "is stopped", until_stopped)?;
                let group = s.group("group")?;
                group.spawn("member", "is stopped", until_stopped)?;
                s.spawn("falls", "panics", |_| -> Result { panic!("it falls") })?;
                s.context().wait_for_stop();
                drop(group);
                s.shutdown(LIMIT);
                Ok(())
            })
        });
        assert_eq!(result.unwrap_err().failures().len(), 1);
        assert!(called.load(Ordering::SeqCst) > 0);
        0
    });
}
