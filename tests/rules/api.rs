//! Every name of the public API, with its signature: a program written against them must compile.
//! Nearly all of it is checked by the compiler; nothing here says what the functions do.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::any::Any;
use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::io;
use std::ops::Deref;
use std::panic::Location;
use std::process::Termination;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use homebound::registry::{self, Registry};
use homebound::{
    Adopted, BoxError, Cause, Context, Drain, Ending, Exit, Failure, ForeignThread, Group, Handle, Iter,
    JoinError, OnOverdue, OnStop, Role, Scope, ScopeError, ScopeState, ScopeStatus, SendError,
    ShutdownReport, Signals, Snapshot, SpawnError, StopReason, Stopped, Stopper, ThreadBuilder, ThreadId,
    ThreadReport, ThreadState, ThreadStatus, Ticks, WaitError,
};

type Res<T = ()> = homebound::Result<T>;
type Name = Cow<'static, str>;

fn is<T>(_: T) {}
fn shared<T: Send + Sync>() {}
fn owned<T: Clone + Send + Sync + 'static>() {}
fn error<T: Error + Send + Sync + 'static>() {}
fn iterator<T, I: Iterator<Item = T>>() {}

/// A type that is neither Send, Sync nor Debug.
struct Opaque(#[allow(dead_code)] *const ());

#[test]
fn traits() {
    shared::<Scope<'_, '_>>();
    shared::<Group<'_>>();
    shared::<Handle<'_, u8>>();
    owned::<Context>();
    owned::<Stopper>();
    owned::<Failure>();
    owned::<Stopped>();
    error::<Stopped>();
    error::<WaitError>();
    error::<SendError<u8>>();
    error::<SpawnError>();
    error::<JoinError>();
    error::<ScopeError>();
    fn any_error<T: Error>() {}
    any_error::<SendError<Opaque>>();
    any_error::<SendError<&mut u8>>();
    fn shown<T: Display + Debug>() {}
    shown::<Snapshot>();
    shown::<ShutdownReport>();
    shown::<SendError<Opaque>>();
    fn ends<T: Termination>() {}
    ends::<Exit<()>>();
    ends::<Res<Exit<()>>>();
    iterator::<Instant, Ticks<'_>>();
    iterator::<u8, Iter<'_, u8>>();
    iterator::<u8, Drain<'_, u8>>();
    fn id<T: Copy + Eq + std::hash::Hash + Debug + Send + Sync>() {}
    id::<ThreadId>();
    shared::<OnStop>();
    shared::<ShutdownReport>();
    shared::<Snapshot>();
    fn held<T: Send>() {}
    held::<ThreadBuilder<'_>>();
    shared::<homebound::Process<'_>>();
    held::<homebound::ProcessBuilder<'_>>();
    owned::<homebound::Line>();
    owned::<homebound::ProcessStatus>();
    error::<homebound::ProcessFailed>();
    fn default<T: Default>() {}
    default::<Signals>();
}

#[test]
fn result_has_the_two_defaults() {
    fn plain() -> homebound::Result {
        Ok(())
    }
    fn typed() -> homebound::Result<u8, io::Error> {
        Ok(1)
    }
    let boxed: BoxError = Box::new(io::Error::other("any error"));
    let _: Box<dyn Error + Send + Sync + 'static> = boxed;
    assert!(plain().is_ok() && typed().is_ok());
}

#[test]
fn functions_of_the_registry() {
    let _: fn(&'static str) -> Registry = |name| Registry::new(name);
    let _: fn(String) -> Registry = |name| Registry::new(name);
    let _: fn(Registry, Duration) -> Registry = Registry::grace;
    let _: fn(Registry, Duration) -> Registry = Registry::kill_after;
    let _: fn(Registry, OnOverdue) -> Registry = Registry::on_overdue;
    let _: fn(Registry, Signals) -> Registry = Registry::signals;
    let _: fn() -> Signals = Signals::none;
    let _: fn(Signals, i32) -> Signals = Signals::without;
    let _: fn(Signals, i32, Sender<i32>) -> Signals = Signals::forward;
    let _: fn() -> Option<Snapshot> = registry::snapshot;
    let _: fn() -> String = registry::dump_status;
    let _: fn(Exit<u8>) -> Result<u8, ScopeError> = Exit::into_result;
    let _: fn(&Exit<u8>) -> u8 = Exit::code;
    let _: fn(Exit<u8>) -> Result<u8, ScopeError> = |exit| exit.result;
    let _: fn(Exit<u8>) -> ShutdownReport = |exit| exit.shutdown;
    let _: [OnOverdue; 3] = [OnOverdue::Exit(70), OnOverdue::Wait, OnOverdue::Abort];
    fn one<'env, T, F>(main: F) -> [Box<dyn FnOnce() -> Exit<T> + 'env>; 1]
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Res<T> + 'env,
    {
        [Box::new(|| registry::run(main))]
    }
    fn configured<'env, T, F>(main: F) -> [Box<dyn FnOnce() -> Exit<T> + 'env>; 1]
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Res<T> + 'env,
    {
        [Box::new(|| Registry::new("configured").run(main))]
    }
    let local = 5;
    let _ = one(|s| Ok(s.is_stopping() && local == 5));
    let _ = configured(|s| Ok(s.spawn("n", "p", |_| Ok(local))?.join()?));
}

