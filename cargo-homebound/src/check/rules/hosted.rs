//! Owns the part of `raw-thread` that depends on the threads on which code runs: tasks and jobs in
//! a runtime or a pool that a scope owns are no findings, and loops on rayon's global pool are.
//! Refuses to know which calls start threads, which the catalog does, and which function calls
//! which, which `state::reach` does.

use proc_macro2::Span;

use crate::check::resolve::types::{self, HB_CONTEXT, HB_SCOPE};
use crate::check::state::Walk;
use crate::check::state::frame::Host;
use crate::check::state::hit::Hit;
use crate::check::state::reach::Hosted;
use crate::finding::rule::Rule;

/// Methods of rayon's traits that run a loop on the pool of the calling thread: the global one,
/// unless that thread is in an `install`.
const LOOPS: &[&str] = &[
    "par_iter",
    "par_iter_mut",
    "into_par_iter",
    "par_bridge",
    "par_chunks",
    "par_chunks_mut",
    "par_chunks_exact",
    "par_chunks_exact_mut",
    "par_windows",
    "par_split",
    "par_lines",
    "par_chars",
    "par_bytes",
    "par_drain",
    "par_extend",
    "par_sort",
    "par_sort_by",
    "par_sort_by_key",
    "par_sort_unstable",
    "par_sort_unstable_by",
    "par_sort_unstable_by_key",
];

/// Functions of rayon's that do the same.
const CALLS: &[&str] =
    &["rayon::join", "rayon::scope", "rayon::scope_fifo", "rayon::in_place_scope", "rayon::broadcast"];

const HELP: &str =
    "give the pool threads of a scope: `pool.install(|| ..)` of a `homebound_rayon::RayonPool`";

/// The threads on which `path` runs a closure, if the call stands in code on `around`. `starts`:
/// `path` is in the catalog.
pub(crate) fn host(path: &str, starts: bool, around: Host) -> Host {
    let is_own = types::parameter(path).is_some_and(|ty| ty == HB_CONTEXT || ty == HB_SCOPE);
    match path {
        "homebound_tokio::block_on_tokio" => Host::Tokio,
        "homebound_rayon::RayonPool::install" | "homebound_rayon::RayonPool::spawn" => Host::Rayon,
        // The pool has its own finding, and so has the call.
        _ if path.starts_with("rayon::ThreadPool::") => Host::Raw,
        _ if CALLS.contains(&path) && matches!(around, Host::Scope | Host::Tokio) => Host::Raw,
        // A shield and a deadline run their closure on the thread that calls them.
        "homebound::Context::shield" | "homebound::Context::with_deadline" | "homebound::Scope::subscope" => {
            around
        }
        _ if is_own && matches!(around, Host::Callers | Host::Raw) => Host::Scope,
        _ if starts && owner(path) != Some(around) => Host::Raw,
        _ => around,
    }
}

/// The threads that may run what a call of `path` starts: then a scope owns it.
fn owner(path: &str) -> Option<Host> {
    let job = ["rayon::spawn", "rayon::Scope"].iter().any(|of| path.starts_with(of));
    let task = ["tokio::spawn", "tokio::task::", "tokio::runtime::Handle::", "tokio_util::task::"];
    match path {
        _ if job => Some(Host::Rayon),
        _ if task.iter().any(|of| path.starts_with(of)) => Some(Host::Tokio),
        _ => None,
    }
}

/// A call of `path`, which is in the catalog, with the message about it.
pub(crate) fn started(walk: &mut Walk, path: &str, hit: Hit) {
    let frame = walk.frame();
    match (owner(path), frame.function) {
        (Some(owner), _) if frame.host == owner => {}
        (Some(unless), Some(function)) if frame.host == Host::Callers => {
            walk.reach.hosted.push(Hosted { function, only_on: &[], unless, hit });
        }
        _ => walk.hits.push(hit),
    }
}

/// A call of a function that is not in the catalog.
pub(crate) fn function(walk: &mut Walk, path: &str, span: Span) {
    if CALLS.contains(&path) {
        on_global_pool(walk, path, span);
    }
}

/// A call of a method.
pub(crate) fn method(walk: &mut Walk, name: &str, span: Span) {
    if LOOPS.contains(&name) && !walk.declares_method(name) {
        on_global_pool(walk, name, span);
    }
}

fn on_global_pool(walk: &mut Walk, what: &str, span: Span) {
    let message =
        format!("`{what}` runs on rayon's global pool, whose threads no scope owns and nothing ends");
    let hit = Hit { rule: Rule::RawThread, span, message, help: HELP };
    let frame = walk.frame();
    match (frame.host, frame.function) {
        (Host::Scope | Host::Tokio, _) => walk.hits.push(hit),
        // Code of other files may call the function in an `install`, so a caller of this file has
        // to show that it does not.
        (Host::Callers, Some(function)) => walk.reach.hosted.push(Hosted {
            function,
            only_on: &[Host::Scope, Host::Tokio],
            unless: Host::Rayon,
            hit,
        }),
        // In a program without scopes the rule has nothing better to offer.
        _ => {}
    }
}

/// Decides about messages in functions, now that all calls of the file are known.
pub(crate) fn settle(walk: &mut Walk) {
    for Hosted { function, only_on, unless, hit } in std::mem::take(&mut walk.reach.hosted) {
        let on = |host: Host| walk.reach.on(host).contains(&function);
        let counts = only_on.is_empty() || only_on.iter().any(|host| on(*host));
        if counts && !on(unless) {
            walk.hits.push(hit);
        }
    }
}
