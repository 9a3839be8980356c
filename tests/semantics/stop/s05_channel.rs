//! S5: the stop is a channel that is empty before it and disconnected after it.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use crate::common::*;
use homebound::scope;

#[test]
fn s5_the_stop_signal_is_empty_and_then_disconnected() {
    // catches: a stop that is a message, which one receiver takes from the others
    within(|| {
        let result = scope(|s| {
            let signals = [s.stop_signal().clone(), s.context().stop_signal().clone()];
            assert!(signals.iter().all(|r| r.is_empty() && !disconnected(r)));
            s.stop();
            for signal in &signals {
                for _ in 0..3 {
                    assert!(disconnected(signal) && signal.recv().is_err());
                }
            }
            Ok(())
        });
        result.unwrap();
    });
}
