// Pieces as they stand in programs.
mod server {
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, Mutex, mpsc};
    use std::thread;

    pub struct ThreadPool {
        workers: Vec<Worker>,
        sender: Option<mpsc::Sender<Job>>,
    }
    type Job = Box<dyn FnOnce() + Send + 'static>;
    impl ThreadPool {
        pub fn new(size: usize) -> ThreadPool {
            let (sender, receiver) = mpsc::channel();
            let receiver = Arc::new(Mutex::new(receiver));
            let mut workers = Vec::with_capacity(size);
            for id in 0..size {
                workers.push(Worker::new(id, Arc::clone(&receiver))); //~ none
            }
            ThreadPool { workers, sender: Some(sender) }
        }
    }
    impl Drop for ThreadPool {
        fn drop(&mut self) {
            drop(self.sender.take()); //~ none
            for worker in &mut self.workers {
                if let Some(thread) = worker.thread.take() {
                    thread.join().unwrap(); //~ none
                }
            }
        }
    }
    struct Worker {
        id: usize,
        thread: Option<thread::JoinHandle<()>>,
    }
    impl Worker {
        fn new(id: usize, receiver: Arc<Mutex<mpsc::Receiver<Job>>>) -> Worker {
            let thread = thread::spawn(move || loop { //~ raw-thread
                let message = receiver.lock().unwrap().recv(); //~ none
                match message {
                    Ok(job) => job(),
                    Err(_) => break,
                }
            });
            Worker { id, thread: Some(thread) }
        }
    }
    fn main() {
        let listener = TcpListener::bind("127.0.0.1:7878").unwrap();
        for stream in listener.incoming() { //~ none
            let stream = stream.unwrap();
            thread::spawn(|| handle(stream)); //~ raw-thread detached-thread
        }
    }
}

mod ticker {
    use std::sync::atomic::{AtomicBool, Ordering::*};
    use std::{thread, time::Duration, sync::Arc};
    pub struct Ticker {
        running: Arc<AtomicBool>,
        join: Option<thread::JoinHandle<()>>,
    }
    impl Ticker {
        pub fn start(f: impl Fn() + Send + 'static) -> Ticker {
            let running = Arc::new(AtomicBool::new(true));
            let r = running.clone();
            let join = Some(thread::Builder::new().name("ticker".into()).spawn(move || { //~ raw-thread
                while r.load(Relaxed) {
                    f();
                    thread::sleep(Duration::from_millis(100)); //~ polled-stop
                }
            }).expect("no thread"));
            Ticker { running, join }
        }
        pub fn stop(mut self) {
            self.running.store(false, Relaxed);
            self.join.take().map(|j| j.join()); //~ none
        }
    }
    pub struct Leaky { running: Arc<AtomicBool>, join: thread::JoinHandle<()> }
    impl Leaky {
        pub fn start() -> Self {
            let running = Arc::new(AtomicBool::new(true));
            let join = std::thread::spawn({ //~ raw-thread detached-thread
                let running = running.clone();
                move || {
                    loop {
                        if !running.load(SeqCst) {
                            break;
                        }
                        std::thread::sleep(Duration::from_secs(1)); //~ polled-stop
                    }
                }
            });
            Self { running, join }
        }
        pub fn stop(&self) {
            self.running.store(false, SeqCst);
            while !self.join.is_finished() {
                thread::yield_now();
            }
        }
    }
}

mod retry {
    use std::thread::sleep;
    fn connect() -> Option<Conn> {
        for attempt in 0..5 {
            match open() {
                Ok(conn) => return Some(conn),
                Err(e) if attempt == 4 => return None,
                Err(_) => sleep(backoff(attempt)), //~ none
            }
        }
        None
    }
    fn wait_file(path: &Path) {
        while !path.exists() {
            sleep(backoff(1)); //~ none
        }
        let mut left = 10;
        while left > 0 {
            sleep(backoff(1)); //~ none
            left -= 1;
        }
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            if ready() { break; }
            sleep(backoff(1)); //~ none
        }
        let mut found = false;
        while !found {
            found = look();
            sleep(backoff(1)); //~ none
        }
        loop {
            let n = match read() { Ok(0) => break, Ok(n) => n, Err(_) => { sleep(backoff(1)); continue } }; //~ none
            use_it(n);
        }
    }
    fn wait_count(n: &AtomicUsize) {
        while n.load(Ordering::SeqCst) < 3 {
            sleep(backoff(1)); //~ none
        }
    }
}

