//! Programs that must not compile, each a way in which a borrow could escape its scope, with the
//! message that the user sees; and some that must. The messages are those of one compiler; with
//! another it only counts that the programs are rejected.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The compiler whose messages `ui/*.stderr` hold.
const PINNED: &str = "rustc 1.95.";
/// The path of the only test here.
const NAME: &str = "ui::borrows_cannot_escape";
/// Set in the re-executed test: where the copies are.
const COPY: &str = "HOMEBOUND_UI_COPY";

#[test]
fn borrows_cannot_escape() {
    let cases = trybuild::TestCases::new();
    if let Ok(copy) = std::env::var(COPY) {
        cases.compile_fail(format!("{copy}/fail_*.rs"));
        return;
    }
    cases.pass("tests/rules/ui/pass_*.rs");
    if is_pinned() {
        cases.compile_fail("tests/rules/ui/fail_*.rs");
    } else {
        rejected_with_any_message();
    }
}

fn is_pinned() -> bool {
    let version = Command::new("rustc").arg("--version").output().expect("there is a compiler");
    String::from_utf8_lossy(&version.stdout).starts_with(PINNED)
}

/// Runs this test again on copies, with the messages taken as they come.
fn rejected_with_any_message() {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui");
    std::fs::create_dir_all(&copy).expect("a place for the copies");
    for file in std::fs::read_dir("tests/rules/ui").expect("the programs") {
        let from: PathBuf = file.expect("readable").path();
        let name = from.file_name().expect("a file").to_string_lossy().into_owned();
        if name.starts_with("fail_") && name.ends_with(".rs") {
            std::fs::copy(&from, copy.join(name)).expect("copied");
        }
    }
    let exe = std::env::current_exe().expect("the test binary has a path");
    let again =
        Command::new(exe).args([NAME, "--exact"]).env(COPY, &copy).env("TRYBUILD", "overwrite").status();
    assert!(again.expect("it starts").success(), "a program that must not compile did, see above");
}
