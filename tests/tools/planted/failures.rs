//! A lost, doubled or misplaced failure is found, and a join that gives a wrong result.

use super::{busy, error, joined, place, rejected, right, thread, tree};
use homebound_testing::{Act, Block, End, Errors, Gave, How, Nested, Property, Returned, Step, Via, What};

#[test]
fn c_a_failure_that_is_listed_twice() {
    let mut observed = right(&busy());
    error(&mut observed).failures.push(5);
    rejected(&observed, Property::Listed, "step 5 is in the result of scope 0 2 times, not 1");
}

#[test]
fn c_a_failure_that_is_lost() {
    let mut observed = right(&busy());
    error(&mut observed).failures[0] = 1;
    rejected(&observed, Property::Listed, "the failure of step 5 is not in the result of scope 0");
    rejected(&observed, Property::Listed, "lists step 1, which did not fail there");
    let at = place(&observed, 0, |what| matches!(what, What::Returned(_)));
    observed.events[at].what = What::Returned(Returned::Value);
    rejected(&observed, Property::Listed, "returned Ok, but step 5 had failed");
}

#[test]
fn c_a_failure_of_an_inner_scope_that_is_not_in_what_carries_it() {
    let inner = Nested {
        via: Some(Via::InScope(0)),
        block: Block { steps: vec![], end: End::Error },
        errors: Errors::Pass,
    };
    let mut observed = right(&tree(vec![Step { id: 1, act: Act::Open(inner) }]));
    let passed = |what: &What| matches!(what, What::Fails(failing) if failing.how == How::Passed(vec![1]));
    place(&observed, 0, passed);
    error(&mut observed).failures.clear();
    rejected(&observed, Property::Listed, "the failure of step 0 is not in the result of scope 0");
}

#[test]
fn c_a_join_that_does_not_give_what_the_thread_returned() {
    // catches: an oracle that knows of failures only, while a handle has lost its value
    let ends = [
        (End::Value, Gave::Value),
        (End::ResultBomb, Gave::Value),
        (End::Error, Gave::Failure(1)),
        (End::CaptureBomb, Gave::Failure(1)),
    ];
    for (end, right_one) in ends {
        for wrong in [Gave::Value, Gave::Stopped, Gave::Failure(1), Gave::Failure(2)] {
            let mut observed = right(&joined(end));
            let at = place(
                &observed,
                0,
                |what| matches!(what, What::Joined { thread: 1, gave } if *gave == right_one),
            );
            if wrong != right_one {
                observed.events[at].what = What::Joined { thread: 1, gave: wrong };
                rejected(&observed, Property::Given, "the join of t1 gave");
            }
        }
    }
}

#[test]
fn c_a_failure_of_an_adopted_thread_is_nobodys() {
    // catches: an oracle that wants what no closure of a scope returned in its result
    let failing = Nested { via: None, block: Block { steps: vec![], end: End::Error }, errors: Errors::Pass };
    let mut observed =
        right(&tree(vec![Step { id: 1, act: Act::Adopt(vec![Step { id: 2, act: Act::Open(failing) }]) }]));
    place(&observed, 1, |what| matches!(what, What::Fails(_)));
    let returned = place(&observed, 0, |what| matches!(what, What::Returned(Returned::Value)));
    let of_inner = place(&observed, 2, |what| matches!(what, What::Returned(Returned::Error(_))));
    let mut listed = observed.events[of_inner].what.clone();
    if let What::Returned(Returned::Error(failed)) = &mut listed {
        failed.failures = vec![1];
    }
    observed.events[returned].what = listed;
    rejected(&observed, Property::Listed, "lists step 1, which did not fail there");
}

#[test]
fn c_a_join_of_ones_own_thread_that_nobody_hears_of() {
    // catches: an oracle that takes a refused join for a good one
    let mut own = thread(1, false, vec![Step { id: 2, act: Act::JoinAround(1, Errors::Pass) }], End::Value);
    if let Act::Spawn(thread) = &mut own.act {
        thread.via = Via::Sibling(0);
    }
    let mut observed = right(&tree(vec![own]));
    place(&observed, 1, |what| matches!(what, What::Fails(failing) if failing.how == How::Passed(vec![])));
    assert_eq!(error(&mut observed).failures, [1], "the cycle is its failure");
    let at = place(&observed, 0, |what| matches!(what, What::Returned(_)));
    observed.events[at].what = What::Returned(Returned::Value);
    rejected(&observed, Property::Listed, "returned Ok, but step 1 had failed");
}
