//! S6: a value that was not sent comes back.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use crate::common::*;
use crossbeam_channel::bounded;
use homebound::{WaitError, scope};

#[test]
fn s6_a_value_that_was_not_sent_comes_back() {
    // catches: a value lost, or sent although the error says stopped
    within(|| {
        let result = scope(|s| {
            let (full, queue) = bounded(1);
            full.send(1)?;
            let (blocked, to) = (
                s.spawn("sends", "to a full queue", {
                    let full = full.clone();
                    move |cx| Ok(cx.send(&full, 2).unwrap_err())
                })?,
                full,
            );
            linger(3);
            s.stop();
            let back = blocked.join()?;
            assert!(back.value == 2 && matches!(back.cause, WaitError::Stopped(_)));
            assert_eq!((queue.try_recv(), queue.is_empty()), (Ok(1), true));
            let back = s.context().send(&to, 3).unwrap_err();
            assert!(back.value == 3 && matches!(back.cause, WaitError::Stopped(_)));
            Ok(())
        });
        result.unwrap();
        let gone = scope(|s| {
            let (to, queue) = bounded::<u8>(1);
            drop(queue);
            let back = s.context().send(&to, 4).unwrap_err();
            assert!(back.value == 4 && matches!(back.cause, WaitError::Disconnected));
            Ok(())
        });
        gone.unwrap();
    });
}
