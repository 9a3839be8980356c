//! Owns the stacks of one look: the captures within their time, and the names of their functions.
//! Refuses to choose the threads and their order.
//!
//! The process has one session, because it keeps what was read of unwind tables and of names for
//! the next look. Its lock is held while a look captures, and not while it reads files: a file may
//! be on a disk that does not answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use homebound_stacks as machine;
use machine::{Code, How, Names, NotCaptured, Reading, Way};

use crate::outcome::status::stack::{Captured, Frame, Stack, Stacks};
use crate::sight::files::Files;
use crate::sync::locks::{Mutex, MutexGuard};
use crate::sys;

/// The longest wait for the answer of one thread that gets a signal.
const ANSWER: Duration = Duration::from_millis(50);

/// Age from which on the list of modules is read again. A capture finds by itself what has changed,
/// but gives up at code that belongs to no module for more than some pages.
const OLD: Duration = Duration::from_secs(1);

/// Number of functions that are kept with their names.
const KEPT: usize = 16 * 1024;

/// Stack that the calling thread must have left, in bytes. A look without optimisation overflowed a
/// thread of 96 KiB, and fitted into 112 KiB; with optimisation a capture fits into 48 KiB. The
/// rest is room for the names of functions, which are demangled in a recursion.
const ROOM: usize = if cfg!(debug_assertions) { 192 * 1024 } else { 96 * 1024 };

const NO_TIME: &str = "there was no time left";

static SESSION: Mutex<Option<Session>> = Mutex::new(None);

/// The memory of captures, from look to look.
pub(super) struct Session {
    pub(super) stacks: machine::Stacks,
    /// When the list of modules was read.
    renewed: Instant,
    /// Frames, each as if it were no guess.
    known: HashMap<Code, Frame>,
}

pub(super) type SessionGuard = MutexGuard<'static, Option<Session>>;

/// The stacks of one look, while they are being captured.
pub(super) struct Capturing {
    until: Instant,
    /// Kernel id of the calling thread, which has no stack of interest.
    own: Option<u32>,
    /// `None` before the first capture, and if there can be none.
    session: Option<SessionGuard>,
    /// True if there is no session, for the reason in `limits`.
    is_refused: bool,
    taken: HashMap<u32, Result<Raw, String>>,
    /// Number of threads for which there was no time.
    missed: usize,
    /// Reasons that hold for the process, each once.
    limits: Vec<String>,
}

/// A stack without names.
struct Raw {
    frames: Vec<machine::Frame>,
    cut: Option<String>,
    how: Captured,
}

/// The stacks of one look, by the kernel's ids of their threads.
pub(super) struct Taken(HashMap<u32, Result<Stack, String>>);

impl Capturing {
    /// Captures no stack after `until`.
    pub(super) fn new(until: Instant) -> Capturing {
        Capturing {
            until,
            own: sys::thread_id(),
            session: None,
            is_refused: false,
            taken: HashMap::new(),
            missed: 0,
            limits: Vec::new(),
        }
    }

    /// Captures the stack of a thread, once, if there is time.
    pub(super) fn take(&mut self, os_tid: u32, stacks: Stacks) {
        let way = match stacks {
            Stacks::Off => return,
            Stacks::Asleep => Way::Asleep,
            Stacks::All => Way::Signal,
        };
        // Once: a thread and each body that it runs have rows of their own, with the same id.
        if !self.taken.contains_key(&os_tid) {
            if let Some(taken) = self.capture(os_tid, way) {
                self.taken.insert(os_tid, taken);
            }
        }
    }

