//! Owns the rules `ignored-stop` and `deaf-loop`: loops whose waits end at once after the stop, and which nothing ends then.
//! Refuses to know what becomes of an error in a variable or in another function: then it says nothing.

mod asked;
mod leaves;
mod scan;

use proc_macro2::Span;
use syn::{Block, Expr, ExprForLoop, ExprMethodCall, ExprWhile, Pat};

use super::names::Space;
use super::types::{HB_CONTEXT, HB_IO, Ty};
use super::walk::{Found, Walk};
use crate::rule::Rule;
use scan::Scan;

/// What waits, or does after the stop as if it did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// At a clock, a channel, a condition.
    Stop,
    /// At a descriptor: its errors are those of the descriptor, too.
    Descriptor,
}

/// The waits of a context that fail on the stop, and with how many arguments.
const OF_CONTEXT: &[(&str, usize, Kind)] = &[
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

/// What fails on the stop of a stream that `cx.io` has made.
const OF_IO: &[&str] = &[
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

/// What goes on behind an error, with the next item, which is the same error.
const PASS_OVER: &[&str] = &["flatten", "filter_map", "flat_map"];

const IGNORED: &str = "pass the stop on: `cx.sleep(..)?`, or leave the loop where the wait fails";
const DEAF: &str =
    "pass the error on with `?`, or leave the loop on the stop: `Err(_) if cx.is_stopping() => break`";

impl Walk {
    pub(super) fn spins_in_loop(&mut self, body: &Block) {
        let mut scan = Scan::new(self);
        scan.block(body);
        scan.over();
    }

    pub(super) fn spins_in_while(&mut self, it: &ExprWhile) {
        let mut scan = Scan::new(self);
        scan.own_condition(&it.cond);
        scan.block(&it.body);
        scan.over();
    }

    /// A `for` ends by itself, but for one over something endless, or over the lines of a stream, whose errors have no end.
    pub(super) fn spins_in_for(&mut self, it: &ExprForLoop) {
        let lines = self.lines_of_io(&it.expr);
        if lines.is_none() && !is_endless(&it.expr) {
            return;
        }
        let mut scan = Scan::new(self);
        if let (Some(span), Pat::Ident(item)) = (lines, &*it.pat) {
            scan.item(item.ident.to_string(), span);
        }
        scan.block(&it.body);
        scan.over();
    }

    /// `lines().flatten()`
    pub(super) fn passes_over(&mut self, name: &str, call: &ExprMethodCall, ty: &Ty) {
        if ty.is(HB_IO) && PASS_OVER.contains(&name) {
            let message =
                format!("`{name}` passes over errors: after the stop each line is one, and it spins");
            self.hit(
                Rule::DeafLoop,
                call.method.span(),
                message,
                "end at the first error: `map_while(Result::ok)`, or `line?` in a loop",
            );
        }
    }

    fn spins(&mut self, span: Span, kind: Kind, what: &str) {
        let (rule, help) = match kind {
            Kind::Stop => (Rule::IgnoredStop, IGNORED),
            Kind::Descriptor => (Rule::DeafLoop, DEAF),
        };
        let message = format!("after the stop `{what}` ends at once, and nothing ends the loop: it spins");
        self.hit(rule, span, message, help);
    }

    /// Where `lines()` stands in `reader.lines()`, if that reads what `cx.io` has made.
    fn lines_of_io(&mut self, expr: &Expr) -> Option<Span> {
        let Expr::MethodCall(call) = expr else { return None };
        let splits = ["lines", "split", "bytes"].iter().any(|name| call.method == name);
        (splits && self.is_io(&call.receiver)).then(|| call.method.span())
    }

    /// Whether a value is a context, by its type, or by its name where nothing is known of it.
    fn is_context(&mut self, expr: &Expr) -> bool {
        match expr {
            Expr::Path(path) => {
                let Some(name) = path.path.get_ident() else { return false };
                match self.single(name, Space::Values) {
                    Some(Found::Var(var)) if !self.vars[var].ty.is_unknown() => {
                        self.vars[var].ty.is(HB_CONTEXT)
                    }
                    Some(Found::Item(_)) => false,
                    _ => names_context(&name.to_string()),
                }
            }
            Expr::Field(field) => {
                matches!(&field.member, syn::Member::Named(name) if names_context(&name.to_string()))
            }
            Expr::MethodCall(call) => call.method == "context" && call.args.is_empty(),
            Expr::Reference(inner) => self.is_context(&inner.expr),
            Expr::Paren(inner) => self.is_context(&inner.expr),
            _ => false,
        }
    }

    /// Whether a value is a stream of `cx.io`'s, or something around one.
    fn is_io(&mut self, expr: &Expr) -> bool {
        match expr {
            Expr::Path(_) | Expr::Field(_) => self.glance(expr).is(HB_IO),
            Expr::Reference(inner) => self.is_io(&inner.expr),
            Expr::Paren(inner) => self.is_io(&inner.expr),
            Expr::MethodCall(call) if call.method == "io" => self.is_context(&call.receiver),
            Expr::MethodCall(call) => self.is_io(&call.receiver),
            Expr::Call(call) => match (&*call.func, call.args.last()) {
                (Expr::Path(path), Some(inner)) => {
                    let names: Vec<_> = path.path.segments.iter().map(|one| one.ident.to_string()).collect();
                    let wraps = |name: &String| {
                        ["BufReader", "BufWriter", "LineWriter", "BufRead"].contains(&&**name)
                    };
                    names.iter().any(wraps) && self.is_io(inner)
                }
                _ => false,
            },
            _ => false,
        }
    }
}

fn names_context(name: &str) -> bool {
    ["cx", "ctx", "context"].contains(&name) || name.ends_with("_cx")
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
