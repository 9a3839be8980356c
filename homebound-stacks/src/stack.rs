//! Owns what a caller gets: a stack, where it was cut, and why there is none.
//! Refuses to know how it came about.

use std::error::Error;
use std::fmt;

/// The most frames of one [`Stack`]. Deeper stacks are cut, at the outer end.
pub const MOST_FRAMES: usize = 256;

/// How [`Stacks::capture`](crate::Stacks::capture) may come to a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Without a signal. The thread notices nothing, whatever it does. A thread that computes has
    /// no stack this way ([`NotCaptured::Running`]).
    Asleep,
    /// First without a signal. If the thread is running, or its stack was cut, it gets one
    /// real-time signal, unless it blocks it.
    ///
    /// A running thread may enter a wait before the signal arrives. The handler has `SA_RESTART`,
    /// so most waits go on; `poll`, `select`, `epoll_wait`, `nanosleep`, `pause`, and waits with a
    /// time-out return `EINTR` all the same, as they do for any signal.
    Signal,
}

/// How a stack came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The thread slept, and noticed nothing.
    Asleep,
    /// By a signal.
    Signal,
}

/// The system call in which a thread sleeps, as the kernel shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// Its number on this machine.
    pub number: u64,
    /// What it was called with. Calls with fewer arguments leave the rest as they were.
    pub arguments: [u64; 6],
}

/// The stack of a thread at one moment.
///
/// `Display` shows the addresses. [`Names::show`](crate::Names::show) shows functions.
#[derive(Clone)]
#[non_exhaustive]
pub struct Stack {
    /// The thread, as the kernel counts it.
    pub tid: i32,
    /// How the stack came about.
    pub how: How,
    /// The system call in which the thread slept. `None` if it was captured by a signal, or slept
    /// in no call: a page fault, for example.
    pub call: Option<Call>,
    /// Why the stack does not go on to the thread's first function. `None`: it is whole.
    pub cut: Option<Cut>,
    pub(crate) frames: Frames,
}

impl Stack {
    /// The frames, from the innermost on.
    ///
    /// ```
    /// # fn main() -> Result<(), homebound_stacks::NotCaptured> {
    /// # if !cfg!(target_os = "linux") { return Ok(()); }
    /// use homebound_stacks::{Stacks, Way, thread_id};
    ///
    /// let (send, receive) = std::sync::mpsc::channel();
    /// let worker = std::thread::spawn(move || {
    ///     send.send(thread_id()).unwrap();
    ///     std::thread::park();
    /// });
    /// let tid = receive.recv().unwrap();
    ///
    /// let mut stacks = Stacks::new()?;
    /// let within = std::time::Duration::from_millis(100);
    /// // It may not be asleep yet.
    /// let mut tries = std::iter::repeat_with(|| stacks.capture(tid, Way::Asleep, within));
    /// let stack = tries.find_map(Result::ok).expect("it sleeps");
    /// assert!(stack.frames().len() > 3);
    /// assert_eq!(stack.cut, None);
    /// # worker.thread().unpark();
    /// # worker.join().unwrap();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame> + '_ {
        let Frames { addresses, stack_pointers, modules, length: _, exact, guessed_from } = &self.frames;
        let one = move |(place, address): (usize, &u64)| Frame {
            address: *address,
            stack_pointer: stack_pointers[place],
            is_return_address: exact[place / 64] >> (place % 64) & 1 == 0,
            is_guess: guessed_from.is_some_and(|from| place >= from),
            module: modules[place],
        };
        addresses[..self.frames.len()].iter().enumerate().map(one)
    }

    /// The addresses of all frames: two stacks are alike if these are.
    #[must_use]
    pub fn addresses(&self) -> &[u64] {
        &self.frames.addresses[..self.frames.len()]
    }
}

/// One frame of a [`Stack`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// Where the thread is in this function, or goes on in it.
    pub address: u64,
    /// The lower end of the memory of this frame, whose upper end is the stack pointer of the frame
    /// further out: see [`Stacks::words`](crate::Stacks::words).
    pub stack_pointer: u64,
    /// `address` is behind a call, so the instruction at which the thread is ends before it.
    pub is_return_address: bool,
    /// The unwind tables did not lead here, or not from a frame further inside: a search of the
    /// stack did. Such a frame is shown with a `?`.
    pub is_guess: bool,
    /// The number of the module, or 0 for code of no module that is known.
    pub(crate) module: u32,
}

