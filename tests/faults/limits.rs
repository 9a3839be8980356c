//! Owns the refusals of the system: no more threads for this user or this control group, no more
//! address space.
//! Refuses to fill the machine: each limit is a child's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use std::{fs, io};

use crossbeam_channel::{Receiver, Sender};
use homebound::{Handle, Result, Scope, SpawnError, scope};
use rustix::process::{Resource, Rlimit, getrlimit, getuid, setrlimit};

use crate::common::*;

const THREADS: usize = 10_000;
/// How many the kernel allows, the spawner among them.
const ROOM: u64 = 4_000;
/// How many are sent home when there is no more room.
const BATCH: usize = 1_000;

/// Makes the calling thread a user without other threads, with room for `room` threads.
pub(crate) fn be_a_user_with_room(room: u64) {
    let limit = Rlimit { current: Some(room), maximum: getrlimit(Resource::Nproc).maximum };
    setrlimit(Resource::Nproc, limit).expect("lowering is allowed");
    rustix::thread::set_thread_uid(rustix::fs::Uid::from_raw(own_user())).expect("root may");
}

/// What has become of the closures that were given away.
#[derive(Default)]
struct Counts {
    made: AtomicUsize,
    ran: AtomicUsize,
    dropped: AtomicUsize,
}

impl Counts {
    /// A capture that must be dropped once, whether its thread came to be or not.
    fn capture(self: &Arc<Self>) -> OnDrop<impl FnMut() + Send + use<>> {
        self.made.fetch_add(1, Ordering::SeqCst);
        let counts = self.clone();
        OnDrop(move || {
            counts.dropped.fetch_add(1, Ordering::SeqCst);
        })
    }

    fn all(&self) -> (usize, usize, usize) {
        let now = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (now(&self.made), now(&self.ran), now(&self.dropped))
    }
}

/// Threads that are blocked until their gate opens.
struct Waiting<'scope> {
    handles: Vec<Handle<'scope, ()>>,
    open: Sender<()>,
    gate: Receiver<()>,
}

impl<'scope> Waiting<'scope> {
    fn new() -> Self {
        let (open, gate) = gate();
        Waiting { handles: Vec::new(), open, gate }
    }

    fn spawn(
        &mut self,
        s: &Scope<'scope, '_>,
        number: usize,
        counts: &Arc<Counts>,
    ) -> Result<(), SpawnError> {
        let (capture, gate, ran) = (counts.capture(), self.gate.clone(), counts.clone());
        let handle = s.spawn(format!("t{number}"), "waits for its gate", move |_| {
            let _held = &capture;
            ran.ran.fetch_add(1, Ordering::SeqCst);
            Ok(pass(&gate))
        })?;
        Ok(self.handles.push(handle))
    }

    /// Opens the gate, and waits until all have come through.
    fn come_home(self) -> Result<usize> {
        drop(self.open);
        let count = self.handles.len();
        self.handles.into_iter().try_for_each(|handle| handle.join().map(drop))?;
        Ok(count)
    }
}

/// Spawns until all have been; sends a batch home whenever the kernel refuses. Returns how often it
/// did.
fn fill<'scope>(s: &Scope<'scope, '_>, counts: &Arc<Counts>) -> Result<usize> {
    let (mut batches, mut refusals, mut spawned) = (vec![Waiting::new()], 0, 0);
    while spawned < THREADS {
        if batches.last().is_none_or(|batch| batch.handles.len() == BATCH) {
            batches.push(Waiting::new());
        }
        let batch = batches.last_mut().expect("one was pushed");
        match batch.spawn(s, spawned, counts) {
            Ok(()) => spawned += 1,
            Err(SpawnError::Os(error)) => {
                refusals += 1;
                assert_eq!(error.raw_os_error(), Some(libc::EAGAIN), "{error}");
                let held: usize = batches.iter().map(|batch| batch.handles.len()).sum();
                let (made, _, dropped) = counts.all();
                assert_eq!(made - dropped, held, "the refused one's captures are gone, all others' are not");
                assert!(s.active_threads().len() == held && !s.is_stopping());
                match held >= BATCH {
                    true => drop(batches.remove(0).come_home()?),
                    false => linger(1), // they are home, and the kernel is about to notice
                }
            }
            Err(other) => panic!("{other}"),
        }
    }
    batches.into_iter().try_for_each(|batch| batch.come_home().map(drop))?;
    Ok(refusals)
}

