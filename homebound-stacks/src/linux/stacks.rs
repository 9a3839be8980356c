//! Owns the capture: in which order the ways are tried.
//! Refuses to walk, to name, to know what makes a copy one of one moment, and what a signal handler
//! may do.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::linux::copy::{COPIES, Moment, StackCopy};
use crate::linux::kernel::{self, File, Mask, TurnFile, thread_id};
use crate::linux::maps;
use crate::linux::names::{Modules, Names};
use crate::linux::strange::Strange;
use crate::linux::sys::{handler, memory, signal, words};
use crate::linux::walk::arch::HOST;
use crate::linux::walk::frames::{World, walk};
use crate::linux::walk::memory::View;
use crate::linux::walk::module::{HEAD, Module, find_modules, module_at};
use crate::linux::walk::tables::Tables;
use crate::stack::{Cut, Frames, How, NotCaptured, Stack, Way};

/// How long an answer is waited for before the caller looks whether the thread is still there.
const BETWEEN_LOOKS_AT_LIFE: Duration = Duration::from_millis(10);

/// Captures stacks of the threads of this process.
///
/// It is a session: it knows the modules of the process, and keeps what it has read of their unwind
/// tables. Make one when the first stack is wanted, and keep it for the next. It belongs to one
/// thread at a time; several sessions do not disturb each other.
///
/// After `new`, [`capture`](Stacks::capture) takes no lock and allocates nothing, with one
/// exception: when it meets code of a library that was loaded meanwhile, it reads the list of
/// modules again. See [`frozen`](Stacks::frozen).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # if !cfg!(target_os = "linux") { return Ok(()); }
/// use std::time::Duration;
/// use homebound_stacks::{Stacks, Way, threads};
///
/// let mut stacks = Stacks::new()?;
/// let mut all = Vec::new();
/// for tid in threads()? {
///     match stacks.capture(tid, Way::Asleep, Duration::from_millis(50)) {
///         Ok(stack) => all.push(stack),
///         Err(reason) => println!("thread {tid}: {reason}"),
///     }
/// }
/// let names = stacks.names(&all);
/// for stack in &all {
///     println!("thread {}: {}", stack.tid, names.show(stack));     // one line
///     print!("{:#}", names.show(stack));                           // all frames
/// }
/// # Ok(())
/// # }
/// ```
pub struct Stacks {
    modules: Arc<[Module]>,
    tables: Tables,
    /// Room for the first bytes of a module.
    head: Vec<u8>,
    /// The stack that was captured last.
    copy: StackCopy,
    /// The signal that the caller chose.
    signal: Option<i32>,
    is_frozen: bool,
    strange: Strange,
}

impl Stacks {
    /// Reads the list of modules. Sends no signal, and installs no handler.
    ///
    /// # Errors
    ///
    /// [`NotCaptured::Hidden`] without `/proc`, [`NotCaptured::Foreign`] with that of another pid
    /// namespace, [`NotCaptured::Memory`] if the process may not read its own memory by
    /// `process_vm_readv`.
    pub fn new() -> Result<Stacks, NotCaptured> {
        let mut stacks = Stacks {
            modules: Arc::new([]),
            tables: Tables::new(),
            head: vec![0; HEAD],
            copy: StackCopy::new(),
            signal: None,
            is_frozen: false,
            strange: Strange::default(),
        };
        stacks.renew()?;
        Ok(stacks)
    }

    /// Uses this real-time signal, and no other. By default it is the highest whose action is the
    /// default, looked for again before each use ([`free_signal`](crate::free_signal)).
    #[must_use]
    pub fn signal(self, number: i32) -> Stacks {
        Stacks { signal: Some(number), ..self }
    }

    /// Never reads the list of modules again by itself, so that [`capture`](Stacks::capture)
    /// allocates nothing whatever it meets: for a caller that cannot know whether another thread
    /// holds the lock of the allocator. A stack through a library that was loaded later is then
    /// cut.
    #[must_use]
    pub fn frozen(self) -> Stacks {
        Stacks { is_frozen: true, ..self }
    }

