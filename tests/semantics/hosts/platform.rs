//! SM: the time that the platform leaves, as the environment says it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use homebound::Registry;

use crate::common::*;

/// Runs with these seconds of notice, grace and `kill_after`, and says each line of the log that is
/// about the platform.
fn runs(times: &str) -> i32 {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&lines);
    let told = subscriber::Told::new(move |line| into.lock().unwrap().push(line.to_owned()));
    tracing::subscriber::set_global_default(told).expect("the child's own");
    let times: Vec<_> =
        times.split(' ').map(|seconds| Duration::from_secs(seconds.parse().unwrap())).collect();
    let registry = Registry::new("timed").drain_notice(times[0]).grace(times[1]).kill_after(times[2]);
    let exit = registry.run(|_| Ok(()));
    for line in lines.lock().unwrap().iter().filter(|line| line.contains("HOMEBOUND_PLATFORM_GRACE")) {
        say(line);
    }
    i32::from(exit.code())
}

/// The warnings of such a run.
#[track_caller]
fn warnings(platform: &str, times: &str) -> Vec<String> {
    let child = child_with(times, runs, |command| {
        command.env("HOMEBOUND_PLATFORM_GRACE", platform);
    });
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
    let warnings = done.out.lines().filter(|line| line.contains("event WARN homebound::host"));
    warnings.map(str::to_owned).collect()
}

#[test]
fn sm11_a_platform_that_may_kill_before_the_end_is_warned_of_once_with_both_times() {
    // catches: a sum without the notice or the last words; a limit that is just reached
    let warned = warnings("17s", "2 10 3");
    assert_eq!(warned.len(), 1, "{warned:?}");
    for part in
        ["kills after 17.00 s", "may need 17.00 s", "drain_notice 2.00 s + grace 10.00 s + kill_after 3.00 s"]
    {
        assert!(warned[0].contains(part), "{part}: {warned:?}");
    }
    let warned = warnings("8", "0 5 2");
    assert!(warned.len() == 1 && !warned[0].contains("drain_notice"), "{warned:?}");
}

#[test]
fn sm11_a_platform_that_waits_for_longer_is_not_warned_of() {
    for (platform, times) in [("18", "2 10 3"), ("10", "0 5 2"), ("1m", "0 50 2"), ("infinity", "0 5 2")] {
        assert_eq!(warnings(platform, times), [""; 0], "{platform}");
    }
}

#[test]
fn sm11_a_time_that_is_none_is_named_and_holds_nothing_up() {
    for platform in ["soon", "", "-1", "99999999999999999999s"] {
        let warned = warnings(platform, "0 5 2");
        assert!(warned.len() == 1 && warned[0].contains("is no time"), "{platform}: {warned:?}");
    }
}
