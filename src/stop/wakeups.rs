//! Owns what a stop has still to do when all is marked: to wake, to tell, to arm, and then to call, in this order and with no lock
//! held.
//! Refuses to mark anything.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Weak};

use crossbeam_channel::Sender;
use tracing::level_filters::LevelFilter;

use crate::stop::callback::{Callback, Caller};
use crate::stop::condvar::interrupt::{Interrupt, deliver_all};
use crate::stop::node::{Node, Owner};

#[derive(Default)]
pub(crate) struct Aftermath {
    pub(crate) wake: Vec<Sender<Infallible>>,
    pub(crate) ring: Vec<Arc<Node>>,
    pub(crate) interrupts: Vec<Arc<Interrupt>>,
    pub(crate) owners: Vec<Weak<dyn Owner>>,
    pub(crate) arm: Vec<Arc<Node>>,
    pub(crate) callbacks: Vec<Arc<Callback>>,
}

impl Aftermath {
    /// Runs no code of the program's. What is left is that.
    pub(crate) fn wake_all(self) -> Calls {
        drop(self.wake);
        for node in self.ring.into_iter().rev() {
            node.wake();
        }
        let mut calls = deliver_all(self.interrupts);
        let mut told = HashSet::new();
        for owner in self.owners.iter().filter_map(Weak::upgrade) {
            owner.marked(&mut told);
        }
        for node in self.arm {
            calls.add(node.arm());
        }
        // Most programs have no subscriber.
        let owners = if LevelFilter::current() >= LevelFilter::INFO { self.owners } else { Vec::new() };
        calls.add(Calls { callbacks: self.callbacks, owners, logs: Vec::new() });
        calls
    }
}

/// The program's code that a stop calls: callbacks, and its subscriber. It may take its time, or hang; so it is called when all
/// that can be marked has been marked, by a thread on which nobody else depends meanwhile.
#[derive(Default)]
#[must_use = "callbacks that are not run are lost"]
pub(crate) struct Calls {
    callbacks: Vec<Arc<Callback>>,
    owners: Vec<Weak<dyn Owner>>,
    logs: Vec<Box<dyn FnOnce() + Send>>,
}

impl Calls {
    pub(crate) fn log(log: impl FnOnce() + Send + 'static) -> Calls {
        Calls { logs: vec![Box::new(log)], ..Calls::default() }
    }

    pub(crate) fn add(&mut self, others: Calls) {
        self.callbacks.extend(others.callbacks);
        self.owners.extend(others.owners);
        self.logs.extend(others.logs);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.callbacks.is_empty() && self.owners.is_empty() && self.logs.is_empty()
    }

    /// Callbacks first: threads may need them to come home.
    pub(crate) fn run(self) {
        for callback in self.callbacks {
            callback.run(Caller::Stop);
        }
        for owner in self.owners.iter().filter_map(Weak::upgrade) {
            owner.log();
        }
        for log in self.logs {
            log();
        }
    }
}
