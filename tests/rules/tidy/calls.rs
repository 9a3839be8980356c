//! Only some places may log, lock without a count, or sleep.

use super::KERNEL_IS_ASKED;
use crate::source::{functions, none, rust, sources};

/// A subscriber is user code, so its panic may unwind no code of the library.
#[test]
fn subscribers_are_contained() {
    let levels = ["error", "warn", "info", "debug", "trace"].map(|level| format!("tracing::{level}!"));
    let mut loose = Vec::new();
    for source in sources("src", ".rs") {
        let lines: Vec<_> = source.code().collect();
        let functions = functions(&source);
        for (place, _) in lines.iter().enumerate().filter(|(_, line)| levels.iter().any(|l| line.contains(l)))
        {
            let inside =
                functions.iter().rfind(|(_, start, length)| (*start..start + length).contains(&place));
            let body = inside.map_or(&lines[..0], |(_, start, length)| &lines[*start..start + length]);
            // `Scene::of` makes a span, and is contained as a whole.
            let is_scene =
                inside.is_some_and(|(name, _, _)| source.path == "src/thread/spawn.rs" && name == "of");
            if !is_scene
                && !body.iter().any(|line| line.contains("log_contained(") || line.contains("contain("))
            {
                loose.push(format!("{}:{}", source.path, place + 1));
            }
        }
    }
    none("calls of tracing that are not contained", loose);
}

/// Locks that are not counted hide code of the program's that runs under them. The condvar's are
/// the program's own.
#[test]
fn locks_are_counted() {
    // Files below the locks run no code of the program's.
    let counted = ["src/sync/locks.rs", "src/wait/condvar.rs"];
    let all = sources("src", ".rs");
    let others =
        all.iter().filter(|source| !counted.contains(&&*source.path) && !source.path.starts_with("src/sys/"));
    let raw = |line: &str| {
        ["parking_lot::", "std::sync::Mutex", "std::sync::RwLock"].iter().any(|lock| line.contains(lock))
    };
    none(
        "locks that nobody counts",
        others.flat_map(|source| {
            source.code().filter(|line| raw(line)).map(|line| format!("{}: {}", source.path, line.trim()))
        }),
    );
}

#[test]
fn nobody_sleeps_to_synchronise() {
    let sleep = ["thread::", "sleep"].concat();
    let asleep = rust().into_iter().filter(|source| !KERNEL_IS_ASKED.contains(&source.path.as_str())).filter(
        |source| {
            // The guard looks for these paths in other programs.
            if source.path.starts_with("cargo-homebound/src/check/") {
                return false;
            }
            let imported = |line: &str| line.starts_with("use std::thread::") && line.contains("sleep");
            source.code().any(|line| imported(line) || line.contains(&sleep))
        },
    );
    none("sleeps", asleep.map(|source| source.path));
}
