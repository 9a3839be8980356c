//! `check`: graces that do not fit the time that a platform gives.

use super::project::Project;

const PROGRAM: &str = r#"
use homebound::{Exit, Registry};
use std::time::Duration;

const NOTICE: Duration = Duration::from_millis(3500);

fn main() -> Exit<()> {
    Registry::new("web").drain_notice(NOTICE).grace(Duration::from_secs(20)).run(|_| Ok(()))
}
"#;

fn unit(program: &str, more: &str) -> String {
    format!("[Service]\nExecStart=/usr/bin/{program}\n{more}\n")
}

#[track_caller]
fn notes(project: &Project) -> Vec<String> {
    let said = project.guard(&["check"]);
    assert_eq!(said.code, 0, "a note is no finding: {said:?}");
    let lines = said.out.lines().filter_map(|line| line.strip_prefix("note: "));
    lines.filter(|line| line.contains("the platform kills")).map(str::to_owned).collect()
}

#[test]
fn a_unit_that_kills_too_early_is_noted() {
    let project = Project::new(&[("src/main.rs", PROGRAM)]);
    project.write("web.service", unit("web", "TimeoutStopSec=27"));
    let sum = "drain_notice 3.5 s + grace 20 s + kill_after 2 s + 2 s for the last words";
    let noted = notes(&project);
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert!(
        noted[0]
            .starts_with("web.service:3: the platform kills after 27 s (TimeoutStopSec), and src/main.rs:8"),
        "{noted:?}"
    );
    assert!(noted[0].contains(&format!("may need 27.5 s: {sum}")), "{noted:?}");
    // Enough, by the file or by the default of 90 s.
    project.write("web.service", unit("web", "TimeoutStopSec=28"));
    assert!(notes(&project).is_empty());
    project.write("web.service", unit("web", ""));
    assert!(notes(&project).is_empty());
}

#[test]
fn a_manifest_has_a_default_and_a_hook() {
    let project = Project::new(&[("src/main.rs", PROGRAM)]);
    let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: web\n";
    project.write("deploy/pod.yaml", pod);
    assert!(notes(&project).is_empty(), "30 s are enough");
    let hook = "      lifecycle:\n        preStop:\n          sleep: {seconds: 4}\n";
    project.write("deploy/pod.yaml", format!("{pod}{hook}"));
    let noted = notes(&project);
    assert!(noted[0].starts_with("deploy/pod.yaml:4: the platform kills after 30 s"), "{noted:?}");
    assert!(noted[0].contains("its default") && noted[0].contains("the preStop hook 4 s + "), "{noted:?}");
    project.write("deploy/pod.yaml", format!("{pod}{hook}  terminationGracePeriodSeconds: 40\n"));
    assert!(notes(&project).is_empty());
}

#[test]
fn a_unit_is_judged_by_the_program_of_its_name() {
    let short = PROGRAM.replace("\"web\"", "\"tool\"").replace("from_secs(20)", "from_secs(1)");
    let project = Project::new(&[("web/src/main.rs", PROGRAM), ("tool/src/main.rs", &short)]);
    project.write("tool.service", unit("tool", "TimeoutStopSec=10"));
    assert!(notes(&project).is_empty(), "the other program takes longer, and is not this one");
    // A program of an unknown name may be each of them.
    project.write("tool.service", unit("wrapper", "TimeoutStopSec=10"));
    assert_eq!(notes(&project).len(), 1);
}

#[test]
fn a_time_that_is_no_number_is_not_judged() {
    let unknown = PROGRAM.replace("Duration::from_secs(20)", "grace()");
    let project = Project::new(&[("src/main.rs", &unknown)]);
    project.write("web.service", unit("web", "TimeoutStopSec=1"));
    assert!(notes(&project).is_empty());
    // The defaults of `run`, 5 s + 2 s + 2 s.
    project.write("src/main.rs", "fn main() { homebound::run(|_| Ok(())).code(); }\n");
    assert_eq!(notes(&project).len(), 1);
}
