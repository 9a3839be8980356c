//! QU1: a test runs on a thread beside others, so it is refused. `tests/alone.rs` has the rest.

use homebound::registry;

use crate::common::*;

#[test]
fn qu1_other_threads_are_a_refusal_that_names_them() {
    // In a child, because the error names only some threads, and other tests have many.
    child_passes(|_| {
        let (keep, never) = gate();
        let onlooker = std::thread::Builder::new().name("onlooker".into());
        let onlooker = onlooker.spawn(move || pass(&never)).unwrap();
        let mut called = false;
        let refused = registry::before_threads(|_| called = true).unwrap_err();
        assert!(!called);
        assert_eq!(refused.kind(), std::io::ErrorKind::ResourceBusy);
        assert!(refused.to_string().contains("onlooker"), "{refused}");
        assert!(registry::run(|_| Ok(())).quiescent().is_none());
        drop(keep);
        onlooker.join().unwrap();
        0
    });
}
