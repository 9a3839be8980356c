// In the manner of threadpool: workers that a sentinel starts again.
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

struct Pool {
    jobs: Sender<Job>,
    workers: Vec<thread::JoinHandle<()>>,
}

struct Sentinel(Arc<Mutex<Receiver<Job>>>);

impl Drop for Sentinel {
    fn drop(&mut self) {
        if thread::panicking() {
            start(self.0.clone()); //~ detached-thread
        }
    }
}

fn start(jobs: Arc<Mutex<Receiver<Job>>>) -> thread::JoinHandle<()> {
    thread::Builder::new().spawn(move || work(&jobs)).unwrap() //~ raw-thread
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    while let Ok(job) = jobs.lock().unwrap().recv() { //~ none
        job();
    }
}

impl Pool {
    fn new(n: usize) -> Pool {
        let (jobs, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let workers = (0..n).map(|_| start(receiver.clone())).collect();
        Pool { jobs, workers }
    }

    fn close(self) {
        drop(self.jobs);
        for worker in self.workers {
            worker.join().unwrap(); //~ none
        }
    }
}