    /// `None` if no stack can be captured in this process.
    fn capture(&mut self, os_tid: u32, way: Way) -> Option<Result<Raw, String>> {
        // The capture needs a thread that sleeps or answers a signal, and this thread does neither.
        if self.own == Some(os_tid) {
            return Some(Err("it is the thread that looks".to_owned()));
        }
        // The stacks that were captured before stay. The missing ones are counted for `limits`.
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            self.missed += 1;
            return Some(Err(NO_TIME.to_owned()));
        }
        let tid = i32::try_from(os_tid).ok()?;
        // Without a session `limits` has the reason once, so the thread gets no reason of its own.
        let captured = self.session(left)?.stacks.capture(tid, way, left.min(ANSWER));
        Some(captured.map(raw).map_err(|why| {
            // Reasons about the process or the system, which each thread would repeat.
            let holds_for_all = matches!(
                why,
                NotCaptured::Hidden { .. }
                    | NotCaptured::Memory { .. }
                    | NotCaptured::NoSignal
                    | NotCaptured::Queue { .. }
            );
            if holds_for_all {
                self.limit(format!("stacks: {why}"));
            }
            match why {
                // Only the reader can decide that a thread may be disturbed.
                NotCaptured::Running if way == Way::Asleep => {
                    format!("{why} (`Stacks::All` sends one to threads of the tree)")
                }
                why => why.to_string(),
            }
        }))
    }

    /// The session, which is made or renewed when it is first asked for.
    fn session(&mut self, patience: Duration) -> Option<&mut Session> {
        // `is_refused`: to try for each thread again could wait for the same lock again each time.
        if self.session.is_none() && !self.is_refused {
            match open(patience) {
                // Held until `look_up` has the list of modules by which the stacks were captured.
                Ok(session) => self.session = Some(session),
                Err(why) => {
                    self.is_refused = true;
                    self.limit(format!("stacks: {why}"));
                }
            }
        }
        self.session.as_mut()?.as_mut()
    }

    fn limit(&mut self, text: String) {
        if !self.limits.contains(&text) {
            self.limits.push(text);
        }
    }

    /// Looks up the names of all functions in these files, until `until`. What could not be read is
    /// added to `limits`.
    pub(super) fn named(mut self, until: Instant, files: Files, limits: &mut Vec<String>) -> Taken {
        if self.missed > 0 {
            self.limit(format!("the stacks of {} threads: {NO_TIME}", self.missed));
        }
        limits.append(&mut self.limits);
        // The guard moves to `look_up`, which releases the lock before files are read.
        let Some(guard) = self.session.take() else { return Taken(without_names(self.taken)) };
        let names = look_up(guard, &self.taken, until, files, limits);
        let one = |raw: Raw| Stack {
            frames: raw.frames.iter().map(|frame| named(&names, frame)).collect(),
            whole: raw.cut.is_none(),
            cut: raw.cut,
            how: raw.how,
        };
        Taken(self.taken.into_iter().map(|(os_tid, taken)| (os_tid, taken.map(one))).collect())
    }
}

impl Taken {
    /// The stack of this thread, or the reason why there is none. Returns neither if no stack was
    /// asked for.
    pub(super) fn of(&self, os_tid: u32) -> (Option<Stack>, Option<String>) {
        match self.0.get(&os_tid) {
            Some(Ok(stack)) => (Some(stack.clone()), None),
            Some(Err(why)) => (None, Some(why.clone())),
            None => (None, None),
        }
    }
}

pub(super) fn open(patience: Duration) -> Result<SessionGuard, String> {
    // First, because an overflow of the stack would end the program that asks why it hangs.
    if let Some(left) = sys::stack_left().filter(|left| *left < ROOM) {
        let (left, needed) = (left / 1024, ROOM / 1024);
        return Err(format!("the thread that looks has {left} KiB of stack left, and needs {needed} KiB"));
    }
    let Some(mut session) = SESSION.try_lock_for(patience) else {
        return Err("another thread captures stacks at the same time".to_owned());
    };
    match &mut *session {
        Some(session) if session.renewed.elapsed() < OLD => {}
        Some(session) => {
            // If this fails, the session stays with its old list, and the next look tries again.
            session.stacks.renew().map_err(|why| why.to_string())?;
            session.renewed = Instant::now();
        }
        none => {
            let stacks = machine::Stacks::new().map_err(|why| why.to_string())?;
            *none = Some(Session { stacks, renewed: Instant::now(), known: HashMap::new() });
        }
    }
    Ok(session)
}

fn raw(stack: machine::Stack) -> Raw {
    let how = match stack.how {
        How::Asleep => Captured::Asleep,
        How::Signal => Captured::BySignal,
    };
    Raw { frames: stack.frames().collect(), cut: stack.cut.map(|cut| cut.to_string()), how }
}