impl Frame {
    /// An address of the instruction at which the thread is, for a search in a table of functions.
    #[must_use]
    pub fn instruction(&self) -> u64 {
        self.address.wrapping_sub(self.is_return_address.into())
    }

    /// The instruction, and the file from which its code was loaded.
    #[must_use]
    pub fn code(&self) -> Code {
        Code { module: self.module, instruction: self.instruction() }
    }
}

/// An instruction and the file from which it was loaded. Two frames with the same code have the
/// same name, although a library may have taken the place of another one between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    pub(crate) module: u32,
    pub(crate) instruction: u64,
}

/// The frames of a stack in the making. Of a fixed size, so that a capture allocates nothing.
#[derive(Clone)]
pub(crate) struct Frames {
    addresses: [u64; MOST_FRAMES],
    stack_pointers: [u64; MOST_FRAMES],
    /// The numbers of their modules: see [`Frame::code`].
    modules: [u32; MOST_FRAMES],
    length: usize,
    /// By frame: its address is no return address.
    exact: [u64; MOST_FRAMES / 64],
    guessed_from: Option<usize>,
}

impl Frames {
    pub(crate) fn new() -> Self {
        Frames {
            addresses: [0; MOST_FRAMES],
            stack_pointers: [0; MOST_FRAMES],
            modules: [0; MOST_FRAMES],
            length: 0,
            exact: [0; MOST_FRAMES / 64],
            guessed_from: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn clear(&mut self) {
        (self.length, self.exact, self.guessed_from) = (0, [0; MOST_FRAMES / 64], None);
    }

    /// The address of each frame, and a place for the number of its module.
    pub(crate) fn of_modules(&mut self) -> impl Iterator<Item = (u64, &mut u32)> {
        self.addresses[..self.length].iter().copied().zip(&mut self.modules)
    }

    /// Keeps the innermost frames alone.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// False: there is no room.
    pub(crate) fn push(&mut self, address: u64, stack_pointer: u64, is_exact: bool) -> bool {
        let place = self.length;
        let Some(slot) = self.addresses.get_mut(place) else { return false };
        *slot = address;
        (self.stack_pointers[place], self.modules[place]) = (stack_pointer, 0);
        self.exact[place / 64] |= u64::from(is_exact) << (place % 64);
        self.length += 1;
        true
    }

    /// The next frame and all after it stand on a guess.
    pub(crate) fn guess_from_here(&mut self) {
        self.guessed_from = self.guessed_from.or(Some(self.length));
    }
}

/// Why a stack does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// It has more than [`MOST_FRAMES`] frames.
    TooDeep,
    /// The code at this address belongs to no file: it was made at run time.
    NoModule {
        /// The address.
        at: u64,
    },
    /// The file of this code has no unwind table for it.
    NoTable {
        /// The address.
        at: u64,
    },
    /// The unwind table of this code cannot be read.
    DamagedTable {
        /// The address.
        at: u64,
    },
    /// The function finds its frame by a register that the kernel does not tell of a sleeping
    /// thread, and a search of the stack found no place that fits. [`Way::Signal`] has all
    /// registers.
    NoFramePointer,
    /// As [`Cut::NoFramePointer`], for another register.
    LostRegister,
    /// The frame lies outside of the memory that was copied: the stack is very deep, or goes on in
    /// another place.
    NotCopied {
        /// The address of the frame.
        at: u64,
    },
    /// A frame does not lie above the frame that it called: the stack was overwritten.
    Circle,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::TooDeep => write!(f, "more than {MOST_FRAMES} frames"),
            Cut::NoModule { at } => write!(f, "the code at {at:#x} belongs to no file"),
            Cut::NoTable { at } => write!(f, "no unwind table for the code at {at:#x}"),
            Cut::DamagedTable { at } => write!(f, "the unwind table for the code at {at:#x} is damaged"),
            Cut::NoFramePointer => f.write_str("the frame pointer is not known"),
            Cut::LostRegister => f.write_str("a register is not known"),
            Cut::NotCopied { at } => write!(f, "the frame at {at:#x} is outside of the copied memory"),
            Cut::Circle => f.write_str("a frame lies below the frame that it called"),
        }
    }
}

