//! Owns the models of the OS threads of a root: each routine runs once, and all threads are joined
//! when the root is closed.
//! Refuses to know what the routines are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::thread::spawn;

use super::explore;
use crate::rt::options::ThreadOptions;
use crate::rt::os_thread::{OsThread, Routine};
use crate::rt::thread_cache::ThreadCache;
use crate::sync::time_flies;

#[derive(Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    /// A routine after which the thread offers itself for another.
    fn routine(&self, cache: &Arc<ThreadCache>) -> Routine {
        let (runs, cache) = (Arc::clone(&self.0), Arc::clone(cache));
        Box::new(move |os_thread: &Arc<OsThread>| {
            runs.fetch_add(1, Ordering::Relaxed);
            cache.give_back(os_thread);
        })
    }

    /// A routine after which the thread ends.
    fn last_routine(&self) -> Routine {
        let runs = Arc::clone(&self.0);
        Box::new(move |_: &Arc<OsThread>| {
            runs.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn launch(cache: &Arc<ThreadCache>, routine: Routine) {
    cache.launch(&"worker".into(), ThreadOptions::default(), routine).expect("a model refuses no thread");
}

/// Closes the cache and asserts that every thread was joined.
fn close(cache: &ThreadCache) {
    cache.close();
    assert!(cache.kernel_ids().is_empty() && cache.starting() == 0, "all are joined");
}

/// The second routine goes to the first thread, or to a thread of its own, and both threads come
/// home.
#[test]
fn cache_hands_over() {
    explore("cache_hands_over", 3, || {
        let (cache, runs) = (Arc::<ThreadCache>::default(), Runs::default());
        launch(&cache, runs.routine(&cache));
        launch(&cache, runs.routine(&cache));
        close(&cache);
        assert_eq!(runs.count(), 2, "each routine is run once");
    });
}

/// Two spawners compete for one idle thread at most.
#[test]
fn cache_launches_race() {
    explore("cache_launches_race", 1, || {
        let (cache, runs) = (Arc::<ThreadCache>::default(), Runs::default());
        launch(&cache, runs.routine(&cache));
        let (other, routine) = (Arc::clone(&cache), runs.last_routine());
        let spawner = spawn(move || launch(&other, routine));
        launch(&cache, runs.last_routine());
        spawner.join().unwrap();
        close(&cache);
        assert_eq!(runs.count(), 3, "each routine is run once");
    });
}

/// The end of the root is announced while a spawn still asks for a thread.
#[test]
fn cache_launch_against_drain() {
    explore("cache_launch_against_drain", 2, || {
        let (cache, runs) = (Arc::<ThreadCache>::default(), Runs::default());
        launch(&cache, runs.routine(&cache));
        let (other, routine) = (Arc::clone(&cache), runs.routine(&cache));
        let spawner = spawn(move || launch(&other, routine));
        cache.drain();
        spawner.join().unwrap();
        close(&cache);
        assert_eq!(runs.count(), 2, "each routine is run once");
    });
}

/// An idle thread has reached its time-out when a spawn takes it out.
#[test]
fn cache_late_time_out() {
    time_flies(true);
    explore("cache_late_time_out", 3, || {
        let (cache, runs) = (Arc::<ThreadCache>::default(), Runs::default());
        launch(&cache, runs.routine(&cache));
        launch(&cache, runs.routine(&cache));
        close(&cache);
        assert_eq!(runs.count(), 2, "each routine is run once");
    });
    time_flies(false);
}
