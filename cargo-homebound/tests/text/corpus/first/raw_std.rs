// Every way to write a start of a thread with std.
use std::sync::Arc;
use std::thread;

mod direct {
    fn a() {
        std::thread::spawn(work).join(); //~ raw-thread
        ::std::thread::spawn(work).join(); //~ raw-thread
        std::thread::spawn::<fn(), ()>(work).join(); //~ raw-thread
        std::thread::scope(|s| {}); //~ raw-thread
        std::thread::sleep(second()); //~ none
        std::thread::current().id(); //~ none
        std::thread::available_parallelism().unwrap(); //~ none
        std::process::Command::new("ls").spawn().unwrap().wait(); //~ none
    }
}

mod modules {
    use std::thread;
    use std::thread as t;
    fn a() {
        thread::spawn(work).join(); //~ raw-thread
        t::spawn(work).join(); //~ raw-thread
        (t::spawn)(work).join(); //~ raw-thread
        t::scope(|scope| { //~ raw-thread
            scope.spawn(work); //~ raw-thread
            scope.spawn(work).join(); //~ raw-thread
            thread::Builder::new().spawn_scoped(scope, work).unwrap(); //~ raw-thread
        });
        thread
            ::spawn(work) //~ raw-thread
            .join();
    }
}

mod renamed {
    use std::{sync::mpsc, thread::{self, spawn as go, Builder as B, scope as within}};
    fn a() {
        go(work).join(); //~ raw-thread
        within(|s| { //~ raw-thread
            let h = s.spawn(work); //~ raw-thread
        });
        B::new().spawn(work).unwrap().join(); //~ raw-thread
        let b = B::new().name("x".into());
        let h = b.stack_size(1).spawn(work).unwrap(); //~ raw-thread
        h.join();
        thread::yield_now(); //~ none
    }
}

mod builders {
    use std::thread::Builder;
    struct Maker { builder: Builder, other: Command }
    impl Maker {
        fn start(self) -> std::io::Result<JoinHandle<()>> {
            self.builder.spawn(work) //~ raw-thread
        }
        fn other(&mut self) {
            self.other.spawn(); //~ none
        }
    }
    fn given(b: Builder) -> std::io::Result<JoinHandle<()>> {
        b.spawn(work) //~ raw-thread
    }
    fn made() -> Builder {
        Builder::new().name("made".to_string())
    }
    fn from_a_function() -> std::io::Result<JoinHandle<()>> {
        made().spawn(work) //~ raw-thread
    }
    fn unsafe_one() {
        let h = unsafe { Builder::new().spawn_unchecked(work) }.unwrap(); //~ raw-thread
        h.join();
    }
    fn long_chain() {
        let h = Builder::new()
            .name("a".into())
            .stack_size(4096)
            .spawn(work) //~ raw-thread
            .expect("spawn");
        h.join();
    }
    fn ufcs() {
        Builder::spawn(Builder::new(), work).unwrap().join(); //~ raw-thread
        let f = Builder::spawn; //~ raw-thread
    }
    fn by_default() {
        let mut b = Builder::new();
        if cfg!(debug_assertions) {
            b = b.stack_size(1 << 20);
        }
        b.spawn(work).unwrap().join(); //~ raw-thread
    }
}

mod scopes {
    use std::thread::{self, Scope};
    fn given<'scope>(s: &'scope Scope<'scope, '_>) {
        s.spawn(work); //~ raw-thread
    }
    fn given_long<'scope, 'env>(s: &'scope thread::Scope<'scope, 'env>, n: usize) {
        for _ in 0..n {
            s.spawn(|| work()); //~ raw-thread
        }
    }
    fn nested() {
        thread::scope(|outer| { //~ raw-thread
            outer.spawn(|| { //~ raw-thread
                thread::scope(|inner| { inner.spawn(work); }) //~ raw-thread
            });
        });
    }
    fn closure_typed() {
        let f = |s: &Scope| { s.spawn(work); }; //~ raw-thread
    }
}

mod globs {
    use std::thread::*;
    fn a() {
        spawn(work).join(); //~ raw-thread
        scope(|s| { s.spawn(work); }); //~ raw-thread
        Builder::new().spawn(work).unwrap().join(); //~ raw-thread
        sleep(second()); //~ none
    }
}

mod glob_of_std {
    use std::*;
    fn a() {
        thread::spawn(work).join(); //~ raw-thread
    }
}

mod inner_uses {
    fn a() {
        use std::thread::spawn;
        spawn(work).join(); //~ raw-thread
        {
            use std::thread as inner;
            inner::spawn(work).join(); //~ raw-thread
        }
        inner::spawn(work).join(); //~ none
    }
    fn b() {
        spawn(work).join(); //~ none
    }
    fn later() {
        late(work).join(); //~ raw-thread
        use std::thread::spawn as late;
    }
}

