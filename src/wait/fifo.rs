//! Owns the opening of a FIFO, which waits for another process or thread at the other end, until
//! the stop.
//! Refuses to poll: on a stop, the stopping thread opens the other end.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crate::rt::contain::log_contained;
use crate::rt::flags::Flags;
use crate::stop::calls::Calls;
use crate::stop::relay::Relay;
use crate::sync::locks::Mutex;
use crate::sys::fifo::{Fifo, is_for_want_of_descriptors};
use crate::thread::context::Context;
use crate::tree::wait_mark::WaitMark;

/// The opener has returned from the system call. Set by the opener, read by `open_both`.
const BACK: u32 = 1;
/// The time between two attempts of `open_both` while the process has no free descriptor.
const PAUSE: Duration = Duration::from_millis(10);

impl Context {
    /// Opens a FIFO (a named pipe) for reading or for writing, as `options` say, and waits until
    /// another process or thread has opened the other end; until the stop (unix).
    ///
    /// On a stop, homebound opens both ends for a moment. A process that waits for the other end at
    /// that time goes on, and finds the FIFO closed again.
    ///
    /// # Errors
    /// An error that wraps [`Stopped`](crate::Stopped), at once if the context is stopping already.
    /// `InvalidInput` if the path is no FIFO. `PermissionDenied` if this process may open only one
    /// of its ends: the stop could not end the wait. Other errors are the system's.
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use std::fs::OpenOptions;
    /// use std::io::Read;
    /// fn commands(cx: &homebound::Context) -> homebound::Result<String> {
    ///     let fifo = cx.open_fifo("/run/server/commands", OpenOptions::new().read(true))?;
    ///     let mut text = String::new();
    ///     cx.io(fifo).read_to_string(&mut text)?;
    ///     Ok(text)
    /// }
    /// # }
    /// ```
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later call at once: leave the loop; `homebound::is_stop` knows it"]
    pub fn open_fifo(&self, path: impl AsRef<Path>, options: &OpenOptions) -> io::Result<File> {
        let (path, caller) = (path.as_ref(), Location::caller());
        self.point("open", caller);
        self.go_on()?;
        let opening = Arc::new(Opening::new(path)?);
        let _mark = WaitMark::new("open", caller);
        let told = Arc::clone(&opening);
        let _relay = Relay::new(self.node(), Box::new(move || told.hear()));
        // Pairs with the pause in `open_both`.
        let back = scopeguard::guard((), |()| opening.comes_back());
        // The stop may have come just now: then it has opened nothing, because it was told here.
        self.go_on()?;
        let file = options.open(opening.fifo.path());
        drop(back);
        // The stop wins, also if another process opened the other end at the same moment.
        self.go_on()?;
        file
    }
}

/// One call of `open_fifo`, shared with the stop.
struct Opening {
    /// The path of the caller, for errors.
    path: PathBuf,
    /// A handle, so that the stop opens the same FIFO even if the path names another file by then.
    fifo: Fifo,
    /// Keeps a descriptor free for the stop, which drops it.
    spare: Mutex<Option<OwnedFd>>,
    /// Both ends, opened by the stop. They stay open until the opener has returned, because its
    /// system call may not have begun yet.
    both_ends: Mutex<Option<File>>,
    /// The thread that opens.
    opener: ThreadId,
    state: Flags,
}

impl Opening {
    fn new(path: &Path) -> io::Result<Opening> {
        let fifo = Fifo::find(path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        Ok(Opening {
            path: path.to_owned(),
            spare: Mutex::new(Some(fifo.spare()?)),
            fifo,
            both_ends: Mutex::new(None),
            opener: thread::current().id(),
            state: Flags::new(0),
        })
    }

    fn comes_back(&self) {
        self.state.set(BACK);
        self.state.wake();
        let both_ends = self.both_ends.lock().take();
        drop(both_ends);
    }

    /// The stop has come. Tries once, because the stopping thread has other waiters to tell.
    /// Returns the rest of the work, because this rest may block.
    fn hear(self: &Arc<Self>) -> Calls {
        // The opener has heard of the stop itself, and is not in the system call.
        if thread::current().id() == self.opener {
            return Calls::default();
        }
        let spare = self.spare.lock().take();
        drop(spare);
        // A file system of another machine may not answer.
        if self.fifo.is_local() && self.open_both().is_ok() {
            return Calls::default();
        }
        let rest = Arc::clone(self);
        Calls::relayed(move || rest.open_both_when_possible())
    }

    /// Opens both ends of the FIFO, so that the opener's system call returns.
    fn open_both(&self) -> io::Result<()> {
        let both =
            OpenOptions::new().read(true).write(true).custom_flags(Fifo::AT_ONCE).open(self.fifo.path())?;
        let before = self.both_ends.lock().replace(both);
        drop(before);
        Ok(())
    }

    /// Another thread may have taken the descriptor that was kept free; then this tries again until
    /// one is free, or the opener is back.
    fn open_both_when_possible(&self) {
        while self.state.load() & BACK == 0 {
            match self.open_both() {
                Ok(()) => break,
                Err(error) if is_for_want_of_descriptors(&error) => {
                    self.state.sleep_while(BACK, 0, Some(Instant::now() + PAUSE));
                }
                Err(error) => {
                    log_contained(|| {
                        tracing::error!(
                            target: "homebound::stop",
                            path = %self.path.display(),
                            %error,
                            "the stop cannot open this FIFO: the thread that waits for its other end waits on"
                        );
                    });
                    break;
                }
            }
        }
    }
}
