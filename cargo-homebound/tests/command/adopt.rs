//! The way in: `init`, its way down, and git's hook.

use super::project::{CLEAN, HELD, Project, RAW, Said, guard};

const CARGO: &str = "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";

#[test]
fn after_init_all_is_allowed_and_nothing_new() {
    let project =
        Project::new(&[("a.rs", &HELD.repeat(2)), ("odd [1].rs", HELD), ("broken.rs", "fn thread( {")]);
    let said = project.guard(&["init"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("4 findings allowed by 3 entries"), "{said:?}");
    assert_eq!(project.found(&[]), (0, vec![]));
    let config = project.read("homebound.toml");
    assert!(config.contains("count = 2\nreason = \"here before the guard (20"), "{config}");
    project.write("b.rs", HELD);
    assert_eq!(project.found(&[]).0, 1);
    project.write("b.rs", CLEAN);
    project.write("a.rs", HELD.repeat(3));
    assert_eq!(project.found(&[]).0, 1);
}

#[test]
fn init_overwrites_nothing_unless_told_and_keeps_reasons() {
    let project = Project::new(&[("a.rs", HELD), ("vendor/b.rs", HELD)]);
    assert_eq!(project.guard(&["init"]).code, 0);
    let said = project.guard(&["init"]);
    assert!(said.code == 2 && said.err.contains("--force"), "{said:?}");
    let config = project.read("homebound.toml");
    project.guard(&["init", "--force"]);
    assert_eq!(project.read("homebound.toml"), config, "written twice, it is the same");
    let own = "exempt = [\"vendor/\"]\n[[allow]]\nrule = \"raw-thread\"\npath = \"a.rs\"\nreason = \"the \\\"toolkit\\\"\"\nuntil = 2999-12-31\n\n[deps]\nallow = []\n";
    project.write("homebound.toml", own);
    assert_eq!(project.guard(&["init", "--force"]).code, 0);
    let config = project.read("homebound.toml");
    for kept in
        ["exempt = [\"vendor/\"]", "the \"toolkit\"", "until = 2999-12-31", "count = 1", "[deps]\nallow = []"]
    {
        assert!(config.contains(kept), "{kept}: {config}");
    }
    assert_eq!(project.found(&[]), (0, vec![]));
}

#[test]
fn init_writes_no_second_configuration() {
    let project = Project::new(&[("Cargo.toml", &format!("{CARGO}[workspace.metadata.homebound]\n"))]);
    let said = project.guard(&["init"]);
    assert!(said.code == 2 && said.err.contains("Cargo.toml"), "{said:?}");
}

#[test]
fn init_of_clean_code_allows_nothing() {
    let project = Project::new(&[("a.rs", CLEAN)]);
    let said = project.guard(&["init"]);
    assert!(said.code == 0 && said.out.contains("0 findings"), "{said:?}");
    assert!(!project.read("homebound.toml").contains("[[allow]]"));
    assert_eq!(project.found(&[]), (0, vec![]));
}

#[test]
fn what_is_allowed_can_be_lowered_and_is_never_raised() {
    let project = Project::new(&[("a.rs", &HELD.repeat(3)), ("b.rs", HELD), ("c.rs", HELD)]);
    project.guard(&["init"]);
    project.write("homebound.toml", project.read("homebound.toml") + "# the end\n");
    assert_eq!(project.guard(&["init", "--lower"]).out, "nothing to lower\n");
    project.write("a.rs", HELD);
    project.write("b.rs", CLEAN);
    project.write("c.rs", HELD.repeat(2));
    let said = project.guard(&["init", "--lower"]);
    assert!(said.out.contains("`a.rs`: 1, not 3") && said.out.contains("`b.rs`: taken out"), "{said:?}");
    let config = project.read("homebound.toml");
    assert!(
        config.contains("count = 1") && !config.contains("b.rs") && config.ends_with("# the end\n"),
        "{config}"
    );
    let (code, found) = project.found(&[]);
    assert_eq!((code, found.len()), (1, 2), "what is new in c.rs stays a finding: {found:?}");
    project.write("c.rs", HELD);
    assert_eq!(project.found(&[]), (0, vec![]));
}

#[test]
fn clippys_list_is_printed_for_those_who_want_it() {
    let project = Project::new(&[("a.rs", HELD)]);
    let said = project.guard(&["init", "--clippy"]);
    assert!(said.code == 0 && said.out.contains("path = \"std::thread::spawn\""), "{said:?}");
    assert!(said.out.parse::<toml::Table>().unwrap().contains_key("disallowed-methods"));
    assert!(!project.root.join("homebound.toml").exists());
}

#[test]
fn git_asks_the_guard_before_each_commit_about_what_is_staged() {
    let project = Project::new(&[("a.rs", CLEAN)]);
    project.git(&["init", "-q"]);
    let said = project.guard(&["install-hook"]);
    assert!(said.code == 0 && said.out.contains("pre-commit"), "{said:?}");
    project.git(&["add", "-A"]);
    let commit = || project.git(&["commit", "-qm", "a change"]);
    assert_eq!(commit().code, 0);
    // The staged text counts, and not the text of the file since then.
    project.write("deep/b.rs", HELD);
    project.git(&["add", "-A"]);
    project.write("deep/b.rs", CLEAN);
    let said = commit();
    assert!(said.code != 0 && (said.out.clone() + &said.err).contains("--> deep/b.rs:2:18"), "{said:?}");
    project.git(&["add", "-A"]);
    project.write("deep/b.rs", HELD);
    let said = commit();
    assert_eq!(said.code, 0, "{said:?}");
    // A file that goes is no file to look at; nothing is left behind.
    project.git(&["rm", "-qf", "a.rs"]);
    assert_eq!(commit().code, 0);
    let left = std::fs::read_dir(project.root.join(".git")).unwrap();
    let left =
        left.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("homebound"));
    assert_eq!(left.count(), 0);
}

