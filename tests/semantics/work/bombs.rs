//! E4 and P4 in all that is built on threads: a closure that never runs and a value that no caller
//! gets may panic when it is dropped, and then so does the next one.

use crate::common::*;
use homebound::work::{Child, Race};
use homebound::{Context, JoinSet, Result, SpawnError, Stopper, scope};

/// How often a text is in another.
fn count(text: impl ToString, part: &str) -> usize {
    text.to_string().matches(part).count()
}

fn bombs(text: impl ToString) -> usize {
    count(text, "the bomb went off")
}

#[test]
fn ra4_values_of_a_lost_quorum_are_dropped_each_for_itself() {
    // catches: two drops that panic at once and abort the process; failures of entrants that the
    // panic of a drop hides; a panic that unwinds from the race
    in_scope(|s| {
        let (two, lost) = crossbeam_channel::bounded::<()>(2);
        let win = |told: crossbeam_channel::Sender<()>| {
            move |_: &Context| {
                told.send(())?;
                Ok(Bomb::new())
            }
        };
        let race = Race::new().add("a", "wins", win(two.clone())).add("b", "wins", win(two));
        let race = race.add("c", "fails when both have won", move |_| {
            lost.iter().take(2).count();
            Err(boom("no luck"))
        });
        let Err(error) = s.quorum("race", 3, race) else { panic!("one has failed") };
        assert_eq!((bombs(&error), count(&error, "no luck")), (2, 1), "{error}");
        Ok(())
    });
}

#[test]
fn ra4_values_of_a_quorum_that_something_else_fails_are_dropped_each_for_itself() {
    // catches: values that are returned through the scope of the race, which drops them together
    in_scope(|s| {
        let win = |_: &Context| Ok(Bomb::new());
        let race = Race::new().add("a", "wins", win).add("b", "wins", win).add("c", "is late", |cx| {
            cx.wait_for_stop();
            Ok(Bomb::new())
        });
        let Err(error) = s.quorum("race", 2, race) else { panic!("a drop has failed") };
        assert_eq!(bombs(&error), 3, "{error}");
        Ok(())
    });
}

#[test]
fn jo5_values_that_join_all_does_not_return_are_dropped_each_for_itself() {
    // catches: a `Vec` of results that is dropped as one; a panic that unwinds from `join_all`
    within(|| {
        let error = scope(|s| {
            let mut set = JoinSet::new();
            let (two, last) = crossbeam_channel::bounded::<()>(2);
            for name in ["a", "b"] {
                let told = two.clone();
                set.spawn(s, name, "returns a bomb", move |_| {
                    told.send(())?;
                    Ok(Bomb::new())
                })?;
            }
            set.spawn(s, "c", "fails last", move |_| {
                last.iter().take(2).count();
                linger(20); // until the two have ended
                Err(boom("no luck"))
            })?;
            let failed = set.join_all(s.context()).err().expect("c has failed");
            assert_eq!(count(&failed, "no luck"), 1, "{failed}");
            Ok(())
        })
        .unwrap_err();
        assert_eq!(bombs(&error), 2, "{error}");
    });
}