    /// Reads the list of modules again, if libraries may have been loaded or unloaded. A capture
    /// that meets such a library does it by itself, unless the session is
    /// [`frozen`](Stacks::frozen).
    ///
    /// # Errors
    ///
    /// As [`Stacks::new`]. The list stays as it was.
    pub fn renew(&mut self) -> Result<(), NotCaptured> {
        let somewhere = std::ptr::from_ref(self) as u64;
        memory::copy(somewhere, &mut [0; 8]).map_err(|errno| NotCaptured::Memory { errno })?;
        let view = View { stack: [(0, &[]); 2], read: &memory::read };
        if !kernel::is_own_namespace() {
            return Err(NotCaptured::Foreign);
        }
        let mut modules = maps::modules(&view).map_err(|error| NotCaptured::Hidden {
            file: "maps",
            errno: error.raw_os_error().unwrap_or(libc::EIO),
        })?;
        maps::number(&mut modules, &self.modules);
        if *modules != *self.modules {
            self.modules = modules.into();
            self.tables.forget();
        }
        self.strange = Strange::default();
        Ok(())
    }

    /// The stack of one thread of this process.
    ///
    /// The thread is not stopped. Asleep, it is not even woken. A thread that is captured by a
    /// signal runs a handler of some microseconds, on its alternate signal stack if it has one.
    ///
    /// The caller blocks for `within` at most, and without [`Way::Signal`] not at all. (The kernel
    /// may have to fetch pages from disk.)
    ///
    /// # Errors
    ///
    /// The reason why there is no stack. A stack that could be read in part is no error: see
    /// [`Stack::cut`].
    ///
    /// # Example
    ///
    /// See [`Stacks`].
    pub fn capture(&mut self, tid: i32, way: Way, within: Duration) -> Result<Stack, NotCaptured> {
        let now = Instant::now();
        let end = now.checked_add(within).unwrap_or(now);
        self.copy.hold([(0, 0); 2]);
        // In one place: the caller may have little stack, and a value of 5 KiB that is returned
        // takes its room in each function on the way.
        let mut stack = Stack { tid, how: How::Asleep, call: None, cut: None, frames: Frames::new() };
        let asleep = self.asleep(&mut stack, end);
        let captured = match (asleep, way) {
            (Ok(()), Way::Signal) if !matches!(stack.cut, None | Some(Cut::TooDeep)) => {
                // Without an answer the stack stays as it is: cut.
                self.by_signal(&mut stack, end).or(Ok(()))
            }
            (Err(NotCaptured::Running | NotCaptured::TooLate | NotCaptured::Hidden { .. }), Way::Signal) => {
                self.by_signal(&mut stack, end)
            }
            (asleep, _) => asleep,
        };
        captured.map(|()| stack)
    }

