//! Owns the functions of this folder for systems without Linux's files: no thread is listed.
//! Refuses to invent a thread, an id or a mark.

use std::cmp::Ordering;
use std::convert::Infallible;
use std::io;
use std::thread::JoinHandle;

use super::{KernelLook, KernelThread};

pub fn thread_id() -> Option<u32> {
    None
}

/// Always true: no thread has an id here that the kernel could be asked about.
pub(crate) fn is_there(_id: u32) -> bool {
    true
}

/// Not known here.
pub(crate) fn stack_left() -> Option<usize> {
    None
}

/// Names are not cut here.
pub const NAME_BYTES: usize = usize::MAX;

/// Does nothing: threads keep the names that std gave them.
pub(crate) fn set_thread_name(_name: &str) {}

/// Always true, because any thread may be the one that handles a signal.
pub(crate) fn is_main_thread() -> bool {
    true
}

pub(crate) fn ended_children() -> io::Result<Vec<u32>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system does not list children by thread"))
}

pub(crate) fn reap(_pid: u32) -> bool {
    false
}

/// Nothing, because it is not known which attributes a thread hands on here.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Attributes;

#[derive(Debug, Default)]
pub(crate) struct Refused {
    pub(crate) scheduling: Option<io::Error>,
    pub(crate) processors: Option<io::Error>,
}

impl Attributes {
    pub(crate) fn less_urgent(self) -> Attributes {
        self
    }

    pub(crate) fn more_urgent(self) -> Attributes {
        self
    }

    pub(crate) fn on(self, _processors: &[usize]) -> Attributes {
        self
    }

    pub(crate) fn width(&self) -> usize {
        usize::MAX
    }

    pub(crate) fn begin(&self, _root: &Attributes) -> Refused {
        Refused::default()
    }

    pub(crate) fn take_back(&self) -> bool {
        true
    }

    pub(crate) fn urgency_here(&self) -> Ordering {
        Ordering::Equal
    }
}

pub(crate) fn processors_here() -> Vec<usize> {
    Vec::new()
}

/// Does nothing: the kernel gives orphans to the init.
#[cfg(unix)]
pub(crate) mod adopted {
    #[derive(Debug)]
    pub(crate) struct Adoption;

    impl Adoption {
        pub(crate) fn begin() -> Option<Adoption> {
            None
        }
    }

    pub(crate) fn reap_group(_leader: u32) {}
}

type KernelName = [u64; 2];

pub(crate) fn kernel_name() -> KernelName {
    [0; 2]
}

pub(crate) fn set_kernel_name(_name: &KernelName) {}

pub(crate) fn join(handle: JoinHandle<()>, _look: impl FnOnce(&dyn Fn() -> bool) -> bool) {
    drop(handle.join());
}

fn not_listed() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "this system does not list the threads of a process")
}

pub fn process_threads(_skip: &dyn Fn(u32) -> bool) -> io::Result<Vec<KernelThread>> {
    Err(not_listed())
}

pub(crate) fn thread_ids() -> io::Result<Vec<u32>> {
    Err(not_listed())
}

pub(crate) fn thread_of(_id: u32) -> io::Result<Option<KernelThread>> {
    Err(not_listed())
}

pub(crate) fn kernel_look(_id: u32) -> io::Result<Option<KernelLook>> {
    Ok(Some(KernelLook::default()))
}

/// There is no value of this type, because no call of a thread is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Futex {
    pub(crate) address: u64,
    never: Infallible,
}

impl Futex {
    pub(crate) fn is_wait(&self) -> bool {
        match self.never {}
    }

    pub(crate) fn is_lock_pi(&self) -> bool {
        match self.never {}
    }
}

pub(crate) fn futex_of(_id: u32) -> io::Result<Option<Futex>> {
    Err(not_listed())
}

pub(crate) fn owner_in(word: u32) -> u32 {
    word
}

pub(crate) fn words_at<const N: usize>(_address: u64) -> Option<[u32; N]> {
    None
}

pub(crate) fn byte_at(_address: u64) -> Option<u8> {
    None
}

pub(crate) fn long_words_from(_address: u64, _most: usize) -> Vec<u64> {
    Vec::new()
}

pub(crate) fn uptime() -> Option<std::time::Duration> {
    None
}

pub fn marks() -> Vec<u32> {
    Vec::new()
}

pub fn set_mark(_mark: u32, _set: bool) -> io::Result<()> {
    Ok(())
}

pub fn marks_of(_id: u32) -> io::Result<Option<u64>> {
    Err(not_listed())
}

/// Nothing is counted here that could be read.
pub(crate) mod pulse {
    use std::io;

    use super::super::Counters;

    pub(crate) fn counters(_id: u32) -> io::Result<Option<Counters>> {
        Err(super::not_listed())
    }

    pub(crate) fn channel(_id: u32) -> Option<String> {
        None
    }

    pub(crate) fn state(_id: u32) -> Option<u8> {
        None
    }

    pub(crate) fn may_select(_id: u32) -> bool {
        false
    }
}

pub(crate) fn guard_exit(_at: std::time::Instant, _end: last::End) {}

/// Does nothing: no timer ends the process, so *watch* alone does.
pub(crate) mod last {
    use std::io;
    use std::time::{Duration, Instant};

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum End {
        Exit(i32),
        Abort,
        Never,
    }

    pub(crate) fn prepare(_end: End, _stops: &[i32], _limit: Duration, _notice: Duration) {}

    pub(crate) const SAME_SIGNAL: Duration = Duration::from_millis(500);
    pub(crate) const SAME_KEY: Duration = Duration::from_millis(200);

    pub(crate) fn look() -> u64 {
        0
    }

    pub(crate) fn postpone(_at: Instant, _end: End, _seen: u64) {}

    pub(crate) fn due() -> Option<Instant> {
        None
    }

    pub(crate) fn began() {}

    pub(crate) fn name_threads(_patience: Duration) {}

    pub(crate) fn arm(_at: Instant, _end: End) {}

    #[derive(Debug)]
    pub(crate) struct Guard;

    impl Guard {
        pub(crate) fn new() -> io::Result<Guard> {
            Ok(Guard)
        }

        pub(crate) fn renew(&mut self) {}
    }
}
