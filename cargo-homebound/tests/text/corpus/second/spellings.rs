// More ways to spell it.
mod a {
    use ::std::thread::{spawn};
    use core::mem;
    fn f() { spawn(w).join(); } //~ raw-thread
    fn g() { mem::forget(spawn(w)); } //~ raw-thread detached-thread
    fn h() { spawn(w).unwrap().spawn(x); } //~ raw-thread
}
mod b {
    use std::thread::{spawn as thread_spawn, Builder as ThreadBuilder, JoinHandle};
    fn f() -> JoinHandle<()> { thread_spawn(w) } //~ raw-thread
    fn g() -> std::io::Result<JoinHandle<()>> { ThreadBuilder::new().name("g".into()).spawn(w) } //~ raw-thread
}
mod c {
    pub(crate) use std::thread;
    mod d { use super::thread; fn f() { thread::spawn(w).join(); } } //~ raw-thread
    mod e { use crate::c::thread as t; fn f() { t::spawn(w).join(); } } //~ raw-thread
    mod g { fn f() { thread::spawn(w).join(); } } //~ none
    mod h { fn f() { super::thread::spawn(w).join(); } } //~ raw-thread
    mod i { use super::*; fn f() { thread::spawn(w).join(); } } //~ raw-thread
}
mod d {
    use std as s;
    use s::thread as th;
    fn f() { s::thread::spawn(w).join(); } //~ raw-thread
    fn g() { th::spawn(w).join(); } //~ raw-thread
}
mod e {
    use std::thread::Scope as S;
    fn f<'a>(s: &'a S<'a, 'a>) { s.spawn(w); } //~ raw-thread
    struct Holder<'a> { s: &'a S<'a, 'a> }
    impl<'a> Holder<'a> { fn f(&self) { self.s.spawn(w); } } //~ raw-thread
    fn g() { std::thread::scope(move |scope: &S| { scope.spawn(w); }); } //~ raw-thread
    fn h() { std::thread::scope(body); } //~ raw-thread
    fn i(s: &mut Spawner) { s.spawn(w); } //~ none
}
mod f {
    macro_rules! spawn { ($e:expr) => { std::thread::spawn(move || $e) }; } //~ raw-thread
    macro_rules! detach {
        ($($name:ident = $e:expr;)*) => {
            $( std::thread::Builder::new().name(stringify!($name).into()).spawn(move || $e).unwrap(); )* //~ raw-thread detached-thread
        };
    }
    macro_rules! nothing { ($t:ty) => { impl $t { fn spawn(&self) {} } } } //~ none
    fn f() {
        spawn!(work()).join(); //~ none
        let v = maplit::hashmap! { "a" => std::thread::spawn(w) }; //~ raw-thread
        tokio::select! {
            _ = async { std::thread::spawn(w).join() } => {} //~ raw-thread
            x = rx.recv() => { std::thread::spawn(move || x).join(); } //~ raw-thread
        }
        tokio::join!(tokio::spawn(a()), tokio::spawn(b())); //~ raw-thread
        let r = matches!(std::thread::spawn(w).join(), Ok(_)); //~ raw-thread
        debug_assert!({ std::thread::spawn(w).join().is_ok() }); //~ raw-thread
        quote! { std::process::id() }; //~ none
    }
}
mod g {
    extern crate crossbeam_utils as cu;
    extern crate rayon;
    fn f() { cu::thread::scope(|s| { s.spawn(|_| w()); }); } //~ raw-thread
    fn g() { self::rayon::spawn(w); } //~ raw-thread
    use rayon::ThreadPool;
    fn h(pool: &ThreadPool) { pool.spawn(w); pool.join(a, b); } //~ raw-thread
    struct P { pool: rayon::ThreadPool, mine: Pool }
    impl P {
        fn f(&self) { self.pool.spawn_fifo(w); } //~ raw-thread
        fn g(&self) { self.mine.spawn(w); } //~ none
    }
    use tokio::{spawn, task::{self, spawn_blocking as block, JoinSet}};
    async fn t() {
        spawn(w()).await; //~ raw-thread
        block(w).await; //~ raw-thread
        task::spawn_local(w()).await; //~ none
        let mut set = JoinSet::new();
        set.spawn(w()); //~ raw-thread
        tokio::spawn(w()); //~ raw-thread detached-thread
        let h = tokio::spawn(w()); //~ raw-thread
        h.await.unwrap();
        let _ = tokio::task::spawn_blocking(w); //~ raw-thread detached-thread
        let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap(); //~ raw-thread
        rt.block_on(async { w() }); //~ none
        let handle = rt.handle().clone();
        handle.spawn(w()).await; //~ raw-thread
        tokio::task::yield_now().await; //~ none
    }
}
mod h {
    fn f(std: Mine) { std.thread.spawn(w); } //~ none
    mod thread { pub struct Builder; impl Builder { pub fn new() -> Self { Self } pub fn spawn(self, f: fn()) {} } }
    use thread::Builder;
    fn g() { Builder::new().spawn(w); } //~ none
    fn h() { use std::thread::Builder; Builder::new().spawn(w).unwrap().join(); } //~ raw-thread
    fn i() { Builder::new().spawn(w); } //~ none
    struct Process { builder: std::process::Command }
    impl Process { fn spawn(&mut self) { self.builder.spawn().unwrap(); } } //~ none
    fn j(p: Process) { p.spawn(); } //~ none
    use std::process::{Command as Builder2, Child};
    fn k() -> Child { Builder2::new("x").spawn().unwrap() } //~ none
    fn l() { let thread = Thing; thread.spawn(w); } //~ none
    fn m() { let scope = Thing; scope.spawn("not", "homebound"); } //~ none
    fn n(ecs: &mut World) { ecs.spawn().insert(a).insert(b); } //~ none
    fn o() { async_executor::Executor::new().spawn(w()); } //~ none
    fn p() { gtk::glib::spawn_future_local(w()); } //~ none
    fn q() { web_sys::spawn(w()); wasm_bindgen_futures::spawn_local(w()); } //~ none
    fn r() { std::thread::park(); std::thread::current().unpark(); std::thread::panicking(); } //~ none
    fn s() { use other::thread; thread::spawn(w); } //~ none
    fn t() { use std::thread; { use other::thread; thread::spawn(w); } thread::spawn(w).join(); } //~ raw-thread
}
