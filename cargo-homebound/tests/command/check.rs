//! `check`: the files, the findings that count, and the exit code.

use std::fs;

use super::project::{CLEAN, HELD, Project, RAW, Said, guard};

#[test]
fn clean_code_is_zero_findings_are_one_and_nonsense_is_two() {
    let project = Project::new(&[("src/lib.rs", CLEAN)]);
    assert_eq!(project.found(&[]), (0, vec![]));
    project.write("src/held.rs", HELD);
    assert_eq!(project.found(&[]), (1, vec!["raw-thread src/held.rs:2:18".to_owned()]));
    for nonsense in
        [&["check", "--rule", "none"][..], &["check", "--format", "xml"], &["chek"], &[], &["explain", "no"]]
    {
        let said = project.guard(nonsense);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{nonsense:?}: {said:?}");
    }
    for help in [&["--help"][..], &["check", "--help"], &["--version"]] {
        let said = project.guard(help);
        assert_eq!(said.code, 0, "{said:?}");
    }
}

#[test]
fn cargo_puts_its_own_word_first() {
    let project = Project::new(&[("a.rs", HELD)]);
    let said = project.guard(&["homebound", "check", "--format", "json"]);
    assert_eq!((said.code, said.out.lines().count()), (1, 1), "{said:?}");
}

#[test]
fn only_rust_that_belongs_to_the_project_is_looked_at() {
    let project = Project::new(&[
        ("Cargo.toml", "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n"),
        ("src/lib.rs", HELD),
        ("src/target/mod.rs", HELD),
        ("target/debug/build/a.rs", HELD),
        (".hidden/a.rs", HELD),
        (".gitignore", "/scratch\n"),
        ("scratch/a.rs", HELD),
        ("notes.txt", HELD),
    ]);
    // The same without git as with it.
    let expected =
        vec!["raw-thread src/lib.rs:2:18".to_owned(), "raw-thread src/target/mod.rs:2:18".to_owned()];
    assert_eq!(project.found(&[]), (1, expected.clone()));
    project.git(&["init", "-q"]);
    assert_eq!(project.found(&[]), (1, expected));
}

#[test]
fn ignore_rules_of_folders_above_are_none_of_a_project_without_git() {
    let project = Project::new(&[(".gitignore", "*\n"), ("inner/a.rs", HELD)]);
    let said = project.guard_in("inner", &["check"]);
    assert_eq!(said.code, 1, "{said:?}");
}

#[test]
fn paths_that_are_named_are_all_that_is_looked_at() {
    let project = Project::new(&[
        ("src/a.rs", HELD),
        ("src/deep/b.rs", HELD),
        ("src/c.rs", HELD),
        ("README.md", "std::thread::spawn"),
    ]);
    let (code, found) = project.found(&["src/a.rs", "src/deep", "README.md", "src/a.rs"]);
    assert_eq!(
        (code, found),
        (1, vec!["raw-thread src/a.rs:2:18".into(), "raw-thread src/deep/b.rs:2:18".into()])
    );
    assert_eq!(project.found(&["README.md"]), (0, vec![]));
    let said = project.guard(&["check", "src/a.rs", "src/gone.rs"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("src/gone.rs") && said.err.contains("No such file"), "{said:?}");
}

#[test]
fn paths_are_told_from_the_root_wherever_one_stands() {
    let project = Project::new(&[
        ("homebound.toml", "exempt = [\"a/exempt.rs\"]\n"),
        ("a/b/c.rs", HELD),
        ("a/exempt.rs", HELD),
    ]);
    for (folder, words) in
        [("a", vec!["check"]), ("a/b", vec!["check", "c.rs"]), ("a", vec!["check", "../a/b"])]
    {
        let said = project.guard_in(folder, &words);
        assert!(said.code == 1 && said.out.contains("--> a/b/c.rs:2:18"), "{folder} {words:?}: {said:?}");
    }
    // From somewhere else, the project of the path counts, with its exemptions.
    let elsewhere = Project::new(&[]);
    let said = elsewhere.guard(&["check", project.root.to_str().unwrap()]);
    assert!(said.code == 1 && said.out.contains("--> a/b/c.rs:2:18"), "{said:?}");
    let exempt = project.root.join("a/exempt.rs");
    assert_eq!(elsewhere.guard(&["check", exempt.to_str().unwrap()]).code, 0, "exempt stays exempt");
}

#[test]
fn a_workspace_is_found_with_cargo_and_without() {
    let project = Project::new(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"one\"]\n"),
        ("one/Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
        ("one/src/lib.rs", CLEAN),
        ("two.rs", HELD),
    ]);
    let path = |said: Said| assert!(said.code == 1 && said.out.contains("--> two.rs:2"), "{said:?}");
    path(project.guard_in("one/src", &["check"]));
    path(Said::of(
        guard(&project.root.join("one")).arg("check").env("PATH", "").env("CARGO", "/nowhere/cargo"),
    ));
    // A manifest that cargo refuses.
    project.write("one/Cargo.toml", "[package]\nname = \"one\"\nnonsense\n");
    path(project.guard_in("one", &["check"]));
}

