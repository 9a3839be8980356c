//! Owns the requests to *maker*, the internal thread that starts OS threads for spawners in the
//! background.
//! Refuses to be a thread: `tree::internal` starts it, and it calls `serve`.
//!
//! A new thread inherits the nice value and the policy of the thread that starts it, and cannot
//! raise them without privileges. So a spawner in the background asks *maker*, which runs as the
//! root does, and waits for the answer of the system. *maker* never has the job: that waits in the
//! mailbox of the new thread, so on a refusal it is dropped by the spawner (P11).
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

use super::os_thread::OsThread;
use super::thread_cache::ThreadCache;
use crate::sync::{Condvar, Mutex};
use crate::sys;

/// Whether a root has the thread *maker*, and what *maker* has to do.
pub(super) struct Maker {
    state: Mutex<State>,
    /// *maker* sleeps here for requests, and a thread that needs *maker* until its start is
    /// decided. Notified after each change of the state.
    changed: Condvar,
    /// The number of forks when the root began: in a forked child there is no *maker*.
    forks: u32,
}

#[derive(Default)]
struct State {
    stage: Stage,
    /// Put in by spawners, taken by *maker*.
    requests: VecDeque<Arc<Request>>,
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
struct Request {
    os_thread: Arc<OsThread>,
    /// The answer of the system. Written by *maker*, taken by the spawner.
    answer: Mutex<Option<io::Result<()>>>,
    answered: Condvar,
}

impl Default for Maker {
    fn default() -> Maker {
        Maker { state: Mutex::default(), changed: Condvar::new(), forks: sys::forks() }
    }
}

impl Maker {
    /// Has *maker* start `os_thread`, and blocks until the system has answered. `None` if there is
    /// no *maker*: then the caller starts it.
    pub(super) fn ask(&self, os_thread: &Arc<OsThread>) -> Option<io::Result<()>> {
        if sys::forks() != self.forks {
            return None;
        }
        let request = Arc::new(Request {
            os_thread: Arc::clone(os_thread),
            answer: Mutex::default(),
            answered: Condvar::new(),
        });
        let mut state = self.state.lock();
        if state.stage != Stage::Running {
            return None;
        }
        state.requests.push_back(Arc::clone(&request));
        drop(state);
        // Pairs with the wait in `next`.
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
    fn next(&self) -> Option<Arc<Request>> {
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

    /// Changes the stage, as soon as no thread is starting *maker*.
    fn change<R>(&self, change: impl FnOnce(&mut Stage) -> R) -> R {
        let mut state = self.state.lock();
        while state.stage == Stage::Starting {
            // Pairs with `maker_has_started`.
            self.changed.wait(&mut state);
        }
        let result = change(&mut state.stage);
        drop(state);
        // Pairs with the wait in `next`.
        self.changed.notify_all();
        result
    }
}

impl ThreadCache {
    /// None to starting. If true, the caller has to start *maker*, and to tell the outcome to
    /// `maker_has_started`. If false, there is one, or the root is closed. Blocks while another
    /// thread starts it.
    pub(crate) fn may_start_maker(&self) -> bool {
        self.maker.change(|stage| {
            let may = *stage == Stage::None;
            if may {
                *stage = Stage::Starting;
            }
            may
        })
    }

    /// Starting to running, or to none if the system has refused *maker*.
    pub(crate) fn maker_has_started(&self, is: bool) {
        self.maker.state.lock().stage = if is { Stage::Running } else { Stage::None };
        // Pairs with the wait in `change`.
        self.maker.changed.notify_all();
    }

    /// Runs on *maker*: starts threads for spawners until the root is closed.
    pub(crate) fn make_threads(self: &Arc<Self>) {
        while let Some(request) = self.maker.next() {
            let answer = self.start(&request.os_thread);
            *request.answer.lock() = Some(answer);
            // Pairs with the wait in `ask`.
            request.answered.notify_one();
        }
    }

    /// Lets *maker* end, when it has answered all requests. Called before `close`, which joins it.
    pub(crate) fn close_maker(&self) {
        // Running or none to closed, for ever.
        self.maker.change(|stage| *stage = Stage::Closed);
    }
}
