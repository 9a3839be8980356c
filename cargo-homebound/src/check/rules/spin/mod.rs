//! Owns the rules `ignored-stop` and `deaf-loop`: loops whose waits end at once after the stop, and
//! which nothing ends then.
//! Refuses to know what becomes of an error in a variable or in another function: there the rules
//! say nothing.
//!
//! Read this file first, then `scan`, the look into one loop. `asked` finds the waits in an
//! expression, `leaves` decides whether code leaves the loop, `context` knows which methods of a
//! context and of `cx.io` fail on the stop.

mod asked;
mod context;
mod leaves;
mod scan;

use proc_macro2::Span;
use syn::{Block, Expr, ExprForLoop, ExprMethodCall, ExprWhile, Pat};

use scan::Scan;

use crate::check::resolve::types::{HB_IO, Ty};
use crate::check::rules::spin::asked::Lost;
use crate::check::rules::spin::context::{Kind, is_io};
use crate::check::state::Walk;
use crate::finding::rule::Rule;

/// Methods of an iterator that pass over an error to the next item. After a stop the next item is
/// the same error.
const PASS_OVER: &[&str] = &["flatten", "filter_map", "flat_map"];

const IGNORED: &str = "pass the stop on: `cx.sleep(..)?`, or leave the loop where the wait fails";
const DEAF: &str =
    "pass the error on with `?`, or leave the loop on the stop: `Err(_) if cx.is_stopping() => break`";

pub(crate) fn spins_in_loop(walk: &mut Walk, body: &Block) {
    let mut scan = Scan::new(walk);
    scan.block(body);
    let lost = scan.over();
    spins(walk, lost);
}

pub(crate) fn spins_in_while(walk: &mut Walk, it: &ExprWhile) {
    let mut scan = Scan::new(walk);
    scan.own_condition(&it.cond);
    scan.block(&it.body);
    let lost = scan.over();
    spins(walk, lost);
}

/// A `for` ends by itself. Only one over something endless can spin, or one over the lines of a
/// stream, since every line after the stop is an error.
pub(crate) fn spins_in_for(walk: &mut Walk, it: &ExprForLoop) {
    let lines = lines_of_io(walk, &it.expr);
    // `for line in reader.lines()` gets an error for each line after the stop. Iterators of a
    // context, such as `cx.ticks`, end on it.
    if lines.is_none() && !is_endless(&it.expr) {
        return;
    }
    let mut scan = Scan::new(walk);
    if let (Some(span), Pat::Ident(item)) = (lines, &*it.pat) {
        scan.item(item.ident.to_string(), span);
    }
    scan.block(&it.body);
    let lost = scan.over();
    spins(walk, lost);
}

/// `lines().flatten()`
pub(crate) fn passes_over(walk: &mut Walk, name: &str, call: &ExprMethodCall, ty: &Ty) {
    if ty.is(HB_IO) && PASS_OVER.contains(&name) {
        let message = format!("`{name}` passes over errors: after the stop each line is one, and it spins");
        walk.hit(
            Rule::DeafLoop,
            call.method.span(),
            message,
            "end at the first error: `map_while(Result::ok)`, or `line?` in a loop",
        );
    }
}

/// Makes findings of these waits: the loop spins by each of them.
fn spins(walk: &mut Walk, lost: Vec<Lost>) {
    for Lost { span, kind, what } in lost {
        let (rule, help) = match kind {
            Kind::Stop => (Rule::IgnoredStop, IGNORED),
            Kind::Descriptor => (Rule::DeafLoop, DEAF),
        };
        let message = format!("after the stop `{what}` ends at once, and nothing ends the loop: it spins");
        walk.hit(rule, span, message, help);
    }
}

/// Where `lines` stands in `reader.lines()`, if the reader is one of `cx.io`.
fn lines_of_io(walk: &mut Walk, expr: &Expr) -> Option<Span> {
    let Expr::MethodCall(call) = expr else { return None };
    // The iterators of `BufRead` and `Read`.
    let splits = ["lines", "split", "bytes"].iter().any(|name| call.method == name);
    (splits && is_io(walk, &call.receiver)).then(|| call.method.span())
}

/// `0..`, `repeat(x)`, `all.iter().cycle()`
fn is_endless(over: &Expr) -> bool {
    match over {
        Expr::Paren(inner) => is_endless(&inner.expr),
        Expr::Range(range) => range.end.is_none(),
        Expr::MethodCall(call) => {
            call.method == "cycle"
                || (["enumerate", "map"].iter().any(|name| call.method == name) && is_endless(&call.receiver))
        }
        Expr::Call(call) => {
            matches!(&*call.func, Expr::Path(path) if path.path.segments.last().is_some_and(|last| {
                ["repeat", "repeat_with", "from_fn", "successors"].iter().any(|name| last.ident == name)
            }))
        }
        _ => false,
    }
}
