//! Owns the stack of a thread, as plain data, and its text.
//! Refuses to capture a stack and to look for names: `sight` does.

use std::fmt;
use std::sync::Arc;

use crate::rt::shown::Shown;

/// The stack of a thread at one moment.
///
/// `{}` is one line: the innermost function of the program's own, and in parentheses the functions
/// through which the thread waits there. An optimised program may have no such function, because
/// the thread's closure was inlined: then it is the function of homebound's that calls the closure.
/// `{:#}` has a line for each frame.
///
/// ```
/// use homebound::status::{Examine, Stacks};
///
/// homebound::scope(|scope| {
///     scope.service("clock", "ticks", |cx| Ok(drop(cx.wait_for_stop())))?;
///     let snapshot = scope.examine(Examine::new().stacks(Stacks::Asleep));
///     for thread in &snapshot.root.threads {
///         match (&thread.stack, &thread.no_stack) {
///             (Some(stack), _) => println!("{}: {stack}", thread.path),
///             (None, why) => println!("{}: no stack: {why:?}", thread.path),
///         }
///     }
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stack {
    /// The frames, from the innermost on.
    pub frames: Vec<Frame>,
    /// True if the frames go on to the thread's first function.
    pub whole: bool,
    /// Why the frames do not go on; `None` if the stack is whole.
    pub cut: Option<String>,
    /// How the stack came about.
    pub how: Captured,
}

/// Of which threads stacks are captured, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stacks {
    /// No stacks.
    Off,
    /// The stacks of threads that sleep. No thread gets a signal, and no thread notices anything. A
    /// thread that computes has no stack this way.
    Asleep,
    /// The stacks of all threads. A thread that computes, or whose stack could not be read as a
    /// whole, gets one real-time signal, unless it blocks that signal. If such a thread enters a
    /// wait before the signal arrives, that wait may end with `EINTR`, as after any signal. Foreign
    /// threads get no signal.
    All,
}

/// How a stack came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Captured {
    /// The thread slept, and noticed nothing.
    Asleep,
    /// The thread got a signal.
    BySignal,
}

/// One frame of a [`Stack`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Frame {
    /// Where the thread is in its function, or goes on in it.
    pub address: u64,
    /// The function, demangled. `None` if its name is not known: the file was stripped, for
    /// example.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::text"))]
    pub function: Option<Arc<str>>,
    /// Other functions that are alike, so that the compiler or the linker has made them one with
    /// `function`. The program has called any of them: nothing tells which.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::texts"))]
    pub alike: Vec<Arc<str>>,
    /// The path of the file that the code is from. `None` for code that was made at run time.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::text"))]
    pub module: Option<Arc<str>>,
    /// The address as the file counts it, which tools such as `addr2line` take. `address` itself if
    /// the file is not known.
    pub offset: u64,
    /// The build id of the file, in hexadecimal digits.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::text"))]
    pub build_id: Option<Arc<str>>,
    /// The file of the source, below the folder in which the compiler ran, or else its whole path.
    /// `None` for functions that are not the program's own, and without debug information
    /// (`debug = "line-tables-only"` in the profile).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::text"))]
    pub file: Option<Arc<str>>,
    /// The line in `file`.
    pub line: Option<u32>,
    /// True if the function is the program's own; false for functions of the standard library, of
    /// the system's libraries, of homebound, and of crates whose functions only say how a thread
    /// waits.
    pub own: bool,
    /// True if the frame, or a frame further inside, was found by a search of the stack, because
    /// the unwind tables did not lead to it. Shown with a `?`.
    pub guess: bool,
}

impl Stack {
    /// Returns the innermost frame of the program's own; `None` if there is none.
    #[must_use]
    pub fn own_frame(&self) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.own)
    }

    /// The functions of the program's own that called the innermost one, from the inside out, at
    /// most `most`.
    pub(crate) fn callers(&self, most: usize) -> Callers<'_> {
        Callers { stack: self, most }
    }
}

/// Functions of the program's own, each with its place: `shop::book at src/main.rs:172 < shop::run
/// at src/main.rs:180`. Empty if there are none.
pub(crate) struct Callers<'a> {
    stack: &'a Stack,
    most: usize,
}

impl Callers<'_> {
    pub(crate) fn are_known(&self) -> bool {
        self.stack.frames.iter().filter(|frame| frame.own).nth(1).is_some()
    }
}

impl fmt::Display for Callers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let callers = self.stack.frames.iter().filter(|frame| frame.own).skip(1);
        for (count, caller) in callers.enumerate() {
            f.write_str(if count == 0 { "" } else { " < " })?;
            // One caller more than is shown: say that there are others.
            if count == self.most {
                return f.write_str("..");
            }
            write!(f, "{caller}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            for (place, frame) in self.frames.iter().enumerate() {
                writeln!(f, "#{place:<3}{frame}")?;
            }
            return self.cut.iter().try_for_each(|cut| writeln!(f, "cut: {}", Shown(cut)));
        }
        let own = self.frames.iter().position(|frame| frame.own);
        // Without a function of the program's own: the closure of the thread was inlined into the
        // function of homebound's that calls it, or this is no code of the program's.
        let own = own.or_else(|| self.frames.iter().position(Frame::is_of_homebound));
        let Some(own) = own.or(self.frames.len().checked_sub(1)) else { return f.write_str("no frames") };
        let (inner, rest) = self.frames.split_at(own);
        f.write_str("in ")?;
        rest.first().map_or(Ok(()), |frame| write!(f, "{frame}"))?;
        // From the own function inwards: each function calls the next.
        for (count, frame) in inner.iter().rev().enumerate() {
            write!(f, "{}{frame}", if count == 0 { " (" } else { " > " })?;
        }
        f.write_str(if inner.is_empty() { "" } else { ")" })?;
        self.cut.iter().try_for_each(|cut| write!(f, "; cut: {}", Shown(cut)))
    }
}

impl Frame {
    fn is_of_homebound(&self) -> bool {
        let name = self.function.as_deref().unwrap_or_default();
        name.trim_start_matches('<').starts_with("homebound::")
    }
}

/// The function, and its line if that is known; without a name `module+offset [build-id]`, or the
/// address.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.guess { "? " } else { "" })?;
        match (&self.function, &self.module) {
            (Some(function), _) => {
                write!(f, "{}", Shown(function))?;
                match &self.alike[..] {
                    [] => Ok(()),
                    [other] => write!(f, " or {}", Shown(other)),
                    others => write!(f, " or one of {} others", others.len()),
                }
            }
            (None, Some(module)) => {
                let file = module.rsplit('/').next().unwrap_or(module);
                write!(f, "{}+{:#x}", Shown(file), self.offset)?;
                self.build_id.iter().try_for_each(|id| write!(f, " [{}]", Shown(id)))
            }
            (None, None) => write!(f, "{:#x}", self.address),
        }?;
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, " at {}:{line}", Shown(file)),
            _ => Ok(()),
        }
    }
}