    /// The words of the stack that was captured last, as they were at its moment, between two
    /// addresses: the memory of some [frames](crate::Frame::stack_pointer). Words that were not
    /// copied are left out. There are no words if the last capture returned an error.
    ///
    /// A word may be what it looks like, or be left over from a call that has long returned.
    /// Allocates nothing.
    ///
    /// ```
    /// # fn main() -> Result<(), homebound_stacks::NotCaptured> {
    /// # if !cfg!(target_os = "linux") { return Ok(()); }
    /// # let (send, receive) = std::sync::mpsc::channel();
    /// # let worker = std::thread::spawn(move || {
    /// #     send.send(homebound_stacks::thread_id()).unwrap();
    /// #     std::thread::park();
    /// # });
    /// # let tid = receive.recv().unwrap();
    /// use homebound_stacks::{Stacks, Way};
    ///
    /// let mut stacks = Stacks::new()?;
    /// let within = std::time::Duration::from_millis(100);
    /// # let mut tries = std::iter::repeat_with(|| stacks.capture(tid, Way::Asleep, within));
    /// # let stack = tries.find_map(Result::ok).expect("it sleeps");
    /// # let tid = stack.tid;
    /// let stack = stacks.capture(tid, Way::Asleep, within)?;
    /// let frames: Vec<_> = stack.frames().collect();
    /// // Return addresses are among the words of the stack.
    /// let (inner, outer) = (frames[0].stack_pointer, frames[2].stack_pointer);
    /// assert!(stacks.words(inner..outer).any(|word| word == frames[1].address));
    /// # worker.thread().unpark();
    /// # worker.join().unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub fn words(&self, addresses: Range<u64>) -> impl Iterator<Item = u64> + '_ {
        self.copy.words(addresses)
    }

    /// The addresses of the copied bytes of the stack that was captured last: from the stack
    /// pointer on and, for a thread in a signal handler with a stack of its own, a part of the
    /// stack that the signal interrupted. The ranges are empty if the last capture returned an
    /// error.
    ///
    /// A stack that was [cut](Stack::cut) may go on where the copy ends.
    ///
    /// ```
    /// # fn main() -> Result<(), homebound_stacks::NotCaptured> {
    /// # if !cfg!(target_os = "linux") { return Ok(()); }
    /// let stacks = homebound_stacks::Stacks::new()?;
    /// assert!(stacks.copied().iter().all(|piece| piece.is_empty()), "nothing was captured");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn copied(&self) -> [Range<u64>; 2] {
        self.copy.addresses()
    }

    /// The module that holds an address: its path, and the address as its file knows it, which
    /// tools such as `addr2line` take. Allocates nothing.
    #[must_use]
    pub fn module(&self, address: u64) -> Option<(&str, u64)> {
        let module = module_at(&self.modules, address)?;
        Some((&module.path, address.wrapping_sub(module.bias)))
    }

    /// The names of all functions of these stacks, by one pass over the symbol table of each
    /// module.
    ///
    /// Reads the files of the modules, so it may block where a file lies on a device that does not
    /// answer; it allocates.
    #[must_use]
    pub fn names(&self, stacks: &[Stack]) -> Names {
        Names::of(&self.modules, stacks)
    }

    /// The modules as they are known now, for names that are read while the session goes on.
    #[must_use]
    pub fn modules(&self) -> Modules {
        Modules(Arc::clone(&self.modules))
    }

    /// The stack of a thread that sleeps.
    fn asleep(&mut self, stack: &mut Stack, end: Instant) -> Result<(), NotCaptured> {
        let tid = stack.tid;
        // The kernel tells a thread about itself as well, but then it does not sleep.
        if tid == thread_id() {
            return Err(NotCaptured::Running);
        }
        // In this order: see `kernel`.
        let (turns, mut begun) = TurnFile::open(tid)?;
        let calls = File::open(tid, "syscall")?;
        let [mut size, all] = COPIES;
        let mut elsewhere = None;
        loop {
            let moment = self.copy.of_one_moment(&calls, &turns, &mut begun, (size, elsewhere), end)?;
            (stack.call, stack.cut) = (moment.call, self.walk(&moment, &mut stack.frames));
            let (from, length) = moment.pieces[0];
            match stack.cut {
                // A library was loaded meanwhile, or has taken the place of another.
                Some(Cut::NoModule { at }) if self.looks_again(at) => {}
                // It is deeper than the copy.
                Some(Cut::NotCopied { .. }) if length == size && size < all => size = all,
                // A signal handler has a stack of its own, and the thread was on another before.
                Some(Cut::NotCopied { at })
                    if elsewhere.is_none() && !(from..from + length as u64).contains(&at) =>
                {
                    elsewhere = Some(at);
                }
                _ => return Ok(()),
            }
        }
    }

    /// The stack of a thread that gets a signal.
    fn by_signal(&mut self, stack: &mut Stack, end: Instant) -> Result<(), NotCaptured> {
        let mut moment = self.answer(stack.tid, end)?;
        (stack.how, stack.call) = (How::Signal, None);
        loop {
            stack.cut = self.walk(&moment, &mut stack.frames);
            match stack.cut {
                Some(Cut::NoModule { at }) if self.looks_again(at) => {}
                _ => return Ok(()),
            }
            match self.answer(stack.tid, end) {
                Ok(again) => moment = again,
                Err(_) => return Ok(()),
            }
        }
    }

    /// Sends a signal to a thread, and waits for what its handler has copied.
    fn answer(&mut self, tid: i32, end: Instant) -> Result<Moment, NotCaptured> {
        let number = signal::ready(self.signal).ok_or(NotCaptured::NoSignal)?;
        let alive = File::open(tid, "comm")?;
        // A thread answers from within the handler, where it blocks the signal. So a thread that
        // has just answered looks as if it blocked the signal for good, until it is out of the
        // handler.
        let is_outside = |mask: &Result<Mask, NotCaptured>| {
            !mask.as_ref().is_ok_and(|mask| signal::is_in_handler(mask.blocked))
        };
        let mask = look_until(end, || kernel::mask(tid), is_outside)?;
        kernel::may_be_sent(number, &mask)?;
        // Other sessions use the slots, each for as long as it waits for its own answer.
        let armed = look_until(end, handler::arm, Option::is_some).ok_or(NotCaptured::Busy)?;
        let sent = signal::send(tid, number, armed.value);
        let answer = armed.slot.take(
            armed.ticket,
            // A signal that was not sent has no answer to wait for, and a thread that ends with the
            // signal pending gives none.
            |word, seen| {
                let next_look = Instant::now() + BETWEEN_LOOKS_AT_LIFE;
                sent.is_ok() && alive.is_alive() && words::wait_until(word, seen, end.min(next_look))
            },
            |copied| {
                let room = &mut self.copy.room().0[..handler::DEEPEST];
                room[..copied.length].copy_from_slice(&copied.stack[..copied.length]);
                (copied.registers, copied.length, copied.refused)
            },
        );
        match sent {
            // The number was not taken by a new thread before the answer came, if the thread is
            // there.
            _ if !alive.is_alive() => return Err(NotCaptured::Gone),
            Err(libc::ESRCH) => return Err(NotCaptured::Gone),
            Err(errno) => return Err(NotCaptured::Queue { errno }),
            Ok(()) => {}
        }
        let (registers, length, refused) = answer.ok_or(NotCaptured::TooLate)?;
        if refused != 0 {
            return Err(NotCaptured::Memory { errno: refused });
        }
        let from = registers.stack_pointer().unwrap_or(0);
        Ok(Moment { call: None, registers, pieces: [(from, length), (0, 0)] })
    }

    /// Reads the list of modules again, because the code at this address is of none that is known.
    /// True: the stack is to be captured anew. The copy is not walked again, because it is older
    /// than the list.
    fn looks_again(&mut self, at: u64) -> bool {
        let mut strange = self.strange;
        let is_again = !self.is_frozen && strange.is_new(at) && self.renew().is_ok();
        self.strange = strange;
        is_again
    }

    /// Walks what was copied, and finds the modules of the frames.
    fn walk(&mut self, moment: &Moment, frames: &mut Frames) -> Option<Cut> {
        let Moment { call, registers, pieces } = *moment;
        self.copy.hold(pieces);
        let view = self.copy.view(&memory::read);
        let world = World { arch: &HOST, modules: &self.modules, view };
        let vfork = HOST.vfork.zip(call).filter(|((number, _), call)| call.number == *number);
        let returns_to = vfork.map(|((_, place), call)| call.arguments[place]);
        frames.clear();
        let cut = walk(&world, &mut self.tables, registers, returns_to, frames);
        // The modules were there before the copy was made, and are there after it: so the frames
        // are of these modules.
        let Some((place, at)) = find_modules(&self.modules, &view, &mut self.head, frames) else {
            return cut;
        };
        frames.truncate(place);
        Some(Cut::NoModule { at })
    }
}

/// Calls `look` until `is_wanted` accepts its result or the time is over, and returns the last
/// result. For a state that another thread is about to leave, because that thread wakes no caller.
fn look_until<T>(end: Instant, mut look: impl FnMut() -> T, is_wanted: impl Fn(&T) -> bool) -> T {
    const BETWEEN_LOOKS: Duration = Duration::from_micros(100);
    loop {
        let seen = look();
        if is_wanted(&seen) || Instant::now() >= end {
            return seen;
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

impl fmt::Debug for Stacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stacks { modules, signal, is_frozen, .. } = self;
        let mut shown = f.debug_struct("Stacks");
        shown.field("modules", &modules.len()).field("signal", signal).field("is_frozen", is_frozen);
        shown.finish_non_exhaustive()
    }
}
