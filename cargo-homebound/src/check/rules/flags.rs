//! Owns what a condition asks: whether it looks at something that another thread sets, so that a
//! loop ends by it.
//! Refuses to know loops: `polled` does.

use syn::{BinOp, Expr, ExprMethodCall, Member, Stmt, UnOp};

use crate::check::resolve::bodies::{is_state, locks, place_name};
use crate::check::resolve::names::{Res, Space};
use crate::check::resolve::types::Ty;
use crate::check::state::{Found, Walk};

/// Parts of names that are about an end. A name with such a part is a flag if the loop does not set
/// it; other names count only in a loop's own condition.
pub(crate) const ABOUT_ENDS: &[&str] =
    &["done", "finish", "exit", "close", "closing", "alive", "kill", "abort"];

/// The answer to what a condition looks at.
#[derive(Debug, PartialEq)]
pub(crate) enum Look {
    /// Something that another thread sets: an atomic, a lock, a name that says so.
    Flag,
    /// A variable or a field. It is a flag, unless the loop sets it itself.
    Named(String),
    /// Neither a flag nor a name.
    No,
}

impl Look {
    fn or(self, other: impl FnOnce() -> Look) -> Look {
        match self {
            Look::Flag => Look::Flag,
            Look::No => other(),
            Look::Named(name) => match other() {
                Look::Flag => Look::Flag,
                _ => Look::Named(name),
            },
        }
    }
}

/// Whether the value of `expr`, of type `ty`, is the state of a flag, or the guard of a lock around
/// one.
pub(crate) fn reads_flag(walk: &mut Walk, expr: &Expr, ty: &Ty) -> bool {
    let guard = ty.is_unknown() || ty.is("bool");
    (!is_upgrade(expr) && flag(walk, expr) == Look::Flag) || (guard && locks(expr))
}

/// A loop that upgrades a `Weak` uses the `Arc`: the variable is no flag, though the upgrade asks
/// for an end.
fn is_upgrade(expr: &Expr) -> bool {
    matches!(expr, Expr::MethodCall(call) if call.method == "upgrade")
}

pub(crate) fn flag(walk: &mut Walk, condition: &Expr) -> Look {
    match condition {
        Expr::Paren(inner) => flag(walk, &inner.expr),
        Expr::Group(inner) => flag(walk, &inner.expr),
        // `while let Ok(job) = rx.try_recv()` takes messages that are there, and ends when there is
        // none.
        Expr::Let(inner) if takes(&inner.pat) && tries_to_receive(&inner.expr) => Look::No,
        Expr::Let(inner) => flag(walk, &inner.expr),
        Expr::Match(inner) => flag(walk, &inner.expr),
        // `unsafe { STOP }`, a mutable static.
        Expr::Unsafe(block) => match block.block.stmts.as_slice() {
            [Stmt::Expr(inner, None)] => flag(walk, inner),
            _ => Look::No,
        },
        Expr::Unary(inner) => match inner.op {
            // `while !*stop.lock().unwrap()`.
            UnOp::Deref(_) if locks(&inner.expr) => Look::Flag,
            _ => flag(walk, &inner.expr),
        },
        Expr::Binary(binary) => match binary.op {
            // One part that is a flag is enough: the loop may end by it.
            BinOp::And(_) | BinOp::Or(_) => flag(walk, &binary.left).or(|| flag(walk, &binary.right)),
            // A comparison with a number waits for a count, which is no flag. A comparison with a
            // state looks at a flag.
            BinOp::Eq(_) | BinOp::Ne(_) if is_state(&binary.right) => match flag(walk, &binary.left) {
                Look::Flag => Look::Flag,
                _ => Look::No,
            },
            _ => Look::No,
        },
        Expr::MethodCall(call) => method_looks(walk, call),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => {
                // A function of this file that only asks a flag, or a function without arguments
                // whose name says it.
                // `while running() {`: a closure that the caller gives, whose name says it.
                let given = call.args.is_empty() && variable_says(walk, path);
                let own = walk.own_function(path).is_some_and(|own| walk.names.declared.fns[own].asks);
                let last = path.path.segments.last().map(|last| last.ident.to_string());
                let named = call.args.is_empty() && last.is_some_and(|name| asks_to_stop(&name));
                if given || own || named { Look::Flag } else { Look::No }
            }
            _ => Look::No,
        },
        Expr::Path(path) => variable_looks(walk, path),
        Expr::Field(field) => match &field.member {
            Member::Named(name) => named(&name.to_string()),
            Member::Unnamed(_) => Look::No,
        },
        _ => Look::No,
    }
}

