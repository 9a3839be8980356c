//! Owns everything that a run sets up in the process: handlers, masks, the two internal threads,
//! the root; and the order in which it is put away.
//! Refuses to know what is run, and how many runs there may be.

use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crate::outcome::errors::error::SpawnError;
use crate::registry::audit;
use crate::registry::dump_to::DumpFile;
use crate::registry::file_thread::FileThread;
use crate::registry::settings::Settings;
use crate::registry::shared::Shared;
use crate::registry::stopper_thread::stopper;
use crate::registry::watch_thread::watch;
use crate::rt::contain::discard;
use crate::rt::result::Result;
use crate::sys::{self, Handlers, Spared};
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::internal::{internal, launch, retire};
use crate::tree::record::Record;
use crate::tree::result_state::Outcome;
use crate::tree::results;
use crate::tree::root::{Root, RootHost, WorkItem, open_root};
use crate::tree::text::Text;

/// Everything that a run has set up in the process.
pub(crate) struct Installed {
    core: Arc<ScopeCore>,
    shared: Arc<Shared>,
    watch: JoinHandle<()>,
    /// The records of *stopper* and *watch*.
    internal: [Arc<Record>; 2],
    handlers: Handlers,
    /// While it lives, the thread that runs the body does not handle the signals. Dropped after
    /// *watch* is gone.
    spared: Spared,
}

impl Installed {
    /// Sets everything up. On a refusal nothing is left behind.
    pub(crate) fn open(name: Text, settings: Settings, at: &'static Location<'static>) -> Result<Installed> {
        if let Some(why) = settings.signals.refusal() {
            return Err(format!("a signal handler was refused: {why}").into());
        }
        // Before anything is set up, and before the program can change its folder or its user.
        let dump_file = DumpFile::open(&settings.dump_to)?;
        audit::begin();
        // From here until `put_back`, *watch* handles these signals.
        let spared = Spared::new(&settings.taken, &settings.signals.quiet(&settings.taken));
        let grace = settings.grace;
        let shared = Shared::new(settings, dump_file)?;
        let host: Arc<dyn RootHost> = Arc::<Shared>::clone(&shared);
        let root = Root::new(grace, Some(Arc::downgrade(&host)));
        let core = open_root(Arc::clone(&root), name, Kind::Scope, at);
        let set = shared.root.set(Arc::clone(&core));
        debug_assert!(set.is_ok(), "a shared has one root");
        let taken = &shared.settings.taken;
        let handlers = Handlers::install(taken, shared.waker.pipe)
            .map_err(|error| format!("a signal handler was refused: {error} (signals {taken:?})"))?;
        // *watch* is started before all other threads, because the kernel chooses the oldest thread
        // to handle a signal.
        let (watch_record, watch) = start_watch(&core, &shared)?;
        let stopper_record = match start_stopper(&core, &shared) {
            Ok(record) => record,
            Err(refusal) => {
                send_home(&core, &shared, watch);
                return Err(refusal.into());
            }
        };
        if let Err(refusal) = start_file_threads(&core, &shared) {
            send_home(&core, &shared, watch);
            return Err(SpawnError::Os(refusal).into());
        }
        let internal = [stopper_record, watch_record];
        // Before any code of the program's runs: see `has_started`.
        shared.wait_for_start();
        Ok(Installed { core, shared, watch, internal, handlers, spared })
    }

