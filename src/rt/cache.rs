//! Owns the OS threads of one root: starts them, and joins every one of them, as they end, by the OS.
//! Refuses to know scopes: a job is a closure that never unwinds.
//!
//! Today each job gets a fresh thread. Reuse goes in here: nobody else sees which OS thread runs a job.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use parking_lot::{Condvar, Mutex};

use crate::sys;

/// What a thread does; it contains its own panics.
pub(crate) type Job = Box<dyn FnOnce() + Send + 'static>;

/// How a thread is made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Make {
    pub(crate) stack_size: Option<usize>,
    /// Not one that another job has used or will use.
    pub(crate) dedicated: bool,
}

/// Larger requests overflow std's own rounding; no machine can grant them.
const LARGEST_STACK: usize = isize::MAX as usize / 2;

#[derive(Default)]
pub(crate) struct Cache {
    state: Mutex<State>,
    all_retired: Condvar,
}

#[derive(Default)]
struct State {
    /// Threads that have been asked for and have not yet left `retire`.
    live: usize,
    /// Of those, the ones that have not taken their first step.
    starting: usize,
    /// The one-place slot: the last thread that retired, to be joined by the next, or by `close`.
    retired: Option<Retired>,
    /// From a thread's first step until it has been joined.
    kernel_ids: HashSet<u32>,
}

struct Retired {
    handle: JoinHandle<()>,
    kernel_id: Option<u32>,
}

/// Where the spawner puts a thread's own join handle, and where the thread picks it up to retire.
#[derive(Default)]
struct Berth {
    handle: Mutex<Option<JoinHandle<()>>>,
    filled: Condvar,
}

impl Cache {
    /// Starts `job` on an OS thread, or returns the OS's refusal; the job is then dropped before this returns.
    pub(crate) fn launch(self: &Arc<Self>, name: &str, make: Make, job: Job) -> io::Result<()> {
        let mut builder = Builder::new().name(name.to_owned());
        if let Some(bytes) = make.stack_size {
            if bytes > LARGEST_STACK {
                let why = format!("a stack of {bytes} bytes is more than the address space");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            }
            builder = builder.stack_size(bytes);
        }
        let berth = Arc::new(Berth::default());
        let mut state = self.state.lock();
        state.live += 1;
        state.starting += 1;
        drop(state);
        let spawned = builder.spawn({
            let (cache, berth) = (Arc::clone(self), Arc::clone(&berth));
            move || cache.work(job, &berth)
        });
        match spawned {
            Ok(handle) => {
                *berth.handle.lock() = Some(handle);
                berth.filled.notify_one();
                Ok(())
            }
            Err(refusal) => {
                self.state.lock().starting -= 1;
                self.leave();
                Err(refusal)
            }
        }
    }

    fn work(&self, job: Job, berth: &Berth) {
        let kernel_id = sys::thread_id();
        let mut state = self.state.lock();
        state.starting -= 1;
        state.kernel_ids.extend(kernel_id);
        drop(state);
        job();
        self.retire(berth, kernel_id);
    }

    /// Puts the thread's own handle into the slot and joins the one that was there. So at any time one ended thread
    /// waits to be joined, and no thread is needed to reap the others.
    fn retire(&self, berth: &Berth, kernel_id: Option<u32>) {
        let mut slot = berth.handle.lock();
        while slot.is_none() {
            // The spawner is between `spawn` and filling the berth: it notifies after it has.
            berth.filled.wait(&mut slot);
        }
        let handle = slot.take();
        drop(slot);
        let mine = handle.map(|handle| Retired { handle, kernel_id });
        let older = std::mem::replace(&mut self.state.lock().retired, mine);
        self.join(older);
        self.leave();
    }

    fn join(&self, retired: Option<Retired>) {
        let Some(Retired { handle, kernel_id }) = retired else {
            return;
        };
        // A job contains its panics; what can still unwind there is a thread-local's destructor, which aborts.
        drop(handle.join());
        if let Some(id) = kernel_id {
            self.state.lock().kernel_ids.remove(&id);
        }
    }

    fn leave(&self) {
        let mut state = self.state.lock();
        state.live -= 1;
        if state.live == 0 {
            self.all_retired.notify_all();
        }
    }

    /// Blocks until every thread has been joined by the OS, thread-local destructors included.
    ///
    /// Each retired thread was joined by a later one before that one left, and the last is in the slot: so when
    /// nobody is live and the slot's thread has been joined, all have been.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        while state.live > 0 {
            self.all_retired.wait(&mut state);
        }
        let last = state.retired.take();
        drop(state);
        self.join(last);
    }

    /// True while a thread that was asked for has not told its kernel id.
    pub(crate) fn is_starting(&self) -> bool {
        self.state.lock().starting > 0
    }

    /// Kernel ids of the threads that are not joined yet.
    pub(crate) fn kernel_ids(&self) -> Vec<u32> {
        self.state.lock().kernel_ids.iter().copied().collect()
    }
}
