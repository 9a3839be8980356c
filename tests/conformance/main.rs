//! Owns the list of origins: one file for each suite of tests that is told again here, and the
//! honesty of the README.
//! Refuses to test anything of homebound itself: that is in the files of the origins.
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

#[path = "../common/mod.rs"]
mod common;

mod ancestor;
mod anyio;
mod async_shutdown;
mod crossbeam;
mod graceful;
mod java_executor;
mod kotlin_job;
mod kotlin_pool;
mod kotlin_scope;
mod moro;
mod otp_children;
mod otp_supervisor;
mod ractor;
mod ractor_registry;
mod rayon_pool;
mod rayon_scope;
mod rusty_pool;
mod shuttle;
mod std_thread;
mod stubborn;
mod threadpool;
mod tokio_join_set;
mod tokio_runtime;
mod tokio_token;
mod tokio_tracker;
mod trio_cancel;
mod trio_process;
mod trio_run;
mod trio_system;
mod trio_threads;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

/// The tests that stand in the sources, as `module::function`.
fn written() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let mut is_test = false;
        for line in text.lines() {
            is_test |= line == "#[test]";
            if let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next()) {
                if is_test {
                    found.insert(format!("{module}::{name}"));
                }
                is_test = false;
            }
        }
    }
    found
}

/// What the README puts between backticks, and has the shape `module::function`.
fn named() -> BTreeSet<String> {
    let text = fs::read_to_string(folder().join("README.md")).unwrap();
    let shaped = |word: &&str| {
        let plain = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        word.split_once("::").is_some_and(|(module, name)| plain(module) && plain(name))
    };
    text.split('`').filter(shaped).map(str::to_owned).collect()
}

#[test]
fn the_readme_names_every_test_and_no_other() {
    let (written, named) = (written(), named());
    assert!(written.len() > 1, "no tests were found");
    let unnamed: Vec<_> = written.difference(&named).collect();
    let invented: Vec<_> = named.difference(&written).collect();
    assert!(unnamed.is_empty() && invented.is_empty(), "unnamed: {unnamed:#?}\ninvented: {invented:#?}");
}

#[test]
fn every_file_of_the_folder_is_compiled() {
    // catches: tests that the README names, in a file that no `mod` pulls in
    let main = fs::read_to_string(folder().join("main.rs")).unwrap();
    let modules: BTreeSet<_> =
        written().iter().filter_map(|test| Some(test.split_once("::")?.0.to_owned())).collect();
    let left_out: Vec<_> =
        modules.iter().filter(|module| !main.contains(&format!("mod {module};"))).collect();
    assert_eq!(left_out, ["main"]);
}
