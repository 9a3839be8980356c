//! SV1 and SV2: what a policy decides, and calls that are tried again in place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::common::*;
use homebound::work::{Restart, RetryError};
use homebound::{Cause, Context, JoinError, Result, StopReason};

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("no answer at try {0}")]
struct NoAnswer(u32);

/// The number of tries until `policy` gives up, or 0 if it does not within 40 tries.
fn tries(policy: &Restart, mut each: impl FnMut(u32)) -> u32 {
    let mut count = 0;
    let retried = homebound::scope(|s| {
        Ok(s.context().retry(policy, |_| {
            count += 1;
            each(count);
            if count < 40 { Err(NoAnswer(count))? } else { Ok(()) }
        }))
    });
    match retried.unwrap() {
        Err(RetryError::GaveUp { tries, last }) => {
            assert_eq!((tries, last.downcast_ref()), (count, Some(&NoAnswer(count))));
            count
        }
        other => {
            other.unwrap();
            0
        }
    }
}

#[test]
fn sv1_a_row_of_failures_gives_up_at_its_number() {
    // catches: one more, one less; 0 for any number; a default that is not 10
    within(|| {
        let at_once = Restart::on_failure().backoff(Duration::ZERO, Duration::ZERO);
        assert_eq!(tries(&at_once, |_| ()), 10);
        assert_eq!(tries(&at_once.clone().give_up_after(3), |_| ()), 3);
        assert_eq!(tries(&at_once.clone().give_up_after(1), |_| ()), 1);
        assert_eq!(tries(&at_once.clone().give_up_after(0), |_| ()), 1);
        assert_eq!(tries(&at_once.clone().for_ever(), |_| ()), 0);
        // The first restart is at once, with an hour between the others.
        assert_eq!(tries(&Restart::on_failure().backoff(NEVER, NEVER).give_up_after(2), |_| ()), 2);
        assert_eq!(tries(&Restart::never(), |_| ()), 1);
    });
}

#[test]
fn sv1_an_intensity_gives_up_at_one_more() {
    // catches: an exclusive limit, a default that is missing or that overrides what was said
    within(|| {
        let at_once = Restart::on_failure().no_backoff();
        assert_eq!(tries(&at_once, |_| ()), 4);
        assert_eq!(tries(&at_once.clone().intensity(0, MINUTE), |_| ()), 1);
        assert_eq!(tries(&at_once.clone().intensity(5, MINUTE), |_| ()), 6);
        assert_eq!(tries(&Restart::on_failure().intensity(5, MINUTE).no_backoff(), |_| ()), 6);
        assert_eq!(tries(&at_once.clone().for_ever(), |_| ()), 0);
        assert_eq!(tries(&Restart::always().no_backoff().intensity(2, MINUTE), |_| ()), 3);
        let paused = at_once.backoff(Duration::ZERO, Duration::ZERO);
        assert_eq!(tries(&paused, |_| ()), 10, "with pauses there is no intensity");
    });
}

#[test]
fn sv1_restarts_that_left_the_window_do_not_count() {
    // catches: a count that never forgets
    within(|| {
        let policy = Restart::on_failure().no_backoff().give_up_after(1000);
        let slowly = |_| linger(4);
        assert_eq!(tries(&policy.intensity(1, Duration::from_millis(3)), slowly), 0);
    });
}

#[test]
fn sv1_a_stable_run_ends_a_row_and_its_failure_is_not_counted() {
    // catches: a stable run that is ignored; its failure counted as the first of the new row
    within(|| {
        let stable = Duration::from_millis(400);
        let policy = Restart::on_failure().backoff(Duration::ZERO, Duration::ZERO).stable_after(stable);
        let third = |count| {
            if count == 3 {
                linger(400);
            }
        };
        assert_eq!(tries(&policy.clone().give_up_after(3), third), 6);
        // After the stable run the next restart is at once, and not after an hour.
        let pauses = policy.give_up_after(2).backoff(NEVER, NEVER);
        let first = |count| {
            if count == 1 {
                linger(400);
            }
        };
        let retried = homebound::scope(|s| {
            let mut count = 0;
            let until = Instant::now() + Duration::from_secs(5);
            Ok(s.context().with_deadline(until, |cx| {
                cx.retry(&pauses, |_| {
                    count += 1;
                    first(count);
                    if count < 2 { Err(NoAnswer(count))? } else { Ok(count) }
                })
            }))
        });
        assert_eq!(retried.unwrap().unwrap(), 2);
    });
}

#[test]
fn sv1_pauses_double_up_to_their_maximum() {
    // catches: pauses that are left out, that do not double, or that stay below their maximum
    within(|| {
        let (first, max) = (Duration::from_millis(10), Duration::from_millis(25));
        let mut at = Vec::new();
        assert_eq!(
            tries(&Restart::on_failure().backoff(first, max).give_up_after(6), |_| at.push(Instant::now())),
            6
        );
        let pauses: Vec<_> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for (pause, least) in pauses[1..].iter().zip([10, 20, 25, 25]) {
            assert!(*pause >= Duration::from_millis(least), "{pauses:?}");
        }
    });
}