#[test]
fn free_functions() {
    fn open<'env, T, F>(body: F) -> Result<T, ScopeError>
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Res<T>,
    {
        homebound::scope(body)
    }
    let _: fn() -> Option<Context> = homebound::current;
    assert_eq!(open(|_| Ok(3)).unwrap(), 3);
}

/// The methods of a scope. Never called: it only has to compile.
#[allow(dead_code)]
fn scope_methods<'scope, 'env>(s: &'scope Scope<'scope, 'env>, borrowed: &'scope str) -> Res {
    let _: Result<Handle<'scope, usize>, SpawnError> =
        s.spawn("name", "purpose", move |_: &Context| Ok(borrowed.len()));
    let _: Result<Handle<'scope, &'scope str>, SpawnError> =
        s.spawn(String::from("name"), String::from("purpose"), move |_| Ok(borrowed));
    let _ = s.spawn(Name::from("name"), Name::from("purpose"), |_| Ok(()))?;
    let _: Result<Handle<'scope, ()>, SpawnError> =
        s.service("name", "purpose", move |_: &Context| Ok(assert!(borrowed.is_empty())));
    let built: ThreadBuilder<'scope> =
        s.thread("name", "purpose").isolated().vital().dedicated().stack_size(1 << 20);
    let _: Result<Handle<'scope, u8>, SpawnError> = built.spawn(|_| Ok(1));
    let _: Result<Handle<'scope, ()>, SpawnError> = s.thread("name", "purpose").service(|_| Ok(()));
    let local = String::from("a local of the body");
    let _: Result<usize, ScopeError> = s.subscope("name", |inner| {
        let handle = inner.spawn("name", "purpose", |_| Ok(local.len()))?;
        Ok(handle.join()?)
    });
    let _: Result<Group<'scope>, SpawnError> = s.group("name");
    s.defer("name", move || Ok(assert!(borrowed.is_empty())));
    let _: &Context = s.context();
    let _: &Receiver<Infallible> = s.stop_signal();
    let _: Stopper = s.stopper();
    let _: ShutdownReport = s.shutdown(Duration::from_secs(1));
    let _: Vec<ThreadStatus> = s.active_threads();
    let _: (Snapshot, String, bool) = (s.snapshot(), s.dump_status(), s.is_stopping());
    let () = s.stop();
    Ok(())
}

/// `Scope` is covariant in `'env`.
#[allow(dead_code)]
fn scope_is_covariant_in_env<'a, 'scope, 'env: 'a>(s: &'a Scope<'scope, 'env>) -> &'a Scope<'scope, 'a>
where
    'scope: 'a,
{
    s
}

#[allow(dead_code)]
fn group_and_handle<'scope>(group: Group<'scope>, s: &'scope str) -> Res {
    fn target<'scope, G: Deref<Target = Scope<'scope, 'scope>>>(_: &G) {}
    target(&group);
    let handle: Handle<'scope, &'scope str> = group.spawn("name", "purpose", move |_| Ok(s))?;
    let _: (ThreadId, &str, &str) = (handle.id(), handle.name(), handle.path());
    let _: (&Receiver<Infallible>, bool) = (handle.done(), handle.is_finished());
    let () = handle.stop();
    let back: Result<Result<&str, JoinError>, Handle<'scope, &str>> =
        handle.join_timeout(Duration::from_secs(1));
    if let Err(handle) = back {
        let _: Result<&'scope str, JoinError> = handle.join();
    }
    let _: Result<(), ScopeError> = group.close();
    Ok(())
}

