//! Owns what a program without a registry says of threads that hang: the dump that the environment
//! asks for, of a root in which a wait has taken so long; and the look at an overdue thread.
//! Refuses to measure the wait (`long_wait` does), and to warn (`overdue` does).
//!
//! Nothing in the code of such a program asks for this, so no method of a builder can bring its
//! code. The feature `hangs` does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use once_cell::sync::Lazy;

use crate::outcome::dump::Dump;
use crate::outcome::words::read_span;
use crate::rt::contain::log_contained;
use crate::rt::shown::shown;
use crate::sight::examine;
use crate::sight::files::Files;
use crate::sight::warning::{self, Seen};
use crate::sys;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;

/// What the warning of a long wait says about a dump.
pub(super) const HINT: &str = "HOMEBOUND_DUMP_AFTER=10s in the environment prints what the threads do";

/// The environment's wish for a dump: `10s`, `500ms`, `2m`, or a number of seconds.
const DUMP_AFTER: &str = "HOMEBOUND_DUMP_AFTER";

/// The time that stderr has to take the dump.
const PATIENCE: Duration = Duration::from_secs(1);

/// Read once, by the first wait that takes more than a moment.
static ASKED: Lazy<Option<Duration>> = Lazy::new(asked);

/// How long a wait takes before the environment wants a dump, if it wants one.
pub(super) fn limit() -> Option<Duration> {
    *ASKED
}

fn asked() -> Option<Duration> {
    let text = std::env::var(DUMP_AFTER).ok()?;
    let parsed = read_span(&text);
    if parsed.is_none() {
        log_contained(|| {
            let value = &*shown(&text);
            tracing::warn!(target: "homebound::wait", value, "{DUMP_AFTER} is no time such as 10s or 500ms");
        });
    }
    parsed
}

/// Prints the dump of the root, because of `cause`. Once for a root, because scopes inside of
/// scopes wait as long as each other.
pub(super) fn dump(core: &ScopeCore, cause: impl FnOnce() -> String) {
    let Some(root) = core.root.core() else { return };
    if root.root.was_dumped.swap(true, Ordering::AcqRel) {
        return;
    }
    print(&root, &format!("{} ({DUMP_AFTER})", cause()));
}

fn print(root: &Arc<ScopeCore>, cause: &str) {
    let dump = Dump { snapshot: &examine::dump(root, Files::All), cause, report: None };
    let text = format!("{}{dump}", sys::fresh_line());
    let _missing_is_said = sys::write_stderr(text.as_bytes(), PATIENCE);
}

/// Looks at an overdue thread, for a warning.
pub(super) fn look(record: &Record) -> Seen {
    warning::look(record, true)
}
