//! Each test that a script in `ci` names is there.

use std::collections::BTreeSet;
use std::fs;

use crate::source::{functions, none, root, sources};

/// A test that was renamed would come back into a run that leaves it out by its old name.
#[test]
fn the_tests_that_the_sanitizers_leave_out_are_there() {
    let mut known = BTreeSet::new();
    for source in ["tests", "homebound-stacks/tests"].into_iter().flat_map(|folder| sources(folder, ".rs")) {
        let (_, path) = source.path.split_once("tests/").unwrap_or_default();
        let program = path.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        known.extend(functions(&source).into_iter().map(|(name, _, _)| (program.clone(), name)));
    }
    let script = fs::read_to_string(root().join("ci/sanitizers.sh")).unwrap();
    let lists = script.split("<<'END'\n").skip(1).filter_map(|rest| rest.split("\nEND").next());
    let rows = lists.flat_map(str::lines).filter(|row| !row.starts_with('#')).collect::<Vec<_>>();
    assert!(rows.len() > 40, "the lists were found: {rows:?}");
    let is_there = |row: &str| {
        let (program, path) = row.split_once(' ')?;
        known.contains(&(program.to_owned(), path.rsplit("::").next()?.to_owned())).then_some(())
    };
    let unknown = rows.into_iter().filter(|row| is_there(row).is_none());
    none("tests that ci/sanitizers.sh names, and that are not there", unknown.map(str::to_owned));
}