#[test]
fn sv1_a_hopeless_error_is_not_tried_again() {
    // catches: `unless` that is asked too late, that replaces an earlier one, that unwinds
    within(|| {
        let policy = Restart::on_failure()
            .for_ever()
            .no_backoff()
            .unless(|error| error.downcast_ref() == Some(&NoAnswer(2)))
            .unless(|error| {
                assert_ne!(error.downcast_ref(), Some(&NoAnswer(3)));
                false
            });
        let hopeless = |from: u32| {
            let mut count = from;
            let retried = homebound::scope(|s| {
                Ok(s.context().retry(&policy, |_| -> Result {
                    count += 1;
                    Err(NoAnswer(count - 1))?
                }))
            });
            match retried.unwrap().unwrap_err() {
                RetryError::Hopeless(error) => error.downcast_ref::<NoAnswer>().unwrap().0,
                other => panic!("{other}"),
            }
        };
        assert_eq!(hopeless(1), 2);
        assert_eq!(hopeless(3), 3, "an error with which the predicate panics");
    });
}

#[test]
fn sv2_a_stop_ends_the_pause_at_once() {
    // catches: a pause that sleeps deaf, is not shown, or ends as a failure
    in_scope(|s| {
        let client = s.spawn("client", "asks", |cx| {
            let policy = Restart::on_failure().backoff(NEVER, NEVER);
            Ok(cx.retry(&policy, |_| -> Result { Err(NoAnswer(0))? })?)
        })?;
        eventually("the pause is shown", || s.dump_status().contains("a pause before the next try"));
        client.stop();
        assert!(matches!(client.join(), Err(JoinError::Stopped(_))));
        Ok(())
    });
}

#[test]
fn sv2_a_context_that_is_stopping_tries_nothing() {
    // catches: a call after the stop, and the thread's own stop taken for a failed try
    in_scope(|s| {
        s.spawn("client", "asks", |cx| {
            let mut tries = 0;
            let own = cx.retry(&Restart::on_failure(), |cx| -> Result {
                tries += 1;
                cx.stopper().stop();
                Ok(cx.checkpoint()?)
            });
            assert!(matches!(own, Err(RetryError::Stopped(_))), "{own:?}");
            assert_eq!(tries, 1);
            let late = cx.retry(&Restart::on_failure(), |_| Ok(tries += 1));
            assert!(matches!(late, Err(RetryError::Stopped(_))), "{late:?}");
            assert_eq!(tries, 1);
            Ok(late?)
        })?;
        Ok(())
    });
}

#[test]
fn sv2_a_deadline_of_one_try_is_a_failed_try() {
    // catches: any stop taken for the stop of the context
    in_scope(|s| {
        let mut tries = 0;
        let in_time = |cx: &Context| {
            tries += 1;
            let limit = Instant::now() + if tries < 3 { Duration::ZERO } else { NEVER };
            Ok(cx.with_deadline(limit, |cx| cx.checkpoint())?)
        };
        s.context().retry(&Restart::on_failure().no_backoff(), in_time)?;
        assert_eq!(tries, 3);
        Ok(())
    });
}

#[test]
fn sv2_nothing_of_a_retried_failure_reaches_the_scope() {
    // catches: failures that are listed, a type that the wrapper hides
    within(|| {
        let policy = Restart::on_failure().no_backoff();
        let mut count = 0;
        let mut third = |_: &Context| {
            count += 1;
            if count < 3 { Err(NoAnswer(count))? } else { Ok(count) }
        };
        let value = homebound::scope(|s| Ok(s.context().retry(&policy, &mut third)?));
        assert_eq!(value.unwrap(), 3);

        let body = |s: &homebound::Scope<'_, '_>| -> Result {
            Ok(s.context().retry(&policy, |_| Err(NoAnswer(7))?)?)
        };
        let error = homebound::scope(body).unwrap_err();
        assert_eq!(error.failures().len(), 1);
        assert_eq!(error.first().unwrap().downcast_ref(), Some(&NoAnswer(7)));
        assert!(error.first().unwrap().downcast_ref::<RetryError>().is_some());
        assert!(error.to_string().contains("gave up after 4 tries: no answer at try 7"), "{error}");
        assert_eq!(error.downcast::<NoAnswer>().unwrap(), NoAnswer(7));
    });
}

#[test]
fn sv2_a_failure_that_is_listed_is_listed_once() {
    // catches: a wrapper that hides the failure of a joined thread
    within(|| {
        let error = homebound::scope(|s| -> Result {
            let failing = s.spawn("failing", "fails", |_| -> Result { Err("once")? })?;
            let mut joined = Some(failing);
            let policy = Restart::never();
            Ok(s.context().shield(NEVER, |cx| {
                cx.retry(&policy, |_| {
                    Ok(joined.take().map(|handle| handle.join()).transpose()?.unwrap_or(()))
                })
            })?)
        });
        let error = error.unwrap_err();
        assert_eq!(error.failures().len(), 1, "{error}");
        assert!(matches!(error.first().unwrap().cause(), Cause::Error(_)));
    });
}

#[test]
fn sv2_a_panic_is_not_caught() {
    // catches: a retry that swallows panics
    within(|| {
        let ran = catch_unwind(AssertUnwindSafe(|| {
            homebound::scope(|s| {
                Ok(s.context().retry(&Restart::on_failure(), |_| -> Result { panic!("torn") })?)
            })
        }));
        assert!(ran.is_err());
    });
}

#[test]
fn sv2_a_stop_of_the_scope_is_no_failure() {
    // catches: a retry whose stop is listed
    within(|| {
        let error = homebound::scope(|s| {
            s.stopper().stop_because("time to go");
            Ok(s.context().retry(&Restart::on_failure(), |_| Ok(()))?)
        });
        let error = error.unwrap_err();
        assert!(error.failures().is_empty());
        assert!(matches!(error.stop_reason(), Some(StopReason::Custom(_))));
    });
}
