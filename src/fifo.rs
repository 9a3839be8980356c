//! Owns the opening of a FIFO, which waits for somebody at its other end: until the stop.
//! Refuses to look again and again: the stop makes somebody be there.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::Location;
use std::path::Path;

use crate::sync::locks::Mutex;

use crate::context::Context;
use crate::sys::fifo::Fifo;
use crate::wait::Mark;

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
        let other_end = Mutex::new(None);
        let _mark = Mark::new("open", caller);
        let open_both = || {
            drop(spare);
            let mut both = OpenOptions::new();
            // Held until the call below is over, which may not have begun.
            *other_end.lock() =
                both.read(true).write(true).custom_flags(Fifo::AT_ONCE).open(fifo.path()).ok();
        };
        let file = self.with_on_stop(open_both, || options.open(fifo.path()));
        // The stop wins, also over somebody who came at the same moment.
        self.go_on()?;
        file
    }
}