/// A repository with the Rust project further down, in a worktree: git tells hooks of it by the
/// environment.
#[test]
fn the_hook_finds_the_project_further_down() {
    let config = "exempt = [\"src/old.rs\"]\n";
    let project =
        Project::new(&[("README.md", "none"), ("rust/homebound.toml", config), ("rust/src/new.rs", CLEAN)]);
    project.git(&["init", "-q"]);
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "first"]);
    project.git(&["worktree", "add", "-q", "side"]);
    project.write("side/rust/src/old.rs", HELD);
    let side = project.root.join("side");
    assert_eq!(Said::of(guard(&side).arg("install-hook")).code, 0);
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        Said::of(std::process::Command::new("git").current_dir(&side).args(identity).args(words))
    };
    git(&["add", "-A"]);
    let said = git(&["commit", "-qm", "exempt"]);
    assert_eq!(said.code, 0, "{said:?}");
    project.write("side/rust/src/new.rs", HELD);
    let said = git(&["commit", "-qam", "not exempt"]);
    assert!(said.code != 0 && (said.out.clone() + &said.err).contains("--> src/new.rs:2:18"), "{said:?}");
    // And so do hooks that name files.
    let named = Said::of(guard(&side).args(["check", "rust/src/old.rs", "rust/src/new.rs"]));
    assert!(named.code == 1 && named.out.contains("1 finding in 1 file; 1 file checked"), "{named:?}");
}

#[test]
fn a_hook_of_somebody_elses_stays() {
    let project = Project::new(&[]);
    project.git(&["init", "-q"]);
    project.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 0\n");
    let said = project.guard(&["install-hook"]);
    assert!(said.code == 2 && said.err.contains("check --staged"), "{said:?}");
    assert!(project.read(".git/hooks/pre-commit").starts_with("#!/bin/sh\nexit 0"));
    assert_eq!(project.guard(&["install-hook", "--force"]).code, 0);
    let ours = project.read(".git/hooks/pre-commit");
    assert!(ours.contains("check --staged"));
    let said = project.guard(&["install-hook"]);
    assert!(said.code == 0 && said.out.contains("is there already"), "{said:?}");
    assert_eq!(project.read(".git/hooks/pre-commit"), ours);
}

#[test]
fn our_own_hook_is_replaced_as_we_wrote_it_and_never_as_somebody_has_changed_it() {
    let project = Project::new(&[]);
    project.git(&["init", "-q"]);
    assert_eq!(project.guard(&["install-hook"]).code, 0);
    let ours = project.read(".git/hooks/pre-commit");
    // As a version with another text would have written it: with the hash of that text.
    let older = ours.replace("# Checks the Rust", "# Looks at the Rust");
    let hash =
        older.lines().find_map(|line| line.strip_prefix("# Written by `cargo homebound install-hook`: "));
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let rest = older.lines().filter(|line| !line.starts_with("# Written by"));
    let bytes = rest.flat_map(|line| line.bytes().chain([b'\n']));
    let older = older.replace(hash.unwrap(), &format!("{:016x}", bytes.fold(0xcbf2_9ce4_8422_2325, fnv)));
    project.write(".git/hooks/pre-commit", &older);
    let said = project.guard(&["install-hook"]);
    assert!(said.code == 0 && said.out.contains("it replaces a hook that was written"), "{said:?}");
    assert_eq!(project.read(".git/hooks/pre-commit"), ours);
    // A line of somebody's own in it.
    let changed = ours.replace("for guard in", "cargo fmt --check || exit 1\nfor guard in");
    project.write(".git/hooks/pre-commit", &changed);
    let said = project.guard(&["install-hook"]);
    assert!(said.code == 2 && said.err.contains("changed since we wrote it"), "{said:?}");
    assert_eq!(project.read(".git/hooks/pre-commit"), changed);
    let said = project.guard(&["install-hook", "--force"]);
    assert!(said.code == 0 && said.out.contains("replaces what was there"), "{said:?}");
}

