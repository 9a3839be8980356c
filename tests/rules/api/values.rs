//! Every type, with its traits, fields and variants.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::io;
use std::panic::Location;
use std::process::Termination;
use std::time::{Duration, Instant};

use super::{Opaque, Res, error, is, iterator, owned, shared};
use homebound::{
    Cause, Context, Drain, Ending, Exit, Failure, ForeignThread, Group, Handle, Iter, JoinError, OnStop,
    Role, Scope, ScopeError, ScopeState, ScopeStatus, SendError, ShutdownReport, Signals, Snapshot,
    SpawnError, StopReason, Stopped, Stopper, ThreadBuilder, ThreadId, ThreadReport, ThreadState, Ticks,
    WaitError,
};

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
    error::<homebound::StartError>();
    error::<homebound::RaceError>();
    held::<homebound::Race<'_, u8>>();
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
    held::<homebound::Ready<std::cell::Cell<u8>>>();
    shared::<homebound::Process<'_>>();
    held::<homebound::ProcessBuilder<'_>>();
    owned::<homebound::Line>();
    owned::<homebound::ProcessStatus>();
    error::<homebound::ProcessFailed>();
    fn default<T: Default>() {}
    default::<Signals>();
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
