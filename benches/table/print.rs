//! Owns the output of results: one Markdown table of the rows, one of the other peers, or JSON.
//! Refuses to judge: a row knows whether it is met.

use serde_json::{Value, json};

use crate::growth::Curve;
use crate::measure::{Plan, Side};
use crate::peers::Comparison;
use crate::row::Row;

pub(crate) fn tables(plan: &Plan, rows: &[Row], others: &[Comparison], curves: &[Curve]) {
    if plan.quick {
        println!("--quick: to see that it runs, not to judge by\n");
    }
    if !rows.is_empty() {
        let head = ["row", "what", "ours", "min–max", "peer", "", "min–max", "ratio", "goal", "met"];
        table(&head, rows.iter().map(cells).collect());
    }
    for Comparison { what, sides } in others {
        println!("\n{what} (us each, for information):\n");
        let first = sides[0].median();
        let row = |side: &Side| {
            let ratio = format!("{:.2}x", side.median() / first);
            vec![side.name.to_owned(), figure(side.median()), spread(side), ratio]
        };
        table(&["library", "median", "min–max", "to ours"], sides.iter().map(row).collect());
    }
    if !curves.is_empty() {
        println!("\nMicroseconds for each thread, by the number of threads:\n");
        let mut head = vec![String::new()];
        head.extend(curves[0].points.iter().map(|(threads, _)| threads.to_string()));
        let row = |curve: &Curve| {
            let name = [format!("{}: {}", curve.panel, curve.name)];
            name.into_iter().chain(curve.points.iter().map(|(_, cost)| figure(*cost))).collect()
        };
        table(&head.iter().map(String::as_str).collect::<Vec<_>>(), curves.iter().map(row).collect());
    }
}

fn cells(row: &Row) -> Vec<String> {
    let met = row.met().map_or("–", |met| if met { "met" } else { "NOT MET" });
    let (name, median, between) = row
        .peer
        .as_ref()
        .map_or_else(Default::default, |peer| (peer.name.to_owned(), figure(peer.median()), spread(peer)));
    vec![
        row.id.to_owned(),
        row.what.clone(),
        format!("{} {}", figure(row.ours.median()), row.unit),
        spread(&row.ours),
        name,
        median,
        between,
        row.relation(),
        row.goal_text(),
        met.to_owned(),
    ]
}

fn spread(side: &Side) -> String {
    format!("{}–{}", figure(side.least()), figure(side.most()))
}

/// A figure with three significant digits.
fn figure(value: f64) -> String {
    match value {
        value if value.is_infinite() => "died".to_owned(),
        value if value.abs() >= 100.0 => format!("{value:.0}"),
        value if value.abs() >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

fn table(head: &[&str], rows: Vec<Vec<String>>) {
    let mut widths: Vec<usize> = head.iter().map(|word| word.chars().count()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[&str]| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("| {} |", padded.join(" | "));
    };
    line(head);
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    line(&rules.iter().map(String::as_str).collect::<Vec<_>>());
    for row in &rows {
        line(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

pub(crate) fn json(plan: &Plan, rows: &[Row], others: &[Comparison], curves: &[Curve]) -> Value {
    let side = |side: &Side| json!({ "name": side.name, "median": side.median(), "samples": side.samples });
    let row = |row: &Row| {
        json!({
            "row": row.id, "what": row.what, "unit": row.unit, "ours": side(&row.ours),
            "peer": row.peer.as_ref().map(side), "ratio": row.ratio(), "goal": row.goal_text(), "met": row.met(),
        })
    };
    let other = |other: &Comparison| json!({ "what": other.what, "sides": other.sides.iter().map(side).collect::<Vec<_>>() });
    let curve = |curve: &Curve| json!({ "panel": curve.panel, "name": curve.name, "points": curve.points });
    json!({
        "rounds": plan.rounds,
        "quick": plan.quick,
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
        "peers": others.iter().map(other).collect::<Vec<_>>(),
        "curves": curves.iter().map(curve).collect::<Vec<_>>(),
    })
}
