//! Owns the tests of libraries that change while they are looked at, and of code of no library.
//! Refuses to ask the loader for a library: it could put each in another place.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod common;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use common::sys::library::{Room, one, other, without_end};
use common::{LONG, asleep, functions, start, sys};
use homebound_stacks::{Cut, How, NotCaptured, Stack, Stacks, Way};

extern "C" fn pauses() {
    sys::pause();
}

/// A thread that sleeps inside of the function that is in the room.
fn sleeper(stacks: &mut Stacks, room: &Arc<Room>) -> Stack {
    let own = room.clone();
    let tid = start(move || own.call(pauses));
    asleep(stacks, tid, is_in_pause)
}

fn is_in_pause(_: &Stacks, stack: &Stack) -> bool {
    stack.call.is_some_and(|call| call.number == libc::SYS_pause as u64)
}

static READ: AtomicU32 = AtomicU32::new(0);

extern "C" fn reads() {
    let mut pipe = sys::pipe_that_nobody_writes_to();
    sys::read_once(&mut pipe);
    READ.fetch_add(1, Ordering::Relaxed);
}

/// The function of the frame that is in the room.
fn plugin(stacks: &Stacks, room: &Room, of: &Stack, all: &[Stack]) -> Option<String> {
    let frame = of.frames().find(|frame| room.contains(frame.address)).expect("it goes through the room");
    stacks.names(all).function(&frame).map(str::to_owned)
}

/// A file that is removed at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, bytes: &[u8]) -> Temporary {
        let name = format!("homebound-stacks-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Temporary(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _removed = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_library_that_takes_the_place_of_another_is_named_and_walked_as_itself() {
    // catches: rows of the unwind table and names of a library that was there before; the name of
    // a function at the same place in a file that was replaced, where the linker gave no identity
    let room = Arc::new(Room::new());
    let file = Temporary::new("plugin.so", &one());
    if !room.load(&file.0) {
        return println!("skipped: the folder of temporary files allows no code");
    }
    let mut stacks = Stacks::new().unwrap();
    let mut frozen = Stacks::new().unwrap().frozen();
    let first = sleeper(&mut stacks, &room);
    assert_eq!(first.cut, None);
    assert_eq!(plugin(&stacks, &room, &first, std::slice::from_ref(&first)).as_deref(), Some("plugin_one"));

    let newer = Temporary::new("newer.so", &other());
    std::fs::rename(&newer.0, &file.0).unwrap();
    let names = stacks.names(std::slice::from_ref(&first));
    assert!(names.unread().iter().any(|unread| unread.why.contains("replaced")), "{names:?}");
    assert_eq!(
        plugin(&stacks, &room, &first, std::slice::from_ref(&first)),
        None,
        "it was the name of another file"
    );

    assert!(room.load(&file.0));
    let second = sleeper(&mut stacks, &room);
    let names = functions(&stacks, &second);
    assert_eq!((second.cut, second.frames().any(|frame| frame.is_guess)), (None, false), "{names:?}");
    let both = [first.clone(), second.clone()];
    assert_eq!(plugin(&stacks, &room, &second, &both).as_deref(), Some("the_other_plugin"));
    assert_eq!(plugin(&stacks, &room, &first, &both), None, "it was in the library before");
    let codes = both.map(|stack| stack.frames().find(|frame| room.contains(frame.address)).unwrap().code());
    assert_ne!(codes[0], codes[1], "one address, two functions");

    // A session that may not read the list of libraries again.
    let cut = asleep(&mut frozen, second.tid, is_in_pause);
    assert!(matches!(cut.cut, Some(Cut::NoModule { at }) if room.contains(at)), "{cut:?}");
    assert!(cut.addresses().iter().all(|address| !room.contains(*address)), "{cut:?}");
}

#[test]
fn a_thread_that_sleeps_and_gets_a_signal_goes_on_with_its_call() {
    // catches: a handler after which the kernel does not begin the call anew; the call of a stack
    // that came by a signal
    let room = Arc::new(Room::new());
    let file = Temporary::new("before.so", &one());
    let after = Temporary::new("after.so", &other());
    if !room.load(&file.0) {
        return println!("skipped: the folder of temporary files allows no code");
    }
    // It knows the library that was there before, so each stack is cut, and asked for by a signal.
    let mut stacks = Stacks::new().unwrap().frozen();
    assert!(room.load(&after.0));
    let own = room.clone();
    let tid = start(move || own.call(reads));
    let is_in_read =
        |_: &Stacks, stack: &Stack| stack.call.is_some_and(|call| call.number == libc::SYS_read as u64);
    asleep(&mut stacks, tid, is_in_read);
    let mut answers = 0;
    while answers < 50 {
        let stack = match stacks.capture(tid, Way::Signal, LONG) {
            Ok(stack) if stack.how == How::Signal => stack,
            // The handler of the request before has not returned yet.
            Ok(_) | Err(NotCaptured::Blocked | NotCaptured::Running) => continue,
            Err(reason) => panic!("{reason}"),
        };
        answers += 1;
        assert_eq!(stack.call, None, "{stack:?}");
        assert!(matches!(stack.cut, Some(Cut::NoModule { .. })), "{stack:?}");
    }
    assert_eq!(READ.load(Ordering::Relaxed), 0, "it was woken");
}

#[test]
fn a_table_that_goes_in_a_circle_is_damaged() {
    // catches: a capture that never ends
    let room = Arc::new(Room::new());
    let file = Temporary::new("without_end.so", &without_end());
    if !room.load(&file.0) {
        return println!("skipped: the folder of temporary files allows no code");
    }
    let mut stacks = Stacks::new().unwrap();
    let stack = sleeper(&mut stacks, &room);
    assert!(matches!(stack.cut, Some(Cut::DamagedTable { at }) if room.contains(at)), "{stack:?}");
}

#[test]
fn a_stack_through_code_of_no_file_is_marked() {
    // catches: a stack that goes through code without tables and looks whole
    let mut stacks = Stacks::new().unwrap();
    // More pages than a session looks up.
    for _ in 0..20 {
        let room = Arc::new(Room::new());
        room.make_code();
        let stack = sleeper(&mut stacks, &room);
        let is_in_room = |stack: &Stack| stack.addresses().iter().any(|address| room.contains(*address));
        assert!(is_in_room(&stack), "{stack:?}");
        let is_marked = stack.frames().any(|frame| frame.is_guess)
            || matches!(stack.cut, Some(Cut::NoModule { at }) if room.contains(at));
        assert!(is_marked, "{stack:?}");
    }
}
