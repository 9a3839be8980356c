//! The forms of the report, and where they go.

use std::io::Read;
use std::process::Stdio;

use super::project::{CLEAN, HELD, Project, Said, guard};
use serde_json::Value;

#[test]
fn people_get_the_look_of_rustc() {
    let project = Project::new(&[("src/a.rs", HELD)]);
    let said = project.guard(&["check"]);
    let lines: Vec<_> = said.out.lines().collect();
    assert!(lines[0].starts_with("error[raw-thread]: "), "{said:?}");
    assert_eq!(lines[1], " --> src/a.rs:2:18");
    assert!(lines[4].contains("^^^^^"), "{said:?}");
    assert!(said.out.contains("= help: ") && said.out.contains("= note: cargo homebound explain raw-thread"));
    assert_eq!(lines.last(), Some(&"1 finding in 1 file; 1 file checked"));
    assert_eq!(said.err, "");
    project.write("src/a.rs", CLEAN);
    assert_eq!(project.guard(&["check"]).out, "no findings; 1 file checked\n");
}

#[test]
fn colour_is_for_terminals_or_on_request() {
    let project = Project::new(&[("a.rs", HELD)]);
    let escape = '\u{1b}';
    assert!(!project.guard(&["check"]).out.contains(escape));
    assert!(project.guard(&["check", "--color", "always"]).out.contains(escape));
    let forced = Said::of(guard(&project.root).arg("check").env("CLICOLOR_FORCE", "1"));
    assert!(forced.out.contains(escape));
    let both = Said::of(guard(&project.root).arg("check").env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1"));
    assert!(!both.out.contains(escape));
    let never = Said::of(guard(&project.root).args(["check", "--color", "never"]).env("CLICOLOR_FORCE", "1"));
    assert!(!never.out.contains(escape));
}

/// `script` gives a program a terminal. Where it is missing, this is not tested.
#[cfg(unix)]
#[test]
fn a_terminal_is_coloured_unless_no_color_is_set() {
    let project = Project::new(&[("a.rs", HELD)]);
    let run = |no_colour: &str| {
        let program = format!("{} check", env!("CARGO_BIN_EXE_cargo-homebound"));
        let mut command = std::process::Command::new("script");
        command.current_dir(&project.root).args(["-qec", &program, "/dev/null"]);
        command
            .env("TERM", "xterm")
            .env("NO_COLOR", no_colour)
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null());
        command.output().ok().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (Some(plain), Some(coloured)) = (run("1"), run("")) else { return };
    assert!(plain.contains("error[raw-thread]") && !plain.contains('\u{1b}'), "{plain}");
    assert!(coloured.contains('\u{1b}'), "{coloured}");
}

#[test]
fn json_is_one_object_a_line_and_nothing_else() {
    let project = Project::new(&[("a.rs", HELD), ("b.rs", HELD)]);
    let said = project.guard(&["check", "--format", "json"]);
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    for (line, path) in lines.iter().zip(["a.rs", "b.rs"]) {
        assert_eq!((&line["rule"], &line["path"]), (&"raw-thread".into(), &path.into()));
        assert_eq!(
            (&line["line"], &line["column"], &line["found_by"]),
            (&2.into(), &18.into(), &"source".into())
        );
        assert!(line["message"].as_str().is_some_and(|text| !text.is_empty()), "{line}");
        assert!(line["help"].as_str().is_some_and(|text| !text.is_empty()), "{line}");
    }
    assert_eq!(said.err, "2 findings in 2 files; 2 files checked\n");
    project.write("a.rs", CLEAN);
    project.write("b.rs", CLEAN);
    assert_eq!(project.guard(&["check", "--format", "json"]).out, "");
}

#[test]
fn github_gets_a_command_for_each_finding_with_paths_from_the_repository() {
    let project = Project::new(&[("rust/Cargo.toml", "[workspace]\n"), ("rust/a,b.rs", HELD)]);
    project.git(&["init", "-q"]);
    let said = project.guard_in("rust", &["check", "--format", "github"]);
    let head = "::error file=rust/a%2Cb.rs,line=2,col=18,title=homebound%3A raw-thread::";
    assert!(said.out.starts_with(head), "{said:?}");
    assert!(said.out.contains("%0Ahelp: ") && said.out.lines().count() == 1, "{said:?}");
}

#[test]
fn sarif_has_the_rules_the_places_and_what_tells_findings_apart() {
    let project = Project::new(&[("a b.rs", &format!("{HELD}{}", HELD.replace("start", "again")))]);
    let out = project.root.join("out.sarif");
    let said = project.guard(&["check", "--format", "sarif", "--output", "out.sarif"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains("written to out.sarif"), "{said:?}");
    let read = || -> Value { serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap() };
    let log = read();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().all(|rule| rule["help"]["text"].as_str().is_some_and(|text| !text.is_empty())));
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(result["ruleId"], rules[index]["id"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b.rs");
        assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
        assert_eq!(
            (&place["region"]["startColumn"], &place["region"]["endColumn"]),
            (&18.into(), &23.into())
        );
    }
    let prints = |log: &Value| -> Vec<String> {
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        results.iter().map(|result| result["partialFingerprints"]["homebound/v1"].to_string()).collect()
    };
    let before = prints(&log);
    assert_ne!(before[0], before[1], "two lines with the same text");
    // Lines inserted above make no new findings.
    project.write("a b.rs", format!("\n// More.\n{}", project.read("a b.rs")));
    project.guard(&["check", "--format", "sarif", "--output", "out.sarif"]);
    assert_eq!(prints(&read()), before);
}

#[test]
fn a_report_that_cannot_be_written_is_an_error() {
    let project = Project::new(&[("a.rs", CLEAN)]);
    let said = project.guard(&["check", "--output", "gone/report"]);
    assert!(said.code == 2 && said.err.contains("gone/report"), "{said:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let project = Project::new(&[("a.rs", HELD)]);
    let full = std::fs::File::create("/dev/full").unwrap();
    let status = guard(&project.root).arg("check").stdout(full).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
fn a_reader_who_has_seen_enough_is_no_crash() {
    let project = Project::new(&[("a.rs", &HELD.repeat(2000))]);
    for format in ["human", "json", "github", "sarif"] {
        let mut child = guard(&project.root)
            .args(["check", "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0; 10]).unwrap();
        drop(out);
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}
