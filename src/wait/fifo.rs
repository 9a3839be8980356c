//! Owns the opening of a FIFO, which waits for another process or thread at the other end, until
//! the stop.
//! Refuses to poll: on a stop, a callback opens the other end.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::Location;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::rt::contain::log_contained;
use crate::rt::flags::Flags;
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
        // Open by a handle, so that the stop opens the same FIFO even if the path names another
        // file by then. Keep a descriptor free for the callback.
        let fifo = Fifo::find(path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        let spare = fifo.spare()?;
        let (other_end, opener, here) = (Mutex::new(None), Flags::new(0), thread::current().id());
        let _mark = WaitMark::new("open", caller);
        let open_both = || {
            drop(spare);
            // If the stop has come just now, the callback runs on this thread, and `open` below
            // sees the stop.
            if thread::current().id() != here {
                let both = open_both(&fifo, path, &opener);
                // Keep both ends open until `open` below has returned. It may not have begun yet.
                *other_end.lock() = both;
            }
        };
        let open = || {
            // Pairs with the pause in `open_both`.
            let _back = scopeguard::guard((), |()| {
                opener.set(BACK);
                opener.wake();
            });
            self.go_on()?;
            options.open(fifo.path())
        };
        let file = self.with_on_stop(open_both, open);
        // The stop wins, also if another process opened the other end at the same moment.
        self.go_on()?;
        file
    }
}

/// Opens both ends of the FIFO, so that the opener's system call returns. Another thread may have
/// taken the descriptor that was kept free; then this tries again until one is free, or the opener
/// is back.
fn open_both(fifo: &Fifo, path: &Path, opener: &Flags) -> Option<File> {
    let mut both = OpenOptions::new();
    both.read(true).write(true).custom_flags(Fifo::AT_ONCE);
    while opener.load() & BACK == 0 {
        match both.open(fifo.path()) {
            Ok(both) => return Some(both),
            Err(error) if is_for_want_of_descriptors(&error) => {
                opener.sleep_while(BACK, 0, Some(Instant::now() + PAUSE));
            }
            Err(error) => {
                log_contained(|| {
                    tracing::error!(
                        target: "homebound::stop",
                        path = %path.display(),
                        %error,
                        "the stop cannot open this FIFO: the thread that waits for its other end waits on"
                    );
                });
                break;
            }
        }
    }
    None
}
