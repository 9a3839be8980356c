//! ST5: the last words have the stacks of all threads, and do not wait for one.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use super::looks::*;
use super::sleeps::*;
use crate::common::*;
use homebound::{Examine, Registry, Stacks};

const GRACE: Duration = Duration::from_millis(200);
const KILL_AFTER: Duration = Duration::from_millis(800);

/// A run that nobody ends: sleepers, and threads that compute.
fn late(loops: &str) -> i32 {
    let exit = Registry::new("late").grace(GRACE).kill_after(KILL_AFTER).run(|s| {
        spawn_each(s, &SLEEPS);
        for _ in 0..loops.parse()? {
            s.spawn("loop", "computes", |cx| Ok(in_loop(cx)))?;
        }
        settled(s, &SLEEPS);
        say("up");
        s.context().wait_for_stop();
        Ok(())
    });
    i32::from(exit.code())
}

/// The end of a run that had time for its look at the threads. On a busy machine some have not, and
/// say so.
#[track_caller]
fn with_time(mut run: impl FnMut() -> Done) -> Done {
    let mut done = run();
    eventually("there is time for the look", || {
        assert_eq!(done.code, Some(70), "{done:#?}");
        let has_time = !done.err.contains("there was no time left");
        if !has_time {
            done = run();
        }
        has_time
    });
    done
}

#[test]
fn st5_the_last_words_say_where_each_late_thread_is() {
    // catches: last words without stacks, or only of sleepers
    let done = with_time(|| {
        let mut child = child("1", late);
        child.until("up").signal(libc::SIGTERM);
        child.finish()
    });
    // Threads in waits of homebound's come home.
    let late = SLEEPS.iter().map(|(name, _)| *name).filter(|name| !["in_recv", "in_sleep"].contains(name));
    for function in late {
        let place = format!("sleeps::{function}");
        assert!(done.err.contains(&place), "{function}: {}", done.err);
    }
    // On a busy machine the thread that computes may not answer its signal in time.
    let told = ["sleeps::in_loop", "no stack: no answer in time"];
    assert!(told.iter().any(|text| done.err.contains(text)), "{}", done.err);
    assert!(!done.err.contains("no stack: it is running"), "{}", done.err);
}

#[test]
fn st5_threads_that_do_not_answer_do_not_hold_up_the_end() {
    // catches: 50 ms for each thread that does not answer its signal, after the end is due
    // A busy machine may be slow, but not each time.
    eventually("the end comes in time", || {
        let mut child = child("8", late);
        child.until("up").signal(libc::SIGTERM);
        let begin = Instant::now();
        let done = child.finish();
        assert_eq!(done.code, Some(70), "{done:#?}");
        // The words themselves have a second.
        begin.elapsed() < GRACE + KILL_AFTER + Duration::from_millis(1900)
    });
}

#[test]
fn st5_a_second_signal_has_the_stacks_as_well() {
    // catches: the most frequent end, without stacks
    let mut child = child("0", late);
    child.until("up").signal(libc::SIGINT);
    linger(600);
    child.signal(libc::SIGINT);
    let done = child.finish();
    assert!(done.err.contains("sleeps::in_poll"), "{done:#?}");
}

#[inline(never)]
fn a_foreign_sleep() {
    loop {
        std::thread::park();
    }
}

#[inline(never)]
fn crosswise(first: &Mutex<u32>, second: &Mutex<u32>, both: &Barrier) -> u32 {
    let first = first.lock().unwrap();
    both.wait();
    *first + *second.lock().unwrap()
}

#[test]
fn st5_the_last_words_have_the_circles_and_the_foreign_threads_of_the_look_before() {
    // catches: a deadlock that is seen before the end, and not told; a foreign thread without its
    // stack; a guess that is told as certain
    fn books(_: &str) -> i32 {
        std::thread::spawn(a_foreign_sleep);
        let exit = Registry::new("late").grace(GRACE).kill_after(KILL_AFTER).run(|s| {
            let (one, two) = (Arc::new(Mutex::new(1)), Arc::new(Mutex::new(2)));
            let both = Arc::new(Barrier::new(2));
            let (first, second, meets) = (one.clone(), two.clone(), both.clone());
            s.spawn("a", "books", move |_| Ok(crosswise(&first, &second, &meets)))?;
            s.spawn("b", "books", move |_| Ok(crosswise(&two, &one, &both)))?;
            let dump = || s.examine(Examine::new().kernel().stacks(Stacks::Asleep)).to_string();
            eventually("it is seen", || dump().contains("deadlock, perhaps: "));
            Ok(s.stop())
        });
        i32::from(exit.code())
    }
    let done = with_time(|| in_child("", books));
    assert!(done.err.contains("\ndeadlock, perhaps: /late/"), "{}", done.err);
    assert!(done.err.contains(" scope: 1 perhaps deadlock"), "{}", done.err);
    assert!(done.err.contains("st5_last_words::a_foreign_sleep"), "{}", done.err);
}
