//! The looks at threads, and what they see, with their signatures.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{is, owned, shared};
use homebound::status::{Captured, Cycle, Frame, ProcessFacts, Stack};
use homebound::{
    Edge, EndingThread, Examine, ForeignThread, Registry, Scope, Snapshot, Stacks, ThreadStatus,
};

#[test]
fn types_of_looks() {
    owned::<Examine>();
    owned::<Stacks>();
    owned::<Stack>();
    owned::<Frame>();
    owned::<Captured>();
    owned::<Cycle>();
    owned::<ProcessFacts>();
    shared::<Snapshot>();
    is::<fn() -> Examine>(Examine::new);
    is::<fn() -> Examine>(Examine::default);
    is::<fn(Examine) -> Examine>(Examine::kernel);
    is::<fn(Examine, Stacks) -> Examine>(Examine::stacks);
    is::<fn(Examine, Duration) -> Examine>(Examine::within);
    is::<fn(Registry, Stacks) -> Registry>(Registry::stacks);
    is::<[Stacks; 3]>([Stacks::Off, Stacks::Asleep, Stacks::All]);
    is::<[Captured; 2]>([Captured::Asleep, Captured::BySignal]);
}

#[test]
fn a_scope_is_examined() {
    fn examine(scope: &Scope<'_, '_>) -> Snapshot {
        scope.examine(Examine::new().kernel().stacks(Stacks::Asleep).within(Duration::from_millis(100)))
    }
    let seen = homebound::scope(|scope| Ok(examine(scope))).unwrap();
    let _: (&SystemTime, &ProcessFacts, &Vec<Cycle>, &Vec<String>) =
        (&seen.taken_at, &seen.process, &seen.cycles, &seen.limits);
    let _: (u32, &String, Option<Duration>) = (seen.process.pid, &seen.process.program, seen.process.uptime);
}

/// What a view reads of a thread.
#[allow(dead_code)]
fn read(thread: &ThreadStatus, ending: &EndingThread, foreign: &ForeignThread, cycle: &Cycle) {
    let _: (&Option<Duration>, &Option<Stack>, &Option<String>) =
        (&thread.cpu, &thread.stack, &thread.no_stack);
    let _: [(&Option<Stack>, &Option<String>); 2] =
        [(&ending.stack, &ending.no_stack), (&foreign.stack, &foreign.no_stack)];
    let _: (&Vec<Edge>, bool) = (&cycle.edges, cycle.known);
    let Some(stack) = &thread.stack else { return };
    let _: (&Vec<Frame>, bool, &Option<String>, Captured) =
        (&stack.frames, stack.whole, &stack.cut, stack.how);
    let Some(frame) = stack.own_frame() else { return };
    let _: [&Option<Arc<str>>; 3] = [&frame.function, &frame.module, &frame.build_id];
    let _: (u64, u64, bool, bool) = (frame.address, frame.offset, frame.own, frame.guess);
    let _: [String; 3] = [stack.to_string(), format!("{stack:#}"), frame.to_string()];
}
