// What looks like a start of a thread, and is none.
mod own_module {
    mod thread {
        pub fn spawn(f: impl FnOnce()) { f() } //~ none
        pub fn scope(f: impl FnOnce()) { f() }
        pub struct Builder;
    }
    fn a() {
        thread::spawn(work); //~ none
        thread::scope(work); //~ none
        self::thread::spawn(work); //~ none
        thread::Builder.spawn(work); //~ none
        let b: thread::Builder = thread::Builder;
        b.spawn(work); //~ none
    }
}

mod own_function {
    fn spawn(f: impl FnOnce()) { f() }
    fn scope(f: impl FnOnce()) { f() }
    fn a() {
        spawn(work); //~ none
        scope(work); //~ none
        self::spawn(work); //~ none
        let f = spawn; //~ none
    }
    mod inner {
        use super::spawn;
        fn a() { spawn(work); } //~ none
    }
}

mod shadowed {
    use std::thread::spawn;
    fn a() {
        let spawn = |f: fn()| f();
        spawn(work); //~ none
    }
    fn b(spawn: impl Fn(fn())) {
        spawn(work); //~ none
    }
    fn c() {
        fn spawn(f: fn()) { f() }
        spawn(work); //~ none
    }
    fn d() {
        for spawn in starters() { spawn(work); } //~ none
        if let Some(spawn) = starter() { spawn(work); } //~ none
        match starter() { Some(spawn) => spawn(work), None => {} } //~ none
        let g = |spawn: fn(fn())| spawn(work); //~ none
        spawn(work).join(); //~ raw-thread
    }
    fn e() {
        use mine::spawn;
        spawn(work); //~ none
    }
    fn f() {
        let std = Thing::new();
        std.thread.spawn(work); //~ none
    }
    fn g() {
        { let spawn = other; spawn(work); } //~ none
        spawn(work).join(); //~ raw-thread
        let spawn = other(spawn(work).join()); //~ raw-thread
    }
}

mod others {
    use mine::thread;
    use crate::my_pool::scope;
    use std::process::Command;
    fn a(cx: &Context, rt: Machine) {
        thread::spawn(work); //~ none
        scope(|s| { s.spawn(work); }); //~ none
        Command::new("x").spawn().unwrap(); //~ none
        let mut c = Command::new("y");
        c.arg("z").spawn(); //~ none
        cx.spawn("a", "does b", |cx| Ok(())); //~ none
        rt.spawn(work); //~ none
        self.spawn(work); //~ none
        other::thread::spawn(work); //~ none
        world.spawn((Camera::default(), Transform::identity())); //~ none
        wasm_thread::spawn(work); //~ none
        mystd::thread::spawn(work); //~ none
        thread::Builder::new().spawn(work); //~ none
        Builder::new().spawn(work); //~ none
        executor.spawn(async {}); //~ none
        loom::thread::spawn(work); //~ none
        std::task::spawn(work); //~ none
        std::thread_spawn(work); //~ none
        x.thread::<A>().spawn(work); //~ none
        tokio::process::Command::new("ls").spawn().unwrap(); //~ none
        std::os::unix::process::spawn(work); //~ none
    }
    struct Enemy { thread: u8 }
    impl Enemy {
        fn spawn(at: Place) -> Enemy { Enemy { thread: 0 } } //~ none
        fn a() {
            Enemy::spawn(here()); //~ none
            Self::spawn(here()); //~ none
            Enemy { thread: spawn }; //~ none
            commands.spawn(Enemy::new()); //~ none
        }
    }
    #[thread::spawn]
    fn attribute() {} //~ none
    use std::thread::JoinHandle;
    use std::thread::spawn as _; //~ none
    type Start = fn() -> JoinHandle<()>; //~ none
    fn spawn_named(h: JoinHandle<()>) { h.join(); } //~ none
    fn named() { spawn_named(handle()); } //~ none
}

mod private_module {
    mod hidden { use std::thread; }
    fn a() { hidden::spawn(work); } //~ none
}

mod homebound_code {
    use homebound::{Context, Scope, registry, scope};
    fn main() {
        registry::run(|scope| {
            scope.spawn("a", "reads pictures", |cx| Ok(()))?; //~ none
            scope.thread("b", "draws pictures").isolated().spawn(|cx| Ok(()))?; //~ none
            scope.service("c", "listens for clients", |cx| cx.wait_for_stop())?; //~ none
            Ok(())
        });
        homebound::scope(|s| { s.spawn("d", "walks the tree", |_| Ok(()))?; Ok(()) }); //~ none
        scope(|s| s.spawn("e", "writes the index", |_| Ok(())))?; //~ none
    }
    fn given(s: &Scope<'_, '_>) { s.spawn("f", "reads the file", job).unwrap(); } //~ none
    fn with(cx: &Context) { cx.spawn("g", "sums it up", job).unwrap(); } //~ none
}
