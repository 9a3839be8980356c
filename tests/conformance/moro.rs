//! Owns what moro's example of a monitor asks: that an error found by one ends the others with that
//! error.
//! Refuses futures.

use crossbeam_channel::bounded;
use homebound::{Result, scope};

use crate::common::*;

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{0} is negative")]
struct Negative(i32);

/// Sends all numbers to a monitor that fails at the first negative one.
fn watched(numbers: &[i32]) -> Result<usize, homebound::ScopeError> {
    scope(|s| {
        let (to, from) = bounded(0);
        s.spawn("monitor", "checks every number", move |cx| {
            cx.iter(&from).try_for_each(|n| if n < 0 { Err(Negative(n).into()) } else { Ok(()) })
        })?;
        for n in numbers {
            // Against a monitor that has failed, the send ends by the stop or by the disconnection.
            if s.context().send(&to, *n).is_err() {
                return Ok(0);
            }
        }
        Ok(numbers.len())
    })
}

#[test]
fn a_monitor_that_finds_nothing_ends_nobody() {
    // from: monitor.rs: all_positive; pins E1
    within(|| assert_eq!(watched(&[1, 2, 3]).unwrap(), 3));
}

#[test]
fn a_monitor_that_finds_something_ends_the_scope_with_it() {
    // from: monitor.rs: some_negative; pins F1, P4
    within(|| {
        for numbers in [&[1, -2, 3, 4][..], &[-2], &[1, 2, 3, -2]] {
            let error = watched(numbers).unwrap_err();
            assert_eq!(error.downcast::<Negative>().unwrap(), Negative(-2));
        }
    });
}
