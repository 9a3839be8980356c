//! Owns an internal thread for one file of a run: it does what may hang with the file's disk, a
//! network share whose server is gone or a file system that is frozen.
//! Refuses to know what an operation does, and to keep another thread waiting: a hung disk holds
//! this thread, and at the end of the run the thread that joins it, as far as P7 lets it.
//!
//! ```text
//! open --give--> open      an operation is listed, and the thread does it
//!      --close-> closed    the thread does the listed operations, and ends; the caller does
//!                          later ones itself
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use crate::rt::event_count::EventCount;
use crate::sync::locks::Mutex;
use crate::tree::record::Record;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;

/// The number of operations that may be listed. The file hangs if there are more, so they are
/// refused.
const MOST: usize = 16;

pub(crate) type FileOperation = Box<dyn FnOnce() + Send>;

/// The list of one such thread.
#[derive(Default)]
pub(crate) struct FileThread {
    operations: Mutex<Operations>,
    /// Counts operations, and the end. The thread sleeps on it, woken by `give` and `close`.
    changes: EventCount,
}

#[derive(Default)]
struct Operations {
    /// Written by `give`, taken by the thread.
    listed: VecDeque<FileOperation>,
    /// Set once, by `close`.
    is_closed: bool,
}

/// An operation that the thread does not do.
pub(crate) enum Refused {
    /// The operations before it hang.
    Full,
    /// The run is at its end, so that the caller may do the operation.
    Closed(FileOperation),
}

impl FileThread {
    /// Lists an operation, then wakes the thread. Pairs with `work`.
    pub(crate) fn give(&self, operation: FileOperation) -> Result<(), Refused> {
        let mut operations = self.operations.lock();
        if operations.is_closed {
            return Err(Refused::Closed(operation));
        }
        if operations.listed.len() >= MOST {
            return Err(Refused::Full);
        }
        operations.listed.push_back(operation);
        drop(operations);
        self.changes.notify();
        Ok(())
    }

    /// Open -> closed. The thread ends when it has done the listed operations. Pairs with `work`.
    pub(crate) fn close(&self) {
        self.operations.lock().is_closed = true;
        self.changes.notify();
    }

    /// Runs on the thread: does the listed operations, until `close`.
    pub(crate) fn work(&self, own: &Arc<Record>) {
        loop {
            // Before the look at the list: an operation that comes after this ends the wait at
            // once. Pairs with `give` and `close`.
            let seen = self.changes.epoch();
            let mut operations = self.operations.lock();
            let (operation, is_closed) = (operations.listed.pop_front(), operations.is_closed);
            drop(operations);
            // The list first, then the end: `close` promises that the listed operations are done.
            match operation {
                Some(operation) => operation(),
                None if is_closed => return,
                None => {
                    let _waits = WaitMark::of("work", own.label.at, Of::Nobody, Some(Arc::clone(own)));
                    self.changes.wait(seen, None);
                }
            }
        }
    }
}