#[test]
fn what_cannot_be_parsed_or_read_is_told_and_the_rest_is_checked() {
    let project = Project::new(&[("a.rs", "fn thread( {\n"), ("c.rs", HELD)]);
    project.write("b.rs", b"fn a() {}\n// thr\xffead\n");
    let (code, found) = project.found(&[]);
    assert_eq!(code, 1);
    assert!(found[0].starts_with("broken-source a.rs:"), "{found:?}");
    assert_eq!(found[1..], ["broken-source b.rs:2:7", "raw-thread c.rs:2:18"]);
    // Whatever is asked for: nobody may take such a file for a clean one.
    assert_eq!(project.found(&["--rule", "detached-thread", "b.rs"]).1, ["broken-source b.rs:2:7"]);
}

#[cfg(unix)]
#[test]
fn a_link_into_nowhere_and_a_file_without_permission_are_no_crash() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let project = Project::new(&[("a.rs", HELD), ("locked.rs", CLEAN)]);
    symlink("nowhere.rs", project.root.join("link.rs")).unwrap();
    fs::set_permissions(project.root.join("locked.rs"), fs::Permissions::from_mode(0o000)).unwrap();
    let (code, found) = project.found(&[]);
    assert!(code == 1 && found.contains(&"raw-thread a.rs:2:18".to_owned()), "{found:?}");
    // Root reads it all the same.
    assert!(found.len() == 1 || found[1] == "broken-source locked.rs:1:1", "{found:?}");
}

#[test]
fn only_the_rules_that_are_named_count() {
    let project = Project::new(&[("a.rs", HELD)]);
    assert_eq!(project.found(&["--rule", "raw-thread"]).0, 1);
    assert_eq!(project.found(&["--rule", "require-thread-registry"]).0, 1);
    assert_eq!(project.found(&["--rule", "no-daemon-threads"]), (0, vec![]));
    assert_eq!(project.found(&["--rule", "polled-stop", "--rule", "raw-thread"]).0, 1);
}

#[test]
fn rules_are_explained_by_either_name() {
    let project = Project::new(&[]);
    let own = project.guard(&["explain", "detached-thread"]);
    assert_eq!((own.code, &own.out), (0, &project.guard(&["explain", "no-daemon-threads"]).out));
    assert!(own.out.starts_with("detached-thread: "), "{own:?}");
    let all = project.guard(&["explain"]).out;
    for rule in ["raw-thread", "detached-thread", "blank-purpose", "polled-stop", "deaf-wait", "process-exit"]
    {
        assert!(all.contains(rule) && project.guard(&["explain", rule]).code == 0, "{rule}: {all}");
    }
    let unknown = project.guard(&["explain", "raw"]);
    assert!(unknown.code == 2 && unknown.err.contains("polled-stop"), "{unknown:?}");
}

#[test]
fn rules_that_both_apply_are_two_findings() {
    let project = Project::new(&[("a.rs", RAW)]);
    let (code, found) = project.found(&[]);
    assert!(code == 1 && found.contains(&"raw-thread a.rs:2:18".to_owned()), "{found:?}");
}
