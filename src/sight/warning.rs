//! Owns what a warning about one thread says beyond the tree: where the kernel has it, and its
//! stack.
//! Refuses to log, and to decide when a warning is due.

use crate::outcome::status::labels::called;
use crate::outcome::words::Span;
use crate::sight::examine;
use crate::sys;
use crate::tree::record::Record;

/// Empty texts stand for what could not be read.
#[derive(Default)]
pub(crate) struct Seen {
    /// The function of the kernel in which the thread sleeps.
    pub(crate) kernel_wait: String,
    /// The system call, and what it is about.
    pub(crate) system_call: String,
    /// The processor time of the thread.
    pub(crate) cpu: String,
    pub(crate) stack: String,
}

/// Looks at a thread, and at its stack if that is asked for, which takes time. May block on a file,
/// so *watch* does not call it.
pub(crate) fn look(record: &Record, with_stack: bool) -> Seen {
    let Some(id) = record.kernel_id() else { return Seen::default() };
    // A refusal leaves the fields of the line empty: the line itself is worth more.
    let kernel = sys::kernel_look(id).ok().flatten().unwrap_or_default();
    Seen {
        system_call: called(kernel.call.as_deref(), kernel.about.as_deref()),
        kernel_wait: kernel.channel.unwrap_or_default(),
        cpu: kernel.cpu.map(|cpu| Span(cpu).to_string()).unwrap_or_default(),
        stack: if with_stack { examine::stack_line(&record.core.root, id) } else { String::new() },
    }
}
