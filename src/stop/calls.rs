//! Owns what a stop calls that does not belong to the stop tree: the scope of a node, and the
//! program.
//! Refuses to choose: `wakeups` says which scopes and which callbacks, and in which order.

use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::rt::index::Index;
use crate::rt::order::sort_by_key;
use crate::stop::callback::{Callback, Caller};

/// The scope that a node belongs to, or the function of a relay. Called by the stopping thread,
/// with no lock held.
pub(crate) trait Owner: Send + Sync {
    /// A stop is asked for, and nothing has been done for it yet. Neither locks nor allocates.
    fn announced(&self) {}
    /// The flag is about to be set: a thread that ends from now on ends during the shutdown. Two
    /// stops that race may both call it.
    fn begin(&self, _at: Instant) {}
    /// All below is marked, and its waiters are woken. `told` holds the ids of the scopes whose
    /// drivers this stop has already woken. Runs no code of the program's, but adds it to `calls`.
    fn marked(&self, told: &mut Index<()>, calls: &mut Calls);
    /// Logs the stop to the program's subscriber.
    fn log(&self) {}
}

/// The calls that a stop makes into the program: callbacks, and the subscriber of its logs; and the
/// part of ours that may block. A call may take long or hang, so it is made after all is marked, by
/// a thread on which no other thread depends meanwhile.
#[derive(Default)]
#[must_use = "callbacks that are not run are lost"]
pub(crate) struct Calls(Vec<Call>);

enum Call {
    Callback(Arc<Callback>),
    /// The rest of what a relay does, which may block.
    Relayed(Box<dyn FnOnce() + Send>),
    /// A scope logs that it was told to stop.
    Told(Weak<dyn Owner>),
    Log(Box<dyn FnOnce() + Send>),
}

impl Call {
    /// Our own come first, because the program's may hang. Callbacks come before logs, because
    /// threads may need them to come home.
    fn turn(&self) -> u8 {
        match self {
            Call::Relayed(_) => 0,
            Call::Callback(_) => 1,
            Call::Told(_) => 2,
            Call::Log(_) => 3,
        }
    }

    fn make(self) {
        match self {
            Call::Callback(callback) => callback.run(Caller::Stop),
            Call::Told(owner) => {
                if let Some(owner) = owner.upgrade() {
                    owner.log();
                }
            }
            Call::Relayed(call) | Call::Log(call) => call(),
        }
    }
}

impl Calls {
    pub(crate) fn log(log: impl FnOnce() + Send + 'static) -> Calls {
        Calls(vec![Call::Log(Box::new(log))])
    }

    pub(crate) fn relayed(rest: impl FnOnce() + Send + 'static) -> Calls {
        Calls(vec![Call::Relayed(Box::new(rest))])
    }

    pub(super) fn call_back(&mut self, callbacks: Vec<Arc<Callback>>) {
        self.0.extend(callbacks.into_iter().map(Call::Callback));
    }

    pub(super) fn log_of(&mut self, owners: Vec<Weak<dyn Owner>>) {
        self.0.extend(owners.into_iter().map(Call::Told));
    }

    pub(crate) fn add(&mut self, others: Calls) {
        self.0.extend(others.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn run(self) {
        let mut calls = self.0;
        // As at the end of most threads.
        if calls.is_empty() {
            return;
        }
        sort_by_key(&mut calls, Call::turn);
        calls.into_iter().for_each(Call::make);
    }
}