/// A configuration with some of the hooks; what each of them says: exit code, and rule with path.
fn said_by_hooks(ids: &[&str]) -> Vec<(i32, Vec<String>)> {
    let config: String = ids.iter().map(|id| format!("      - id: {id}\n")).collect();
    let project = Project::new(&[
        (".pre-commit-config.yaml", &format!("repos:\n  - repo: here\n    rev: v1\n    hooks:\n{config}")),
        ("raw.rs", RAW),
        ("broken.rs", "fn a( {"),
        ("homebound.toml", "[[allow]]\nrule = \"raw-thread\"\npath = \"clean.rs\"\nreason = \"was there\"\n"),
        ("clean.rs", CLEAN),
    ]);
    let files = ["raw.rs", "broken.rs", "clean.rs", "homebound.toml"];
    let said = |id: &&str| {
        let (code, found) = project.found(&[&["--hook", id][..], &files].concat());
        let place = |line: &String| line.split(':').next().unwrap().to_owned();
        (code, found.iter().map(place).collect())
    };
    ids.iter().map(said).collect()
}

#[test]
fn of_several_hooks_each_thing_is_said_by_one() {
    let all = said_by_hooks(&["no-daemon-threads", "require-thread-registry", "homebound-check"]);
    let (detached, raw, stale) =
        ("detached-thread raw.rs", "raw-thread raw.rs", "stale-allow homebound.toml");
    let broken = "broken-source broken.rs";
    assert_eq!(all[0], (1, vec![detached.to_owned()]));
    assert_eq!(all[1], (1, vec![stale.to_owned(), raw.to_owned()]));
    assert_eq!(all[2], (1, vec![broken.to_owned()]));
    let skipping = Project::new(&[
        (".pre-commit-config.yaml", "  - id: require-thread-registry\n  - id: homebound-check\n"),
        ("raw.rs", HELD),
    ]);
    let check = ["check", "--hook", "homebound-check", "raw.rs"];
    assert_eq!(skipping.guard(&check).code, 0, "left to the other");
    let said = Said::of(guard(&skipping.root).args(check).env("SKIP", "x, require-thread-registry"));
    assert_eq!(said.code, 1, "which is skipped this time: {said:?}");
    // Without the one for all, the first of the others has the broken file; alone, it has
    // everything.
    let two = said_by_hooks(&["no-daemon-threads", "require-thread-registry"]);
    let broken_files = two.iter().flat_map(|(_, said)| said).filter(|said| *said == broken);
    assert_eq!(broken_files.count(), 1, "{two:?}");
    let one = said_by_hooks(&["homebound-check"]);
    assert_eq!(one[0].1, [broken, stale, raw, detached]);
}

#[test]
fn the_hook_is_where_git_looks_for_it() {
    let project = Project::new(&[("in/a.rs", CLEAN)]);
    project.git(&["init", "-q"]);
    project.git(&["config", "core.hooksPath", "my hooks"]);
    assert_eq!(project.guard_in("in", &["install-hook"]).code, 0);
    assert!(project.root.join("my hooks/pre-commit").exists());
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "first"]);
    project.git(&["config", "--unset", "core.hooksPath"]);
    project.git(&["worktree", "add", "-q", "side"]);
    assert_eq!(project.guard_in("side", &["install-hook"]).code, 0);
    assert!(project.root.join(".git/hooks/pre-commit").exists());
    project.write("side/in/a.rs", HELD);
    let side = project.root.join("side");
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        Said::of(std::process::Command::new("git").current_dir(&side).args(identity).args(words))
    };
    git(&["add", "-A"]);
    let said = git(&["commit", "-qm", "second"]);
    assert!(said.code != 0 && (said.out.clone() + &said.err).contains("--> in/a.rs:2:18"), "{said:?}");
}

#[test]
fn outside_of_a_repository_git_says_so() {
    let project = Project::new(&[]);
    for words in [&["install-hook"][..], &["check", "--staged"]] {
        let said = Said::of(guard(&project.root).args(words).env("GIT_CEILING_DIRECTORIES", "/"));
        assert!(said.code == 2 && said.err.contains("not a git repository"), "{said:?}");
    }
}
