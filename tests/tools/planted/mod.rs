//! Wrong observations, made by hand of right ones: each property finds its own.

mod failures;
mod order;
mod threads;
mod work;

use homebound_testing::{
    Act, Block, End, Errors, Event, Id, Observed, Property, Returned, Root, Step, Thread, Tree, Via, Wait,
    What,
};

fn thread(id: Id, service: bool, steps: Vec<Step>, end: End) -> Step {
    let block = Block { steps, end };
    let via = Via::InScope(0);
    Step {
        id,
        act: Act::Spawn(Thread {
            via,
            service,
            isolated: false,
            vital: false,
            dedicated: false,
            refused: false,
            block,
        }),
    }
}

fn wait(id: Id) -> Step {
    Step { id, act: Act::Wait(Wait::Sleep) }
}

fn tree(steps: Vec<Step>) -> Tree {
    Tree { root: Root::Scope, body: Block { steps, end: End::Value } }
}

/// A service, a later one, and a worker that fails.
fn busy() -> Tree {
    tree(vec![
        thread(1, true, vec![wait(2)], End::Value),
        thread(3, true, vec![wait(4)], End::Value),
        thread(5, false, vec![], End::Error),
    ])
}

fn right(tree: &Tree) -> Observed {
    let observed = tree.run();
    if let Err(wrong) = observed.check() {
        panic!("{wrong}");
    }
    observed
}

#[track_caller]
fn rejected(observed: &Observed, property: Property, message: &str) {
    let wrong = observed.check().expect_err("it is wrong");
    let found = wrong.all.iter().any(|w| w.property == property && w.to_string().contains(message));
    assert!(found, "{property:?} {message:?} is not in\n{wrong}");
}

fn place(observed: &Observed, node: Id, is: impl Fn(&What) -> bool) -> usize {
    let found = observed.events.iter().position(|event| event.node == node && is(&event.what));
    found.expect("it happened")
}

fn remove(observed: &mut Observed, node: Id, is: impl Fn(&What) -> bool) -> Event {
    let at = place(observed, node, is);
    observed.events.remove(at)
}

/// The error of the root.
fn error(observed: &mut Observed) -> &mut homebound_testing::Failed {
    let at = place(observed, 0, |what| matches!(what, What::Returned(_)));
    match &mut observed.events[at].what {
        What::Returned(Returned::Error(failed)) => failed,
        other => panic!("the root returned {other:?}"),
    }
}

fn is_gone(what: &What) -> bool {
    matches!(what, What::Gone)
}

/// The body joins a thread that ends in this way.
fn joined(end: End) -> Tree {
    let mut worker = thread(1, false, vec![], end);
    if let Act::Spawn(thread) = &mut worker.act {
        // The failure of the thread stops no other, because the test is about the join alone.
        thread.isolated = true;
    }
    tree(vec![worker, Step { id: 2, act: Act::Join(1, Errors::Ignore) }])
}

/// The same under `registry::run`.
fn under_run(tree: Tree) -> Tree {
    Tree { root: Root::Registry, ..tree }
}

/// A service, and a foreign thread that is adopted and waits.
fn visited() -> Tree {
    tree(vec![thread(1, true, vec![wait(2)], End::Value), Step { id: 3, act: Act::Adopt(vec![wait(4)]) }])
}
