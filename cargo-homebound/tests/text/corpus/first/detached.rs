// What becomes of the handle.
use std::thread::{self, Builder, JoinHandle};

mod dropped {
    use std::thread;
    fn a() {
        thread::spawn(work); //~ raw-thread detached-thread
        let _ = thread::spawn(work); //~ raw-thread detached-thread
        _ = thread::spawn(work); //~ raw-thread detached-thread
        let _h = thread::spawn(work); //~ raw-thread detached-thread
        let unused = thread::spawn(work); //~ raw-thread detached-thread
        drop(thread::spawn(work)); //~ raw-thread detached-thread
        std::mem::drop(thread::spawn(work)); //~ raw-thread detached-thread
        std::mem::forget(thread::spawn(work)); //~ raw-thread detached-thread
        thread::Builder::new().spawn(work).unwrap(); //~ raw-thread detached-thread
        thread::Builder::new().spawn(work)?; //~ raw-thread detached-thread
        thread::Builder::new().spawn(work).expect("spawn"); //~ raw-thread detached-thread
        thread::Builder::new().spawn(work).ok(); //~ raw-thread detached-thread
        let _ = thread::Builder::new().spawn(work); //~ raw-thread detached-thread
        let _ = thread::Builder::new().spawn(work).map(|_| ()); //~ raw-thread detached-thread
        let _ = thread::Builder::new().spawn(work).map(drop); //~ raw-thread detached-thread
        thread::Builder::new().spawn(work).map_err(|e| log(e)).unwrap(); //~ raw-thread detached-thread
        thread::spawn(work).thread().unpark(); //~ raw-thread detached-thread
        let id = thread::spawn(work).thread().id(); //~ raw-thread detached-thread
        { thread::spawn(work) }; //~ raw-thread detached-thread
        if deep() { thread::spawn(work); } //~ raw-thread detached-thread
        std::mem::ManuallyDrop::new(thread::spawn(work)); //~ raw-thread detached-thread
        Box::leak(Box::new(thread::spawn(work))); //~ raw-thread detached-thread
        if let Err(e) = thread::Builder::new().spawn(work) { log(e); } //~ raw-thread detached-thread
        match thread::Builder::new().spawn(work) { Ok(_) => {} Err(e) => log(e) } //~ raw-thread detached-thread
        if thread::Builder::new().spawn(work).is_err() { log("no"); } //~ raw-thread detached-thread
        std::thread::spawn(move || { //~ raw-thread detached-thread
            work();
        });
        Builder::new()
            .name("x".into());
    }
    fn later() {
        let h = thread::spawn(work); //~ raw-thread detached-thread
        drop(h);
        let h = thread::spawn(work); //~ raw-thread detached-thread
        let _ = h;
        let h = thread::spawn(work); //~ raw-thread detached-thread
        std::mem::forget(h);
        let h = thread::spawn(work); //~ raw-thread detached-thread
        h.thread().unpark();
        let h = thread::spawn(work); //~ raw-thread detached-thread
        while !h.is_finished() { spin(); }
        let h = thread::spawn(work); //~ raw-thread detached-thread
        println!("{:?}", h);
        let h = thread::spawn(work); //~ raw-thread detached-thread
        let g = h;
        let h = thread::spawn(work); //~ raw-thread detached-thread
        let h = thread::spawn(work); //~ raw-thread
        h.join();
        let Ok(h) = thread::Builder::new().spawn(work) else { return }; //~ raw-thread detached-thread
        let leak = std::mem::ManuallyDrop::new(h);
        let (tx, h) = (1, thread::spawn(work)); //~ raw-thread detached-thread
        send(tx);
    }
    fn in_lists() {
        let mut all = Vec::new();
        all.push(thread::spawn(work)); //~ raw-thread detached-thread
        log(all.len());
        let many: Vec<_> = (0..4).map(|_| thread::spawn(work)).collect(); //~ raw-thread detached-thread
        for h in &many { h.thread().unpark(); }
        (0..4).map(|_| thread::spawn(work)).count(); //~ raw-thread detached-thread
        (0..4).for_each(|_| { thread::spawn(work); }); //~ raw-thread detached-thread
        for h in [thread::spawn(work)] {} //~ raw-thread detached-thread
    }
    struct Held { handle: Option<thread::JoinHandle<()>>, kept: thread::JoinHandle<()> }
    impl Held {
        fn new() -> Held {
            Held {
                handle: Some(thread::spawn(work)), //~ raw-thread detached-thread
                kept: thread::spawn(work), //~ raw-thread detached-thread
            }
        }
        fn start(&mut self) {
            self.handle = Some(thread::spawn(work)); //~ raw-thread detached-thread
            self.kept.thread().unpark();
        }
    }
    fn calls_one_that_returns() {
        returns(); //~ detached-thread
    }
    fn returns() -> thread::JoinHandle<()> {
        thread::spawn(work) //~ raw-thread
    }
    static ONCE: OnceLock<thread::JoinHandle<()>> = OnceLock::new();
    fn global() {
        ONCE.set(thread::spawn(work)); //~ raw-thread detached-thread
    }
    fn by_hand() {
        unsafe { libc::pthread_detach(id) }; //~ detached-thread
    }
}

