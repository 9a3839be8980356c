//! What a person sees of a supervisor: SV4, P8.

use super::*;
use homebound::Ending;
use homebound::work::{Child, Strategy};

#[test]
fn sv4_a_dump_shows_a_storm_at_a_glance() {
    // catches: a storm that looks like a quiet program
    within(|| {
        homebound::scope_named("app", |s| {
            let sup = s.supervisor("ingest", "keeps the feed").strategy(Strategy::OneForOne);
            let sup = sup.restart(Restart::on_failure().backoff(NEVER, NEVER));
            let sup = sup.child("feed", "reads the feed", |_| Err("the line went dead")?);
            let sup = sup.child("idle", "waits", until_stopped).start()?;
            eventually("it pauses", || {
                sup.restarts() == 2 && state_of(&sup, "feed") == Some(ChildState::Pausing)
            });
            let dump = s.dump_status();
            let sup_line =
                dump.lines().find(|line| line.contains("one for one")).unwrap_or_else(|| panic!("{dump}"));
            assert!(sup_line.contains("2 restarts") && sup_line.contains("the line went dead"), "{dump}");
            assert!(dump.contains("down, waits: pause before run 3, "), "{dump}");
            assert!(dump.contains(" left at "), "{dump}");
            let group = &s.snapshot().root.scopes[0];
            assert_eq!(group.path, "/app/ingest");
            let paths: Vec<_> = group.threads.iter().map(|row| &*row.path).collect();
            assert_eq!(paths, ["/app/ingest", "/app/ingest/feed", "/app/ingest/idle"]);
            println!("{dump}");
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv4_a_child_that_is_over_is_named_in_the_row_of_its_supervisor() {
    // catches: a child that vanishes without a trace
    in_scope(|s| {
        let sup = s.supervisor("ingest", "keeps the feed");
        let sup = sup.add(Child::new("seed", "fails once", |_| Err(boom("no seed"))).never());
        let sup = sup.child("index", "returns", |_| Ok(())).child("idle", "waits", until_stopped).start()?;
        eventually("two are over", || {
            sup.children().iter().filter(|child| child.state == ChildState::Ended).count() == 2
        });
        eventually("the row says so", || s.dump_status().contains("over: seed, index"));
        let dump = s.dump_status();
        assert!(dump.contains("one for one, 0 restarts, over: seed, index, last failure: no seed"), "{dump}");
        Ok(())
    });
}

#[test]
fn sv4_a_report_says_that_the_child_that_was_given_up_has_failed() {
    // catches: `stopped` for the thread because of which all was stopped
    within(|| {
        let error = homebound::scope(|s| {
            let sup = s.supervisor("ingest", "keeps the feed").restart(at_once().give_up_after(2));
            let sup = sup.child("idle", "waits", until_stopped);
            let _sup = sup.child("feed", "fails", |_| Err(boom("a dead line"))).start()?;
            s.context().wait_for_stop();
            Ok(())
        })
        .unwrap_err();
        let rows = &error.report().threads;
        let ending = |name: &str| rows.iter().find(|row| row.name == name).map(|row| row.ending);
        assert_eq!(ending("feed"), Some(Ending::Failed), "{}", error.report());
        assert_eq!(ending("idle"), Some(Ending::Stopped), "{}", error.report());
    });
}

#[test]
fn sv4_supervisor_and_child_count_a_restart_when_it_is_decided() {
    // catches: two counts that differ by one during a pause
    in_scope(|s| {
        let sup =
            s.supervisor("ingest", "keeps the feed").restart(Restart::on_failure().backoff(NEVER, NEVER));
        let sup = sup.child("feed", "fails", |_| Err(boom("a dead line"))).start()?;
        eventually("it pauses", || {
            sup.restarts() == 2 && state_of(&sup, "feed") == Some(ChildState::Pausing)
        });
        let feed = &sup.children()[0];
        assert_eq!((feed.restarts, feed.run), (2, 2));
        let row = all_threads(&s.snapshot()).into_iter().find(|row| row.name == "feed");
        assert_eq!(row.map(|row| row.restarts), Some(2));
        Ok(())
    });
}
