//! Owns what views say of an OS thread besides its name.
//! Refuses to know the thread: only texts for people depend on this.

use std::borrow::Cow;
use std::sync::Arc;

use crate::sync::locks::Mutex;

/// A text of which a `&'static str` is not copied.
pub(crate) type Name = Cow<'static, str>;

/// What views say of an OS thread, besides its name. Kept after the routine is over, because the OS
/// thread may hang after it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Title {
    pub(crate) purpose: Name,
    /// The path of the scope of the routine.
    pub(crate) place: Arc<str>,
    /// The name of the thread that this one is joining on its own way out, if there is one.
    pub(crate) joins: Option<Box<Name>>,
}

/// The title of one OS thread. Written by the thread, read by views alone, so it is part of no
/// model.
#[derive(Debug, Default)]
pub(crate) struct Titled(Mutex<Title>);

impl Titled {
    /// Called by the routine, as its first step. Most often nothing changes, because the routine
    /// before had the same title.
    pub(crate) fn set(&self, purpose: &Name, place: &Arc<str>) {
        let mut title = self.0.lock();
        if Arc::ptr_eq(&title.place, place) && title.purpose == *purpose {
            return;
        }
        let last = std::mem::replace(
            &mut *title,
            Title { purpose: purpose.clone(), place: Arc::clone(place), joins: None },
        );
        // The lock is freed before the old texts are, which may take a while.
        drop(title);
        drop(last);
    }

    /// Called by the thread, on its way out, before it joins another thread and after it.
    pub(super) fn set_joins(&self, whom: Option<Name>) {
        let before = std::mem::replace(&mut self.0.lock().joins, whom.map(Box::new));
        drop(before);
    }

    pub(super) fn get(&self) -> Title {
        self.0.lock().clone()
    }
}
