//! Owns the calls to the kernel: resident memory, pinning, the barest wait for many threads.
//! Refuses to guess: on other systems than Linux a figure is absent.

#[cfg(target_os = "linux")]
pub(crate) use linux::{Gate, pin, resident};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{Gate, pin, resident};

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::sync::atomic::{AtomicU32, Ordering};

    use rustix::thread::{CpuSet, futex, sched_getaffinity, sched_setaffinity};

    /// Keeps the calling thread, and all threads that it will start, on one core.
    pub(crate) fn pin() -> bool {
        let Ok(may) = sched_getaffinity(None) else { return false };
        let first = (0..CpuSet::MAX_CPU).find(|cpu| may.is_set(*cpu));
        first.is_some_and(|cpu| {
            let mut one = CpuSet::new();
            one.set(cpu);
            sched_setaffinity(None, &one).is_ok()
        })
    }

    /// Resident bytes. `smaps_rollup` counts pages; the counters in `status` lag behind by some
    /// batches.
    pub(crate) fn resident() -> Option<u64> {
        let text = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Rss:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    }

    /// One futex for all threads: a single system call wakes every thread, and they meet at no lock
    /// afterwards.
    pub(crate) struct Gate(AtomicU32);

    impl Gate {
        pub(crate) const fn new() -> Gate {
            Gate(AtomicU32::new(0))
        }

        pub(crate) fn wait(&self) {
            while self.0.load(Ordering::Acquire) == 0 {
                // The loop asks again, whether the wait was interrupted or the gate opened.
                let _woken = futex::wait(&self.0, futex::Flags::PRIVATE, 0, None);
            }
        }

        pub(crate) fn open(&self) {
            self.0.store(1, Ordering::Release);
            let _how_many = futex::wake(&self.0, futex::Flags::PRIVATE, i32::MAX as u32);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::sync::{Condvar, Mutex};

    pub(crate) fn pin() -> bool {
        false
    }

    pub(crate) fn resident() -> Option<u64> {
        None
    }

    pub(crate) struct Gate(Mutex<bool>, Condvar);

    impl Gate {
        pub(crate) const fn new() -> Gate {
            Gate(Mutex::new(false), Condvar::new())
        }

        pub(crate) fn wait(&self) {
            let open = self.0.lock().unwrap();
            drop(self.1.wait_while(open, |open| !*open).unwrap());
        }

        pub(crate) fn open(&self) {
            *self.0.lock().unwrap() = true;
            self.1.notify_all();
        }
    }
}