#[allow(dead_code)]
fn context_stopping(cx: &Context) -> Res {
    let _: &Receiver<Infallible> = cx.stop_signal();
    let _: (bool, bool) = (cx.is_stopping(), cx.is_overdue());
    let _: Result<(), Stopped> = cx.checkpoint();
    let _: Option<StopReason> = cx.stop_reason();
    let stopper: Stopper = cx.stopper();
    let () = stopper.stop();
    let () = stopper.stop_because("why");
    let () = stopper.stop_because(String::from("why"));
    let _: bool = stopper.is_stopping();
    let guard: OnStop = cx.on_stop(|| ());
    drop(guard);
    let mut local = 0;
    let five: u8 = cx.with_on_stop(|| local += 1, || 5);
    assert!(local < five);
    let _: u8 = cx.shield(Duration::from_secs(1), |_: &Context| 5);
    let _: u8 = cx.with_deadline(Instant::now(), |_: &Context| 5);
    let _: Option<Instant> = cx.deadline();
    let _: (&str, &str, &str, ThreadId) = (cx.name(), cx.purpose(), cx.path(), cx.id());
    Ok(())
}

#[allow(dead_code)]
fn context_waiting(cx: &Context, receiver: &Receiver<Opaque>, sender: &Sender<Opaque>) -> Res {
    let _: StopReason = cx.wait_for_stop();
    let _: Result<(), Stopped> = cx.sleep(Duration::ZERO);
    let _: Result<(), Stopped> = cx.sleep_until(Instant::now());
    let _: Result<Opaque, WaitError> = cx.recv(receiver);
    let _: Result<Opaque, WaitError> = cx.recv_timeout(receiver, Duration::ZERO);
    let sent: Result<(), SendError<Opaque>> = cx.send(sender, Opaque(std::ptr::null()));
    sent.map_err(|e| e.cause)?;
    let _: Ticks<'_> = cx.ticks(Duration::from_secs(1));
    let _: Iter<'_, Opaque> = cx.iter(receiver);
    let _: Drain<'_, Opaque> = cx.drain(receiver);
    let _: u8 = cx.waiting("what", || 5);
    Ok(())
}

#[allow(dead_code)]
fn context_condvars<T: ?Sized + Send>(
    cx: &Context,
    condvar: &parking_lot::Condvar,
    guard: &mut parking_lot::MutexGuard<'_, T>,
    mut condition: impl FnMut(&mut T) -> bool,
) -> Res {
    let _: Result<(), Stopped> = cx.wait_while(condvar, guard, &mut condition);
    let _: Result<(), WaitError> = cx.wait_while_timeout(condvar, guard, condition, Duration::ZERO);
    Ok(())
}