mod reexports {
    pub mod inner {
        pub use std::thread::spawn;
        pub use std::thread as threads;
    }
    use self::inner::threads;
    fn a() {
        inner::spawn(work).join(); //~ raw-thread
        self::inner::spawn(work).join(); //~ raw-thread
        threads::spawn(work).join(); //~ raw-thread
        crate::reexports::inner::spawn(work).join(); //~ raw-thread
        inner::threads::spawn(work).join(); //~ raw-thread
    }
    mod deeper {
        use super::inner::spawn as up;
        use super::*;
        fn a() {
            up(work).join(); //~ raw-thread
            super::inner::spawn(work).join(); //~ raw-thread
            threads::spawn(work).join(); //~ raw-thread
            inner::spawn(work).join(); //~ raw-thread
        }
    }
}

mod externs {
    extern crate std as core2;
    fn a() {
        core2::thread::spawn(work).join(); //~ raw-thread
        self::core2::thread::spawn(work).join(); //~ raw-thread
    }
}

mod values {
    use std::thread;
    static START: fn(fn()) -> thread::JoinHandle<()> = thread::spawn; //~ raw-thread
    const TABLE: [fn(fn()) -> thread::JoinHandle<()>; 1] = [std::thread::spawn]; //~ raw-thread
    fn a() {
        let f = std::thread::spawn; //~ raw-thread
        let all: Vec<_> = jobs().map(thread::spawn).collect(); //~ raw-thread
        for h in all { h.join(); }
        run_with(thread::spawn::<_, ()>); //~ raw-thread
        let g: fn(fn()) -> _ = if deep() { thread::spawn } else { other }; //~ raw-thread
        Starter { how: thread::spawn }; //~ raw-thread
    }
}

mod places {
    use std::thread;
    static HANDLE: LazyLock<Held> = LazyLock::new(|| Held::new(thread::spawn(work))); //~ raw-thread
    trait Start {
        fn start(&self) -> thread::JoinHandle<()> {
            thread::spawn(work) //~ raw-thread
        }
    }
    impl Start for u8 {
        fn start(&self) -> thread::JoinHandle<()> { std::thread::spawn(work) } //~ raw-thread
    }
    async fn asynchronous() {
        let block = async { thread::spawn(work).join() }; //~ raw-thread
        consume(async move { thread::spawn(work) }).await; //~ raw-thread
    }
    fn closures() {
        let f = move |x: u8| thread::spawn(work); //~ raw-thread
        let nested = || || thread::spawn(work); //~ raw-thread
    }
    fn matches() {
        match kind() {
            Kind::A => thread::spawn(work).join(), //~ raw-thread
            Kind::B if thread::spawn(work).join().is_ok() => later(), //~ raw-thread
            _ => Ok(()),
        };
        let x = if thread::spawn(work).join().is_ok() { 1 } else { 2 }; //~ raw-thread
        let y = [0; { thread::spawn(work).join(); 3 }]; //~ raw-thread
        while thread::spawn(work).join().is_err() {} //~ raw-thread
    }
    #[cfg(test)]
    mod tests {
        #[test]
        fn a() {
            std::thread::spawn(super::work).join(); //~ raw-thread
        }
    }
}

mod macros {
    use std::thread;
    macro_rules! go {
        ($f:expr) => { std::thread::spawn($f) }; //~ raw-thread
        ($n:literal, $($f:expr),*) => { $( thread::spawn($f).join(); )* }; //~ raw-thread
    }
    macro_rules! defines {
        ($name:ident) => {
            fn $name() { thread::spawn(work).join(); } //~ raw-thread
        };
    }
    fn a() {
        let all = vec![thread::spawn(work), std::thread::spawn(work)]; //~ raw-thread
        all.into_iter().for_each(|h| h.join().unwrap());
        assert!(thread::spawn(work).join().is_ok(), "no"); //~ raw-thread
        assert_eq!(1, thread::spawn(|| 1).join().unwrap()); //~ raw-thread
        println!("{:?}", thread::spawn(work).join()); //~ raw-thread
        select! {
            recv(rx) -> m => { thread::spawn(work).join(); } //~ raw-thread
            default => drop(1),
        }
        unknown_macro! { with => odd; tokens ~ thread::spawn(work).join() } //~ raw-thread
        println!("thread::spawn(work)"); //~ none
    }
    thread_local! {
        static T: Held = Held::new(thread::spawn(work)); //~ raw-thread
    }
    lazy_static! {
        static ref H: Held = Held::new(std::thread::spawn(work)); //~ raw-thread
    }
    cfg_if::cfg_if! {
        if #[cfg(unix)] {
            fn b() { thread::spawn(work).join(); } //~ raw-thread
        } else {
            fn b() { thread::Builder::new().spawn(work).unwrap().join(); } //~ raw-thread
        }
    }
}

/// Documentation: `std::thread::spawn(work)` is no code. //~ none
///
/// ```
/// std::thread::spawn(|| {}); //~ none
/// ```
mod comments {
    //! thread::spawn(work); //~ none
    // std::thread::spawn(work); //~ none
    /* std::thread::spawn(work); */ //~ none
    const TEXT: &str = "std::thread::spawn(work)"; //~ none
    const RAW: &str = r#"thread::spawn("x")"#; //~ none
    #[doc = "thread::spawn(work)"] //~ none
    fn a() {}
}
