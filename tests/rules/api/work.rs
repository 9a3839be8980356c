//! The functions of `work`, with their signatures.
#![allow(clippy::type_complexity, clippy::unit_arg)]

use std::borrow::Cow;
use std::error::Error;
use std::panic::Location;
use std::time::Duration;

use super::{Res, error, is, owned, shared};
use homebound::{
    AtStop, BoxError, Child, ChildError, ChildStatus, Context, Failure, GaveUp, Handle, Job, JoinError,
    JoinSet, OfferError, OnStop, Pool, PoolBuilder, PoolStatus, Priority, Race, RaceError, Ready, Restart,
    RestartBuilder, RetryError, Scope, ScopeError, SpawnError, StartError, StopReason, Stopped, Stopper,
    Strategy, SubmitError, Supervisor, SupervisorBuilder, ThreadBuilder, ThreadId, WaitError,
};

/// A value that is neither `Sync` nor `'static`.
type Value<'a> = (std::cell::Cell<u8>, &'a str);

#[test]
fn types_of_work() {
    owned::<Restart>();
    shared::<Restart>();
    is::<fn(&Restart, &mut std::fmt::Formatter) -> std::fmt::Result>(<Restart as std::fmt::Debug>::fmt);
    error::<GaveUp>();
    error::<StartError>();
    error::<RetryError>();
    error::<ChildError>();
    error::<RaceError>();
    error::<SubmitError>();
    fn offered<F>() {
        fn is_error<E: Error>() {}
        is_error::<OfferError<F>>();
    }
    offered::<super::Opaque>();
    owned::<Supervisor<'static>>();
    owned::<Pool<'static>>();
    fn send<T: Send>() {}
    send::<Ready<u8>>();
    send::<JoinSet<'static, u8>>();
    send::<Job<'static, u8>>();
    let _: fn(SpawnError) -> StartError = StartError::from;
    let _: fn(Stopped) -> StartError = StartError::from;
}

fn sharing<'s>(scope: &'s Scope<'s, '_>, cx: &Context) {
    let _: &'s String = scope.keep(String::new());
    cx.note("text");
    cx.note(String::from("text"));
    cx.note(Cow::Borrowed("text"));
}

fn readiness<'s, 'a: 's>(
    builder: ThreadBuilder<'s>,
    borrowed: &'a str,
    cx: &Context,
) -> Result<(), StartError> {
    let started: Result<(Handle<'s, ()>, Value<'s>), StartError> =
        builder.start(Duration::from_secs(1), move |_: &Context, ready: Ready<Value<'s>>| {
            ready.set((std::cell::Cell::new(1), borrowed));
            Ok(())
        });
    started?;
    cx.ready();
    let _: u64 = cx.run_number();
    Ok(())
}

fn restarts<'s>(builder: fn() -> ThreadBuilder<'s>, cx: &Context) -> Res {
    let policy: Restart = Restart::on_failure()
        .backoff(Duration::from_millis(100), Duration::from_secs(10))
        .intensity(3, Duration::from_secs(5))
        .give_up_after(10)
        .stable_after(Duration::from_secs(10))
        .unless(|error: &(dyn Error + 'static)| error.is::<std::fmt::Error>());
    let _ = Restart::always().no_backoff();
    let _ = Restart::never().for_ever();
    let restarting: RestartBuilder<'s> = builder().restart(policy.clone());
    let mut runs = 0_u64;
    let _: Handle<'s, ()> = restarting.service(move |_: &Context| {
        runs += 1;
        Ok(assert!(runs > 0))
    })?;
    let _: Handle<'s, u8> = builder().restart(policy.clone()).spawn(move |_: &Context| Ok(1_u8))?;
    let _: Handle<'s, ()> = builder()
        .restart(policy.clone())
        .start(Duration::from_secs(1), move |cx: &Context| Ok(cx.ready()))?;
    let mut tries = 0;
    let tried: Result<u8, RetryError> = cx.retry(&policy, |_: &Context| {
        tries += 1;
        Ok(1)
    });
    match tried {
        Ok(_) => {}
        Err(RetryError::Stopped(stopped)) => is::<Stopped>(stopped),
        Err(RetryError::Hopeless(error)) => is::<BoxError>(error),
        Err(RetryError::GaveUp { tries, last }) => is::<(u32, BoxError)>((tries, last)),
        Err(_) => {}
    }
    Ok(())
}