#[test]
fn p11_the_kernel_refuses_in_the_middle_of_ten_thousand_and_they_all_run_in_the_end() {
    // catches: a refusal that loses one of thousands, or drops a closure late, twice or never; a
    // scope that is used up
    if !getuid().is_root() {
        return eprintln!("skipped: only root can become a user who has no other threads");
    }
    child_passes(|_| {
        let before = os_threads();
        be_a_user_with_room(ROOM);
        let counts = Arc::new(Counts::default());
        let start = Instant::now();
        let refusals = scope(|s| fill(s, &counts)).unwrap();
        let took = start.elapsed();
        assert!(refusals > 0, "there was room for all");
        assert_eq!(counts.all(), (THREADS + refusals, THREADS, THREADS + refusals));
        eventually("no thread is left", || os_threads() == before);
        say(&format!("{THREADS} threads, {refusals} refused, {took:?}"));
        0
    });
}

#[test]
fn p11_a_stop_among_refusals_brings_home_all_that_were_let_in() {
    // catches: a wait for a refused thread; a stop that misses the threads before the refusal
    if !getuid().is_root() {
        return eprintln!("skipped: only root can become a user who has no other threads");
    }
    child_passes(|_| {
        let before = os_threads();
        be_a_user_with_room(ROOM);
        let result = scope(|s| {
            let (mut let_in, mut refused) = (0, 0);
            for number in 0..THREADS / 2 {
                match s.spawn(format!("t{number}"), "waits for the stop", until_stopped) {
                    Ok(_) => let_in += 1,
                    Err(SpawnError::Os(_)) => refused += 1,
                    Err(other) => panic!("{other}"),
                }
            }
            assert!(refused > 0 && s.active_threads().len() == let_in, "{let_in} let in, {refused} refused");
            let report = s.shutdown(LIMIT);
            assert_eq!((report.total, report.joined, report.timeout), (let_in, let_in, 0));
            Ok(())
        });
        eventually("no thread is left", || os_threads() == before);
        i32::from(result.is_err())
    });
}

/// A control group that allows `ROOM` threads, with this process in it; removed when it drops.
struct Group(PathBuf);

impl Group {
    /// Made where systems have them: the second version's tree, or the first version's for this
    /// controller.
    fn enter() -> io::Result<Group> {
        let is_tree = |tree: &&str| Path::new(tree).join("cgroup.procs").exists();
        let tree = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].into_iter().find(is_tree);
        let tree = tree.ok_or_else(|| io::Error::other("there is no tree of control groups"))?;
        let group = Group(Path::new(tree).join(own_name("pids")));
        fs::create_dir(&group.0)?;
        fs::write(group.0.join("pids.max"), ROOM.to_string())?;
        fs::write(group.0.join("cgroup.procs"), "0")?;
        Ok(group)
    }

    /// How often it has refused.
    fn refusals(&self) -> String {
        fs::read_to_string(self.0.join("pids.events")).expect("it tells")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Leaves the group again, because a group with a process in it cannot be removed.
        let out = self.0.parent().map(|tree| fs::write(tree.join("cgroup.procs"), "0"));
        let removed = fs::remove_dir(&self.0);
        if removed.is_err() {
            eprintln!("{} is left: {out:?}, {removed:?}", self.0.display());
        }
    }
}

#[test]
fn p11_a_control_group_refuses_in_the_middle_of_ten_thousand_and_they_all_run_in_the_end() {
    // catches: a refusal that is none of the user's limit, and is taken for another error, or loses
    // a closure
    let done = in_child("", |_| {
        let before = os_threads();
        let group = match Group::enter() {
            Ok(group) => group,
            Err(error) => {
                say(&format!("skipped: no control group that limits threads can be made: {error}"));
                return 0;
            }
        };
        let counts = Arc::new(Counts::default());
        let refusals = scope(|s| fill(s, &counts)).unwrap();
        assert!(refusals > 0 && group.refusals() != "max 0\n", "it was the group: {}", group.refusals());
        assert_eq!(counts.all(), (THREADS + refusals, THREADS, THREADS + refusals));
        eventually("no thread is left", || os_threads() == before);
        0
    });
    match done.out.lines().find(|line| line.starts_with("<skipped")) {
        Some(reason) => eprintln!("{reason}"),
        None => assert_eq!(done.code, Some(0), "{done:#?}"),
    }
}

