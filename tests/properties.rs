//! Random trees of scopes and threads, on real threads: what must hold in all of them.

mod common;

use homebound::testing::{Tree, trees};
use proptest::prelude::*;

/// The panics of trees are meant: they would bury what a failing test has to say.
fn quietly() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let earlier = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload_as_str().unwrap_or_default();
            if !text.starts_with("step ") {
                earlier(info);
            }
        }));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_tree_keeps_the_promises(tree in trees()) {
        quietly();
        let observed = tree.run();
        if let Err(wrong) = observed.check() {
            for (i, e) in observed.events.iter().enumerate() { eprintln!("{i} {} {:?}", e.node, e.what); }
            prop_assert!(false, "{wrong}");
        }
    }
}

#[test]
fn empty() {
    Tree::default().run().check().unwrap();
}
