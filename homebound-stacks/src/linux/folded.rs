//! Owns which functions the one line of a stack folds.
//! Refuses to know frames.

use std::path::Path;

/// Crates whose functions are folded in the one line of a stack: they say how a thread waits or
/// writes its log, and not where in the program.
const FOLDED: [&str; 18] = [
    "std",
    "core",
    "alloc",
    "hashbrown",
    "parking_lot",
    "parking_lot_core",
    "lock_api",
    "crossbeam_channel",
    "crossbeam_utils",
    "rustix",
    "log",
    "tracing",
    "tracing_core",
    "tracing_log",
    "tracing_subscriber",
    "tracing_appender",
    "sharded_slab",
    "thread_local",
];

/// The beginning of the names of functions that the compiler adds to a program.
const ADDED: &str = "__rust";

/// Libraries all of whose functions are folded.
const SYSTEM: [&str; 5] = ["libc.so", "libc-", "libpthread", "ld-linux", "ld-musl"];

/// The functions that call the `main` of a program.
const START: [&str; 2] = ["main", "_start"];

/// True for a library of the system, of which all functions are folded.
pub(crate) fn is_system(module: &str) -> bool {
    let file = Path::new(module).file_name().and_then(|file| file.to_str()).unwrap_or(module);
    file == "[vdso]" || SYSTEM.iter().any(|start| file.starts_with(start))
}

/// True for a function by which threads wait or write their log, or that is no part of the program.
pub(crate) fn is_folded(function: &str) -> bool {
    START.contains(&function)
        || function.trim_start_matches('<').starts_with(ADDED)
        || FOLDED.contains(&crate_of(function))
}

/// The crate of a function: `std` for `<&std::fs::File as std::io::Read>::read`. A function for a
/// type that is of no crate, such as a parameter or a slice, is of the crate of its trait.
fn crate_of(function: &str) -> &str {
    let (of, of_trait) = function.split_once(" as ").unwrap_or((function, function));
    let (before, _) = of.split_once("::").or_else(|| of_trait.split_once("::")).unwrap_or((of, ""));
    before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(before)
}

#[cfg(test)]
mod tests {
    use super::{crate_of, is_folded};

    #[test]
    fn a_function_is_of_the_crate_of_its_type_or_of_its_trait() {
        let cases = [
            ("shop::book", "shop"),
            ("<shop::Till>::book", "shop"),
            ("<shop::Till as core::fmt::Debug>::fmt", "shop"),
            ("<&std::fs::File as std::io::Read>::read", "std"),
            ("<&mut dyn shop::Till as core::fmt::Debug>::fmt", "shop"),
            ("<[shop::Till] as alloc::slice::Concat>::concat", "shop"),
            ("<F as core::ops::function::FnOnce<(shop::Till,)>>::call_once", "core"),
            (
                "<fn() -> core::option::Option<shop::Till> as core::ops::function::FnOnce<()>>::call_once",
                "core",
            ),
            ("<T as shop::Book>::book", "shop"),
            ("core::ptr::drop_in_place::<<shop::Till as shop::Book>::Page>", "core"),
            ("syscall", "syscall"),
            ("", ""),
        ];
        cases.iter().for_each(|(function, of)| assert_eq!(crate_of(function), *of, "{function}"));
    }

    #[test]
    fn folded_are_crates_and_not_what_begins_like_them() {
        for name in [
            "tracing::span::Span::enter",
            "<tracing_subscriber::fmt::Subscriber as tracing_core::subscriber::Subscriber>::event",
            "<S as tracing_core::subscriber::Subscriber>::event",
            "log::__private_api::log",
            "parking_lot_core::parking_lot::park",
            "__rust_begin_short_backtrace",
            "__rustc::__rust_alloc",
            "main",
        ] {
            assert!(is_folded(name), "{name}");
        }
        let own =
            ["login::check", "standing::order", "tracing_shop::tell", "rustix_shop::sell", "mainly::run"];
        own.iter().for_each(|name| assert!(!is_folded(name), "{name}"));
    }
}