fn supervision<'s>(scope: &'s Scope<'s, '_>, cx: &Context, death: &'s str) -> Res {
    let building: SupervisorBuilder<'s> = scope
        .supervisor("ingest", "keeps the feed and its parser")
        .strategy(Strategy::RestForOne)
        .restart(Restart::on_failure())
        .child_grace(Duration::from_secs(5))
        .child("feed", "reads the feed", move |_: &Context| Ok(assert!(!death.is_empty())))
        .add(Child::once("once", "runs once", |_: &Context| Ok(())));
    let _ = [Strategy::OneForOne, Strategy::RestForOne, Strategy::OneForAll];
    let child: Child<'s> = Child::new("parser", "parses", |_: &Context| Ok(()))
        .always()
        .never()
        .vital()
        .ready_within(Duration::from_secs(1))
        .restart(Restart::always())
        .priority(Priority::Background)
        .stack_size(1 << 20);
    let started: Result<Supervisor<'s>, StartError> = building.start();
    let supervisor = started?;
    let _: u64 = supervisor.restarts();
    let _: Vec<Failure> = supervisor.failures();
    let children: Vec<ChildStatus> = supervisor.children();
    drop(children);
    let _: [Result<(), ChildError>; 5] = [
        supervisor.restart("feed"),
        supervisor.stop_child("feed"),
        supervisor.add(child),
        supervisor.remove("feed"),
        Err(ChildError::Unknown),
    ];
    supervisor.stop();
    let _: Result<(), JoinError> = supervisor.join();
    let _: SupervisorBuilder<'static> = cx.supervisor("ingest", "keeps the feed and its parser");
    let name_it = |error: ChildError| match error {
        ChildError::Unknown | ChildError::Duplicate | ChildError::Overdue | ChildError::WouldDeadlock => {}
        ChildError::Stopped(stopped) => is::<Stopped>(stopped),
        ChildError::Start(error) => is::<StartError>(error),
        _ => {}
    };
    name_it(ChildError::Unknown);
    let _ = |gave_up: GaveUp| {
        is::<(String, u32, Duration, Failure)>((
            gave_up.child,
            gave_up.restarts,
            gave_up.within,
            gave_up.last,
        ))
    };
    let _ = |reason: StopReason| {
        if let StopReason::Restarted { by } = reason {
            is::<String>(by)
        }
    };
    Ok(())
}

fn join_sets<'s>(scope: &'s Scope<'s, '_>, cx: &Context, pool: &Pool<'s>) -> Res {
    let mut set: JoinSet<'s, u8> = JoinSet::new();
    let _: (usize, bool) = (set.len(), set.is_empty());
    let _: Result<ThreadId, SpawnError> = set.spawn(scope, "page", "fetches a page", |_: &Context| Ok(1));
    let _: Result<ThreadId, SubmitError> = set.submit(pool, cx, |_: &Context| Ok(1));
    let _: Result<Option<(ThreadId, Result<u8, JoinError>)>, Stopped> = set.next(cx);
    let _: Result<Option<(ThreadId, Result<u8, JoinError>)>, WaitError> =
        set.next_timeout(cx, Duration::from_secs(1));
    set.stop_all();
    let _: Result<Vec<u8>, JoinError> = set.join_all(cx);
    Ok(())
}

fn maps(scope: &Scope<'_, '_>, cx: &Context) -> Res {
    let local = String::from("text");
    let items = [local.as_str(), "more"];
    let _: Result<Vec<&str>, ScopeError> =
        scope.map("thumbs", "makes a thumbnail", 2, items, |_: &Context, item: &str| Ok(&item[..1]));
    let _: Result<Vec<usize>, ScopeError> =
        cx.map("thumbs", "makes a thumbnail", 2, items.iter(), |_: &Context, item: &&str| Ok(item.len()));
    let _: Result<usize, ScopeError> = scope.map_stream(
        "thumbs",
        "makes a thumbnail",
        2,
        0_usize..,
        |_: &Context, item| Ok(item + local.len()),
        |_: &Context, results: &mut dyn Iterator<Item = Result<usize, Stopped>>| {
            let mut sum = 0;
            for result in results.take(10) {
                sum += result?;
            }
            Ok(sum)
        },
    );
    let _: Result<(), ScopeError> = cx.map_stream(
        "thumbs",
        "thumbs",
        2,
        items,
        |_: &Context, _: &str| Ok(()),
        |_: &Context, _: &mut dyn Iterator<Item = Result<(), Stopped>>| Ok(()),
    );
    Ok(())
}