mod flags {
    use std::thread;
    static mut QUIT: bool = false;
    static SHUTDOWN: AtomicBool = AtomicBool::new(false);
    struct S { shutdown: Arc<AtomicBool>, stop: Mutex<bool>, done: bool }
    impl S {
        fn a(&self) {
            while !self.shutdown.load(Ordering::Relaxed) {
                for item in self.items() { work(item); }
                thread::sleep(TICK); //~ polled-stop
            }
            while !*self.stop.lock().unwrap() { thread::sleep(TICK); } //~ polled-stop
            loop {
                if unsafe { QUIT } { return; }
                thread::sleep(TICK); //~ polled-stop
            }
        }
        fn b(&self, stop: &Receiver<()>) {
            loop {
                if SHUTDOWN.load(Ordering::Acquire) {
                    info!("bye");
                    return;
                }
                if let Ok(x) = self.rx.recv_timeout(TICK) { work(x); } //~ polled-stop
            }
            loop {
                match stop.try_recv() {
                    Ok(_) | Err(TryRecvError::Disconnected) => break,
                    Err(TryRecvError::Empty) => {}
                }
                thread::sleep(TICK); //~ polled-stop
            }
            'outer: loop {
                for _ in 0..10 {
                    thread::sleep(TICK); //~ polled-stop
                    if SHUTDOWN.load(Ordering::Acquire) { break 'outer; }
                }
            }
            loop {
                let stopping = SHUTDOWN.load(Ordering::Acquire);
                if stopping { break; }
                thread::sleep(TICK); //~ polled-stop
            }
            while !token.is_cancelled() { thread::park_timeout(TICK); } //~ polled-stop
            while !SHUTDOWN.load(Ordering::Acquire) && !self.done { step(); thread::sleep(TICK); } //~ polled-stop
            while SHUTDOWN.load(Ordering::Acquire) == false { thread::sleep(TICK); } //~ polled-stop
            loop { if LOUD.load(Ordering::Relaxed) { println!("x"); } thread::sleep(TICK); } //~ none
        }
    }
}

mod passing {
    use std::thread::{self, JoinHandle};
    fn two() -> (JoinHandle<()>, JoinHandle<u8>) {
        let a = thread::spawn(|| ()); //~ raw-thread
        let b = thread::Builder::new().spawn(|| 1).unwrap(); //~ raw-thread
        (a, b)
    }
    fn optional(on: bool) -> Option<JoinHandle<()>> {
        on.then(|| thread::spawn(work)) //~ raw-thread
    }
    fn wrapped() -> anyhow::Result<Guard> {
        let handle = thread::Builder::new().spawn(work).context("spawn")?; //~ raw-thread
        Ok(Guard(Some(handle)))
    }
    struct Guard(Option<JoinHandle<()>>);
    impl Drop for Guard {
        fn drop(&mut self) { self.0.take().unwrap().join().unwrap(); }
    }
    struct Loose(JoinHandle<()>);
    fn loose() -> Loose { Loose(thread::spawn(work)) } //~ raw-thread detached-thread
    fn boxed() -> Box<dyn FnOnce()> {
        let h = thread::spawn(work); //~ raw-thread
        Box::new(move || { h.join().unwrap(); })
    }
    fn nested() {
        let handles = (0..2).map(|i| {
            let tx = tx.clone();
            thread::spawn(move || tx.send(i)) //~ raw-thread
        }).collect::<Vec<_>>();
        for handle in handles {
            handle.join().unwrap();
        }
        let mut handles: Vec<JoinHandle<()>> = Vec::new();
        handles.extend((0..2).map(|_| thread::spawn(work))); //~ raw-thread
        handles.into_iter().try_for_each(|h| h.join()).unwrap();
        let mut named = std::collections::BTreeMap::new();
        named.entry("x").or_insert_with(|| thread::spawn(work)); //~ raw-thread
        for (name, h) in named { h.join().unwrap(); }
        let mut named = std::collections::BTreeMap::new();
        named.entry("x").or_insert_with(|| thread::spawn(work)); //~ raw-thread detached-thread
        let results: Vec<_> = [1, 2].iter().map(|n| thread::spawn(move || n)).collect::<Vec<_>>() //~ raw-thread
            .into_iter().map(JoinHandle::join).collect();
        let handle = Some(thread::spawn(work)); //~ raw-thread
        if let Some(h) = handle { h.join().ok(); }
        let Some(h) = Some(thread::spawn(work)) else { return }; //~ raw-thread
        h.join().ok();
    }
    fn early(x: bool) {
        let h = thread::spawn(work); //~ raw-thread
        if x { return; }
        h.join().unwrap();
    }
    fn dropped_on_purpose(h: JoinHandle<()>) { drop(h); }
    fn replaced(slot: &mut Option<JoinHandle<()>>) {
        let old = slot.replace(thread::spawn(work)); //~ raw-thread
        *slot = Some(thread::spawn(work)); //~ raw-thread
        slot.insert(thread::spawn(work)); //~ raw-thread
    }
    fn into_field(&mut self) {
        let slot = &mut self.unknown.slot;
        *slot = Some(thread::spawn(work)); //~ raw-thread
        let guard = &mut *GLOBAL.lock().unwrap();
        guard.push(thread::spawn(work)); //~ raw-thread
        REGISTRY.with(|r| r.borrow_mut().push(thread::spawn(work))); //~ raw-thread
        self.list.lock().unwrap().push(thread::spawn(work)); //~ raw-thread
        registry().lock().insert("k", thread::spawn(work)); //~ raw-thread
    }
    fn ignored() {
        let _unused = thread::spawn(work); //~ raw-thread detached-thread
        let (_, _) = (thread::spawn(work), 1); //~ raw-thread detached-thread
        let _: JoinHandle<()> = thread::spawn(work); //~ raw-thread detached-thread
        match thread::spawn(work) { _ => {} } //~ raw-thread detached-thread
        let h = thread::spawn(work); //~ raw-thread detached-thread
        let t = h.thread().clone();
        t.unpark();
        let hs = vec![thread::spawn(work), thread::spawn(work)]; //~ raw-thread detached-thread
        std::mem::forget(hs);
        let x = { thread::spawn(work); 5 }; //~ raw-thread detached-thread
        thread::spawn(work).is_finished(); //~ raw-thread detached-thread
        let _ = Some(thread::spawn(work)); //~ raw-thread detached-thread
        if true { drop(thread::spawn(work)) } else { () } //~ raw-thread detached-thread
        let _ = std::mem::ManuallyDrop::new(thread::spawn(work)); //~ raw-thread detached-thread
        let _ = Box::leak(Box::new(thread::spawn(work))); //~ raw-thread detached-thread
        thread::Builder::new().name("n".into()).spawn(work).map(|_h| ()).unwrap(); //~ raw-thread detached-thread
        let r = thread::Builder::new().spawn(work); //~ raw-thread detached-thread
        if r.is_err() { panic!(); }
        thread::Builder::new() //~ none
            .name("x".to_owned())
            .spawn(work) //~ raw-thread detached-thread
            .unwrap_or_else(|e| panic!("{e}"));
        let h = thread::spawn(work); //~ raw-thread detached-thread
        tracing::info!(id = ?h.thread().id(), "started");
        tokio::spawn(async move { thread::spawn(work); }).await; //~ raw-thread detached-thread
    }
}