    pub(crate) fn core(&self) -> &Arc<ScopeCore> {
        &self.core
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Logs what the manager was not told. Code of the program's, so *watch* is still there.
    pub(crate) fn tell_refusal(&self) {
        self.shared.tell_refusal();
    }

    /// Joins all threads but *watch*, which guards the joining.
    pub(crate) fn close_root(&self) {
        dismiss(&self.core, &self.shared);
    }

    /// Puts everything back: first the handlers, then *watch*. From here on no code of the
    /// program's runs.
    pub(crate) fn put_back(self) {
        let Installed { core, shared, watch, internal, handlers, spared } = self;
        core.vacate();
        shared.remove_probe();
        // A signal that was raised in this thread and is still blocked is handed on while the
        // handlers are there. So it has no effect any more, like a signal to the process at this
        // moment, instead of waiting until the handlers are gone.
        sys::hand_on_raised();
        drop(handlers);
        send_home(&core, &shared, watch);
        // After *watch* is home, which would send the same words, and as late as possible, because
        // each moment is one in which the manager may read.
        shared.send_last();
        // Last: from here on this thread handles signals again, as before the run.
        drop(spared);
        internal.iter().for_each(|record| results::end(record, Outcome::Finished));
    }
}

/// Joins all threads of the root: *stopper* and the threads of files end when they have done what
/// they were given.
fn dismiss(core: &Arc<ScopeCore>, shared: &Arc<Shared>) {
    [&shared.dump_thread, &shared.probe_thread].into_iter().for_each(FileThread::close);
    shared.dispatch(WorkItem::Quit);
    core.root.close();
}

/// Joins the threads of the root, then dismisses *watch* and joins it.
fn send_home(core: &Arc<ScopeCore>, shared: &Arc<Shared>, watch: JoinHandle<()>) {
    // In this order: *watch* guards the joining of the others, so it ends last.
    dismiss(core, shared);
    shared.dismiss();
    if let Err(payload) = watch.join() {
        discard(payload);
    }
}

/// Starts *stopper*. It handles signals as well, because of two that come at once the second finds
/// *watch* not yet awake.
fn start_stopper(core: &Arc<ScopeCore>, shared: &Arc<Shared>) -> Result<Arc<Record>, SpawnError> {
    let record = internal(core, "homebound-stopper", "carries out stops, runs callbacks, logs");
    let shared = Arc::clone(shared);
    launch(&record, move |own| {
        sys::hear(&shared.settings.taken);
        stopper(&shared, own);
    })
    .map_err(SpawnError::Os)?;
    Ok(record)
}

/// Starts a thread for each file of the run that must not hold up another thread.
fn start_file_threads(core: &Arc<ScopeCore>, shared: &Arc<Shared>) -> io::Result<()> {
    if shared.dump_file.get().is_some() {
        let labels = ("homebound-dumps", "writes dumps to their file");
        start_file_thread(core, shared, labels, |shared| &shared.dump_thread)?;
    }
    if shared.probe.is_some() {
        let labels = ("homebound-probe", "removes the probe file");
        start_file_thread(core, shared, labels, |shared| &shared.probe_thread)?;
    }
    Ok(())
}

fn start_file_thread(
    core: &Arc<ScopeCore>,
    shared: &Arc<Shared>,
    (name, purpose): (&'static str, &'static str),
    which: fn(&Shared) -> &FileThread,
) -> io::Result<()> {
    let record = internal(core, name, purpose);
    let shared = Arc::clone(shared);
    launch(&record, move |own| which(&shared).work(own)).inspect_err(|_| retire(&record))
}

/// Starts *watch*, outside of the root's cache, because it guards the joining of all threads of the
/// cache.
fn start_watch(
    core: &Arc<ScopeCore>,
    shared: &Arc<Shared>,
) -> Result<(Arc<Record>, JoinHandle<()>), SpawnError> {
    let record = internal(core, "homebound-watch", "signals, deadlines, the end of the process");
    let (shared, own, expected) = (Arc::clone(shared), Arc::clone(&record), audit::expect());
    let work = move || {
        own.start(None);
        sys::hear(&shared.settings.taken);
        sys::bear_refused_writes();
        watch(&shared, &own, expected);
    };
    // A box, as for all other threads, because std's code is compiled for each type of closure.
    let work: Box<dyn FnOnce() + Send> = Box::new(work);
    let spawned = Builder::new().name("homebound-watch".to_owned()).spawn(work);
    spawned.map(|watch| (record, watch)).map_err(SpawnError::Os)
}