#[allow(dead_code)]
fn context_spawning(cx: &Context) -> Res {
    let _: Result<Handle<'static, u8>, SpawnError> = cx.spawn("name", "purpose", |_| Ok(5));
    let _: Result<Handle<'static, ()>, SpawnError> = cx.service("name", "purpose", |_| Ok(()));
    let _: ThreadBuilder<'static> = cx.thread(String::from("name"), "purpose");
    let group: Group<'static> = cx.group("name")?;
    struct Owner(#[allow(dead_code)] Group<'static>);
    drop(Owner(group));
    let guest: Adopted = cx.adopt("name", String::from("purpose"));
    fn target<G: Deref<Target = Context>>(_: &G) {}
    target(&guest);
    Ok(())
}

#[allow(dead_code)]
fn reasons(reason: StopReason, send: SendError<u8>) -> Res {
    match reason {
        StopReason::Requested { at } => is::<&'static Location<'static>>(at),
        StopReason::Signal(n) => assert!(n > 0_i32),
        StopReason::Failed { path } | StopReason::Vital { path } => is::<String>(path),
        StopReason::Parent(inner) => is::<Box<StopReason>>(inner),
        StopReason::Custom(why) => is::<Cow<'static, str>>(why),
        StopReason::Deadline | StopReason::UsersDone => {}
        _ => {}
    }
    let SendError { value, cause, .. } = send;
    let _: u8 = value;
    match cause {
        WaitError::Stopped(stopped) => is::<StopReason>(stopped.reason().clone()),
        WaitError::Disconnected | WaitError::TimedOut => {}
        _ => {}
    }
    Ok(())
}

#[allow(dead_code)]
fn refusals(spawn: SpawnError, join: JoinError) {
    match spawn {
        SpawnError::Stopped(stopped) => is::<Stopped>(stopped),
        SpawnError::Os(os) => is::<io::Error>(os),
        SpawnError::InvalidName => {}
        _ => {}
    }
    match join {
        JoinError::Failed(failure) => is::<Failure>(failure),
        JoinError::Stopped(stopped) => is::<Stopped>(stopped),
        JoinError::WouldDeadlock { cycle } => is::<Vec<String>>(cycle),
        _ => {}
    }
}

#[allow(dead_code)]
fn failures(error: ScopeError) -> Result<io::Error, ScopeError> {
    let _: (&[Failure], &[Failure], usize) = (error.failures(), error.during_stop(), error.omitted());
    let _: (Option<&StopReason>, &ShutdownReport) = (error.stop_reason(), error.report());
    if let Some(failure) = error.first() {
        let _: (&str, &str, &str) = (failure.path(), failure.name(), failure.purpose());
        let _: &'static Location<'static> = failure.spawned_from();
        let _: Option<&io::Error> = failure.downcast_ref::<io::Error>();
        let _: Option<Box<dyn Any + Send>> = failure.take_payload();
        match failure.cause() {
            Cause::Error(error) => is::<&(dyn Error + Send + Sync + 'static)>(error),
            Cause::Panic { message, location } => is::<(&str, Option<&str>)>((message, location)),
            _ => {}
        }
    }
    error.downcast::<io::Error>()
}

#[allow(dead_code)]
fn reports(report: ShutdownReport) {
    let _: [usize; 4] = [report.total, report.joined, report.timeout, report.orphaned];
    let _: (Duration, Option<StopReason>, bool) = (report.duration, report.reason, report.repeated);
    let _: Vec<ForeignThread> = report.foreign;
    let rows: Vec<ThreadReport> = report.threads;
    for row in rows {
        let _: (String, String, String) = (row.path, row.name, row.purpose);
        let _: (&'static Location<'static>, Option<Duration>) = (row.spawned_from, row.after_stop);
        match row.ending {
            Ending::Finished | Ending::Stopped | Ending::Failed => {}
            Ending::Panicked | Ending::Overdue => {}
            _ => {}
        }
    }
}

#[allow(dead_code)]
fn snapshots(snapshot: Snapshot) {
    let _: Vec<ForeignThread> = snapshot.foreign;
    let root: ScopeStatus = snapshot.root;
    let _: (String, String, ScopeState, Vec<ScopeStatus>) = (root.name, root.path, root.state, root.scopes);
    for thread in root.threads {
        let _: (ThreadId, Option<u32>, Instant) = (thread.id, thread.os_tid, thread.spawned_at);
        let _: (String, String, String) = (thread.name, thread.purpose, thread.path);
        let _: &'static Location<'static> = thread.spawned_from;
        match thread.role {
            Role::Body | Role::Worker | Role::Service | Role::Adopted | Role::Internal => {}
            #[allow(unreachable_patterns)]
            _ => {}
        }
        match thread.state {
            ThreadState::Waiting { what, at } => is::<(&str, &Location<'_>)>((what, at)),
            ThreadState::Starting | ThreadState::Running | ThreadState::Ended => {}
            _ => {}
        }
    }
}

#[test]
fn the_program_of_the_contract() {
    // The shape every program starts from: `?` on any error, `Ok(x)` infers.
    crate::common::child_passes(|_| {
        let exit = Registry::new("studio").grace(Duration::from_secs(5)).run(|scope| {
            let (jobs, queue) = crossbeam_channel::bounded::<u32>(4);
            scope.service("monitor", "watches", |cx| Ok(cx.ticks(crate::common::NEVER).for_each(drop)))?;
            let sum = scope.spawn("worker", "adds", move |cx| Ok(cx.iter(&queue).sum::<u32>()))?;
            for n in 0..10 {
                scope.context().send(&jobs, n)?;
            }
            drop(jobs);
            assert_eq!(sum.join()?, 45);
            "12".parse::<u8>()?;
            Ok(())
        });
        i32::from(exit.code())
    });
}
