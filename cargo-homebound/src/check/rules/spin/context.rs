//! Owns contexts and streams of `cx.io`: how they are recognised, and which of their methods fail
//! on the stop.
//! Refuses to know loops.

use syn::Expr;

use crate::check::resolve::names::Space;
use crate::check::resolve::types::{HB_CONTEXT, HB_IO};
use crate::check::state::{Found, Walk};

/// Which of the two rules speaks of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `ignored-stop`: a wait for a clock, a channel or a condition fails on the stop alone.
    Stop,
    /// `deaf-loop`: a call at a descriptor fails for other reasons too, so that a loop may mean to
    /// go on.
    Descriptor,
}

/// The methods of a context that fail on the stop, with the number of arguments.
pub(crate) const OF_CONTEXT: &[(&str, usize, Kind)] = &[
    ("sleep", 1, Kind::Stop),
    ("sleep_until", 1, Kind::Stop),
    ("recv", 1, Kind::Stop),
    ("recv_timeout", 2, Kind::Stop),
    ("recv_deadline", 2, Kind::Stop),
    ("send", 2, Kind::Stop),
    ("send_timeout", 3, Kind::Stop),
    ("checkpoint", 0, Kind::Stop),
    ("wait_for_stop", 0, Kind::Stop),
    ("wait_while", 3, Kind::Stop),
    ("wait_while_timeout", 4, Kind::Stop),
    ("ticks", 1, Kind::Stop),
    ("iter", 1, Kind::Stop),
    ("drain", 1, Kind::Stop),
    ("accept", 1, Kind::Descriptor),
    ("connect", 2, Kind::Descriptor),
    ("wait_readable", 2, Kind::Descriptor),
    ("wait_writable", 2, Kind::Descriptor),
    ("recv_from", 2, Kind::Descriptor),
    ("send_to", 3, Kind::Descriptor),
];

/// The methods of a stream of `cx.io` that fail on the stop.
pub(crate) const OF_IO: &[&str] = &[
    "read",
    "read_exact",
    "read_to_end",
    "read_to_string",
    "read_line",
    "read_until",
    "read_vectored",
    "fill_buf",
    "write",
    "write_all",
    "flush",
];

/// Whether a value is a context: by its type, or by its name where the type is not known.
pub(crate) fn is_context(walk: &mut Walk, expr: &Expr) -> bool {
    match expr {
        Expr::Path(path) => {
            let Some(name) = path.path.get_ident() else { return false };
            match walk.single(name, Space::Values) {
                Some(Found::Var(var)) if !walk.vars[var].ty.is_unknown() => walk.vars[var].ty.is(HB_CONTEXT),
                // A static or a function called `cx` is no context: one belongs to its thread.
                Some(Found::Item(_)) => false,
                // Parameters of closures often have no type in the text. `cx` is their usual name.
                _ => names_context(&name.to_string()),
            }
        }
        Expr::Field(field) => {
            matches!(&field.member, syn::Member::Named(name) if names_context(&name.to_string()))
        }
        // `scope.context().sleep(..)`
        Expr::MethodCall(call) => call.method == "context" && call.args.is_empty(),
        Expr::Reference(inner) => is_context(walk, &inner.expr),
        Expr::Paren(inner) => is_context(walk, &inner.expr),
        _ => false,
    }
}

/// Whether a value is a stream of `cx.io`, or a reader or writer around one.
pub(crate) fn is_io(walk: &mut Walk, expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) | Expr::Field(_) => walk.glance(expr).is(HB_IO),
        Expr::Reference(inner) => is_io(walk, &inner.expr),
        Expr::Paren(inner) => is_io(walk, &inner.expr),
        // `cx.io(&stream).read(..)` without a variable.
        Expr::MethodCall(call) if call.method == "io" => is_context(walk, &call.receiver),
        // `cx.io(&stream).take(10)` reads the same stream.
        Expr::MethodCall(call) => is_io(walk, &call.receiver),
        Expr::Call(call) => match (&*call.func, call.args.last()) {
            (Expr::Path(path), Some(inner)) => {
                let names: Vec<_> = path.path.segments.iter().map(|one| one.ident.to_string()).collect();
                let wraps =
                    |name: &String| ["BufReader", "BufWriter", "LineWriter", "BufRead"].contains(&&**name);
                names.iter().any(wraps) && is_io(walk, inner)
            }
            _ => false,
        },
        _ => false,
    }
}

pub(crate) fn names_context(name: &str) -> bool {
    ["cx", "ctx", "context"].contains(&name) || name.ends_with("_cx")
}
