// In the manner of futures-timer and bus: threads that are parked and unparked.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

struct Helper {
    thread: Option<thread::JoinHandle<()>>,
    done: Arc<AtomicBool>,
}

impl Helper {
    fn new() -> std::io::Result<Helper> {
        let done = Arc::new(AtomicBool::new(false));
        let theirs = done.clone();
        let thread = thread::Builder::new().name("timer".to_owned()).spawn(move || run(theirs))?; //~ raw-thread
        Ok(Helper { thread: Some(thread), done })
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.done.store(true, Ordering::SeqCst);
        thread.thread().unpark();
        drop(thread.join());
    }
}

fn run(done: Arc<AtomicBool>) {
    while !done.load(Ordering::SeqCst) {
        match next_event() {
            Some(when) => thread::park_timeout(when - Instant::now()), //~ none
            None => thread::park(), //~ none
        }
    }
}
