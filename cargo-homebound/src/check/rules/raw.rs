//! Owns the rule `raw-thread`: the message where a thread starts that no scope owns.
//! Refuses to know which paths start threads: the catalog does.

use proc_macro2::Span;
use syn::{Attribute, Ident};

use crate::check::resolve::flow::Node;
use crate::check::resolve::names::{Res, Space};
use crate::check::resolve::types::Ty;
use crate::check::rules::{detached, exit, hosted};
use crate::check::state::hit::Hit;
use crate::check::state::{Start, Walk};
use crate::finding::catalog::{self, Entry, Kind};
use crate::finding::rule::Rule;

const SPAWN: &str = "spawn it through a scope: `scope.spawn(name, purpose, |cx| ..)`, or `scope.service(..)` if it runs until it is told to stop";
const SCOPE: &str =
    "open a scope of homebound's: `homebound::scope(|scope| ..)`, or `scope.subscope(name, |scope| ..)`";
const TASK: &str = "let a service own the runtime: `homebound_tokio::block_on_tokio(cx, workers, limit, |token| ..)`; if it does, in another file, list the call in `homebound.toml`";
const RAYON: &str = "give the pool threads of a scope: `homebound_rayon::RayonPool::new(scope, name, purpose, threads)`, and its `install` and `spawn`";
const POOL: &str = "give the work to threads of a scope, or list the pool in `homebound.toml` with the reason why it is needed";
const SIGNALS: &str = "let `homebound::registry::run` own the signals: it stops the scopes";

/// A call of `entry`. Its result goes `into`, and is of type `ty`.
pub(crate) fn started(walk: &mut Walk, span: Span, entry: &'static Entry, into: Node, ty: &Ty) {
    start(walk, span, entry, "is called");
    if detached::is_handle(ty) {
        detached::handle(walk, span, into, ty);
    }
}

/// A function of this path is used as a value: `map(thread::spawn)`. The thread starts where the
/// value is called, which may be in another file.
pub(crate) fn function_taken(walk: &mut Walk, path: &str, span: Span) {
    if let Some(entry) = catalog::find(path) {
        if entry.kind == Kind::Exit {
            exit::exits(walk, span, path);
        } else {
            start(walk, span, entry, "is taken as a function");
        }
    }
}

fn start(walk: &mut Walk, span: Span, entry: &'static Entry, how: &str) {
    let path = entry.path;
    // The scope of std, or of another crate, joins its threads. It neither tells them to stop nor
    // shows them.
    let owner = if path.starts_with("std::") { "std's" } else { "another crate's" };
    let message = match entry.kind {
        Kind::Pool => format!("`{path}` {how}: it has threads that no scope owns"),
        Kind::Task => {
            format!("`{path}` {how}: the task runs on threads that no scope owns, and is in no tree")
        }
        Kind::Scoped => format!(
            "`{path}` {how}: {owner} scope joins the thread, but tells it of no stop, and no dump shows it"
        ),
        _ => format!("`{path}` {how}: no scope owns the thread"),
    };
    let help = match entry.kind {
        _ if path.starts_with("ctrlc") => SIGNALS,
        _ if path.starts_with("rayon::") => RAYON,
        _ if path.starts_with("tokio") => TASK,
        Kind::Pool => POOL,
        Kind::Task => TASK,
        Kind::Scoped if path.ends_with("::scope") => SCOPE,
        _ => SPAWN,
    };
    hosted::started(walk, path, Hit { rule: Rule::RawThread, span, message, help });
    let start = Start {
        line: 0,
        column: 0,
        what: path,
        features: walk.cfg.features().to_vec(),
        test: walk.cfg.is_test(),
    };
    walk.starts.push((span, start));
}

/// The attributes of a function: some start a runtime around it.
pub(crate) fn attributes(walk: &mut Walk, attributes: &[Attribute], _function: &Ident) {
    for attribute in attributes {
        let path = attribute.path();
        let Some(last) = path.segments.last() else { continue };
        // `#[main]` and `#[test]` alone may be imported from tokio. Other attributes of one word
        // are not resolved, since there are many.
        if last.ident != "main" && last.ident != "test" && path.segments.len() == 1 {
            continue;
        }
        let Res::Path(found) = walk.names.resolve(&walk.written(path), Space::Types) else { continue };
        let Some(entry) = catalog::find(&found).filter(|entry| entry.kind == Kind::Pool) else {
            continue;
        };
        let arguments = match &attribute.meta {
            syn::Meta::List(list) => list.tokens.to_string(),
            _ => String::new(),
        };
        // A runtime of the current thread starts no thread of its own. Such a runtime is tokio's
        // default for tests, but not for `main`.
        let many = match found.as_str() {
            "tokio::test" => arguments.contains("multi_thread"),
            _ => !arguments.contains("current_thread"),
        };
        if many {
            start(walk, last.ident.span(), entry, "is around it");
        }
    }
}
