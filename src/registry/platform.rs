//! Owns the comparison of a run's own times with the time that the platform leaves between SIGTERM
//! and SIGKILL, as the environment says it.
//! Refuses to ask a service manager for that time, because a program that starts would start
//! another process for it, or wait for one.

use std::env;
use std::time::Duration;

use crate::outcome::words::{Span, read_span};
use crate::registry::settings::{SPARE, Settings};
use crate::rt::contain::log_contained;
use crate::rt::shown::shown;

/// The time that the platform leaves: `20s`, `500ms`, `2m`, a number of seconds, or `infinity`.
const PLATFORM_GRACE: &str = "HOMEBOUND_PLATFORM_GRACE";

/// Warns if the platform may kill the process before a stop is over. Called when the run has begun,
/// while *watch* is there, because the subscriber is the program's.
pub(crate) fn compare(settings: &Settings) {
    let Some(text) = env::var_os(PLATFORM_GRACE) else { return };
    let text = text.to_string_lossy();
    if text.trim() == "infinity" {
        return;
    }
    match read_span(&text) {
        Some(platform) if platform <= needs(settings) => warn(platform, settings),
        Some(_it_fits) => {}
        None => log_contained(|| {
            let value = &*shown(&text);
            tracing::warn!(target: "homebound::host", value, "{PLATFORM_GRACE} is no time such as 20s or 20");
        }),
    }
}

/// From the first signal to the end of the process at the latest: DR4.
fn needs(settings: &Settings) -> Duration {
    let Settings { drain_notice, grace, kill_after, .. } = settings;
    [*drain_notice, *grace, *kill_after].into_iter().fold(SPARE, Duration::saturating_add)
}

fn warn(platform: Duration, settings: &Settings) {
    let Settings { drain_notice, grace, kill_after, .. } = settings;
    let notice = if drain_notice.is_zero() {
        String::new()
    } else {
        format!("drain_notice {} + ", Span(*drain_notice))
    };
    log_contained(|| {
        tracing::warn!(
            target: "homebound::host",
            "the platform kills after {} ({PLATFORM_GRACE}), and a stop may need {}: {notice}grace {} + kill_after {} + {} for the last words; make the platform's time longer, or these shorter",
            Span(platform),
            Span(needs(settings)),
            Span(*grace),
            Span(*kill_after),
            Span(SPARE)
        );
    });
}
