//! Owns the edges of homebound's own waits: all of them at once, in a child that is killed.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use homebound::{Ready, Result, Scope, Snapshot, Stacks};

use super::{look, row, shown};
use crate::common::*;

/// The path to which the wait of a thread leads, if it is certain.
fn leads_to(snapshot: &Snapshot, name: &str) -> Option<String> {
    let known = row(snapshot, name).waits_for.into_iter().filter(|edge| edge.known && edge.lock.is_none());
    known.map(|edge| edge.path).next()
}

/// Waits until the wait of a thread leads there.
fn eventually_leads(s: &Scope<'_, '_>, name: &str, to: &str) {
    eventually(&format!("{name} waits for {to}"), || {
        leads_to(&look(s, Stacks::Off), name).as_deref() == Some(to)
    });
}

#[test]
fn ed3_each_wait_of_homebounds_leads_to_what_it_waits_for() {
    // catches: a wait without an edge; an edge to the scope for a wait for one thread
    shown(|s| {
        let (_keep, gate) = gate();
        let closed = gate.clone();
        let deaf = s.spawn("deaf", "hears nothing", move |_| Ok(pass(&closed)))?;
        s.spawn("joiner", "joins", move |_| Ok(deaf.join()?))?;
        eventually_leads(s, "joiner", "/shop/deaf");

        let closed = gate.clone();
        s.spawn("starter", "starts a service", move |_| {
            let late = s.thread("late", "is never ready");
            let (_late, ()) = late.start(NEVER, move |_, _ready: Ready<()>| Ok(pass(&closed)))?;
            Ok(())
        })?;
        eventually_leads(s, "starter", "/shop/late");

        let closed = gate.clone();
        let pool = s.pool("desk", "does jobs").threads(1).queue(1).start()?;
        let job = pool.submit(s.context(), move |_| Ok(pass(&closed)))?;
        s.spawn("job-joiner", "joins a job", move |_| Ok(job.join()?))?;
        eventually("the joiner waits for the job", || {
            leads_to(&look(s, Stacks::Off), "job-joiner").is_some_and(|path| path.starts_with("/shop/desk/"))
        });
        eventually("the queue is full", || pool.try_submit(|_| Ok(())).is_err());
        let full = pool.clone();
        s.spawn("submitter", "waits for a place", move |cx| Ok(drop(full.submit(cx, |_| Ok(()))?)))?;
        eventually_leads(s, "submitter", "/shop/desk");

        let closed = gate.clone();
        let keeper = s.supervisor("keeper", "keeps one").child_grace(NEVER);
        let keeper = keeper.child("kept", "hears nothing", move |_| -> Result { Ok(pass(&closed)) });
        let keeper = keeper.start()?;
        let asked = keeper.clone();
        s.spawn("asker", "stops a child", move |_| Ok(asked.stop_child("kept")?))?;
        eventually_leads(s, "asker", "/shop/keeper");
        eventually("the supervisor waits for the child", || {
            let all = all_threads(&look(s, Stacks::Off));
            let own =
                all.into_iter().find(|row| row.path == "/shop/keeper" && row.role != homebound::Role::Body);
            own.is_some_and(|row| {
                row.waits_for.iter().any(|edge| edge.path == "/shop/keeper/kept" && edge.known)
            })
        });

        s.spawn("outer", "opens a scope", move |cx| {
            cx.subscope("inner", |inner| {
                Ok(drop(inner.spawn("last", "hears nothing", move |_| Ok(pass(&gate)))?))
            })?;
            Ok(())
        })?;
        eventually("it waits for the scope", || {
            leads_to(&look(s, Stacks::Off), "outer").is_some_and(|path| path.ends_with("/inner"))
        });
        assert!(look(s, Stacks::Off).cycles.is_empty());
        Ok(())
    });
}

/// Joins the other for a moment, again and again, in turns with it.
fn in_turns(
    turn: &std::sync::mpsc::Receiver<()>,
    done: &std::sync::mpsc::Sender<()>,
    mut other: homebound::Handle<'_, ()>,
) -> Result {
    while turn.recv().is_ok() {
        other = match other.join_timeout(std::time::Duration::from_micros(500)) {
            Err(other) => other,
            Ok(joined) => return Ok(joined?),
        };
        if done.send(()).is_err() {
            break;
        }
    }
    Ok(())
}

#[test]
fn ed6_waits_that_were_never_on_at_one_moment_are_no_cycle() {
    // catches: a deadlock made of a wait that was over and one that began afterwards
    shown(|s| {
        let [(to_a, of_a), (to_b, of_b)] = [std::sync::mpsc::channel(), std::sync::mpsc::channel()];
        let [(give_a, take_a), (give_b, take_b)] =
            [crossbeam_channel::bounded(1), crossbeam_channel::bounded(1)];
        let (first, last) = (s.group("first")?, s.group("last")?);
        let begin = to_a.clone();
        let a = first.spawn("a", "joins b", move |_| in_turns(&of_a, &to_b, take_a.recv()?))?;
        // The tree is read scope by scope, so that some time is between the two.
        let fill = s.group("fill")?;
        for n in 0..100 {
            fill.service(format!("idle-{n}"), "makes the tree large", until_stopped)?;
        }
        let b = last.spawn("b", "joins a", move |_| in_turns(&of_b, &to_a, take_b.recv()?))?;
        give_a.send(b).expect("it has room");
        give_b.send(a).expect("it has room");
        begin.send(()).expect("it listens");
        for _ in 0..100 {
            let snapshot = look(s, Stacks::Off);
            assert!(snapshot.cycles.is_empty(), "{snapshot}");
        }
        // A drop would wait for threads that do not end.
        Ok(std::mem::forget((first, fill, last)))
    });
}

#[test]
fn ed1_the_second_look_tells_for_how_long_a_thread_has_been_asleep() {
    // catches: an age that counts from the spawn; an age of a thread that has run meanwhile; none
    shown(|s| {
        let ((open, gate), (told, hear)) = (gate(), crossbeam_channel::unbounded::<()>());
        s.spawn("sleeper", "sleeps", move |_| Ok(pass(&gate)))?;
        s.spawn("riser", "sleeps, and is woken", move |_| Ok(while hear.recv().is_ok() {}))?;
        // Asleep for good.
        ["sleeper", "riser"].iter().for_each(|name| super::until_locked(s, name));
        let ages = |s: &Scope<'_, '_>| {
            let snapshot = look(s, Stacks::Off);
            (["sleeper", "riser"].map(|name| row(&snapshot, name).asleep_for), snapshot)
        };
        let _the_first = ages(s);
        linger(300);
        let ([sleeper, riser], snapshot) = ages(s);
        let at_least = std::time::Duration::from_millis(300);
        // The looks before may have seen it as well.
        assert!(sleeper.is_some_and(|age| age >= at_least), "{snapshot}");
        assert!(riser.is_some_and(|age| age >= at_least && age < LIMIT), "{snapshot}");
        assert!(snapshot.to_string().contains(" for at least "), "{snapshot}");
        told.send(())?;
        eventually("it has run", || told.is_empty());
        linger(100);
        let since_woken = std::time::Instant::now();
        let ([sleeper, riser], snapshot) = ages(s);
        assert!(sleeper.is_some_and(|age| age >= at_least), "{snapshot}");
        assert!(riser.is_none_or(|age| age <= since_woken.elapsed()), "{riser:?} {snapshot}");
        Ok(drop((open, told)))
    });
}