/// A condition that is a name alone.
fn variable_looks(walk: &mut Walk, path: &syn::ExprPath) -> Look {
    let Some(name) = path.path.get_ident() else { return Look::No };
    let first = walk.loops.last().map_or(0, |last| last.first);
    match walk.single(name, Space::Values) {
        // Declared inside of the loop: a flag only if it was read from one.
        Some(Found::Var(var)) if var >= first => match walk.vars[var].ty {
            Ty::Flag => Look::Flag,
            _ => Look::No,
        },
        Some(Found::Var(var)) if matches!(walk.vars[var].ty, Ty::Flag) => Look::Named(name.to_string()),
        // A static.
        Some(Found::Item(Res::Value(_))) => Look::Flag,
        // No other thread can set a variable of this function. The name alone must say that
        // it is a flag, as a shared variable's would.
        _ => match named(&name.to_string()) {
            Look::Flag => Look::Flag,
            _ => Look::No,
        },
    }
}

/// Whether a path is a variable with the name of a flag.
fn variable_says(walk: &mut Walk, path: &syn::ExprPath) -> bool {
    let Some(name) = path.path.get_ident() else { return false };
    let variable = matches!(walk.single(name, Space::Values), Some(Found::Var(_)));
    variable && named(&name.to_string()) == Look::Flag
}

/// A variable or a field of this name.
fn named(name: &str) -> Look {
    let lower = name.to_lowercase();
    let told = ["running", "stop", "shutdown", "quit", "cancel", "terminat", "keep_going"];
    if told.iter().any(|stem| lower.contains(stem)) { Look::Flag } else { Look::Named(name.to_owned()) }
}

/// Parts of names of functions that ask whether to end.
fn asks_to_stop(name: &str) -> bool {
    let stems = [
        "stopp",
        "should_",
        "shutdown",
        "shutting",
        "cancel",
        "terminating",
        "interrupt",
        "stop_req",
        "is_stop",
        "quit",
        "is_running",
        "keep_running",
        "keep_going",
        "exiting",
    ];
    stems.iter().any(|stem| name.contains(stem)) || name == "is_set"
}

fn method_looks(walk: &mut Walk, call: &ExprMethodCall) -> Look {
    let name = call.method.to_string();
    match (name.as_str(), call.args.len()) {
        ("load", 1) => Look::Flag,
        // `for _ in (0..).take_while(|_| !stop.load(Relaxed))`.
        ("take_while" | "map_while", 1) => match call.args.first() {
            Some(Expr::Closure(closure)) => flag(walk, &closure.body),
            _ => Look::No,
        },
        // A sender or an owner that is gone is how some programs ask for a stop, and so is a
        // message.
        ("upgrade" | "try_recv", 0) => Look::Flag,
        // The same, of a channel whose other end is in another thread.
        ("is_closed" | "is_disconnected", 0)
            if place_name(&call.receiver).is_some_and(|place| names_sender(&place)) =>
        {
            Look::Flag
        }
        // Any map or cell has a `get`. The receiver's name must say that it is a flag.
        ("get" | "has_changed" | "is_finished_flag", 0) => match place_name(&call.receiver) {
            Some(place) if named(&place) == Look::Flag => Look::Flag,
            _ => Look::No,
        },
        ("is_ok" | "is_err" | "is_some" | "is_none" | "unwrap" | "unwrap_or_default", 0)
        | ("unwrap_or" | "expect", 1) => flag(walk, &call.receiver),
        (name, 0) if asks_to_stop(name) => Look::Flag,
        (name, _) if walk.names.declared.asks(name) => Look::Flag,
        _ => Look::No,
    }
}

fn names_sender(name: &str) -> bool {
    ["tx", "sender"].iter().any(|word| name == *word || name.ends_with(&format!("_{word}")))
}

/// `Ok(x)`
fn takes(pat: &syn::Pat) -> bool {
    matches!(pat, syn::Pat::TupleStruct(pat) if pat.path.segments.last().is_some_and(|last| last.ident == "Ok"))
}

fn tries_to_receive(expr: &Expr) -> bool {
    matches!(expr, Expr::MethodCall(call) if call.method == "try_recv")
}

/// Whether the name of a method says that a stop is asked for, whatever the code does then.
pub(crate) fn asks_by_name(condition: &Expr) -> bool {
    match condition {
        Expr::Paren(inner) => asks_by_name(&inner.expr),
        Expr::Unary(inner) => asks_by_name(&inner.expr),
        Expr::Binary(binary) => asks_by_name(&binary.left) || asks_by_name(&binary.right),
        Expr::MethodCall(call) => call.args.is_empty() && asks_to_stop(&call.method.to_string()),
        _ => false,
    }
}
