//! Owns what *watch* writes: a dump, and the last words before it ends the process.
//! Refuses to decide when: `watch_thread` does.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outcome::dump::Dump;
use crate::outcome::dump::count::is_whole;
use crate::outcome::status::snapshot::Snapshot;
use crate::registry::chores::taken_over_text;
use crate::registry::file_thread::Refused;
use crate::registry::shared::{Shared, say};
use crate::rt::awake;
use crate::rt::latch::Latch;
use crate::shutdown::reporting;
use crate::sight::examine::{self, PATIENCE};
use crate::sight::files::Files;
use crate::sys::last::{self, End};
use crate::sys::{self, Woken};
use crate::tree::core::ScopeCore;

/// The longest time for the last words or a dump; and for a dump, if stderr did not take the dump
/// before it.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(1);
pub(crate) const UNREAD: Duration = Duration::from_millis(100);
/// From the beginning of the last words to the end by the kernel's timer: if *watch* hangs before
/// the words are written, and if it hangs while it writes them.
pub(crate) const STUCK_BEFORE: Duration = Duration::from_millis(1250);
const STUCK_THEN: Duration = Duration::from_millis(1950);
/// The longest wait until the last words are in the file.
const FILE_PATIENCE: Duration = Duration::from_millis(300);

/// Before last words that come in the middle of a dump.
const CUT: &str = "\n[homebound: the rest of this dump is missing: the process ends]\n";

/// Writes a dump, and calls `attend` meanwhile (`Waker::write_stderr`). True if stderr took all of
/// it within `patience`.
pub(crate) fn dump(
    shared: &Shared,
    core: &Arc<ScopeCore>,
    cause: &str,
    patience: Duration,
    attend: &mut dyn FnMut(&Woken) -> Option<Instant>,
) -> bool {
    let text = text_of(shared, core, cause);
    // The stacks may have taken long, which is no suspension.
    awake::worked();
    shared.set_dumping(true);
    let shown = format!("{}{text}", sys::fresh_line());
    let is_taken = shared.waker.write_stderr(shown.as_bytes(), patience, attend) == 0;
    shared.set_dumping(false);
    // The program goes on, so the file may come later.
    drop(append(shared, &text));
    is_taken
}

/// Writes a dump at the end of a run whose last thread hangs. *watch* has nothing else to do then.
pub(crate) fn say_late(shared: &Shared, core: &Arc<ScopeCore>, cause: &str) {
    let text = text_of(shared, core, cause);
    say(&format!("{}{text}", sys::fresh_line()), LAST_WORDS);
    drop(append(shared, &text));
}

fn text_of(shared: &Shared, core: &Arc<ScopeCore>, cause: &str) -> String {
    let dump = Dump { snapshot: &examine::dump(core, Files::Local), cause, report: None };
    format!("{}{dump}", taken_over_text(&shared.settings.taken))
}

/// Writes the report and the dump, by `write(2)`, in a second at most; then ends the process.
/// `early`: what was read of the threads before, if there was time.
pub(crate) fn end(shared: &Shared, core: &Arc<ScopeCore>, why: &str, how: End, early: Option<Snapshot>) -> ! {
    let begin = Instant::now();
    shared.manager.iter().for_each(|manager| manager.say_last(STUCK_THEN));
    // The words get no more time than the kernel's timer would have left without them.
    let stuck_then = last::due().map_or(begin + STUCK_THEN, |due| due.min(begin + STUCK_THEN));
    // The report takes locks of the tree, with a limit, and allocates: if that hangs, the timer
    // ends the process.
    last::arm(begin + STUCK_BEFORE, how);
    let due = last::look();
    let report = reporting::report_of_root(core);
    let tree = match early {
        Some(early) => examine::with_earlier(core, early),
        None => examine::at_last(core, PATIENCE),
    };
    let dump = Dump { snapshot: &tree, cause: why, report: Some(report.as_ref()) };
    let begin = if shared.is_dumping() { CUT } else { sys::fresh_line() };
    let text = dump.to_string();
    let shown = format!("{begin}{text}");
    // The text is made. From here on only stderr and the file for dumps can hold it up.
    last::postpone(stuck_then, how, due);
    let left = stuck_then.saturating_duration_since(Instant::now());
    say(&shown, LAST_WORDS.min(left / 2).max(UNREAD));
    // The thread that is stuck may be in a scope that could not be read.
    if !is_whole(&tree.root) {
        last::name_threads(UNREAD);
    }
    append_and_wait(shared, &text);
    // Last, because the file may hang; then the timer ends the process.
    if let (Some(history), Some(report)) = (&shared.settings.history, &report) {
        history.add_at_last(report, shared.settings.kill_after);
    }
    match how {
        End::Exit(code) => sys::exit_now(code),
        End::Abort | End::Never => sys::abort_now(),
    }
}

/// Has the thread of the file for dumps append this text, because a disk may hang, and *watch* may
/// not. The latch is set at the end of the write.
fn append(shared: &Shared, text: &str) -> Option<Arc<Latch>> {
    let file = shared.dump_file.get()?;
    let is_written = Arc::new(Latch::default());
    let (written, text) = (Arc::clone(&is_written), text.to_owned());
    let operation = move || {
        write(&file, &text);
        written.set();
    };
    match shared.dump_thread.give(Box::new(operation)) {
        Ok(()) => {}
        Err(Refused::Full) => {
            say("homebound: the file for dumps hangs, and does not have this dump\n", UNREAD);
            return None;
        }
        // The last thread of the run hangs: there is nothing that *watch* would hold up.
        Err(Refused::Closed(operation)) => operation(),
    }
    Some(is_written)
}

/// Appends to the file. A full disk takes a part of it or nothing, of which only stderr can tell.
fn write(mut file: &File, text: &str) {
    if let Err(why) = sys::with_refused_writes(|| file.write_all(text.as_bytes())) {
        say(&format!("homebound: the file for dumps has not all of this dump: {why}\n"), UNREAD);
    }
}

/// The same for the last words, after which the process ends: returns when they are written, or
/// soon.
fn append_and_wait(shared: &Shared, text: &str) {
    if let Some(is_written) = append(shared, text) {
        is_written.wait(Some(Instant::now() + FILE_PATIENCE), &|| false);
    }
}
