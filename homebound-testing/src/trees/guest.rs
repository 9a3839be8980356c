//! Owns the foreign threads of a tree: started by std, adopted by a context, joined when the root
//! has returned.
//! Refuses to wait for them earlier, because their scope does that while they are in the tree.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::bounded;
use parking_lot::Mutex;

use super::act::{Frame, Hands, Place, Vessel};
use super::calls::{PURPOSE, name};
use super::canary::Loan;
use super::log::What;
use super::tree::{Block, End, Id, Step};

/// The foreign threads of a run.
#[derive(Default)]
pub(super) struct Guests(Mutex<Vec<JoinHandle<()>>>);

impl Guests {
    /// Joins all guests, also guests that another guest starts meanwhile.
    pub(super) fn join(&self) {
        loop {
            let Some(guest) = self.0.lock().pop() else { return };
            let ended = guest.join();
            debug_assert!(ended.is_ok(), "what a guest raises is contained");
        }
    }
}

impl Frame<'_, '_> {
    pub(super) fn adopt(&self, id: Id, steps: &[Step]) {
        let (world, log) = (Arc::clone(&self.world), self.world.log.clone());
        let (host, mut contexts, stoppers) =
            (self.base.clone(), self.contexts.clone(), self.stoppers.clone());
        let (given, block) = (self.given.clone(), Block { steps: steps.to_vec(), end: End::Value });
        let (adopting, adopted) = bounded::<()>(0);
        self.world.log.note(id, What::Making);
        let starting = self.world.threads.starting();
        let guest = thread::Builder::new().name(name('t', id)).spawn(move || {
            starting.begin();
            let guard = host.adopt(name('t', id), PURPOSE);
            // A thread that is adopted while the scope stops may be in no tree, so its steps could
            // not be judged.
            if guard.is_stopping() {
                log.note(id, What::Refused);
                return;
            }
            log.note(id, What::Made);
            drop(adopting);
            let base = (*guard).clone();
            contexts.insert(id, base.clone());
            let (place, hands, cx) = (Place::Nowhere, Hands(BTreeMap::new()), (id, base.clone()));
            let loan = Loan::none();
            let frame = Frame { world, node: id, place, base, cx, contexts, stoppers, hands, given, loan };
            let ran = catch_unwind(AssertUnwindSafe(|| frame.run(&block, Vessel::Body).map(drop)));
            drop(ran);
            // Noted before the thread leaves, because nothing holds its scope after that.
            log.note(id, What::Gone);
            drop(guard);
        });
        match guest {
            Ok(guest) => self.world.guests.0.lock().push(guest),
            Err(_) => self.world.log.note(id, What::Refused),
        }
        let _adopted_or_not = adopted.recv();
    }
}