/// The result of a look without a session, in which each thread has a reason and no stack.
fn without_names(taken: HashMap<u32, Result<Raw, String>>) -> HashMap<u32, Result<Stack, String>> {
    let reasons = taken.into_iter().filter_map(|(os_tid, taken)| Some((os_tid, Err(taken.err()?))));
    reasons.collect()
}

/// The frames of these stacks by their code.
fn look_up(
    mut guard: SessionGuard,
    taken: &HashMap<u32, Result<Raw, String>>,
    until: Instant,
    files: Files,
    limits: &mut Vec<String>,
) -> HashMap<Code, Frame> {
    let Some(session) = guard.as_mut() else { return HashMap::new() };
    let modules = session.stacks.modules();
    // All at once, because nothing says which of them are not used any more. It is only a cache.
    if session.known.len() > KEPT {
        session.known.clear();
    }
    let frames = || taken.values().flatten().flat_map(|raw| &raw.frames);
    let (mut found, mut wanted) = (HashMap::new(), HashMap::new());
    for frame in frames() {
        match session.known.get(&frame.code()) {
            Some(known) => drop(found.insert(frame.code(), known.clone())),
            None => drop(wanted.insert(frame.code(), *frame)),
        }
    }
    // Before files are read: a disk that does not answer must not keep other looks from capturing.
    // `modules` is a list of its own, so that a look meanwhile may renew the session's.
    drop(guard);
    if wanted.is_empty() {
        return found;
    }
    let reading = Reading::default().until(until);
    let reading = if files == Files::Local { reading.local_only() } else { reading };
    let names =
        modules.names(wanted.values().copied(), reading).folding("homebound::").with_lines(Some(until));
    let looked_up: HashMap<Code, Frame> =
        wanted.iter().map(|(code, frame)| (*code, looked_up(&names, frame))).collect();
    keep(&names, &looked_up, until);
    limits.extend(names.unread().iter().map(|unread| format!("names in {}: {}", unread.module, unread.why)));
    found.extend(looked_up);
    found
}

/// Keeps frames for the next look, except of files that were not read as a whole.
fn keep(names: &Names, looked_up: &HashMap<Code, Frame>, until: Instant) {
    let left = until.saturating_duration_since(Instant::now());
    // The lock was free since `look_up`. If another look has it now, the next look reads again.
    let Some(mut guard) = SESSION.try_lock_for(left) else { return };
    let Some(session) = guard.as_mut() else { return };
    // A later look may have the time to read the other files, or may be allowed to.
    let is_read =
        |frame: &Frame| !names.unread().iter().any(|unread| Some(&unread.module) == frame.module.as_ref());
    let whole = looked_up.iter().filter(|(_, frame)| is_read(frame));
    session.known.extend(whole.map(|(code, frame)| (*code, frame.clone())));
}

fn looked_up(names: &Names, frame: &machine::Frame) -> Frame {
    let place = names.place(frame);
    // `place` belongs to the instruction, which for a return address is looked up one byte before.
    let returns = u64::from(frame.is_return_address);
    let own = place.is_some() && !names.is_folded(frame);
    // In a folded function, as those of std are, the line could only be in code of the program's
    // that the compiler has inlined there, and would not fit the name.
    let line = names.line(frame).filter(|_| own);
    Frame {
        address: frame.address,
        function: place.and_then(|place| place.function.clone()),
        alike: place.map(|place| place.alike.clone()).unwrap_or_default(),
        module: place.map(|place| Arc::clone(&place.module)),
        offset: place.map_or(frame.address, |place| place.offset + returns),
        build_id: place.and_then(|place| place.build_id.clone()),
        file: line.map(|line| Arc::clone(&line.file)),
        line: line.map(|line| line.line),
        own,
        guess: false,
    }
}

/// The frame of a stack, from the frame that was looked up for its instruction.
fn named(names: &HashMap<Code, Frame>, frame: &machine::Frame) -> Frame {
    // Address and guess are taken from `frame`: stacks with the same code share the rest.
    let known = names.get(&frame.code()).cloned();
    let unknown = || Frame {
        address: frame.address,
        function: None,
        alike: Vec::new(),
        module: None,
        offset: frame.address,
        build_id: None,
        file: None,
        line: None,
        own: false,
        guess: false,
    };
    Frame { address: frame.address, guess: frame.is_guess, ..known.unwrap_or_else(unknown) }
}
