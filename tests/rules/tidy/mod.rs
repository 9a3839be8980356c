//! House rules, held by reading the sources, so that nobody has to remember them. `docs/STYLE.md`
//! has the reasons.

mod calls;
mod citations;
mod folders;
mod journeys;
mod page;
mod pages;
mod proof;
mod scripts;
mod shape;

/// The folders of `src`, from the ground up, with the one file that stands beside them. A file may
/// use its own folder, and the folders in the rows before. Folders of one row do not know each
/// other.
const FOLDERS: [&[&str]; 12] = [
    &["sys"],
    &["sync"],
    &["rt"],
    &["outcome"],
    &["stop"],
    &["tree"],
    &["sight"],
    &["shutdown"],
    &["thread"],
    &["wait", "scope"],
    &["process", "work", "registry"],
    &["for_testing"],
];

/// The types that have methods outside of their folder. A method of `Scope` and of `ThreadBuilder`
/// stands with the type that it returns. A method of `Context` stands with its block on the page:
/// see `page.rs`.
const FACES: [&str; 3] = ["Context", "Scope", "ThreadBuilder"];

/// The modules that `work` uses beyond the public face, which it names at the crate's root
/// (`crate::Context`): the seams between what is built on threads and the threads.
const SEAMS: &[&str] = &[
    "outcome::errors::chain",
    "outcome::errors::failure",
    "outcome::errors::failure_list",
    "outcome::errors::gave_up",
    "outcome::marks",
    "outcome::status::pool_status",
    "outcome::errors::race_error",
    "outcome::reason",
    "outcome::errors::retried",
    "outcome::serial",
    "outcome::errors::start_error",
    "outcome::words",
    "rt::awake",
    "rt::by_id",
    "rt::contain",
    "rt::erase",
    "rt::order",
    "rt::packet",
    "rt::shown",
    "rt::spin",
    "rt::time",
    "scope::group",
    "scope::identity",
    "shutdown::left",
    "shutdown::long_wait",
    "stop::limit",
    "stop::listen",
    "stop::node",
    "stop::relay",
    "sync",
    "sys",
    "thread::blocking",
    "thread::builder",
    "thread::context",
    "thread::rerun",
    "thread::spawn",
    "thread::stopper",
    "tree::core",
    "tree::current",
    "tree::deadlock",
    "tree::job_now",
    "tree::pool_facts",
    "tree::life",
    "tree::on_done",
    "tree::panic_hook",
    "tree::propagate",
    "tree::readiness",
    "tree::record",
    "tree::result_state",
    "tree::results",
    "tree::state",
    "tree::text",
    "tree::traits",
    "tree::users",
    "tree::classify",
    "tree::wait_mark",
    "tree::waiting",
];

/// Where a promise about a lifetime is given, by file and function, how often.
const PROMISES: [(&str, &str, usize); 6] = [
    ("src/scope/run.rs", "live", 1),
    ("src/wait/condvar.rs", "wait_at", 1),
    ("src/scope/siblings.rs", "thread", 1),
    ("src/thread/stopper.rs", "with_on_stop", 1),
    ("src/scope/group.rs", "open_static", 1),
    ("src/work/pool/map.rs", "lend", 1),
];

/// Where unsafe code may stand, by the beginning of a path.
const UNSAFE: [&str; 4] =
    ["src/rt/erase.rs", "src/sys/", "homebound-stacks/src/linux/sys/", "homebound-stacks/tests/common/sys/"];

/// Folders of planted bugs, each with the folder of the models that find them.
const PLANTED: [(&str, &str); 2] = [
    ("ci/planted", "homebound-models/models"),
    ("homebound-stacks/models/planted", "homebound-stacks/models/src"),
];

/// The kernel's list of threads offers nothing to wait on, nor does a descriptor that was closed,
/// nor a terminal that says that it is ready and takes nothing, nor a thread that is about to leave
/// a signal handler: these look again after a pause.
const KERNEL_IS_ASKED: [&str; 6] = [
    "homebound-stacks/src/linux/stacks.rs",
    "src/registry/audit.rs",
    "src/sys/alone.rs",
    "src/sys/stderr.rs",
    "src/sys/wake_pipe.rs",
    "homebound-testing/src/leaks.rs",
];

const LONGEST_FILE: usize = 350;
const LONGEST_FUNCTION: usize = 70;
const LONGEST_README: usize = 195;
const LONGEST_EXAMPLE: usize = 70;
