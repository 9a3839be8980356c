//! Owns the faults of descriptors: none left when a run starts or dumps, standard streams that are
//! closed.
//! Refuses to test the output of a run without faults.
#![allow(unsafe_code)] // a standard stream has no safe close

use std::process::Termination;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use homebound::{Result, StopReason, registry, scope};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Ledger;
use crate::common::*;

/// From now on nothing can be opened, until the limit given back is set.
fn no_more_descriptors() -> Rlimit {
    let before = getrlimit(Resource::Nofile);
    // With 0, the kernel refuses even to wait by poll(2) for a descriptor that is open (EINVAL).
    let limit = Rlimit { current: Some(0), maximum: before.maximum };
    setrlimit(Resource::Nofile, limit).expect("lowering is allowed");
    assert!(std::fs::File::open("/dev/null").is_err(), "the limit holds");
    before
}

/// Closes descriptors of this process that nothing here owns.
fn close(descriptors: &[i32]) {
    for descriptor in descriptors {
        // SAFETY: the standard streams are owned by nobody, and std tolerates that they are closed.
        let closed = unsafe { libc::close(*descriptor) };
        assert_eq!(closed, 0);
    }
}

#[test]
fn a_run_that_gets_no_descriptor_is_refused_and_can_be_repeated() {
    // catches: a panic where the pipe is made; a slot that stays taken after the refusal
    child_passes(|_| {
        let ledger = Ledger::open();
        let ran = AtomicBool::new(false);
        let before = no_more_descriptors();
        let exit = registry::run(|_| Ok(ran.store(true, Ordering::SeqCst)));
        setrlimit(Resource::Nofile, before).expect("as it was");
        assert!(!ran.load(Ordering::SeqCst) && exit.code() == 1);
        assert!(exit.result.unwrap_err().to_string().contains("pipe"));
        let again = registry::run(|_| Ok(ran.store(true, Ordering::SeqCst)));
        ledger.all_are_home();
        assert_eq!(ledger.heard(), 0);
        i32::from(again.code() != 0 || !ran.into_inner())
    });
}

#[test]
fn a_run_goes_on_without_descriptors_once_it_has_begun() {
    // catches: a spawn, a stop, a snapshot or an end that needs a descriptor and falls without it
    child_passes(|_| {
        let ledger = Ledger::open();
        let mut before = None;
        let exit = registry::run(|s| {
            before = Some(no_more_descriptors());
            s.spawn("worker", "waits", until_stopped)?;
            assert_eq!(s.spawn("short", "ends", |_| Ok(5))?.join()?, 5);
            let dump = registry::dump_status();
            assert!(dump.contains("worker  (worker: waits)") && dump.contains("short"), "{dump}");
            assert!(all_threads(&s.snapshot()).iter().any(|thread| thread.name == "worker"));
            scope(|below| Ok(drop(below.spawn("deep", "ends", |_| Ok(()))?)))?;
            s.stop();
            Ok(())
        });
        setrlimit(Resource::Nofile, before.expect("it ran")).expect("as it was");
        assert_eq!((exit.shutdown.total, exit.shutdown.joined), (1, 1), "{}", exit.shutdown);
        ledger.all_are_home();
        assert_eq!(ledger.heard(), 0);
        i32::from(exit.code())
    });
}

