//! Owns the text of threads that wait for each other in a circle.
//! Refuses to look for circles: it prints those of the snapshot.

use std::fmt;

use crate::outcome::dump::items::{Row, Tree};
use crate::outcome::dump::row::{CALLERS, write_thread};
use crate::outcome::status::edge::Cycle;
use crate::rt::index::Index;
use crate::rt::shown::Shown;

/// Number of circles that are shown. The others are counted.
pub(crate) const MOST: usize = 8;

/// Writes a circle, and below it the rows of its threads, in the order of their waits.
pub(crate) fn write_cycle<'a>(
    f: &mut fmt::Formatter<'_>,
    tree: &Tree<'a>,
    cycle: &Cycle,
    rows: &Index<Row<'a>>,
) -> fmt::Result {
    f.write_str(if cycle.known { "deadlock: " } else { "deadlock, perhaps: " })?;
    let Some(last) = cycle.edges.last() else { return writeln!(f, "unknown") };
    let are_guesses = cycle.edges.iter().all(|edge| !edge.known);
    match &cycle.edges[..] {
        [edge] => write!(f, "{} waits for itself", Shown(&edge.path))?,
        edges => {
            write!(f, "{}", Shown(&last.path))?;
            for edge in edges {
                // Where all steps are guesses, the beginning of the line has said so.
                let arrow = if edge.known || are_guesses { "->" } else { "-(perhaps)->" };
                write!(f, " {arrow} {}", Shown(&edge.path))?;
            }
        }
    }
    writeln!(f)?;
    // The last edge leads to the thread that waits in the first.
    let order = cycle.edges.iter().cycle().skip(cycle.edges.len() - 1).take(cycle.edges.len());
    for row in order.filter_map(|edge| rows.get(edge.thread?.0)) {
        let title = format!("  {}", Shown(&row.thread.path));
        write_thread(f, tree, *row, (&title, "      "), CALLERS)?;
    }
    Ok(())
}
