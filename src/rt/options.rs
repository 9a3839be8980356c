//! Owns how an OS thread is made: its stack, whether it is used again, the priority and the cores
//! that were asked for, and what the system has given.
//! Refuses to make the calls: `sys::Attributes` does.

use std::cell::Cell;
use std::cmp::Ordering;
use std::io;
use std::sync::Arc;

use super::priority::Priority;
use crate::sync::local::*;
use crate::sync::locks::Mutex;
use crate::sys::{Attributes, Refused, processors_here};

/// How an OS thread is made. In a box, because most threads ask for nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct ThreadOptions(Option<Box<Asked>>);

#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// In bytes; `None` for std's default.
    pub(crate) stack_size: Option<usize>,
    /// The program wants the OS thread to run one routine only.
    pub(crate) dedicated: bool,
    /// Priority and cores, if these are not the root's.
    pub(crate) setting: Option<Arc<Setting>>,
}

impl ThreadOptions {
    /// What was asked for, to ask for more.
    pub(crate) fn asked(&mut self) -> &mut Asked {
        self.0.get_or_insert_default()
    }

    pub(crate) fn setting(&self) -> Option<&Arc<Setting>> {
        self.0.as_ref()?.setting.as_ref()
    }

    pub(super) fn stack_size(&self) -> Option<usize> {
        self.0.as_ref()?.stack_size
    }

    /// True if the OS thread runs one routine only. A priority cannot always be taken back, and a
    /// thread with other cores would be no use to most routines of its name.
    pub(super) fn is_alone(&self) -> bool {
        self.0.as_ref().is_some_and(|asked| asked.dedicated || asked.setting.is_some())
    }

    /// Called by an OS thread as its first step: takes the attributes of the root, or those that
    /// were asked for, as far as the system allows it. Returns what differs from the root.
    pub(super) fn begin(&self, root: &Attributes) -> Option<Arc<Setting>> {
        // Nothing was asked for: the thread takes the attributes of the root, and has a setting of
        // its own only if the system refuses some of them.
        let setting = self.setting().cloned().or_else(|| {
            let Refused { scheduling, processors } = root.begin(root);
            (scheduling.is_some() || processors.is_some()).then(Arc::default)
        })?;
        setting.begin(root);
        Some(setting)
    }
}

/// The priority and the cores of one thread that differs from its root in them.
#[derive(Debug, Default)]
pub(crate) struct Setting {
    /// The settings that the spawner has asked for.
    pub(crate) priority: Priority,
    /// The numbers of the cores, in ascending order; `None` for those of the root.
    pub(crate) cores: Option<Vec<usize>>,
    /// Written by the OS thread as its first step, read by views alone, so it is part of no model.
    given: Mutex<Given>,
}

/// The settings that the system has given to a thread. The default holds until the thread has
/// begun.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    pub(crate) priority: Priority,
    /// Why this is not the priority that was asked for.
    pub(crate) why_priority: Option<io::ErrorKind>,
    pub(crate) cores: Vec<usize>,
    /// Why these are not the cores that were asked for.
    pub(crate) why_cores: Option<io::ErrorKind>,
}

impl Setting {
    pub(crate) fn new(priority: Priority, cores: Option<Vec<usize>>) -> Setting {
        Setting { priority, cores, given: Mutex::default() }
    }

    fn begin(&self, root: &Attributes) {
        let asked = match self.priority {
            Priority::Background => root.less_urgent(),
            Priority::Normal => *root,
            Priority::Critical => root.more_urgent(),
        };
        let asked = self.cores.as_ref().map_or(asked, |cores| asked.on(cores));
        let refused = asked.begin(root);
        let priority = match root.urgency_here() {
            Ordering::Less => Priority::Background,
            Ordering::Equal => Priority::Normal,
            Ordering::Greater => Priority::Critical,
        };
        LOWERED.set(priority == Priority::Background);
        let cores = self.cores.as_ref().map(|_| processors_here()).unwrap_or_default();
        // A system without priorities or cores returns no error and changes nothing, so the reason
        // is made here.
        let unknown = |is: bool| is.then_some(io::ErrorKind::Unsupported);
        let why_priority =
            refused.scheduling.map(|error| error.kind()).or(unknown(priority != self.priority));
        let why_cores = refused
            .processors
            .map(|error| error.kind())
            .or(unknown(self.cores.is_some() && cores.is_empty()));
        *self.given.lock() = Given { priority, why_priority, cores, why_cores };
    }

    pub(crate) fn given(&self) -> Given {
        self.given.lock().clone()
    }
}

per_thread! {
    /// True if the calling OS thread, and so each thread that it starts, has less claim to a
    /// processor than its root. Written once, by `Setting::begin`. It has no destructor, so that it
    /// is there in the last destructors of the thread, too.
    static LOWERED: Cell<bool> = const { Cell::new(false) };
}

/// True if a thread that the calling OS thread starts may be unable to get the root's claim to a
/// processor.
pub(super) fn is_lowered() -> bool {
    LOWERED.get()
}
