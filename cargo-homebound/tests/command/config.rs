//! `homebound.toml`: allowed findings, stale entries, and messages about mistakes.

use super::project::{CLEAN, HELD, Project};

fn entry(rule: &str, path: &str, more: &str) -> String {
    format!("[[allow]]\nrule = \"{rule}\"\npath = \"{path}\"\nreason = \"the toolkit owns it\"\n{more}\n")
}

/// With this configuration: the exit code and the findings.
fn with(config: &str) -> (i32, Vec<String>) {
    let project = Project::new(&[("src/a.rs", HELD), ("src/b.rs", HELD), ("homebound.toml", config)]);
    project.found(&[])
}

const A: &str = "raw-thread src/a.rs:2:18";
const B: &str = "raw-thread src/b.rs:2:18";

#[test]
fn exempt_files_are_not_looked_at() {
    assert_eq!(with("exempt = [\"src/a.rs\"]"), (1, vec![B.to_owned()]));
    assert_eq!(with("exempt = [\"src/**\"]"), (0, vec![]));
    assert_eq!(with("exempt = [\"src\"]"), (0, vec![]));
    assert_eq!(with("exempt = [\"*.rs\"]"), (1, vec![A.to_owned(), B.to_owned()]));
    // Also if a hook names them.
    let project = Project::new(&[("a.rs", HELD), ("homebound.toml", "exempt = [\"a.rs\", \"gone/**\"]")]);
    assert_eq!(project.found(&["a.rs"]), (0, vec![]));
    let said = project.guard(&["check"]);
    assert!(said.out.contains("note: homebound.toml:1: no file is exempted by `gone/**`"), "{said:?}");
    assert_eq!(said.code, 0);
}

#[test]
fn an_entry_allows_its_rule_in_its_files() {
    assert_eq!(with(&entry("raw-thread", "src/a.rs", "")), (1, vec![B.to_owned()]));
    assert_eq!(with(&entry("raw-thread", "src/*.rs", "")), (0, vec![]));
    assert_eq!(with(&entry("require-thread-registry", "src/*.rs", "until = 2999-01-31")), (0, vec![]));
    let project = Project::new(&[("a.rs", HELD), ("homebound.toml", &entry("raw-thread", "a.rs", ""))]);
    assert_eq!(project.guard(&["check"]).out, "no findings; 1 file checked; 1 allowed\n");
}

#[test]
fn what_matches_nothing_any_more_or_has_expired_is_told_with_its_line() {
    let two = entry("raw-thread", "src/*.rs", "") + &entry("polled-stop", "src/a.rs", "");
    assert_eq!(with(&two), (1, vec!["stale-allow homebound.toml:6:1".to_owned()]));
    let gone = entry("raw-thread", "src/*.rs", "") + &entry("raw-thread", "src/gone.rs", "");
    assert_eq!(with(&gone), (1, vec!["stale-allow homebound.toml:6:1".to_owned()]));
    let expired =
        entry("raw-thread", "src/a.rs", "until = 2026-01-31") + &entry("raw-thread", "src/b.rs", "");
    assert_eq!(with(&expired), (1, vec!["stale-allow homebound.toml:1:1".to_owned(), A.to_owned()]));
    let project = Project::new(&[
        ("a.rs", CLEAN),
        ("homebound.toml", &entry("raw-thread", "a.rs", "until = \"2020-02-29\"")),
    ]);
    let said = project.guard(&["check"]);
    assert!(
        said.out.contains("expired on 2020-02-29") && said.out.contains("--> homebound.toml:1:1"),
        "{said:?}"
    );
}

#[test]
fn an_entry_is_not_stale_where_nobody_looked() {
    let config = entry("raw-thread", "src/a.rs", "")
        + &entry("raw-thread", "src/*.rs", "")
        + &entry("deaf-wait", "src/b.rs", "");
    let project = Project::new(&[
        ("src/a.rs", HELD),
        ("src/b.rs", HELD),
        ("src/c.rs", CLEAN),
        ("homebound.toml", &config),
    ]);
    assert_eq!(project.found(&["src/a.rs"]), (0, vec![]));
    assert_eq!(project.found(&["src/c.rs"]), (0, vec![]), "a pattern may have its finding elsewhere");
    assert_eq!(project.found(&["--rule", "raw-thread"]), (0, vec![]), "deaf-wait was not asked for");
    assert_eq!(project.found(&["src/b.rs"]), (1, vec!["stale-allow homebound.toml:11:1".to_owned()]));
    assert_eq!(
        project.found(&["--rule", "stale-allow"]),
        (1, vec!["stale-allow homebound.toml:11:1".to_owned()])
    );
    // A file that could not be parsed may have the finding that the entry allows.
    project.write("src/b.rs", "fn thread( {");
    let (_, found) = project.found(&["src/b.rs"]);
    assert!(found.len() == 1 && found[0].starts_with("broken-source"), "{found:?}");
}

