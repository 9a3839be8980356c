//! Owns holders whose lock is far from both ends of a stack, or at one of them: no bystander is
//! named in their place.
//! Refuses to call a guess certain.

use std::sync::{Arc, Mutex};

use homebound::{Result, Scope, Stacks};

use super::ed5_guessed::{computes_with, has_used};
use super::{holder, look, over, row, shown, until_locked};
use crate::common::*;

/// Stands between the outer end of a stack and what is called.
#[inline(never)]
fn far_inside<R, const BYTES: usize>(inner: impl FnOnce() -> R) -> R {
    let room = [0_u8; BYTES];
    std::hint::black_box(&room);
    let result = inner();
    std::hint::black_box(&room);
    result
}

/// The lowest address of the stack that the caller is on.
fn lowest_of_stack() -> usize {
    let here = 0_u8;
    let here = std::ptr::from_ref(&here).addr();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let address = |text: &str| usize::from_str_radix(text, 16).unwrap();
    let ranges = maps.lines().filter_map(|line| line.split(' ').next()?.split_once('-'));
    let mut ranges = ranges.map(|(from, to)| address(from)..address(to));
    ranges.find(|range| range.contains(&here)).expect("a mapping").start
}

/// Computes with the lock where the stack is all but used up.
#[inline(never)]
fn computes_at_the_end_with(lock: &Mutex<u64>, told: &crossbeam_channel::Sender<()>, lowest: usize) {
    let room = [0_u8; 512];
    if std::ptr::from_ref(std::hint::black_box(&room)).addr() - lowest > 9 << 10 {
        computes_at_the_end_with(lock, told, lowest);
    } else {
        computes_with(lock, told);
    }
    std::hint::black_box(&room);
}

/// Starts a bystander and, when `holder` has told that it holds the lock, a waiter. `holder` gets
/// the lock by its `Arc`, so that the address of the lock is where it is used, and nowhere else.
fn no_bystander_is_named<'scope>(
    s: &'scope Scope<'scope, '_>,
    stack: usize,
    holder_of: fn(Arc<Mutex<u64>>, crossbeam_channel::Sender<()>),
) -> Result {
    let lock = Arc::new(Mutex::new(0));
    let (open, gate) = gate();
    let used = lock.clone();
    s.spawn("bystander", "has used the lock", move |_| over(has_used(&used, &gate)))?;
    eventually("it has used it", || *lock.lock().unwrap() == 1);
    let ((told, hear), held) = (crossbeam_channel::bounded(1), lock.clone());
    let thread = s.thread("holder", "has the lock far inside").stack_size(stack);
    thread.spawn(move |_| over(holder_of(held, told)))?;
    hear.recv()?;
    s.spawn("waiter", "wants it", move |_| Ok(drop(lock.lock())))?;
    until_locked(s, "waiter");
    for _ in 0..20 {
        let snapshot = look(s, Stacks::Asleep);
        let named = holder(&snapshot, "waiter").map(|edge| edge.path);
        assert!(named.as_deref().is_none_or(|path| path == "/shop/holder"), "{snapshot}");
        let wanted = row(&snapshot, "waiter").wants.map(|wanted| wanted.why);
        // Two stacks have it, or one in a place that is not of the moment.
        assert!(named.is_some() || wanted.is_some_and(|why| why.contains("its address")), "{snapshot}");
    }
    Ok(drop(open))
}

#[test]
fn ed5_a_holder_that_computes_deep_inside_is_seen() {
    // catches: a search of a stack that gives up after some bytes
    shown(|s| {
        no_bystander_is_named(s, 2 << 20, |lock, told| {
            far_inside::<_, { 1 << 20 }>(|| computes_with(&lock, &told));
        })
    });
}

#[test]
fn ed5_a_holder_that_computes_at_the_end_of_its_stack_is_seen() {
    // catches: a search that ends at the last piece of the stack which is there as a whole
    shown(|s| {
        no_bystander_is_named(s, 128 << 10, |lock, told| {
            let lowest = lowest_of_stack();
            computes_at_the_end_with(&lock, &told, lowest);
        })
    });
}

/// Calls itself with small frames, so that a stack has more of them than are shown in few bytes.
#[inline(never)]
fn nested(levels: u32, inner: &dyn Fn()) {
    match levels.checked_sub(1) {
        Some(less) => nested(less, inner),
        None => inner(),
    }
    std::hint::black_box(levels);
}

/// Holds the lock while it sleeps in what it calls.
#[inline(never)]
fn holds_outside(lock: &Mutex<u64>, told: &crossbeam_channel::Sender<()>, inner: impl FnOnce(&dyn Fn())) {
    let held = lock.lock().unwrap();
    let (_open, gate) = gate();
    inner(&|| {
        told.send(()).unwrap();
        pass(&gate);
    });
    drop(std::hint::black_box(held));
}

#[test]
fn ed5_a_holder_that_sleeps_in_a_deep_recursion_is_seen() {
    // catches: a stack of more frames than are shown, whose outer part nobody looks at
    shown(|s| {
        no_bystander_is_named(s, 2 << 20, |lock, told| {
            holds_outside(&lock, &told, |sleep| nested(2_000, sleep));
        })
    });
}

#[test]
fn ed5_a_holder_whose_stack_is_larger_than_its_copy_is_seen() {
    // catches: a stack whose copy ends before the frame of the holder
    shown(|s| {
        no_bystander_is_named(s, 8 << 20, |lock, told| {
            holds_outside(&lock, &told, |sleep| far_inside::<_, { 3 << 20 }>(sleep));
        })
    });
}

#[test]
fn ed5_the_looking_thread_counts_as_a_holder_far_outside_too() {
    // catches: callers of the look that are not searched because they are far away
    shown(|s| {
        let lock = Arc::new(Mutex::new(0_u64));
        let (open, gate) = gate();
        let used = lock.clone();
        s.spawn("bystander", "has used the lock", move |_| over(has_used(&used, &gate)))?;
        eventually("it has used it", || *lock.lock().unwrap() == 1);
        let (held, wanted) = (lock.clone(), lock);
        let looker = s.thread("looker", "looks while it holds the lock").stack_size(4 << 20);
        looker
            .spawn(move |_| {
                let held = held.lock().unwrap();
                s.spawn("waiter", "wants it", move |_| Ok(drop(wanted.lock())))?;
                until_locked(s, "waiter");
                let snapshot = far_inside::<_, { 1 << 20 }>(|| look(s, Stacks::Asleep));
                assert!(holder(&snapshot, "waiter").is_none(), "{snapshot}");
                let wanted = row(&snapshot, "waiter").wants.expect("a lock");
                assert!(wanted.why.contains("has its address"), "{snapshot}");
                Ok(drop(held))
            })?
            .join()?;
        Ok(drop(open))
    });
}