mod home {
    use std::thread::{self, JoinHandle};
    fn direct() {
        thread::spawn(work).join(); //~ raw-thread
        let _ = thread::spawn(work).join(); //~ raw-thread
        thread::Builder::new().spawn(work).unwrap().join().unwrap(); //~ raw-thread
        thread::Builder::new().spawn(work)?.join().unwrap(); //~ raw-thread
        let h = thread::spawn(work); //~ raw-thread
        if late() { h.join().unwrap(); }
        let h = thread::spawn(work); //~ raw-thread
        let g = h;
        g.join();
        let h = thread::Builder::new().spawn(work); //~ raw-thread
        if let Ok(h) = h { h.join(); }
        let h = match thread::Builder::new().spawn(work) { //~ raw-thread
            Ok(h) => h,
            Err(_) => return,
        };
        h.join();
        let h;
        h = thread::spawn(work); //~ raw-thread
        h.join();
        let mut slot = None;
        slot = Some(thread::spawn(work)); //~ raw-thread
        slot.take().unwrap().join();
        let slot = slot.insert(thread::spawn(work)); //~ raw-thread
        let _handle = thread::spawn(work); //~ raw-thread
        _handle.join().unwrap();
    }
    fn returned() -> JoinHandle<()> {
        thread::spawn(work) //~ raw-thread
    }
    fn returned_early() -> JoinHandle<()> {
        return thread::spawn(work); //~ raw-thread
    }
    fn returned_by_name() -> JoinHandle<()> {
        let h = thread::spawn(work); //~ raw-thread
        h.thread().unpark();
        h
    }
    fn returned_in_result() -> io::Result<JoinHandle<()>> {
        let h = thread::Builder::new().spawn(work)?; //~ raw-thread
        Ok(h)
    }
    fn returned_in_tuple() -> (u8, Option<JoinHandle<()>>) {
        (1, Some(thread::spawn(work))) //~ raw-thread
    }
    fn returned_in_struct() -> Public {
        Public { handle: thread::spawn(work), other: 1 } //~ raw-thread
    }
    fn returned_in_vec() -> Vec<JoinHandle<()>> {
        let mut all = Vec::with_capacity(2);
        for _ in 0..2 { all.push(thread::spawn(work)); } //~ raw-thread
        all
    }
    fn returned_by_map() -> Vec<JoinHandle<()>> {
        (0..2).map(|i| thread::spawn(move || f(i))).collect() //~ raw-thread
    }
    fn returned_by_match() -> JoinHandle<()> {
        match kind() {
            1 => thread::spawn(one), //~ raw-thread
            _ => { log(); thread::spawn(other) } //~ raw-thread
        }
    }
    pub struct Public { pub handle: JoinHandle<()>, other: u8 }
    fn passed(tx: Sender<JoinHandle<()>>, list: &mut Vec<JoinHandle<()>>) {
        watch(thread::spawn(work)); //~ raw-thread
        tx.send(thread::spawn(work)); //~ raw-thread
        list.push(thread::spawn(work)); //~ raw-thread
        let h = thread::spawn(work); //~ raw-thread
        watch(h);
        let h = thread::spawn(work); //~ raw-thread
        let f = move || { h.join().unwrap(); };
    }
    fn lists() {
        let mut all = vec![];
        all.push(thread::spawn(work)); //~ raw-thread
        for h in all { h.join().unwrap(); }
        let all: Vec<_> = (0..4).map(|_| thread::spawn(work)).collect(); //~ raw-thread
        all.into_iter().map(|h| h.join()).collect::<Vec<_>>();
        let mut all: Vec<_> = (0..4).map(|_| thread::spawn(work)).collect(); //~ raw-thread
        for h in all.drain(..) { h.join().unwrap(); }
        let mut all = vec![thread::spawn(work)]; //~ raw-thread
        while let Some(h) = all.pop() { h.join().unwrap(); }
        let mut map = HashMap::new();
        map.insert(1, thread::spawn(work)); //~ raw-thread
        for (_, h) in map { h.join(); }
        let pair = [thread::spawn(work), thread::spawn(work)]; //~ raw-thread
        let [a, b] = pair;
        a.join(); b.join();
        let all: Vec<_> = (0..4).map(|_| thread::spawn(work)).collect(); //~ raw-thread
        all.into_iter().for_each(|h| { let _ = h.join(); });
        let all: Vec<_> = (0..4).map(|_| thread::spawn(work)).collect(); //~ raw-thread
        join_all(all);
        (0..4).map(|_| thread::spawn(work)).collect::<Vec<_>>().into_iter().for_each(|h| h.join().unwrap()); //~ raw-thread
        let sum: u32 = (0..4).map(|_| thread::spawn(work)).map(|h| h.join().unwrap()).sum(); //~ raw-thread
    }
    struct Worker { handle: Option<JoinHandle<()>> }
    impl Worker {
        fn new() -> Self { Self { handle: Some(thread::spawn(work)) } } //~ raw-thread
        fn again(&mut self) { self.handle = Some(thread::spawn(work)); } //~ raw-thread
    }
    impl Drop for Worker {
        fn drop(&mut self) {
            if let Some(h) = self.handle.take() { let _ = h.join(); }
        }
    }
    struct Crew { hands: Vec<JoinHandle<()>> }
    impl Crew {
        fn start(&mut self) { self.hands.push(thread::spawn(work)); } //~ raw-thread
        fn end(self) { for h in self.hands { h.join().unwrap(); } }
    }
    fn scoped() {
        thread::scope(|s| { //~ raw-thread
            s.spawn(work); //~ raw-thread
            let _ = s.spawn(work); //~ raw-thread
            let _h = s.spawn(work); //~ raw-thread
            drop(s.spawn(work)); //~ raw-thread
            Builder::new().spawn_scoped(s, work).unwrap(); //~ none
            thread::Builder::new().spawn_scoped(s, work).unwrap(); //~ raw-thread
        });
        crossbeam::scope(|s| { s.spawn(|_| work()); }).unwrap(); //~ raw-thread
    }
    fn shared() {
        let slot = Arc::new(Mutex::new(Some(thread::spawn(work)))); //~ raw-thread
        let other = slot.clone();
        other.lock().unwrap().take().unwrap().join();
        let f = || thread::spawn(work); //~ raw-thread
        f().join();
        let a = thread::spawn(work); //~ raw-thread
        let b = thread::spawn(work); //~ raw-thread
        for h in [a, b] { h.join().unwrap(); }
        let t = (thread::spawn(work), 1); //~ raw-thread
        t.0.join();
        let r = loop { break thread::spawn(work); }; //~ raw-thread
        r.join();
    }
}
