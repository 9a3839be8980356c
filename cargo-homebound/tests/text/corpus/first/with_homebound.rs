// The rules about code that uses homebound.
use homebound::{Context, Group, Result, Scope, registry};
use std::process;
use std::thread;
use std::time::Duration;

mod purposes {
    use homebound::{Context, Scope};
    const EMPTY: &str = "";
    fn a(scope: &Scope<'_, '_>, cx: &Context) -> homebound::Result {
        scope.spawn("", "reads pictures", job)?; //~ blank-purpose
        scope.spawn("reader", "", job)?; //~ blank-purpose
        scope.spawn("reader", "  ", job)?; //~ blank-purpose
        scope.spawn("reader", "\t\n", |cx| Ok(()))?; //~ blank-purpose
        scope.spawn("reader", "reader", job)?; //~ blank-purpose
        scope.spawn("reader", "Reader", job)?; //~ blank-purpose
        scope.spawn("reader", "the reader", job)?; //~ blank-purpose
        scope.spawn("reader", "reader.", job)?; //~ blank-purpose
        scope.spawn("disk-reader", "disk reader", job)?; //~ blank-purpose
        scope.spawn("reader", String::from(""), job)?; //~ blank-purpose
        scope.spawn("reader", "".to_owned(), job)?; //~ blank-purpose
        scope.spawn("reader", String::new(), job)?; //~ blank-purpose
        scope.spawn("reader", EMPTY, job)?; //~ blank-purpose
        scope.service("listener", "", job)?; //~ blank-purpose
        scope.thread("listener", "").vital().service(job)?; //~ blank-purpose
        scope.process("child", "", command())?; //~ blank-purpose
        cx.spawn("walker", "walker", job)?; //~ blank-purpose
        cx.adopt("gui", "gui"); //~ blank-purpose
        cx.service("walker", "", job)?; //~ blank-purpose
        scope
            .spawn( //~ blank-purpose
                "walker",
                "",
                job,
            )?;
        scope.spawn("reader", "reads pictures from the disk", job)?; //~ none
        scope.spawn(format!("reader {i}"), "reads pictures", job)?; //~ none
        scope.spawn(name, purpose, job)?; //~ none
        scope.spawn("reader", format!("reads {file}"), job)?; //~ none
        scope.thread("listener", "hears clients").spawn(job)?; //~ none
        other.spawn("", 3); //~ none
        other.spawn(""); //~ none
        other.insert("", "", job); //~ none
        Ok(())
    }
}

mod polls {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    fn a(stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            work();
            thread::sleep(second()); //~ polled-stop
        }
        loop {
            if stop.load(Ordering::SeqCst) { break; }
            std::thread::sleep(second()); //~ polled-stop
        }
        while self.running.load(Ordering::Acquire) { thread::park_timeout(second()); } //~ polled-stop
        while !stop.load(Ordering::Relaxed) {
            match rx.recv_timeout(second()) { //~ polled-stop
                Ok(x) => work(x),
                Err(_) => continue,
            }
        }
        loop {
            thread::sleep(second()); //~ polled-stop
            if *stopped.lock().unwrap() { return; }
        }
        for _ in 0..10 {
            if done.load(Ordering::SeqCst) { break; }
            thread::sleep(second()); //~ polled-stop
        }
        while running { work(); thread::sleep(second()); } //~ polled-stop
        loop { //~ none
            match connect() {
                Ok(_) => break,
                Err(_) => thread::sleep(second()), //~ none
            }
        }
        for i in 0..5 { if connect().is_ok() { break; } thread::sleep(second()); } //~ none
        while !stop.load(Ordering::Relaxed) { std::hint::spin_loop(); } //~ none
        thread::sleep(second()); //~ none
        while let Some(x) = next() { thread::sleep(second()); } //~ none
    }
}

mod polls_beside_a_context {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    fn a(stop: &AtomicBool, cx: &homebound::Context) {
        while !cx.is_stopping() { work(); } //~ none
        loop { cx.sleep(second())?; if stop.load(Ordering::Relaxed) { break; } } //~ none
        while !cx.is_stopping() {
            thread::sleep(second()); //~ polled-stop deaf-wait
        }
    }
}

