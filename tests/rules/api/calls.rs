//! Every function and method, with its signature.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::ops::Deref;
use std::time::{Duration, Instant};

use super::{Name, Opaque, Res};
use crossbeam_channel::{Receiver, Sender};
use homebound::registry::{self, Registry};
use homebound::{
    Adopted, BoxError, Context, Drain, Exit, Group, Handle, Iter, JoinError, OnOverdue, OnStop, Ready, Scope,
    ScopeError, SendError, ShutdownReport, Signals, Snapshot, SpawnError, StartError, StopReason, Stopped,
    Stopper, ThreadBuilder, ThreadId, ThreadStatus, Ticks, WaitError,
};

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
    let _: &'scope u8 = s.keep(5_u8);
    let started = s.thread("name", "purpose").start(Duration::from_secs(1), move |_: &Context, ready| {
        let ready: Ready<&'scope str> = ready;
        Ok(ready.set(borrowed))
    });
    let _: Result<(Handle<'scope, ()>, &'scope str), StartError> = started;
    let () = s.context().ready();
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
