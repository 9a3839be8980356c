//! The settings of the health looks, and what a thread says of itself, with their signatures.

use std::time::Duration;

use super::{is, owned, shared};
use homebound::registry::{Health, OnStuck};
use homebound::status::{Alarm, AlarmLevel, Pulse};
use homebound::{Child, Context, Registry, Snapshot, StopReason, ThreadBuilder, ThreadStatus};

#[test]
fn types_of_health() {
    owned::<Health>();
    owned::<OnStuck>();
    owned::<Pulse>();
    shared::<Alarm>();
    is::<fn() -> Health>(Health::new);
    is::<fn() -> Health>(Health::default);
    is::<fn(Health, Duration) -> Health>(Health::look_every);
    is::<fn(Health, Duration) -> Health>(Health::warn_after);
    is::<fn(Health, Duration) -> Health>(Health::stuck_after);
    is::<fn(Health, OnStuck) -> Health>(Health::on_stuck);
    is::<fn(Registry, Health) -> Registry>(Registry::health);
    is::<fn(ThreadBuilder<'static>, Duration) -> ThreadBuilder<'static>>(ThreadBuilder::expect_every);
    is::<fn(Child<'static>, Duration) -> Child<'static>>(Child::expect_every);
    is::<fn(&Context)>(Context::beat);
    is::<fn(&Snapshot) -> Vec<&ThreadStatus>>(Snapshot::unhealthy);
    assert_eq!(OnStuck::default(), OnStuck::Report);
    is::<[OnStuck; 3]>([OnStuck::Report, OnStuck::StopScope, OnStuck::Exit(70)]);
    assert!(AlarmLevel::Warned < AlarmLevel::Stuck);
    assert_eq!(StopReason::Stuck { path: "/a/b".to_owned() }.to_string(), "/a/b is stuck");
}

/// The value of the closure comes back, whatever it borrows.
#[test]
fn a_patience_returns_what_its_closure_returns() {
    let length = homebound::scope(|scope| {
        let text = String::from("borrowed");
        let length = scope.context().patience(Duration::from_secs(1), || text.len());
        scope.context().beat();
        Ok(length)
    });
    assert_eq!(length.unwrap(), 8);
}

/// What a view reads of a thread.
#[allow(dead_code)]
fn read(thread: &ThreadStatus) -> Option<Duration> {
    let _: &Option<Alarm> = &thread.alarm;
    match thread.pulse.as_ref()? {
        Pulse::Waits | Pulse::Starved => None,
        Pulse::Works { cpu, .. } => Some(*cpu),
        Pulse::Blocked { since, kernel, .. } => kernel.as_ref().map(|_| since.elapsed()),
        _ => None,
    }
}
