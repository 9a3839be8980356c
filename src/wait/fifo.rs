//! Owns the opening of a FIFO, which waits for somebody at its other end: until the stop.
//! Refuses to look again and again: the stop makes somebody be there.

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

/// The one who opens is back from the system.
const BACK: u32 = 1;
/// Between two attempts of the stop, where no descriptor is left.
const PAUSE: Duration = Duration::from_millis(10);

impl Context {
    /// Opens a FIFO (a named pipe) for reading or for writing, as `options` say, and waits until somebody has opened it
    /// for the other; until the stop (unix).
    ///
    /// The stop opens both ends for a moment. Who waits for the other end at that time goes on, and finds it closed
    /// again.
    ///
    /// # Errors
    /// One that wraps [`Stopped`](crate::Stopped), at once if the context is stopping already. `InvalidInput` if it is
    /// no FIFO. `PermissionDenied` if this process may open one of its ends only: the stop could not end the wait. What
    /// the system says otherwise.
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
        // The same one at the stop, whatever is called so then. A descriptor is kept free for that.
        let fifo = Fifo::find(path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        let spare = fifo.spare()?;
        let (other_end, opener, here) = (Mutex::new(None), Flags::new(0), thread::current().id());
        let _mark = WaitMark::new("open", caller);
        let open_both = || {
            drop(spare);
            // A stop that came just now is carried out here, and seen before the call below.
            if thread::current().id() != here {
                let both = open_both(&fifo, path, &opener);
                // Held until the call below is over, which may not have begun.
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
        // The stop wins, also over somebody who came at the same moment.
        self.go_on()?;
        file
    }
}

/// Lets the opener go on. Another thread may have taken the number that was kept free: then until one is free, or the opener is back.
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