mod odd_places {
    struct A;
    impl A {
        const F: fn() = || { std::thread::spawn(work); }; //~ raw-thread detached-thread
        fn default_arg(f: Option<fn()>) { f.unwrap_or(|| { std::thread::spawn(work).join(); })() } //~ raw-thread
    }
    enum E { A = { 1 }, B }
    fn generic<F: Fn()>(f: F) where F: Send { std::thread::Builder::new().spawn_unchecked(f); } //~ raw-thread detached-thread
    fn array() -> [std::thread::JoinHandle<()>; 2] {
        std::array::from_fn(|_| std::thread::spawn(work)) //~ raw-thread
    }
    fn let_else() {
        let Ok(h) = std::thread::Builder::new().spawn(work) else { panic!() }; //~ raw-thread
        h.join().unwrap();
    }
    fn chained_if() {
        if let Some(x) = y && let Ok(h) = std::thread::Builder::new().spawn(work) { h.join(); } //~ raw-thread
    }
    unsafe fn wild() {
        <std::thread::Builder>::new().spawn(work).unwrap().join(); //~ raw-thread
        core::mem::drop(std::thread::spawn(work)); //~ raw-thread detached-thread
    }
    #[test]
    fn tested() { std::thread::spawn(work).join().unwrap(); } //~ raw-thread
    fn r#async() { std::thread::r#spawn(work).join(); } //~ raw-thread
    fn with_return() -> Handle { return std::thread::spawn(work).into(); } //~ raw-thread
    type B = std::thread::Builder;
    fn by_alias() { B::new().spawn(work).unwrap().join(); } //~ raw-thread
    fn by_ref(b: &mut Option<std::thread::Builder>) { b.take().unwrap().spawn(work).unwrap().join(); } //~ raw-thread
    trait Spawner { fn spawn(&self, f: fn()); }
    fn by_trait(s: &dyn Spawner) { s.spawn(work); } //~ none
    fn by_generic<S: Spawner>(s: S) { s.spawn(work); } //~ none
    fn async_traits() { Box::pin(async { smol::spawn(async {}).detach(); }); } //~ raw-thread
}
