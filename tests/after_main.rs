//! P7 after the run: what runs after `main` may hang, and the process ends all the same. No test
//! harness, because `main` itself returns the `Exit`: this is a program that checks itself.
#![allow(missing_docs)]
#![allow(unsafe_code)]
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for

use homebound::Exit;

#[cfg(target_os = "linux")]
mod common;

#[cfg(target_os = "linux")]
fn main() -> Exit<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> Exit<()> {
    homebound::run(|_| Ok(()))
}

#[cfg(target_os = "linux")]
mod linux {
    use std::cell::RefCell;
    use std::io::Read;
    use std::os::fd::OwnedFd;
    use std::process::{Child, Command, ExitCode, Stdio, Termination};
    use std::time::{Duration, Instant};

    use homebound::Exit;
    use homebound::registry::{OnOverdue, Registry};
    use rustix::pipe::{PipeFlags, pipe_with};

    use crate::common::{LIMIT, linger};

    const CASE: &str = "HOMEBOUND_AFTER_MAIN";
    /// The code by which a child says that it was not ended.
    const BY_ITSELF: u8 = 9;

    struct Hangs;

    impl Drop for Hangs {
        fn drop(&mut self) {
            // SAFETY: `pause` has no preconditions.
            while unsafe { libc::pause() } != 0 {}
        }
    }

    thread_local!(static KEPT: RefCell<Option<Hangs>> = const { RefCell::new(None) });

    extern "C" fn hangs() {
        drop(Hangs);
    }

    /// Ends by itself, later than a process is ended whose time is over.
    extern "C" fn takes_long() {
        linger(4000);
        // SAFETY: `_exit` has no preconditions.
        unsafe { libc::_exit(i32::from(BY_ITSELF)) };
    }

    fn at_exit(function: extern "C" fn()) {
        // SAFETY: the function lives for ever, and unwinds never.
        assert_eq!(unsafe { libc::atexit(function) }, 0);
    }

    fn root(on_overdue: OnOverdue) -> Registry {
        let root = Registry::new("after-main").on_overdue(on_overdue);
        root.grace(Duration::from_millis(200)).kill_after(Duration::from_millis(100))
    }

    fn program(case: &str) -> Exit<()> {
        match case {
            "function" => at_exit(hangs),
            "destructor" => KEPT.with(|kept| *kept.borrow_mut() = Some(Hangs)),
            // Stays in the buffer of stdout, which nobody reads, until `main` is over.
            "stdout" => print!("a line that is not over"),
            _ => at_exit(takes_long),
        }
        match case {
            "waits" => root(OnOverdue::Wait).run(|_| Ok(())),
            "reports" => {
                // The program goes on after it has asked for the report.
                let _code: ExitCode = root(OnOverdue::Exit(70)).run(|_| Ok(())).report();
                takes_long();
                unreachable!("it exits")
            }
            _ => root(OnOverdue::Exit(70)).run(|_| Ok(())),
        }
    }

    /// A pipe without room. Its reader is held.
    fn full_pipe() -> (OwnedFd, OwnedFd) {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
        rustix::io::ioctl_fionbio(&writer, true).expect("a pipe");
        while rustix::io::write(&writer, &[b'x'; 4096]).is_ok() {}
        while rustix::io::write(&writer, b"x").is_ok() {}
        rustix::io::ioctl_fionbio(&writer, false).expect("a pipe");
        (reader, writer)
    }

    fn start(case: &str, stdout: Stdio) -> Child {
        let mut command = Command::new(std::env::current_exe().expect("it has a path"));
        command.env(CASE, case).stdout(stdout).stderr(Stdio::piped()).spawn().expect("it starts")
    }

    fn end(mut child: Child) -> (Option<i32>, String) {
        let start = Instant::now();
        while child.try_wait().expect("waitable").is_none() {
            if start.elapsed() > LIMIT {
                child.kill().expect("it is there");
            }
            linger(10);
        }
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("it is text");
        (child.wait().expect("it ends").code(), said)
    }

    pub(super) fn main() -> Exit<()> {
        if let Ok(case) = std::env::var(CASE) {
            return program(&case);
        }
        // catches: nothing ends the process, because *watch* is gone when `main` returns
        let (_reader, writer) = full_pipe();
        let hanging = [
            start("function", Stdio::null()),
            start("destructor", Stdio::null()),
            start("stdout", Stdio::from(writer)),
        ];
        // catches: a program that goes on, or has asked for no end by force, is ended
        let going_on = ["waits", "reports"].map(|case| start(case, Stdio::null()));
        for child in hanging {
            let (code, said) = end(child);
            assert!(code == Some(70) && said.contains("main has returned"), "{code:?} {said}");
        }
        for child in going_on {
            let (code, said) = end(child);
            assert!(code == Some(i32::from(BY_ITSELF)) && said.is_empty(), "{code:?} {said}");
        }
        println!("P7 holds after main");
        std::process::exit(0)
    }
}
