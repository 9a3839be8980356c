//! Random trees with much work in them: pools with jobs, sets, supervisors, threads that restart,
//! maps and races, which live while other steps stop, fail, panic, shield and wait.

use std::time::Duration;

use crate::common::within_for;
use homebound_testing::{Act, LIMIT, Trade, Tree};
use proptest::prelude::*;

/// Most of them wait: a tree takes up to a tenth of a second.
const CASES: u32 = 200;
/// The first kind of step that is work, and the number of such kinds.
const WORK: u8 = 32;
const KINDS: u8 = 6;
/// Every so many steps is work.
const EVERY: usize = 3;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn work_keeps_its_promises_in_every_tree(bytes in proptest::collection::vec(any::<u8>(), 16..160)) {
        crate::properties::quietly();
        crate::properties::judge(Tree::from_bytes(&with_work(bytes)))?;
    }
}

/// The same steps, of which some are work. Work of all kinds, because the byte chooses among them.
fn with_work(mut bytes: Vec<u8>) -> Vec<u8> {
    let kinds = bytes.iter_mut().step_by(4).skip(1).step_by(EVERY);
    kinds.for_each(|kind| *kind = WORK + *kind % KINDS);
    bytes
}

fn config() -> ProptestConfig {
    let told = std::env::var_os("PROPTEST_CASES").is_some();
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if told { default } else { ProptestConfig { cases: CASES, ..default } }
}

/// The bytes of the kinds are those that the trees make work of: a run without work shows nothing.
#[test]
fn each_kind_of_work_is_in_a_tree() {
    let acts: Vec<_> = (0..KINDS).map(|kind| one_act(WORK + kind)).collect();
    let is = |trade: fn(Trade) -> bool| {
        acts.iter().filter(|act| matches!(act, Act::Employ(work) if trade(work.trade))).count()
    };
    assert_eq!(is(|trade| matches!(trade, Trade::Pool(_))), 1);
    assert_eq!(is(|trade| trade == Trade::JoinSet), 1);
    assert_eq!(is(|trade| matches!(trade, Trade::Supervisor(_))), 1);
    assert_eq!(is(|trade| trade == Trade::Restart), 1);
    assert!(matches!(acts[4..], [Act::Map(_), Act::Race(_)]));
    for kind in 0..KINDS {
        let observed = within_for(LIMIT + Duration::from_secs(20), move || {
            Tree::from_bytes(&[WORK + kind, 0, 0, 0]).run()
        });
        assert!(observed.check().is_ok(), "{}", observed.check().unwrap_err());
    }
}

fn one_act(kind: u8) -> Act {
    let mut tree = Tree::from_bytes(&[kind, 0, 0, 0]);
    tree.body.steps.remove(0).act
}
