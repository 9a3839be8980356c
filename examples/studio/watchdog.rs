//! Owns the watch over the heartbeats: reports a stage that makes no progress, once per stall.
//! Refuses to act on it: the report names the stage, and stopping is a person's decision.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use homebound::{Context, Result, Scope, registry};

use crate::studio::Studio;

/// A service, so that it watches the workers for as long as there are any, also while they finish
/// after a stop.
pub fn start<'scope, 'env>(scope: &'scope Scope<'scope, 'env>, studio: &'env Studio) -> Result {
    scope.service("watchdog", "reports stages that make no progress", |cx| watch(cx, studio))?;
    Ok(())
}

fn watch(cx: &Context, studio: &Studio) -> Result {
    let limit = studio.options.stall;
    let period = (limit / 4).clamp(Duration::from_millis(50), Duration::from_secs(1));
    for _ in cx.ticks(period) {
        for stall in studio.stages.new_stalls(limit) {
            let news = format!(
                "watchdog: {} has made no progress for {:.1} s: {} {}",
                stall.stage,
                stall.lasting.as_secs_f64(),
                stall.step,
                stall.what,
            );
            studio.console.complain(&news);
            studio.tally.stalls.fetch_add(1, Relaxed);
            studio.bundle.keep_dump(news, registry::dump_status());
        }
    }
    Ok(())
}
