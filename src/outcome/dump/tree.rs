//! Owns the order of the rows of a dump: the tree, with the rails before its lines.
//! Refuses to write a row: `row` does, and `alike` for rows that stand for many.

use std::fmt;

use crate::outcome::dump::alike::{self, MANY, Shapes};
use crate::outcome::dump::items::{Item, Row, Tree, items_of};
use crate::outcome::dump::row::{write_scope, write_thread};
use crate::outcome::dump::state::Detail;
use crate::outcome::status::snapshot::{Role, ScopeStatus};
use crate::outcome::together::together;
use crate::outcome::words::{Twins, rails};
use crate::rt::index::Index;
use crate::rt::shown::Shown;

/// A part of the text, before which its rails stand: one pair before its first line and before the
/// lines below it. `mark` is the id of a scope or thread, if others beside it have the same name.
enum Piece<'a> {
    Scope {
        scope: &'a ScopeStatus,
        mark: String,
    },
    Scopes(Vec<&'a ScopeStatus>),
    Thread {
        row: Row<'a>,
        mark: String,
        inner: Vec<&'a ScopeStatus>,
    },
    Threads {
        rows: Vec<Row<'a>>,
        inner: Vec<&'a ScopeStatus>,
    },
    /// The threads of a scope that stand above the tree.
    Above(Vec<&'a str>),
    Busy,
}

type Rails = (String, String);

impl<'a> Tree<'a> {
    /// Writes the tree: each thread is followed by the scopes that it opened, and groups come last.
    /// The threads in `above` have been written, and are only named. A work list takes the place of
    /// recursion, so that depth costs no stack (A5).
    pub(crate) fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        shapes: &Shapes,
        above: &Index<()>,
    ) -> fmt::Result {
        let root = Piece::Scope { scope: &self.snapshot.root, mark: String::new() };
        let mut list = vec![(root, Rails::default())];
        while let Some((piece, (branch, indent))) = list.pop() {
            let below = match piece {
                Piece::Scope { scope, mark } => {
                    write!(f, "{branch}{}{mark}", Shown(&scope.path))?;
                    write_scope(f, scope, Detail::All)?;
                    writeln!(f)?;
                    pieces_of(scope, shapes, above)
                }
                Piece::Scopes(scopes) => {
                    alike::write_scopes(f, &scopes, &branch, &format!("{indent}   "))?;
                    // Scopes of one shape hold the same rows, so the first scope stands for all.
                    scopes_of(scopes.get(..1).unwrap_or_default())
                }
                Piece::Thread { row, mark, inner } => {
                    let title = match row.thread.role {
                        Role::Body => format!("{branch}(body)"),
                        _ => format!("{branch}{}{mark}", Shown(&row.thread.name)),
                    };
                    if above.contains(row.thread.id.0) {
                        writeln!(f, "{title}  (above)")?;
                    } else {
                        write_thread(f, self, row, (&title, &rail_below(&indent, &inner)), 0)?;
                    }
                    scopes_of(&inner)
                }
                Piece::Threads { rows, inner } => {
                    alike::write_threads(f, self, &rows, &branch, &rail_below(&indent, &inner))?;
                    scopes_of(&inner)
                }
                Piece::Above(names) => {
                    write!(f, "{branch}above: ")?;
                    alike::write_names(f, &names, |name| Shown(name).to_string())?;
                    writeln!(f)?;
                    continue;
                }
                Piece::Busy => {
                    writeln!(f, "{branch}(busy: not looked into, or not as a whole)")?;
                    continue;
                }
            };
            let below = with_rails(below, &indent);
            // Reversed, because the list is emptied from its end.
            list.extend(below.into_iter().rev());
        }
        Ok(())
    }
}

/// The rail before the lines that belong to a thread.
fn rail_below(indent: &str, inner: &[&ScopeStatus]) -> String {
    format!("{indent}{}", if inner.is_empty() { "   " } else { "│  " })
}

fn with_rails<'a>(pieces: Vec<Piece<'a>>, indent: &str) -> Vec<(Piece<'a>, Rails)> {
    let count = pieces.len();
    pieces.into_iter().enumerate().map(|(place, piece)| (piece, rails(indent, place + 1 == count))).collect()
}

/// The scopes that a thread has opened.
fn scopes_of<'a>(scopes: &[&'a ScopeStatus]) -> Vec<Piece<'a>> {
    let paths = Twins::among(&mut scopes.iter().map(|scope| &*scope.path));
    let piece = |scope: &&'a ScopeStatus| Piece::Scope { scope, mark: paths.mark(&scope.path, scope.id) };
    scopes.iter().map(piece).collect()
}

/// What stands below a scope, from the top to the bottom.
fn pieces_of<'a>(scope: &'a ScopeStatus, shapes: &Shapes, above: &Index<()>) -> Vec<Piece<'a>> {
    let names = Twins::among(&mut scope.threads.iter().map(|thread| &*thread.name));
    let paths = Twins::among(&mut scope.scopes.iter().map(|inner| &*inner.path));
    let is_above = |item: &Item<'_>| matches!(item, Item::Thread(row, _) if above.contains(row.thread.id.0));
    // A thread that has opened scopes keeps its row, because the scopes hang from it.
    let is_only_named =
        |item: &Item<'_>| is_above(item) && matches!(item, Item::Thread(_, inner) if inner.is_empty());
    let (named, items): (Vec<_>, Vec<_>) = items_of(scope).into_iter().partition(is_only_named);
    let mut pieces = Vec::new();
    let one = |item| match item {
        Item::Scope(scope) => Piece::Scope { scope, mark: paths.mark(&scope.path, scope.id) },
        Item::Thread(row, inner) => {
            Piece::Thread { row, mark: names.mark(&row.thread.name, row.thread.id), inner }
        }
    };
    // A thread that stands above has no shape here, so that it keeps a row that says "above".
    for group in together(items, |item| shapes.item(item).filter(|_| !is_above(item))) {
        if group.len() < MANY {
            pieces.extend(group.into_iter().map(one));
            continue;
        }
        // A group has either threads or scopes, because their shapes are hashes of other values.
        // Threads that are alike have opened scopes that are alike, so `first` has the scopes of
        // one thread.
        let (mut rows, mut scopes, mut first) = (Vec::new(), Vec::new(), None);
        for item in group {
            match item {
                Item::Scope(scope) => scopes.push(scope),
                Item::Thread(row, inner) => {
                    rows.push(row);
                    first.get_or_insert(inner);
                }
            }
        }
        pieces.push(match first {
            Some(inner) => Piece::Threads { rows, inner },
            None => Piece::Scopes(scopes),
        });
    }
    if !named.is_empty() {
        let name = |item| match item {
            Item::Thread(row, _) if row.thread.role == Role::Body => "(body)",
            Item::Thread(row, _) => &*row.thread.name,
            Item::Scope(scope) => &*scope.path,
        };
        pieces.push(Piece::Above(named.into_iter().map(name).collect()));
    }
    if scope.busy {
        pieces.push(Piece::Busy);
    }
    pieces
}
