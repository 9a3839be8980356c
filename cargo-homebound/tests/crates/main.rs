//! The guard on published crates, against labels that a person gave them: precision and recall of
//! each rule. Needs the sources, which `ci/guard.sh` has cargo fetch, and so only that script runs
//! it.

mod labels;
mod moved;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use cargo_homebound::check;
use cargo_homebound::rule::Rule;

use labels::{Label, Labelled};

/// Rules that need a scope around: they are asked with the threads of a file moved onto one.
const MOVED: [Rule; 1] = [Rule::DeafWait];
/// Rules about waits that were moved, but badly.
const TOLD: [Rule; 2] = [Rule::IgnoredStop, Rule::DeafLoop];
/// The least precision and recall of each rule.
const GOAL: f64 = 0.9;

#[derive(Default)]
struct Count {
    right: Vec<String>,
    wrong: Vec<String>,
    missed: Vec<String>,
}

impl Count {
    fn precision(&self) -> f64 {
        self.right.len() as f64 / (self.right.len() + self.wrong.len()).max(1) as f64
    }

    fn recall(&self) -> f64 {
        self.right.len() as f64 / (self.right.len() + self.missed.len()).max(1) as f64
    }
}

#[test]
#[ignore = "needs the sources of published crates: ci/guard.sh"]
fn what_a_person_reads_in_crates_is_what_the_guard_says() {
    let folder =
        std::env::var_os("HOMEBOUND_CRATES").expect("HOMEBOUND_CRATES: the folder with name-version/");
    let folder = PathBuf::from(folder);
    let mut counts: BTreeMap<Rule, Count> = BTreeMap::new();
    for file in labels::read(include_str!("labels.txt")) {
        let path = folder.join(&file.krate).join(&file.path);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        file.verify(&text);
        measure(&file, &text, &mut counts);
    }
    for (rule, count) in &counts {
        let Count { right, wrong, missed } = count;
        let percent = (100.0 * count.precision(), 100.0 * count.recall());
        let counts = (right.len(), wrong.len(), missed.len());
        println!(
            "| `{rule}` | {} | {} | {} | {:.1} % | {:.1} % |",
            counts.0, counts.1, counts.2, percent.0, percent.1
        );
        wrong.iter().for_each(|one| println!("    false  {one}"));
        missed.iter().for_each(|one| println!("    missed {one}"));
    }
    for (rule, count) in counts {
        assert!(count.precision() >= GOAL && count.recall() >= GOAL, "{rule} is below {GOAL}");
    }
}

fn measure(file: &Labelled, text: &str, counts: &mut BTreeMap<Rule, Count>) {
    let moved = moved::moved(text);
    let told = file.told(&moved);
    let views = [(text, Label::AsIs), (&*moved, Label::AsIs), (&*told, Label::Told)];
    for (at, (text, labels)) in views.into_iter().enumerate() {
        let is_asked = |rule: &Rule| match at {
            0 => !MOVED.contains(rule) && !TOLD.contains(rule),
            1 => MOVED.contains(rule),
            _ => TOLD.contains(rule),
        };
        let mut found: Vec<_> =
            check::source(&file.path, text).iter().map(|one| (one.line, one.rule)).collect();
        found.retain(|(line, rule)| is_asked(rule) && *line <= file.last);
        found.sort_unstable();
        found.dedup();
        for (line, rule) in &found {
            let place = format!("{}/{}:{line}", file.krate, file.path);
            match file.has(labels, *line, *rule) {
                Some(true) => counts.entry(*rule).or_default().right.push(place),
                Some(false) => {}
                None => counts.entry(*rule).or_default().wrong.push(place),
            }
        }
        for (line, rule) in file.all(labels).filter(|(_, rule)| is_asked(rule)) {
            if !found.contains(&(line, rule)) {
                let place = format!("{}/{}:{line}", file.krate, file.path);
                counts.entry(rule).or_default().missed.push(place);
            }
        }
    }
}
