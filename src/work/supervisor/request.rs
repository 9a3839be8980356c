//! Owns what the handles of a supervisor ask of it, and the way there and back.
//! Refuses to do it: `keeper` does, on the supervisor's thread.
//!
//! A request may hold a child that borrows for `'scope`. The supervisor takes no more requests when
//! it ends, which is before `'scope` does, and hands the rest back to be dropped.

use std::panic::Location;
use std::sync::Arc;

use crate::ChildError;
use crate::sync::Mutex;
use crate::work::supervisor::board::Board;
use crate::work::supervisor::child::Child;
use crate::work::supervisor::reply::{self, Awaited, way};

pub(super) type Answer = std::result::Result<(), ChildError>;

/// The way back to the caller of a handle.
pub(super) type Reply = reply::Reply<Answer>;

pub(super) enum Request<'scope> {
    /// Restart the child, for the caller of this path.
    Restart {
        child: String,
        by: String,
        reply: Reply,
    },
    Stop {
        child: String,
        at: &'static Location<'static>,
        reply: Reply,
    },
    Remove {
        child: String,
        at: &'static Location<'static>,
        reply: Reply,
    },
    Add {
        child: Child<'scope>,
        reply: Reply,
    },
    /// Stop all children, and end.
    Leave {
        at: &'static Location<'static>,
    },
}

/// Requests on their way to the supervisor.
pub(super) struct Requests<'scope> {
    /// `None` once the supervisor takes no more.
    list: Mutex<Option<Vec<Request<'scope>>>>,
    board: Arc<Board>,
}

impl<'scope> Requests<'scope> {
    pub(super) fn new(board: &Arc<Board>) -> Requests<'scope> {
        Requests { list: Mutex::new(Some(Vec::new())), board: Arc::clone(board) }
    }

    /// Posts what `request` makes of the way back. `None` if the supervisor is over.
    pub(super) fn post(&self, request: impl FnOnce(Reply) -> Request<'scope>) -> Option<Awaited<Answer>> {
        // Made before the lock, because a request may hold a closure of the program's.
        let (reply, answer) = way();
        let request = request(reply);
        let mut list = self.list.lock();
        let Some(open) = list.as_mut() else {
            drop(list);
            // With the lock free: the child in it is the program's.
            drop(request);
            return None;
        };
        // Pairs with `close`: either the request is in the list that `close` returns, or this finds
        // the list closed.
        open.push(request);
        drop(list);
        // After the request is in the list, so that the supervisor finds it. Pairs with
        // `Keeper::wait`.
        self.board.ring();
        Some(answer)
    }

    pub(super) fn take(&self) -> Vec<Request<'scope>> {
        self.list.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The same, and takes no more.
    pub(super) fn close(&self) -> Vec<Request<'scope>> {
        self.list.lock().take().unwrap_or_default()
    }
}
