//! Every path of a public item: the one with the page, and the short one at the root.
#![allow(unused_imports)]

/// The items that a page of the root shows.
mod root {
    use homebound::channel::{Receiver, Sender};
    use homebound::{
        Adopted, BoxError, Cause, Context, Exit, Failure, Group, Handle, IntoText, JoinError, OnStop,
        Registry, Result, Scope, ScopeError, SendError, Signals, SpawnError, StopReason, Stopped, Stopper,
        ThreadBuilder, WaitError,
    };
    use homebound::{current, group, is_stop, run, scope, scope_named};
}

/// The items of a module, by the path of their page.
mod modules {
    use homebound::process::{Line, OnExit, Process, ProcessBuilder, ProcessFailed};
    use homebound::registry::{Exit, Health, OnOverdue, OnStuck, Registry, SecondSignal, Signals};
    use homebound::registry::{dump_status, group, run, snapshot, unblocked};
    use homebound::status::{Alarm, AlarmLevel, Pulse};
    use homebound::status::{Captured, Cycle, Examine, Frame, ProcessFacts, Stack, Stacks};
    use homebound::status::{
        Edge, EndingThread, ForeignThread, IdleThread, KernelStatus, ProcessStatus, Role, RunState, ScopeId,
        ScopeState, ScopeStatus, Snapshot, ThreadId, ThreadState, ThreadStatus, WaitStatus,
    };
    use homebound::status::{Ending, ShutdownReport, ThreadReport};
    use homebound::status::{Lock, LockKind, Wanted};
    use homebound::wait::{Drain, Ended, Io, Iter, Listener, Ticks};
    use homebound::work::{GaveUp, JoinSet, Race, RaceError, Ready, Restart, RetryError, StartError};
}

/// The same items at the root, where the pages do not show them. Programs are written with these.
mod short {
    use homebound::{Alarm, AlarmLevel, Health, OnStuck, Pulse};
    use homebound::{Captured, Cycle, Examine, Frame, ProcessFacts, Stack, Stacks};
    use homebound::{Drain, Ended, Io, Iter, Listener, Ticks};
    use homebound::{
        Edge, Ending, EndingThread, ForeignThread, IdleThread, KernelStatus, ProcessStatus, Role, RunState,
        ScopeId, ScopeState, ScopeStatus, ShutdownReport, Snapshot, ThreadId, ThreadReport, ThreadState,
        ThreadStatus, WaitStatus,
    };
    use homebound::{GaveUp, JoinSet, Race, RaceError, Ready, Restart, RetryError, StartError};
    use homebound::{Line, OnExit, Process, ProcessBuilder, ProcessFailed};
    use homebound::{Lock, LockKind, Wanted};
    use homebound::{OnOverdue, SecondSignal};
}

/// A path at the root and one in a module are the same type, not two of one name.
#[test]
fn a_short_path_is_the_same_item() {
    fn same<T>(_: fn(T), _: fn(T)) {}
    same(drop::<homebound::Exit<u8>>, drop::<homebound::registry::Exit<u8>>);
    same(drop::<homebound::Snapshot>, drop::<homebound::status::Snapshot>);
    same(drop::<homebound::ShutdownReport>, drop::<homebound::status::ShutdownReport>);
    same(drop::<homebound::Ticks<'_>>, drop::<homebound::wait::Ticks<'_>>);
    same(drop::<homebound::Process<'_>>, drop::<homebound::process::Process<'_>>);
}