/// How much address space the process has, in bytes.
fn address_space() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').next().and_then(|pages| pages.parse::<u64>().ok()).expect("a number") * 4096
}

#[test]
fn p11_no_address_space_for_a_stack_is_a_refusal() {
    // catches: a panic or an abort where the system has no memory for the stack of a thread
    child_passes(|_| {
        const STACK: usize = 256 << 20;
        let before = os_threads();
        let maximum = getrlimit(Resource::As).maximum;
        let limit_to = |current| setrlimit(Resource::As, Rlimit { current: Some(current), maximum });
        let room = address_space() + 10 * STACK as u64 + (128 << 20);
        limit_to(room).expect("lowering is allowed");
        let result = scope(|s| {
            let counts = Arc::new(Counts::default());
            let mut refused = 0;
            for _ in 0..20 {
                let capture = counts.capture();
                let large = s.thread("large", "needs much stack").stack_size(STACK);
                match large.spawn(move |cx| until_stopped(cx).inspect_err(|_| drop(capture))) {
                    Ok(_) => {}
                    Err(SpawnError::Os(_)) => refused += 1,
                    Err(other) => panic!("{other}"),
                }
            }
            let (made, _, dropped) = counts.all();
            assert!((10..20).contains(&refused) && (made, dropped) == (20, refused), "{refused} refused");
            // The rest may be less than the allocator reserves for a thread.
            limit_to(room + (256 << 20)).expect("up to the maximum, raising is");
            assert_eq!(s.spawn("small", "finds room", |_| Ok(5))?.join()?, 5);
            s.stop();
            Ok(())
        });
        eventually("no thread is left", || os_threads() == before);
        i32::from(result.is_err())
    });
}

#[test]
fn a_timer_that_the_kernel_refuses_is_told_and_the_run_goes_on_and_ends_in_time() {
    // catches: a run that is refused for its second line of defence, or that does not say that
    // there is none
    use std::time::Duration;

    fn scenario(_: &str) -> i32 {
        let (tell, told) = crossbeam_channel::unbounded();
        let subscriber = subscriber::Told::new(move |line: &str| drop(tell.send(line.to_owned())));
        tracing::subscriber::set_global_default(subscriber).expect("the first one");
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        setrlimit(Resource::Sigpending, none).expect("lowering is allowed");
        let brief = Duration::from_millis(200);
        let root = homebound::registry::Registry::new("untimed").grace(brief).kill_after(brief);
        let exit = root.run(|s| {
            assert!(
                told.iter().any(|line| line.contains("ERROR") && line.contains("no timer of the kernel's"))
            );
            say("told");
            s.stop();
            Ok(linger(3_600_000))
        });
        i32::from(exit.code())
    }
    let done = in_child("", scenario);
    assert!(done.code == Some(70) && done.out.contains("<told>"), "{done:#?}");
}

/// Makes dumps and a history with files that may not grow.
fn writes_to_files_that_may_not_grow(path: &str) -> i32 {
    use homebound::registry::{self, DumpTo, Registry};

    let root = Registry::new("full").dump_to(DumpTo::File(format!("{path}.dump").into()));
    let exit = root.history(format!("{path}.history")).run(|s| {
        let none = Rlimit { current: Some(0), maximum: getrlimit(Resource::Fsize).maximum };
        setrlimit(Resource::Fsize, none).expect("lowering is allowed");
        registry::unblocked(|| crate::held::raise(libc::SIGQUIT));
        // *watch* writes to stderr, and *stopper* to the file. Both go on, and hear the next one.
        linger(100);
        registry::unblocked(|| crate::held::raise(libc::SIGTERM));
        s.context().wait_for_stop();
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn a_file_that_may_not_grow_ends_no_program() {
    // catches: a SIGXFSZ for the thread that writes a dump or a history, which ends the process
    let folder = own_path("limits");
    let path = folder.join("f");
    let child = child_with(path.to_str().expect("text"), writes_to_files_that_may_not_grow, |command| {
        fs::create_dir_all(&folder).expect("a folder");
        command.stderr(fs::File::create(folder.join("stderr")).expect("a file"));
    });
    let done = child.finish();
    fs::remove_dir_all(&folder).expect("it is there");
    assert_eq!((done.code, done.signal), (Some(0), None), "{done:#?}");
}