#[test]
fn a_signal_is_heard_and_a_dump_is_printed_without_descriptors() {
    // catches: a handler or a dump that opens something; a dump that does not come
    fn scenario(_: &str) -> i32 {
        let exit = registry::run(|s| {
            let before = no_more_descriptors();
            s.spawn("worker", "waits for the signal", until_stopped)?;
            say("ready");
            let reason = s.context().wait_for_stop();
            setrlimit(Resource::Nofile, before)?;
            assert_eq!(reason, StopReason::Signal(libc::SIGTERM));
            Ok(())
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready").signal(libc::SIGQUIT).until_stderr("waits for the signal").signal(libc::SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

/// How long this process has used a processor.
fn processor_time() -> Duration {
    // SAFETY: all-zero is a valid `rusage`.
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `used` is valid for writing.
    let asked = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut used) };
    assert_eq!(asked, 0);
    let of = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    of(used.ru_utime) + of(used.ru_stime)
}

/// While nothing happens, nothing is used: less than a thread that spins gets even on a machine
/// that others keep busy.
fn is_quiet() {
    let before = processor_time();
    linger(2000);
    let used = processor_time() - before;
    assert!(used < Duration::from_millis(100), "{used:?} in two seconds");
}

#[test]
fn no_thread_spins_where_no_descriptor_may_be_waited_for() {
    // catches: a wait that the kernel refuses, again and again
    child_passes(|_| {
        let exit = registry::run(|s| {
            let before = no_more_descriptors();
            // It was waiting when the limit came: its clock wakes it, and it waits anew.
            let soon = Instant::now() + Duration::from_millis(1);
            assert!(s.context().with_deadline(soon, |cx| cx.stop_signal().recv()).is_err());
            is_quiet();
            Ok(setrlimit(Resource::Nofile, before)?)
        });
        i32::from(exit.code())
    });
}

#[test]
fn a_program_that_closes_descriptors_of_others_comes_to_its_end_and_nothing_spins() {
    // catches: a wait for a closed descriptor, again and again; an end that waits for a thread that
    // nothing can wake
    fn pipes() -> Vec<i32> {
        let is_pipe = |fd: &i32| {
            let link = std::fs::read_link(format!("/proc/self/fd/{fd}"));
            link.is_ok_and(|to| to.to_string_lossy().starts_with("pipe:"))
        };
        (0..1024).filter(is_pipe).collect()
    }
    child_passes(|_| {
        let before = pipes();
        let exit = registry::run(|s| {
            let mut pipes = pipes();
            pipes.retain(|pipe| !before.contains(pipe));
            assert_eq!(pipes.len(), 2, "the two ends of ours");
            close(&pipes);
            is_quiet();
            let soon = Instant::now() + Duration::from_millis(1);
            assert!(s.context().with_deadline(soon, |cx| cx.stop_signal().recv()).is_err());
            Ok(())
        });
        i32::from(exit.code())
    });
}

#[test]
fn closed_standard_streams_change_neither_result_nor_code() {
    // catches: a print that panics; a dump or failure tree that waits for a stream that is not
    // there
    fn scenario(which: &str) -> i32 {
        let ledger = Ledger::open();
        match which {
            "all" => close(&[0, 1, 2]),
            "output" => close(&[1, 2]),
            _ => close(&[2]),
        }
        let exit = registry::run(|s| {
            s.thread("panics", "panics").isolated().spawn(|_| -> Result { panic!("to a closed stream") })?;
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::QUIT)?;
            println!("to a closed stream");
            eprintln!("to a closed stream");
            let dump = s.dump_status();
            assert!(dump.contains("/"), "{dump}");
            s.spawn("fails", "fails", |_| -> Result { Err(boom("to a closed stream")) })?;
            s.context().wait_for_stop();
            Ok(())
        });
        ledger.all_are_home();
        assert_eq!(exit.result.as_ref().unwrap_err().failures().len(), 2);
        assert_eq!(exit.code(), 1);
        let code = format!("{:?}", exit.report());
        assert!(code.contains('1'), "{code}");
        0
    }
    for which in ["error", "output", "all"] {
        child_passes_with(which, scenario);
    }
}

#[test]
fn what_is_written_to_a_closed_stderr_is_no_signal() {
    // catches: a pipe that takes the number of a closed standard stream: then what the program
    // prints rings the alarm
    child_passes(|_| {
        close(&[1, 2]);
        let exit = registry::run(|s| {
            let _closed = rustix::io::write(rustix::stdio::stderr(), &[15]);
            let (_open, never) = gate();
            let woken = s.context().recv_timeout(&never, Duration::from_millis(200));
            assert!(matches!(woken, Err(homebound::WaitError::TimedOut)), "{:?}", s.context().stop_reason());
            Ok(())
        });
        i32::from(exit.code())
    });
}

#[test]
fn nothing_that_is_made_here_takes_the_number_of_a_closed_standard_stream() {
    // catches: an event, a pipe, a socket or a pidfd into which println! writes, or from which
    // stdin reads
    use std::net::TcpListener;
    use std::os::unix::net::UnixStream;
    fn open() -> Vec<i32> {
        // SAFETY: it only asks.
        (0..3).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } != -1).collect()
    }
    child_passes(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut words = std::fs::File::from(rustix::io::dup(rustix::stdio::stderr()).unwrap());
        close(&[0, 1, 2]);
        let exit = registry::run(|s| {
            let cx = s.context();
            assert_eq!(open(), [], "the pipe of the alarm");
            let reader = s.spawn("reader", "waits for five bytes", move |cx| {
                let mut text = [0; 5];
                std::io::Read::read_exact(&mut cx.io(&ours), &mut text)?;
                Ok(text)
            })?;
            assert!(cx.stop_fd().is_ok());
            let waits = |s: &homebound::Scope<'_, '_>| s.dump_status().contains("waits: read");
            eventually("it waits, by an event", || waits(s));
            assert_eq!(open(), [], "events");
            let connected = cx.connect(address, None)?;
            let (accepted, _) = cx.accept(&listener)?;
            assert_eq!(open(), [], "sockets: {connected:?}, {accepted:?}");
            let mut cat = std::process::Command::new("cat");
            cat.stdin(std::process::Stdio::piped());
            let cat = s.process("cat", "has pipes, and a pidfd", cat).lines().spawn()?;
            let stdin = cat.take_stdin();
            assert_eq!(open(), [], "pipes and a pidfd");
            // Eight bytes are a number to an event: with a number of a stream, it would be set for
            // ever.
            println!("ready..");
            std::io::Write::write_all(&mut theirs, b"hello")?;
            assert_eq!(reader.join()?, *b"hello");
            drop(stdin);
            cat.wait()?;
            Ok(())
        });
        std::io::Write::write_all(&mut words, format!("{:?}", exit.result).as_bytes()).unwrap();
        i32::from(exit.code())
    });
}
