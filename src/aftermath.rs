//! Owns what a stop has still to do when all is marked: to wake, to tell, to arm, to call, in this order and with no lock held.
//! Refuses to mark anything.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Weak};

use crossbeam_channel::Sender;

use crate::bell::{Bell, ring_all};
use crate::callback::{Callback, Caller};
use crate::stop::{Node, Owner};
use crate::sync::planted;

#[derive(Default)]
pub(crate) struct Aftermath {
    pub(crate) wake: Vec<Sender<Infallible>>,
    pub(crate) ring: Vec<Arc<Node>>,
    pub(crate) bells: Vec<Arc<Bell>>,
    pub(crate) owners: Vec<Weak<dyn Owner>>,
    pub(crate) arm: Vec<Arc<Node>>,
    pub(crate) callbacks: Vec<Arc<Callback>>,
}

impl Aftermath {
    pub(crate) fn carry_out(self) {
        drop(self.wake);
        for node in self.ring.into_iter().rev().filter(|_| !planted("stop-rings-nobody")) {
            node.wake();
        }
        ring_all(self.bells);
        let mut told = HashSet::new();
        for owner in self.owners.iter().filter_map(Weak::upgrade) {
            owner.marked(&mut told);
        }
        for node in self.arm {
            node.arm();
        }
        for callback in self.callbacks {
            callback.run(Caller::Stop);
        }
    }
}