fn races(scope: &Scope<'_, '_>, cx: &Context) {
    let local = String::from("text");
    let race = || {
        Race::new().add("a", "answers first", |_: &Context| Ok(local.as_str())).add_after(
            Duration::from_millis(20),
            "b",
            "answers later",
            |_: &Context| Ok(local.as_str()),
        )
    };
    let _: Result<&str, RaceError> = scope.race("mirrors", race());
    let _: Result<&str, RaceError> = cx.race("mirrors", race());
    let _: Result<Vec<&str>, RaceError> = scope.quorum("mirrors", 2, race());
    let won: Result<Vec<&str>, RaceError> = cx.quorum("mirrors", 2, race());
    match won {
        Ok(_) | Err(RaceError::Empty) => {}
        Err(RaceError::Stopped(stopped)) => is::<Stopped>(stopped),
        Err(RaceError::Spawn(error)) => is::<SpawnError>(error),
        Err(RaceError::TooFew { wanted, failures }) => is::<(usize, Vec<Failure>)>((wanted, failures)),
        Err(_) => {}
    }
}

fn pools<'s>(scope: &'s Scope<'s, '_>, cx: &Context) -> Res {
    let building: PoolBuilder<'s> = scope
        .pool("thumbs", "makes thumbnails")
        .threads(4)
        .queue(16)
        .at_stop(AtStop::Drain)
        .priority(Priority::Normal)
        .stack_size(1 << 20);
    let _ = [AtStop::Drop, AtStop::Drain];
    let pool: Pool<'s> = building.start()?;
    let _: PoolBuilder<'static> = cx.pool("thumbs", "makes thumbnails");
    let job: Result<Job<'s, u8>, SubmitError> = pool.submit(cx, |_: &Context| Ok(1));
    let second: Result<Job<'s, u8>, SubmitError> =
        pool.submit_within(cx, Duration::from_secs(1), |_: &Context| Ok(1));
    let third: Result<Job<'s, u8>, SubmitError> = pool.try_submit(|_: &Context| Ok(1));
    let offered = pool.offer(|_: &Context| Ok(1_u8));
    if let Err(OfferError { job, cause }) = offered {
        is::<Res<u8>>(job(cx));
        is::<SubmitError>(cause);
    }
    let _: Result<(), SubmitError> = pool.execute(cx, |_: &Context| Ok(()));
    let items = vec![String::from("a.png")]; // lives less long than the pool
    let sizes: Result<Vec<&str>, ScopeError> = pool.map(cx, &items, |_: &Context, item| Ok(item.as_str()));
    drop(sizes);
    let _: Result<(), SubmitError> = pool.wait_idle(cx);
    pool.resize(2);
    let status: PoolStatus = pool.status();
    is::<[usize; 3]>([status.threads, status.running, status.queued]);
    is::<Option<Duration>>(status.oldest_wait);
    is::<[u64; 4]>([status.done, status.failed, status.dropped, status.expired]);
    let job = job?;
    let mut tried = second?;
    let _: Option<Result<u8, JoinError>> = tried.try_join();
    let _: bool = job.is_finished();
    let _ = job.done();
    job.stop();
    let _: Stopper = job.stopper();
    let _: OnStop = job.on_done(|| ());
    let _: Result<Result<u8, JoinError>, Job<'s, u8>> = tried.join_timeout(Duration::from_secs(1));
    third?.cancel();
    let _: Result<u8, JoinError> = job.join();
    pool.stop();
    let _: Result<(), ScopeError> = pool.clone().close();
    let _ = |error: SubmitError| match error {
        SubmitError::Full | SubmitError::Closed => {}
        SubmitError::Stopped(stopped) => is::<Stopped>(stopped),
        SubmitError::WouldDeadlock { cycle } => is::<Vec<String>>(cycle),
        SubmitError::Spawn(error) => is::<SpawnError>(error),
        _ => {}
    };
    let _ = |error: JoinError| matches!(error, JoinError::Dropped | JoinError::Expired);
    Ok(())
}

fn sites<'s>(builder: ThreadBuilder<'s>, failure: &Failure) -> ThreadBuilder<'s> {
    is::<&[String]>(failure.notes());
    builder.spawned_at(Location::caller()).priority(Priority::Critical)
}

/// Each function above is compiled; nothing of them runs.
#[test]
fn functions_of_work() {
    let _ = (sharing, readiness, restarts, supervision, join_sets, maps, races, pools, sites);
}