/// Gives bombs, is one, and stops the scope as it gives the first: so no worker takes that.
struct Minefield(#[allow(dead_code)] Bomb, Stopper);

impl Iterator for Minefield {
    type Item = Bomb;

    fn next(&mut self) -> Option<Bomb> {
        self.1.stop();
        Some(Bomb::new())
    }
}

#[test]
fn ma4_a_source_and_an_item_that_no_worker_took_are_dropped_each_for_itself() {
    // catches: an iterator and its first item that are dropped together
    within(|| {
        scope(|s| {
            let field = Minefield(Bomb::new(), s.stopper());
            let error = s.map("map", "maps", 2, field, |_, bomb| Ok(std::mem::forget(bomb))).unwrap_err();
            assert_eq!(bombs(&error), 2, "{error}");
            Ok(())
        })
        .unwrap();
        scope(|s| {
            let pool = s.pool("pool", "maps").threads(1).start()?;
            let field = Minefield(Bomb::new(), s.stopper());
            let error = pool.map(s.context(), field, |_, bomb| Ok(std::mem::forget(bomb))).unwrap_err();
            assert_eq!(bombs(&error), 2, "{error}");
            Ok(())
        })
        .unwrap();
    });
}

/// What the closure of a refused thread would do with its capture.
fn holds(_: &Bomb) -> Result {
    Ok(())
}

/// A child that holds a bomb, and never runs.
fn armed<'a>(name: &'static str) -> Child<'a> {
    let bomb = Bomb::new();
    Child::new(name, "never runs", move |_| holds(&bomb))
}

#[test]
fn sv3_children_that_never_ran_are_dropped_each_for_itself_and_the_failure_is_told() {
    // catches: a supervisor that panics, or aborts the process, as it rolls its start back; the
    // failure of the child that goes with it
    within(|| {
        let error = scope(|s| {
            let broken = Child::new("a", "fails", |_| Err(boom("no luck"))).ready_within(NEVER);
            s.supervisor("sup", "starts").add(broken).add(armed("b")).add(armed("c")).start()?;
            Ok(())
        })
        .unwrap_err();
        assert_eq!((bombs(&error), count(&error, "no luck")), (2, 1), "{error}");
    });
}

#[test]
fn sv9_a_child_that_is_not_added_is_dropped_contained() {
    // catches: a supervisor that panics as it drops what it has refused
    within(|| {
        let error = scope(|s| {
            let sup = s.supervisor("sup", "keeps one").child("a", "waits", until_stopped).start()?;
            let twin = sup.add(armed("a"));
            assert!(matches!(twin, Err(homebound::ChildError::Duplicate)), "{twin:?}");
            Ok(())
        })
        .unwrap_err();
        assert_eq!((bombs(&error), error.failures().len()), (1, 1), "{error}");
    });
    within(|| {
        let error = scope(|s| {
            let sup = s.supervisor("sup", "keeps one").child("a", "waits", until_stopped).start()?;
            assert!(sup.add(armed("n\0ul")).is_err());
            Ok(())
        })
        .unwrap_err();
        assert_eq!((bombs(&error), error.failures().len()), (1, 1), "{error}");
    });
}

#[test]
fn e4_the_captures_of_a_refused_thread_are_dropped_contained() {
    // catches: a refusal that panics in its caller
    within(|| {
        let error = scope(|s| {
            let (first, second) = (Bomb::new(), Bomb::new());
            let refused = s.spawn("", "has no name", move |_| holds(&first));
            assert!(matches!(refused, Err(SpawnError::InvalidName)), "{refused:?}");
            let again = s.thread("n\0ul", "has none either").restart(homebound::Restart::always());
            let refused = again.service(move |_| holds(&second));
            assert!(refused.is_err());
            Ok(())
        })
        .unwrap_err();
        assert_eq!(bombs(&error), 2, "{error}");
    });
}

#[test]
fn e4_closures_of_what_never_begins_are_dropped_each_for_itself() {
    // catches: a list of closures that is dropped as one, because the call was refused
    within(|| {
        let error = scope(|s| {
            let twins = s.supervisor("sup", "has twins").add(armed("a")).add(armed("a")).start();
            assert!(twins.is_err());
            let holds = |bomb: Bomb| move |_: &Context| holds(&bomb);
            let race =
                || Race::new().add("a", "runs", holds(Bomb::new())).add("b", "too", holds(Bomb::new()));
            assert!(s.quorum("more than there are", 3, race()).is_err());
            assert!(s.quorum("none", 0, race()).is_ok());
            Ok(())
        })
        .unwrap_err();
        assert_eq!(bombs(&error), 6, "{error}");
    });
}
