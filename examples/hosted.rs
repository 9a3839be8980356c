//! A program under a service manager: systemd by `docs/deploy/hosted.service`, Kubernetes by
//! `docs/deploy/hosted.yaml`. It prints what it does, here with a SIGHUP, and ends with 0 after
//! SIGTERM:
//!
//! ```text
//! ready
//! reloaded
//! draining: no new work, 2 s to go
//! stopping: signal 15 (SIGTERM)
//! ```

use std::time::Duration;

use homebound::{Exit, Health, Notify, Registry, Signals, registry};

fn main() -> Exit<()> {
    let (reload, reloads) = homebound::channel::bounded(1);
    Registry::new("hosted")
        .signals(Signals::default().forward(libc::SIGHUP, reload))
        .notify(Notify::from_env())
        .probe_file(std::env::temp_dir().join("hosted-ready"))
        .health(Health::new().stuck_after(Duration::from_secs(20)))
        .drain_notice(Duration::from_secs(2))
        .grace(Duration::from_secs(10))
        .kill_after(Duration::from_secs(3))
        .run(|scope| {
            let cx = scope.context();
            scope.service("settings", "reads the settings again when told to", move |cx| {
                for _ in cx.iter(&reloads) {
                    registry::reloading(|| println!("reloaded"));
                }
                Ok(())
            })?;
            scope.service("saver", "saves once more before it goes", |cx| {
                cx.wait_for_stop();
                // As long as a save takes: the manager is told whom it waits for.
                let save = |cx: &homebound::Context| cx.sleep(Duration::from_millis(300));
                Ok(cx.shield(Duration::from_secs(1), save)?)
            })?;
            println!("ready");
            cx.ready();
            cx.status("serves");
            if cx.wait_for_drain().is_ok() {
                println!("draining: no new work, 2 s to go");
            }
            println!("stopping: {}", cx.wait_for_stop());
            Ok(())
        })
}
