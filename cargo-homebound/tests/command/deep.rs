//! `--deep`: what clippy adds, on a crate without dependencies. Runs the compiler; needs no
//! network.

use std::fs;
use std::path::Path;

use super::project::{HELD, Project, Said, guard};

const MANIFEST: &str = "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\nmembers = [\"member\"]\n";
const MEMBER: &str = "[package]\nname = \"member\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

/// Three calls: by a re-export of another crate, which only types show; under a condition that is
/// never true; and a plain call, which both ways see.
const LIB: &str = "#![deny(warnings)]
#![allow(clippy::disallowed_methods)]
pub fn own() {
    let _ = std::thread::spawn(|| ()).join();
}
pub fn elsewhere() {
    let _ = member::go(|| ()).join();
}
#[cfg(target_os = \"none\")]
pub fn never() {
    let _ = std::thread::spawn(|| ()).join();
}
";

fn project() -> Project {
    let manifest = format!("{MANIFEST}[dependencies]\nmember = {{ path = \"member\" }}\n");
    Project::new(&[
        ("Cargo.toml", &manifest),
        ("src/lib.rs", LIB),
        ("member/Cargo.toml", MEMBER),
        ("member/src/lib.rs", "pub use std::thread::spawn as go;\n"),
    ])
}

#[test]
fn the_two_ways_of_looking_meet_in_one_report() {
    let project = project();
    project.write("clippy.toml", "disallowed-methods = [\"std::thread::JoinHandle::join\"]\n");
    project.write("member/clippy.toml", "");
    let said = project.guard(&["check", "--deep", "--format", "json", "--rule", "raw-thread"]);
    let who = |line: &str| -> (u64, String) {
        let found: serde_json::Value = serde_json::from_str(line).unwrap();
        (found["line"].as_u64().unwrap(), found["found_by"].as_str().unwrap().to_owned())
    };
    let found: Vec<_> = said.out.lines().map(who).filter(|(_, who)| who != "source").collect();
    assert_eq!(found, [(4, "both".to_owned()), (7, "clippy".to_owned())], "{said:?}");
    assert!(said.err.contains("text alone: src/lib.rs:11:26: raw-thread"), "{said:?}");
    assert!(said.err.contains("clippy alone: src/lib.rs:7:21: raw-thread"), "{said:?}");
    assert!(said.err.contains("member/clippy.toml"), "{said:?}");
    assert_eq!(said.code, 1);
    assert!(!project.root.join("target/debug").exists(), "the project's own build stays as it is");
}

#[test]
fn what_clippy_alone_sees_can_be_allowed_and_is_not_stale_without_it() {
    let project = project();
    assert_eq!(project.guard(&["init", "--deep"]).code, 0);
    assert!(project.read("homebound.toml").contains("deep = true"));
    assert_eq!(project.guard(&["check", "--deep"]).code, 0);
    assert_eq!(project.found(&[]), (0, vec![]));
}

#[test]
fn a_build_that_fails_is_told_and_the_text_is_checked_all_the_same() {
    let project = project();
    project.write("member/src/lib.rs", format!("{HELD}fn broken() -> u32 {{ \"\" }}\n"));
    let said = project.guard(&["check", "--deep"]);
    assert_eq!(said.code, 2);
    assert!(said.out.contains("--> member/src/lib.rs:2:18"), "{said:?}");
    assert!(said.err.contains("mismatched types"), "{said:?}");
}

#[test]
fn without_a_package_there_is_nothing_to_build() {
    let project = Project::new(&[("a.rs", HELD)]);
    let said = project.guard(&["check", "--deep"]);
    assert!(said.code == 2 && said.err.contains("Cargo.toml"), "{said:?}");
}

/// A person has one target folder and one build folder for all projects, and checks two projects at
/// once.
#[test]
fn a_target_folder_for_all_projects_is_shared_with_none() {
    let shared = Project::new(&[]);
    let (target, build) = (shared.root.join("target"), shared.root.join("build"));
    let strict = project();
    strict.write("clippy.toml", "disallowed-methods = [\"std::thread::JoinHandle::join\"]\n");
    let plain = project();
    let deep = |project: &Project| {
        let mut command = guard(&project.root);
        command.env("CARGO_TARGET_DIR", &target).env("CARGO_BUILD_BUILD_DIR", &build);
        command.args(["check", "--deep", "--format", "json", "--rule", "raw-thread"]);
        Said::of(&mut command)
    };
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| deep(&strict));
        (deep(&plain), first.join().unwrap())
    });
    for said in [&first, &second] {
        assert_eq!((said.code, said.out.matches("\"both\"").count()), (1, 1), "{said:?}");
    }
    let settings = |folder: &Path| fs::read_to_string(folder.join("clippy/clippy.toml")).unwrap();
    let own = fs::read_dir(target.join("homebound")).unwrap().map(|entry| entry.unwrap().path());
    let strict_ones = own.map(|folder| settings(&folder).contains("JoinHandle::join")).collect::<Vec<_>>();
    assert_eq!(strict_ones.len(), 2, "a folder for each project");
    assert_eq!(strict_ones.iter().filter(|strict| **strict).count(), 1, "with its own settings");
    let made = fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(made, ["homebound"], "nothing beside them");
    assert!(!build.exists(), "and nothing in the build folder");
}
