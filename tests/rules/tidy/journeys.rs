//! docs/JOURNEYS.md leads through the sources by the names of functions: each is in the file that
//! its row names.

use std::fs;

use crate::source::{Source, functions, none, root};

const PAGE: &str = "docs/JOURNEYS.md";

/// A row of a table: `Type::function`, and the file below `src`.
struct Row {
    function: String,
    file: String,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join(PAGE)).unwrap();
    let cells = text.lines().map(|line| line.split(" | ").map(str::trim).collect::<Vec<_>>());
    let rows = cells.filter(|cells| cells.len() > 2 && cells[0].starts_with("| `"));
    rows.map(|cells| Row {
        function: cells[0].trim_matches(['|', ' ', '`']).to_owned(),
        file: cells[1].trim_start_matches('[').split(']').next().unwrap_or_default().to_owned(),
    })
    .collect()
}

/// True if the file has the function, and, where the row names a type, an `impl` of that type.
fn is_in(row: &Row, source: &Source) -> bool {
    let (owner, name) = match row.function.split_once("::") {
        Some((owner, name)) => (Some(owner), name),
        None => (None, row.function.as_str()),
    };
    let begins = |line: &str, owner: &str| {
        let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        line.starts_with("impl") && words.into_iter().any(|word| word == owner)
    };
    let owned = owner.is_none_or(|owner| source.text.lines().any(|line| begins(line, owner)));
    owned && functions(source).iter().any(|(there, _, _)| there == name)
}

#[test]
fn each_step_of_a_journey_is_in_the_file_that_it_names() {
    let rows = rows();
    assert!(rows.len() > 40, "only {} steps were read from {PAGE}", rows.len());
    let lost = rows.iter().filter(|row| {
        let path = format!("src/{}", row.file);
        let text = fs::read_to_string(root().join(&path)).unwrap_or_default();
        !is_in(row, &Source { path, text })
    });
    none("steps that are not in their file", lost.map(|row| format!("{} in {}", row.function, row.file)));
}
