//! Owns the proof that a process had one thread, and the calls that need it.
//! Refuses to rely on the proof alone: each call looks again.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::path::Path;

use crate::registry::exit::Exit;
use crate::sys::alone;

/// The process has no other thread: the place for what no program with several threads can do
/// safely. From [`before_threads`] before a run, from [`Exit::quiescent`] after one. Linux.
///
/// Each method looks again whether the calling thread is alone, and refuses if it is not. So a
/// `Quiescent` that is kept while threads are started does no harm.
///
/// # What this rests on
///
/// The kernel's list of the threads of the process (`/proc/self/task`) has one entry, the calling
/// thread, and only that thread could start another one. So none can read the environment while it
/// changes, and none can hold a lock that a forked child would wait for for ever. A kernel that
/// does not show the list refuses. Not seen is another *process* that shares the memory of this
/// one (`clone` with `CLONE_VM`).
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// # if homebound::registry::before_threads(|_| ()).is_ok() {
/// use homebound::registry;
///
/// // First thing in `main`.
/// registry::before_threads(|q| q.set_var("TZ", "UTC"))??;
/// assert_eq!(std::env::var("TZ").as_deref(), Ok("UTC"));
/// # }}
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Quiescent {
    /// Belongs to the thread that was found alone.
    _thread: PhantomData<*const ()>,
}

/// Which side of a [`fork`](Quiescent::fork) the calling process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "both processes go on from here: look which one this is"]
pub enum Forked {
    /// The process that called.
    Parent {
        /// The id of the new process, which the parent has to wait for (`waitpid`).
        child: u32,
    },
    /// The new process.
    Child,
}

impl Quiescent {
    fn look() -> io::Result<Quiescent> {
        alone::look_alone().map(|()| Quiescent { _thread: PhantomData })
    }

    /// Sets a variable of the environment, as [`std::env::set_var`] does.
    ///
    /// # Errors
    /// `InvalidInput` if the name is empty or holds `=` or a NUL, or the value holds a NUL;
    /// `ResourceBusy` if the process has other threads, which the error names.
    pub fn set_var(&self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> io::Result<()> {
        let (name, value) = (name.as_ref(), value.as_ref());
        let value_is_fine = !value.as_encoded_bytes().contains(&0);
        check(name)?;
        if !value_is_fine {
            return Err(invalid(format!("the value of the variable {name:?} holds a NUL")));
        }
        alone::set_var(name, value)
    }

    /// Removes a variable from the environment, as [`std::env::remove_var`] does.
    ///
    /// # Errors
    /// As [`set_var`](Self::set_var).
    pub fn remove_var(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        check(name.as_ref())?;
        alone::remove_var(name.as_ref())
    }

    /// Changes the working directory, which other threads would share.
    ///
    /// # Errors
    /// `ResourceBusy` if the process has other threads, which the error names; else the error of
    /// the system, with the path.
    pub fn set_current_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        alone::look_alone()?;
        let path = path.as_ref();
        std::env::set_current_dir(path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }

    /// Forks: both processes go on from here, and the child may do everything that its parent may,
    /// a run included. For a program that puts itself into the background, or that becomes several
    /// processes. A child with a program of its own is what
    /// [`Scope::process`](crate::Scope::process) is for, which waits for it, too.
    ///
    /// Text that std has buffered for the standard output, and not written yet, is in both
    /// processes: write it before (`flush`).
    ///
    /// # Errors
    /// `ResourceBusy` if the process has other threads, which the error names; else the error of
    /// the system. There is no child then.
    pub fn fork(&self) -> io::Result<Forked> {
        Ok(alone::fork()?.map_or(Forked::Child, |child| Forked::Parent { child }))
    }
}

fn check(name: &OsStr) -> io::Result<()> {
    let bytes = name.as_encoded_bytes();
    if bytes.is_empty() || bytes.contains(&b'=') || bytes.contains(&0) {
        return Err(invalid(format!(
            "{name:?} is no name of a variable: it is empty, or holds an equals sign or a NUL"
        )));
    }
    Ok(())
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

impl fmt::Debug for Quiescent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quiescent").finish_non_exhaustive()
    }
}

/// Runs `f` if the process has no other thread: first thing in `main`, for what has to be done
/// before there are threads.
///
/// ```no_run
/// use homebound::{Exit, registry};
///
/// fn main() -> Exit<()> {
///     let prepared = registry::before_threads(|q| {
///         q.set_current_dir("/")?;
///         q.remove_var("LD_PRELOAD")
///     });
///     registry::run(|_| Ok(prepared??))
/// }
/// ```
///
/// # Errors
/// The process has other threads, which the error names; or the system does not list them. `f` is
/// not called.
pub fn before_threads<R>(f: impl FnOnce(&Quiescent) -> R) -> io::Result<R> {
    Quiescent::look().map(|quiescent| f(&quiescent))
}

impl<T> Exit<T> {
    /// Returns the proof that no thread is left but the calling one: neither one of the run, which
    /// is always so, nor a foreign one. `None` if another thread exists (the
    /// [report](crate::ShutdownReport) names it in `foreign`), or where the system does not list
    /// them.
    ///
    /// ```no_run
    /// use std::os::unix::process::CommandExt;
    ///
    /// let exit = homebound::run(|_| Ok("/usr/bin/program-2"));
    /// if let (Some(quiescent), Ok(next)) = (exit.quiescent(), &exit.result) {
    ///     quiescent.set_var("GENERATION", "2")?;
    ///     return Err(std::process::Command::new(next).exec());
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn quiescent(&self) -> Option<Quiescent> {
        Quiescent::look().ok()
    }
}