mod deaf {
    use homebound::{Context, Scope, registry};
    use std::sync::mpsc::{Receiver, channel};
    use std::thread;
    fn a(scope: &Scope<'_, '_>, rx: Receiver<u8>, listener: std::net::TcpListener, h: std::thread::JoinHandle<()>) {
        scope.spawn("a", "takes jobs", |cx| { rx.recv().unwrap(); Ok(()) }); //~ deaf-wait
        scope.spawn("a", "takes jobs", |cx| {
            while let Ok(job) = rx.recv() { job.run(); } //~ deaf-wait
            for job in rx { job.run(); } //~ deaf-wait
            for job in rx.iter() { job.run(); } //~ deaf-wait
            for job in &rx { job.run(); } //~ deaf-wait
            thread::sleep(second()); //~ deaf-wait
            std::thread::sleep(second()); //~ deaf-wait
            thread::park(); //~ deaf-wait
            listener.accept()?; //~ deaf-wait
            for s in listener.incoming() { serve(s?); } //~ deaf-wait
            h.join().unwrap(); //~ deaf-wait
            Ok(())
        });
        scope.service("a", "takes jobs", |cx| {
            while let Ok(job) = cx.recv(&rx) { job.run(); } //~ none
            for job in cx.iter(&rx) { job.run(); } //~ none
            for job in cx.drain(&rx) { job.run(); } //~ none
            cx.sleep(second())?; //~ none
            cx.accept(&listener)?; //~ none
            rx.try_recv(); //~ none
            for x in list.iter() { work(x); } //~ none
            for x in list { work(x); } //~ none
            path.join("x"); //~ none
            names.join(", "); //~ none
            cx.waiting("foreign", || rx.recv()); //~ none
            select! {
                recv(rx) -> job => job?.run(), //~ none
                recv(cx.stop_signal()) -> _ => return Ok(()), //~ none
            }
            scope.spawn("b", "helps", |cx| Ok(()))?.join()?; //~ none
            Ok(())
        });
        scope.thread("a", "takes jobs").isolated().spawn(|_| { rx.recv(); Ok(()) }); //~ deaf-wait
        thread::sleep(second()); //~ deaf-wait
    }
    fn given(cx: &Context, rx: &Receiver<u8>) {
        rx.recv().unwrap(); //~ deaf-wait
        cx.recv(rx).unwrap(); //~ none
        thread::spawn(move || { rx.recv(); }).join(); //~ raw-thread deaf-wait
    }
    fn without(rx: &Receiver<u8>) {
        rx.recv().unwrap(); //~ none
        thread::sleep(second()); //~ none
        for x in rx { work(x); } //~ none
    }
    fn other_context(cx: &mut std::task::Context<'_>, rx: &Receiver<u8>) {
        rx.recv().unwrap(); //~ none
    }
}

mod exits {
    use homebound::{Context, Scope, registry};
    use std::process::{self, exit as leave};
    fn main() {
        if bad() { process::exit(2); } //~ none
        let exit = registry::run(|scope| {
            if bad() { process::exit(1); } //~ process-exit
            scope.spawn("a", "does a", |cx| {
                std::process::exit(1); //~ process-exit
                std::process::abort(); //~ process-exit
                leave(3) //~ process-exit
            })?;
            scope.subscope("b", |s| { unsafe { libc::_exit(1) } })?; //~ process-exit
            helper();
            Ok(())
        });
        process::exit(exit.code().into()); //~ none
    }
    fn helper() {
        process::abort(); //~ process-exit
    }
    fn not_called_there() {
        process::abort(); //~ none
    }
    fn given(scope: &Scope<'_, '_>) {
        process::exit(1) //~ process-exit
    }
    fn with(cx: &Context) {
        libc::abort(); //~ process-exit
        std::process::id(); //~ none
        exit(1); //~ none
        self.exit(1); //~ none
    }
}

mod no_flags {
    use std::thread;
    fn a(args: &Args, count: &AtomicU8, guard: &Mutex<u8>) {
        loop {
            show();
            if args.repeat { thread::sleep(second()); } else { return; } //~ none
        }
        while count.load(Ordering::SeqCst) != 4 { thread::sleep(second()); } //~ none
        while *guard.lock().unwrap() != 4 { thread::sleep(second()); } //~ none
        loop {
            match self.state { State::On => break, State::Off => thread::sleep(second()) } //~ none
        }
        while count.load(Ordering::SeqCst) != STOPPED { thread::sleep(second()); } //~ polled-stop
        while is_immortal || performed < 5 { rx.recv_timeout(second()); } //~ none
        loop {
            if args.done { break; }
            thread::sleep(second()); //~ polled-stop
        }
    }
}
