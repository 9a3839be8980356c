//! The `serde` feature: snapshots and reports as JSON, with places and reasons as text.
//! Refuses to pin the whole layout: fields that programs look for are named.
#![cfg(feature = "serde")]

use homebound::scope;
use serde_json::Value;

#[test]
fn a_snapshot_and_a_report_are_readable_json() {
    // catches: a type without Serialize, a location as a struct, a reason as a debug print
    scope(|s| {
        s.service("clock", "ticks", |cx| {
            cx.wait_for_stop();
            Ok(())
        })?;
        let snapshot: Value = serde_json::from_str(&serde_json::to_string(&s.snapshot())?)?;
        let threads = snapshot["root"]["threads"].as_array().expect("a list");
        let clock = threads.iter().find(|thread| thread["name"] == "clock").expect("it is there");
        assert_eq!((&clock["role"], &clock["purpose"]), (&"Service".into(), &"ticks".into()));
        assert!(clock["spawned_from"].as_str().is_some_and(|at| at.contains("serial.rs:")), "{clock}");
        assert!(clock["spawned_at"].is_number(), "an age: {clock}");
        assert_eq!(
            (&clock["priority"]["asked"], &clock["priority"]["why"]),
            (&"Normal".into(), &Value::Null)
        );
        let pinned = s.thread("pinned", "cannot be").cores([5_000]).spawn(|_| Ok(s.snapshot()))?.join()?;
        let pinned = pinned.root.threads.iter().find(|thread| thread.name == "pinned");
        let pinned: Value = serde_json::from_str(&serde_json::to_string(&pinned)?)?;
        assert_eq!(pinned["cores"]["asked"][0], 5_000, "{pinned}");
        assert!(pinned["cores"]["why"].is_string(), "{pinned}");
        let flaky = s.thread("flaky", "fails once").restart(homebound::Restart::on_failure());
        let flaky = flaky.spawn(|cx| if cx.run_number() == 1 { Err("once")? } else { Ok(s.snapshot()) });
        let flaky = flaky?.join()?;
        let flaky = flaky.root.threads.iter().find(|thread| thread.name == "flaky");
        let flaky: Value = serde_json::from_str(&serde_json::to_string(&flaky)?)?;
        assert_eq!(
            (&flaky["run"], &flaky["restarts"], &flaky["last_failure"]),
            (&2.into(), &1.into(), &"once".into())
        );
        assert_eq!((&clock["pulse"], &clock["alarm"]), (&Value::Null, &Value::Null), "nothing looks");
        let report = s.shutdown(std::time::Duration::from_secs(30));
        let report: Value = serde_json::from_str(&serde_json::to_string(&report)?)?;
        assert_eq!((&report["total"], &report["joined"]), (&1.into(), &1.into()));
        assert!(report["reason"].as_str().is_some_and(|why| why.starts_with("requested at")), "{report}");
        assert_eq!(report["threads"][0]["ending"], "Finished");
        Ok(())
    })
    .unwrap();
}
