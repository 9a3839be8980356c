//! What a person sees of a supervisor: SV4, P8.

use super::*;
use homebound::work::Strategy;

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
