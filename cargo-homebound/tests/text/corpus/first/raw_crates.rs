// The crates that start threads.
mod crossbeams {
    use crossbeam::thread as ct;
    use crossbeam_utils::thread::{self, scope as cscope, Scope};
    fn a() {
        crossbeam::scope(|s| { //~ raw-thread
            s.spawn(|_| work()); //~ raw-thread
            s.builder().name("x".into()).spawn(|_| work()).unwrap(); //~ raw-thread
        }).unwrap();
        crossbeam::thread::scope(|s| {}).unwrap(); //~ raw-thread
        crossbeam_utils::thread::scope(|s| {}).unwrap(); //~ raw-thread
        ct::scope(|s| { s.spawn(|_| ()); }).unwrap(); //~ raw-thread
        cscope(|s| {}).unwrap(); //~ raw-thread
        thread::scope(|_| ()).unwrap(); //~ raw-thread
        let (tx, rx) = crossbeam::channel::unbounded(); //~ none
        crossbeam::utils::Backoff::new().spin(); //~ none
    }
    fn given(s: &Scope<'_>) {
        s.spawn(|inner| { inner.spawn(|_| ()); }); //~ raw-thread
    }
}

mod rayons {
    use rayon::prelude::*;
    use rayon::ThreadPoolBuilder;
    fn a() {
        rayon::spawn(work); //~ raw-thread
        rayon::spawn_fifo(work); //~ raw-thread
        ThreadPoolBuilder::new().num_threads(4).build().unwrap(); //~ raw-thread
        rayon::ThreadPoolBuilder::new().build_global().unwrap(); //~ raw-thread
        rayon::ThreadPoolBuilder::default().build_global().unwrap(); //~ raw-thread
        rayon::ThreadPoolBuilder::new().build_scoped(a, b).unwrap(); //~ raw-thread
        let pool = ThreadPoolBuilder::new().build().unwrap(); //~ raw-thread
        pool.spawn(work); //~ raw-thread
        pool.install(|| work()); //~ none
        let x: u32 = list.par_iter().sum(); //~ none
        rayon::join(a, b); //~ none
        rayon::current_num_threads(); //~ none
        rayon::scope(|s| {
            s.spawn(|_| work()); //~ raw-thread
        });
    }
}

mod tokios {
    use tokio::runtime::{Builder, Runtime};
    use tokio::task;
    async fn a() {
        tokio::spawn(work()).await; //~ raw-thread
        task::spawn(work()).await; //~ raw-thread
        task::spawn_blocking(work).await; //~ raw-thread
        tokio::task::spawn_blocking(work).await.unwrap(); //~ raw-thread
        tokio::time::sleep(second()).await; //~ none
        let rt = Runtime::new().unwrap(); //~ raw-thread
        rt.block_on(work()); //~ none
        rt.spawn(work()).await; //~ raw-thread
        Builder::new_multi_thread().enable_all().build().unwrap(); //~ raw-thread
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?; //~ raw-thread
        Builder::new_current_thread().build().unwrap(); //~ none
        tokio::runtime::Handle::current().spawn(work()).await; //~ raw-thread
        tokio::sync::mpsc::channel(1); //~ none
        tokio::fs::read("x").await; //~ none
    }
    #[tokio::main] //~ raw-thread
    async fn main() {}
    #[tokio::main(flavor = "current_thread")] //~ none
    async fn single() {}
    #[tokio::test] //~ none
    async fn test() {}
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)] //~ raw-thread
    async fn many() {}
}

mod others {
    fn a() {
        let pool = threadpool::ThreadPool::new(4); //~ raw-thread
        threadpool::Builder::new().num_threads(2).build(); //~ raw-thread
        scoped_threadpool::Pool::new(4); //~ raw-thread
        async_std::task::spawn(work()).await; //~ raw-thread
        async_std::task::spawn_blocking(work).await; //~ raw-thread
        async_std::task::sleep(second()).await; //~ none
        async_std::task::Builder::new().name("x".into()).spawn(work()).unwrap().await; //~ raw-thread
        rayon_core::spawn(work); //~ raw-thread
        smol::unblock(work).await; //~ raw-thread
        blocking::unblock(work).await; //~ raw-thread
        futures::executor::ThreadPool::new().unwrap(); //~ raw-thread
        futures::executor::block_on(work()); //~ none
        ctrlc::set_handler(work).unwrap(); //~ raw-thread
        unsafe { libc::pthread_create(&mut id, null(), start, null_mut()) }; //~ raw-thread
        unsafe { libc::clone(start, stack, flags, arg) }; //~ raw-thread
        unsafe { libc::pthread_self() }; //~ none
        unsafe { libc::pthread_kill(id, 0) }; //~ none
        let c = libc::clone; //~ raw-thread
        self.libc.clone(); //~ none
        Arc::clone(&x); //~ none
    }
    mod by_glob {
        use libc::*;
        unsafe fn a() {
            pthread_create(&mut id, null(), start, null_mut()); //~ raw-thread
            getpid(); //~ none
        }
    }
    mod by_hand {
        extern "C" {
            fn pthread_create(id: *mut u64, attr: *const u8, start: extern "C" fn(), arg: *mut u8) -> i32; //~ none
            fn getpid() -> i32;
        }
        unsafe fn a() {
            pthread_create(&mut id, null(), start, null_mut()); //~ raw-thread
            getpid(); //~ none
        }
    }
}