#[test]
fn a_count_only_goes_down() {
    let config = entry("raw-thread", "a.rs", "count = 2");
    let project = Project::new(&[("a.rs", &HELD.repeat(2)), ("homebound.toml", &config)]);
    assert_eq!(project.found(&[]), (0, vec![]));
    project.write("a.rs", HELD.repeat(3));
    assert_eq!(project.found(&[]).1.len(), 3, "which is new cannot be known");
    let said = project.guard(&["check"]);
    assert!(said.out.contains("homebound.toml:1 allows 2 here, and there are 3"), "{said:?}");
    project.write("a.rs", HELD);
    assert_eq!(project.found(&[]), (1, vec!["stale-allow homebound.toml:1:1".to_owned()]));
    let said = project.guard(&["check"]);
    assert!(
        said.out.contains("allows 2, and there are 1 left") && said.out.contains("count = 1"),
        "{said:?}"
    );
}

#[test]
fn two_entries_share_the_findings_of_a_file() {
    let config = entry("raw-thread", "a.rs", "count = 1") + &entry("raw-thread", "*.rs", "");
    let project = Project::new(&[("a.rs", &HELD.repeat(2)), ("homebound.toml", &config)]);
    assert_eq!(project.found(&[]), (0, vec![]));
}

#[test]
fn a_manifest_may_have_the_table_but_not_both() {
    let table = "[workspace]\n[workspace.metadata.homebound]\nexempt = [\"src/a.rs\"]\n";
    let project = Project::new(&[("Cargo.toml", table), ("src/a.rs", HELD), ("src/b.rs", CLEAN)]);
    assert_eq!(project.found(&[]), (0, vec![]));
    project.write("homebound.toml", "");
    let said = project.guard(&["check"]);
    assert!(said.code == 2 && said.err.contains("configured twice"), "{said:?}");
    let package = "[package]\nname = \"a\"\nversion = \"0.1.0\"\n[[package.metadata.homebound.allow]]\nrule = \"raw-thread\"\npath = \"src/a.rs\"\nreason = \"old\"\nsince = 1\n";
    let project = Project::new(&[("Cargo.toml", package), ("src/a.rs", HELD)]);
    let said = project.guard(&["check"]);
    assert!(said.code == 2 && said.err.contains("Cargo.toml:8:1"), "{said:?}");
    project.write("Cargo.toml", package.replace("since = 1\n", ""));
    assert_eq!(project.found(&[]), (0, vec![]));
    // Stale there, too.
    project.write("src/a.rs", CLEAN);
    assert_eq!(project.found(&[]).1, ["stale-allow Cargo.toml:4:1"]);
}

#[test]
fn another_file_may_be_chosen() {
    let project = Project::new(&[("a.rs", HELD), ("ci/guard.toml", "exempt = [\"a.rs\"]")]);
    assert_eq!(project.found(&["--config", "ci/guard.toml"]), (0, vec![]));
    let said = project.guard(&["check", "--config", "gone.toml"]);
    assert!(said.code == 2 && said.err.contains("gone.toml"), "{said:?}");
}

#[test]
fn mistakes_are_told_with_their_place_and_what_to_write() {
    let no_reason = "[[allow]]\nrule = \"raw-thread\"\npath = \"a.rs\"\n";
    for (config, place, words) in [
        ("exempted = []\n", "homebound.toml:1:1", "exempt"),
        ("exempt = \"a\"\n", "homebound.toml:1:10", "exempt"),
        ("exempt = [\"[\"]\n", "homebound.toml:1:11", "glob"),
        ("exempt = [\"/abs\"]\n", "homebound.toml:1:11", "path"),
        ("exempt = [\n", "homebound.toml:", "docs/GUARD.md"),
        (no_reason, "homebound.toml:1:1", "reason = "),
        (&format!("{no_reason}reason = \"  \"\n"), "homebound.toml:4:10", "blank"),
        (&entry("raw", "a.rs", ""), "homebound.toml:2:8", "polled-stop"),
        (&entry("stale-allow", "a.rs", ""), "homebound.toml:2:8", "cannot be allowed"),
        (&entry("raw-thread", "../a.rs", ""), "homebound.toml:3:8", "path"),
        (&entry("raw-thread", "a.rs", "until = 2027"), "homebound.toml:5:9", "until = 2027-01-31"),
        (&entry("raw-thread", "a.rs", "until = 2027-01-31T10:00:00Z"), "homebound.toml:5:9", "2027-01-31"),
        (&entry("raw-thread", "a.rs", "until = 2027-13-31"), "homebound.toml:5:", ""),
        (&entry("raw-thread", "a.rs", "count = 0"), "homebound.toml:5:9", "from 1"),
        (&entry("raw-thread", "a.rs", "lines = 3"), "homebound.toml:5:1", "rule"),
    ] {
        let project = Project::new(&[("a.rs", CLEAN), ("homebound.toml", config)]);
        let said = project.guard(&["check"]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{config}: {said:?}");
        assert!(said.err.contains(place) && said.err.contains(words), "{config}: {}", said.err);
        assert!(said.err.contains("help: "), "{config}: {}", said.err);
    }
    // All of them at once.
    let project = Project::new(&[("homebound.toml", &format!("{no_reason}[[allow]]\nreason = \"\"\n"))]);
    let said = project.guard(&["check"]);
    assert_eq!(said.err.matches("error: ").count(), 4, "{}", said.err);
}