/// Why there is no stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotCaptured {
    /// The thread computes, or never slept long enough to be read, and no signal was allowed.
    Running,
    /// There is no such thread in this process, or it has ended meanwhile.
    Gone,
    /// The thread has no stack in this process: it is ending, or is the kernel's.
    NoStack,
    /// The thread blocks the signal, and was sent none. A thread that answers a signal of this
    /// crate blocks other signals for some microseconds;
    /// [`Stacks::capture`](crate::Stacks::capture) waits until they are over, if its time allows.
    Blocked,
    /// An earlier signal was not delivered yet, so no other was sent.
    Outstanding,
    /// The thread has another seccomp filter than the caller, which may end it for what the handler
    /// does. It was sent no signal.
    Sandboxed,
    /// Each real-time signal is in use, or the one that was asked for is.
    NoSignal,
    /// As many other threads were asking by signals as there are slots, until the time was over.
    Busy,
    /// The time was over before the answer came.
    TooLate,
    /// The kernel does not show a file of `/proc`: it is not mounted or hidden, or the process is
    /// not dumpable, as after `setuid` ([`Way::Signal`] does without).
    Hidden {
        /// The name of the file.
        file: &'static str,
        /// The number of the kernel's error.
        errno: i32,
    },
    /// `/proc` was mounted in another pid namespace, so its threads have other numbers.
    Foreign,
    /// The kernel refuses `process_vm_readv`: a seccomp filter, or a kernel without it.
    Memory {
        /// The number of the kernel's error.
        errno: i32,
    },
    /// The kernel refused to queue the signal: the user has too many that are not delivered.
    Queue {
        /// The number of the kernel's error.
        errno: i32,
    },
    /// Not Linux, or neither x86_64 nor aarch64.
    Unsupported,
}

impl fmt::Display for NotCaptured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = std::io::Error::from_raw_os_error;
        f.write_str(match self {
            NotCaptured::Running => "it is running: only a signal can tell its stack",
            NotCaptured::Gone => "there is no such thread",
            NotCaptured::NoStack => "it has no stack in this process",
            NotCaptured::Blocked => "it blocks the signal that would tell its stack",
            NotCaptured::Outstanding => "an earlier signal was not delivered to it yet",
            NotCaptured::Sandboxed => "it has a seccomp filter of its own, so it was sent no signal",
            NotCaptured::NoSignal => "no real-time signal is free: leave one with its default action",
            NotCaptured::Busy => "too many threads ask for stacks at the same time",
            NotCaptured::TooLate => "no answer in time",
            NotCaptured::Hidden { file, errno } => {
                return write!(
                    f,
                    "/proc/self/{file}: {}; mount /proc, or keep the process dumpable (PR_SET_DUMPABLE)",
                    error(*errno)
                );
            }
            NotCaptured::Foreign => "/proc is of another pid namespace: mount it in this one",
            NotCaptured::Memory { errno } => {
                return write!(f, "process_vm_readv: {}; allow it in the seccomp filter", error(*errno));
            }
            NotCaptured::Queue { errno } => {
                return write!(f, "rt_tgsigqueueinfo: {}; see RLIMIT_SIGPENDING", error(*errno));
            }
            NotCaptured::Unsupported => "stacks are captured on Linux alone, on x86_64 and aarch64",
        })
    }
}

impl Error for NotCaptured {}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stack { tid, how, call, cut, frames: _ } = self;
        let mut shown = f.debug_struct("Stack");
        shown.field("tid", tid).field("how", how).field("call", call).field("cut", cut);
        shown.field("addresses", &self.addresses()).finish()
    }
}

/// One line for each frame, and one for the cut.
impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, frame) in self.frames().enumerate() {
            let mark = if frame.is_guess { " ?" } else { "" };
            writeln!(f, "#{place:<3}{mark} {:#018x}", frame.address)?;
        }
        match self.cut {
            Some(cut) => writeln!(f, "cut: {cut}"),
            None => Ok(()),
        }
    }
}
