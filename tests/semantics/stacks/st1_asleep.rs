//! ST1: a thread that sleeps has a stack, and does not notice.

use std::os::unix::net::UnixStream;

use super::looks::*;
use super::sleeps::*;
use crate::common::*;
use homebound::scope;
use homebound::status::Captured;

#[test]
fn st1_each_sleeping_thread_has_the_function_of_the_program_in_which_it_sleeps() {
    // catches: a sort of sleep without a stack, a function of std taken for the program's
    child_passes(|_| {
        scope(|s| -> homebound::Result {
            spawn_each(s, &SLEEPS);
            checked(s, |s| {
                let snapshot = settled(s, &SLEEPS);
                for (name, _) in SLEEPS {
                    let row = row(&snapshot, name);
                    let stack = row.stack.as_ref().expect("it sleeps");
                    assert_eq!((stack.how, row.no_stack.as_deref()), (Captured::Asleep, None), "{name}");
                    let own = stack.own_frame().and_then(|frame| frame.function.as_deref());
                    assert!(own.is_some_and(|own| own.ends_with(name)), "{name}: {stack:#}");
                    assert!(stack.whole && stack.cut.is_none(), "{name}: {stack:#}");
                    // The one line says where, and in parentheses how.
                    let line = stack.to_string();
                    assert!(line.starts_with("in ") && line.contains(name), "{line}");
                }
                assert_eq!(snapshot.limits, [""; 0]);
            })
        })
        .map_or(1, |()| 0)
    });
}

#[test]
fn st1_a_thread_that_writes_its_log_is_in_the_function_that_logs() {
    // catches: a function of the logger as the place of a thread
    #[inline(never)]
    fn books() {
        tracing::info!("booked");
    }
    child_passes(|_| {
        let (log, reader) = UnixStream::pair().unwrap();
        let subscriber = tracing_subscriber::fmt().with_writer(std::sync::Mutex::new(log)).finish();
        let done = scope(|s| -> homebound::Result {
            // Nobody reads the log, so it is full soon.
            s.spawn("clerk", "writes a log", move |cx| {
                tracing::subscriber::with_default(subscriber, || {
                    while !cx.is_stopping() {
                        books();
                    }
                });
                Ok(())
            })?;
            let function = || {
                let clerk = row(&s.examine(asleep()), "clerk");
                let own = clerk.stack.as_ref().and_then(|stack| stack.own_frame()?.function.clone());
                own.unwrap_or_default().to_string()
            };
            eventually("the log is full", || function().contains("::books"));
            s.stop();
            drop(reader);
            Ok(())
        });
        done.map_or(1, |()| 0)
    });
}

#[test]
fn st1_a_thousand_dumps_wake_nobody() {
    // catches: a signal for a thread that sleeps
    let done = in_child("", |_| {
        scope(|s| -> homebound::Result {
            spawn_each(s, &LIGHT);
            checked(s, |s| {
                settled(s, &LIGHT);
                for _ in 0..1_000 {
                    let stacks =
                        all_threads(&s.examine(asleep())).into_iter().filter(|row| row.stack.is_some());
                    assert!(stacks.count() >= LIGHT.len());
                }
            })
        })
        .map_or(1, |()| 0)
    });
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(!done.out.contains("woke up"), "{done:#?}");
}
