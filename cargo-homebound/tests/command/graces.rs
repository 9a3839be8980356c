//! `cargo homebound graces`: what a history says about the grace.

use super::project::Project;

/// A run that took so many milliseconds, in which one thread took all of it.
fn run(took_ms: u64) -> String {
    format!(
        "{{\"version\":1,\"at\":1,\"pid\":2,\"scope\":\"/app\",\"reason\":null,\"grace_us\":5000000,\
         \"kill_after_us\":2000000,\"took_us\":{0},\"total\":2,\"timeout\":0,\"forced\":false,\"threads\":[\
         {{\"path\":\"/app/slow-*\",\"threads\":3,\"took_us\":{0},\"overdue\":false}},\
         {{\"path\":\"/app/quick\",\"threads\":1,\"took_us\":10,\"overdue\":false}}]}}\n",
        took_ms * 1_000
    )
}

#[test]
fn gh3_percentiles_and_a_suggestion() {
    // catches: a percentile of another rank, rows in the order of names, a grace below what was
    // needed
    let history: String = (1..=100).rev().map(|n| run(n * 40)).collect();
    let project = Project::new(&[("a.jsonl", &history)]);
    let said = project.guard(&["graces", "a.jsonl"]);
    assert_eq!((said.code, &*said.err), (0, ""), "{said:?}");
    let lines: Vec<_> = said.out.lines().collect();
    assert_eq!(lines[0], "/app: 100 runs, grace 5.00 s in the last one");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert_eq!(words(lines[2]), "the whole stop 2.00 s 3.80 s 3.96 s 4.00 s 80 %");
    assert_eq!(words(lines[3]), "/app/slow-* 2.00 s 3.80 s 3.96 s 4.00 s 80 %");
    assert_eq!(words(lines[4]), "/app/quick 10 us 10 us 10 us 10 us 0 %");
    let suggestion = "suggestion: grace 6 s, half as much again as the 99th percentile (3.96 s), rounded; \
                      more than there is now";
    assert_eq!(lines[5], suggestion);
    assert_eq!(lines.len(), 6, "{said:?}");
    assert_eq!(project.read("a.jsonl"), history, "it only reads");
}

#[test]
fn gh3_a_run_that_was_ended_by_force_has_no_known_end() {
    // catches: the grace itself taken for what was needed; a stuck thread as a reason for a longer
    // grace
    let forced = run(7_000)
        .replace("\"forced\":false", "\"forced\":true")
        .replace("\"timeout\":0", "\"timeout\":1")
        .replacen("\"took_us\":7000000,\"overdue\":false", "\"took_us\":null,\"overdue\":true", 1);
    let project = Project::new(&[("a.jsonl", &format!("{}{forced}{}", run(100), run(200)))]);
    let said = project.guard(&["graces", "a.jsonl"]);
    assert!(
        said.out.starts_with("/app: 3 runs, grace 5.00 s in the last one, 1 ended by force\n"),
        "{said:?}"
    );
    let row = said.out.lines().find(|line| line.starts_with("/app/slow-*")).unwrap();
    assert!(row.contains("200.0 ms") && row.contains("not home") && row.ends_with("overdue in 1"), "{row}");
    assert!(said.out.contains("suggestion: grace 1 s") && said.out.contains("stuck"), "{said:?}");
    assert!(said.out.contains("3 runs are few"), "{said:?}");
}

#[test]
fn gh3_lines_that_cannot_be_read_are_counted() {
    // catches: a cut line that hides the others, a file that is not there as an empty one
    let text = format!("{}{{\"version\":1,\"scope\":\n\n{{\"version\":9}}\n\u{fffd}\n{}", run(5), run(6));
    let project = Project::new(&[("a.jsonl", &text), ("empty", "")]);
    let said = project.guard(&["graces", "a.jsonl"]);
    assert!(said.out.starts_with("/app: 2 runs,"), "{said:?}");
    assert!(said.out.ends_with("3 lines could not be read, the first is line 2\n"), "{said:?}");
    assert_eq!(project.guard(&["graces", "empty"]).out, "no run in this history\n");
    let said = project.guard(&["graces", "nowhere", "a.jsonl"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("nowhere") && said.err.contains("Registry::history"), "{said:?}");
}
