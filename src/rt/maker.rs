//! Owns the requests to *maker*, the internal thread that starts OS threads for spawners in the
//! background.
//! Refuses to be a thread, and to know what it starts: `tree::internal` starts *maker*, which calls
//! `serve`.
//!
//! A new thread inherits the nice value and the policy of the thread that starts it, and cannot
//! raise them without privileges. So a spawner in the background asks *maker*, which runs as the
//! root does, and waits for the answer of the system. *maker* never has the routine: that waits in
//! the mailbox of the new thread, so on a refusal it is dropped by the spawner (P11).
//!
//! ```text
//! none --may_start--> starting --has_started--> running --close--> closed
//!  ^                     |
//!  +-----(refused)-------+
//! ```
//!
//! **No request is lost.** A request is put in only while *maker* is running, under the lock under
//! which `close` ends that, and *maker* leaves only when there is none.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::sync::{Condvar, Mutex};
use crate::sys;

/// Whether a root has the thread *maker*, and what *maker* has to do. `W` is what it starts: an OS
/// thread, a model's own.
pub(crate) struct Maker<W> {
    state: Mutex<State<W>>,
    /// *maker* sleeps here for requests, and a thread that needs *maker* until its start is
    /// decided. Notified after each change of the state.
    changed: Condvar,
    /// The number of forks when the root began: in a forked child there is no *maker*.
    forks: u32,
}

struct State<W> {
    stage: Stage,
    /// Put in by spawners, taken by *maker*.
    requests: VecDeque<Arc<Request<W>>>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    None,
    /// A thread asks the system for *maker*, with the lock free.
    Starting,
    Running,
    Closed,
}

/// A thread that is to be started.
struct Request<W> {
    wanted: W,
    /// The answer of the system. Written by *maker*, taken by the spawner.
    answer: Mutex<Option<io::Result<()>>>,
    answered: Condvar,
}

impl<W> Default for Maker<W> {
    fn default() -> Maker<W> {
        let state = State { stage: Stage::None, requests: VecDeque::new() };
        Maker { state: Mutex::new(state), changed: Condvar::new(), forks: sys::forks() }
    }
}

impl<W> Maker<W> {
    /// Has *maker* start `wanted`, and blocks until the system has answered. `None` if there is no
    /// *maker*: then the caller starts it.
    pub(crate) fn ask(&self, wanted: W) -> Option<io::Result<()>> {
        if sys::forks() != self.forks {
            return None;
        }
        let request = Arc::new(Request { wanted, answer: Mutex::default(), answered: Condvar::new() });
        let mut state = self.state.lock();
        if state.stage != Stage::Running {
            return None;
        }
        state.requests.push_back(Arc::clone(&request));
        drop(state);
        // Pairs with the wait in `next`, which has a request now.
        self.changed.notify_all();
        let mut answer = request.answer.lock();
        loop {
            if let Some(answer) = answer.take() {
                return Some(answer);
            }
            // Pairs with `serve`.
            request.answered.wait(&mut answer);
        }
    }

    /// Blocks until there is a request, or until there will be none.
    fn next(&self) -> Option<Arc<Request<W>>> {
        let mut state = self.state.lock();
        loop {
            let request = state.requests.pop_front();
            if request.is_some() || state.stage == Stage::Closed {
                return request;
            }
            // Pairs with `ask` and `close`.
            self.changed.wait(&mut state);
        }
    }

    /// None to starting. If true, the caller has to start *maker*, and to tell the outcome to
    /// `has_started`. If false, there is one, or the root is closed. Blocks while another thread
    /// starts it.
    pub(crate) fn may_start(&self) -> bool {
        self.change(|stage| {
            let may = *stage == Stage::None;
            if may {
                *stage = Stage::Starting;
            }
            may
        })
    }

    /// Starting to running, or to none if the system has refused *maker*.
    pub(crate) fn has_started(&self, is: bool) {
        self.state.lock().stage = if is { Stage::Running } else { Stage::None };
        // Pairs with the wait in `change`.
        self.changed.notify_all();
    }

    /// Runs on *maker*: answers requests by `start`, until the root is closed.
    pub(crate) fn serve(&self, start: impl Fn(&W) -> io::Result<()>) {
        while let Some(request) = self.next() {
            let answer = start(&request.wanted);
            *request.answer.lock() = Some(answer);
            // Pairs with the wait in `ask`.
            request.answered.notify_one();
        }
    }

    /// Lets *maker* end, when it has answered all requests.
    pub(crate) fn close(&self) {
        // Running or none to closed, for ever.
        self.change(|stage| *stage = Stage::Closed);
    }

    /// Changes the stage, as soon as no thread is starting *maker*.
    fn change<R>(&self, change: impl FnOnce(&mut Stage) -> R) -> R {
        let mut state = self.state.lock();
        while state.stage == Stage::Starting {
            // Pairs with `has_started`.
            self.changed.wait(&mut state);
        }
        let result = change(&mut state.stage);
        drop(state);
        // Pairs with the wait in `next`, for which the stage may be closed now.
        self.changed.notify_all();
        result
    }
}
