//! ST6: a snapshot says when and in which process it was taken.

use std::time::{Duration, SystemTime};

use homebound::{Snapshot, scope};

#[test]
fn st6_a_snapshot_says_when_and_in_which_process_it_was_taken() {
    // catches: an uptime that is not the process's, a path that is not the program's
    scope(|s| {
        let before = SystemTime::now();
        let Snapshot { taken_at, process, .. } = s.snapshot();
        assert!(before <= taken_at && taken_at <= SystemTime::now());
        assert_eq!(process.pid, std::process::id());
        assert_eq!(process.program, std::env::current_exe()?.to_string_lossy());
        let later = s.snapshot().process.uptime.zip(process.uptime);
        assert!(
            later.is_some_and(|(later, up)| up <= later && later < Duration::from_secs(86_400)),
            "{later:?}"
        );
        Ok(())
    })
    .unwrap();
}
