//! Owns the rule `polled-stop`: loops that sleep, and look at a flag that others set.
//! Refuses to know who sets it.

use proc_macro2::{Ident, Span};
use syn::{BinOp, Block, Expr, ExprMethodCall, Member, Stmt, UnOp};

use super::flow::Node;
use super::names::{Res, Space};
use super::types::Ty;
use super::walk::{Found, Walk};
use crate::rule::Rule;

/// A loop that the walk is in.
#[derive(Debug)]
pub(super) struct Loop {
    /// Where the value of its `break` goes.
    pub(super) result: Node,
    pub(super) label: Option<Ident>,
    /// Variables from here on were declared in it.
    first: usize,
    sleeps: Option<Span>,
    looks: bool,
    /// Names that it ends by, which could be its own.
    asked: Vec<String>,
    /// Names that it gives values to.
    given: Vec<String>,
}

impl Loop {
    pub(super) fn new(result: Node, label: Option<Ident>, first: usize) -> Loop {
        Loop { result, label, first, sleeps: None, looks: false, asked: Vec::new(), given: Vec::new() }
    }
}

const SLEEPS: &[&str] = &[
    "std::thread::sleep",
    "std::thread::sleep_ms",
    "std::thread::sleep_until",
    "std::thread::park_timeout",
    "std::thread::park_timeout_ms",
    "libc::sleep",
    "libc::usleep",
    "libc::nanosleep",
];

/// These sleep where they are awaited.
const AWAITED: &[&str] = &["tokio::time::sleep", "async_std::task::sleep"];

const HELP: &str = "wait for the stop itself: `cx.sleep(..)`, `cx.recv(..)` and the other waits of a context end when it comes";

impl Walk {
    pub(super) fn leave_loop(&mut self) {
        let Some(done) = self.loops.pop() else { return };
        let looks = done.looks || done.asked.iter().any(|name| !done.given.contains(name));
        let Some(span) = done.sleeps else { return };
        if looks {
            let message =
                "this loop sleeps and looks at a flag: a stop is seen only when the sleep is over".to_owned();
            self.hit(Rule::PolledStop, span, message, HELP);
        } else if let Some(outer) = self.loops.last_mut() {
            outer.sleeps.get_or_insert(span);
        }
    }

    /// A condition in the loop that the walk is in; `ends`: the loop may end by it.
    pub(super) fn flag_in_condition(&mut self, condition: &Expr, ends: bool) {
        if !ends || self.loops.is_empty() {
            return;
        }
        let found = flag(self, condition);
        let Some(last) = self.loops.last_mut() else { return };
        match found {
            Look::Flag => last.looks = true,
            Look::Named(name) => last.asked.push(name),
            Look::No => {}
        }
    }

    /// Likewise, where it is not the loop's own condition: then a name alone must say that it is about an end.
    pub(super) fn flag_inside(&mut self, condition: &Expr, ends: bool) {
        if ends && !self.loops.is_empty() {
            match flag(self, condition) {
                Look::Named(name) if !ABOUT_ENDS.iter().any(|stem| name.to_lowercase().contains(stem)) => {}
                _ => self.flag_in_condition(condition, ends),
            }
        }
    }
}

impl Walk {
    /// What a `match` is about: a name alone may be anything.
    pub(super) fn flag_in_match(&mut self, about: &Expr, ends: bool) {
        if ends && !self.loops.is_empty() && flag(self, about) == Look::Flag {
            self.flag_in_condition(about, ends);
        }
    }
}

const ABOUT_ENDS: &[&str] = &["done", "finish", "exit", "close", "closing", "alive", "kill", "abort"];

/// What a condition looks at.
#[derive(Debug, PartialEq)]
enum Look {
    Flag,
    /// A variable or a field, which is a flag if the loop itself does not set it.
    Named(String),
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

/// Whether the value of `expr` is what a flag says; `guard`: it may as well be a lock's guard.
pub(super) fn reads_flag(walk: &mut Walk, expr: &Expr, guard: bool) -> bool {
    flag(walk, expr) == Look::Flag || (guard && locks(expr))
}

fn flag(walk: &mut Walk, condition: &Expr) -> Look {
    match condition {
        Expr::Paren(inner) => flag(walk, &inner.expr),
        Expr::Group(inner) => flag(walk, &inner.expr),
        Expr::Let(inner) => flag(walk, &inner.expr),
        Expr::Unsafe(block) => match block.block.stmts.as_slice() {
            [Stmt::Expr(inner, None)] => flag(walk, inner),
            _ => Look::No,
        },
        Expr::Unary(inner) => match inner.op {
            UnOp::Deref(_) if locks(&inner.expr) => Look::Flag,
            _ => flag(walk, &inner.expr),
        },
        Expr::Binary(binary) => match binary.op {
            BinOp::And(_) | BinOp::Or(_) => flag(walk, &binary.left).or(|| flag(walk, &binary.right)),
            // A count that is waited for is no flag.
            BinOp::Eq(_) | BinOp::Ne(_) if is_state(&binary.right) => match flag(walk, &binary.left) {
                Look::Flag => Look::Flag,
                _ => Look::No,
            },
            _ => Look::No,
        },
        Expr::MethodCall(call) => method_looks(walk, call),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) if call.args.is_empty() => {
                let last = path.path.segments.last().map(|last| last.ident.to_string());
                if last.is_some_and(|name| asks_to_stop(&name)) { Look::Flag } else { Look::No }
            }
            _ => Look::No,
        },
        Expr::Path(path) => {
            let Some(name) = path.path.get_ident() else { return Look::No };
            let first = walk.loops.last().map_or(0, |last| last.first);
            match walk.single(name, Space::Values) {
                Some(Found::Var(var)) if var >= first => match walk.vars[var].ty {
                    Ty::Flag => Look::Flag,
                    _ => Look::No,
                },
                Some(Found::Var(var)) if matches!(walk.vars[var].ty, Ty::Flag) => {
                    Look::Named(name.to_string())
                }
                Some(Found::Item(Res::Value(_))) => Look::Flag,
                // Nobody else can set a variable of a function's own: its name must say what it is.
                _ => match named(&name.to_string()) {
                    Look::Flag => Look::Flag,
                    _ => Look::No,
                },
            }
        }
        Expr::Field(field) => match &field.member {
            Member::Named(name) => named(&name.to_string()),
            Member::Unnamed(_) => Look::No,
        },
        _ => Look::No,
    }
}

fn named(name: &str) -> Look {
    let lower = name.to_lowercase();
    let told = ["running", "stop", "shutdown", "quit", "cancel", "terminat", "keep_going"];
    if told.iter().any(|stem| lower.contains(stem)) { Look::Flag } else { Look::Named(name.to_owned()) }
}

/// `true`, or a constant such as `STOPPED`.
fn is_state(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(literal) => matches!(literal.lit, syn::Lit::Bool(_)),
        Expr::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident.to_string().starts_with(char::is_uppercase)),
        Expr::Cast(inner) => is_state(&inner.expr),
        _ => false,
    }
}

/// Names of functions that ask whether something should end.
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
    ];
    stems.iter().any(|stem| name.contains(stem)) || name == "is_set"
}

fn method_looks(walk: &mut Walk, call: &ExprMethodCall) -> Look {
    let name = call.method.to_string();
    match (name.as_str(), call.args.len()) {
        ("load", 1) => Look::Flag,
        ("get" | "try_recv" | "has_changed" | "is_finished_flag", 0) => match place_name(&call.receiver) {
            Some(place) if named(&place) == Look::Flag => Look::Flag,
            _ => Look::No,
        },
        ("is_ok" | "is_err" | "is_some" | "is_none" | "unwrap" | "unwrap_or_default", 0)
        | ("unwrap_or" | "expect", 1) => flag(walk, &call.receiver),
        (name, 0) if asks_to_stop(name) => Look::Flag,
        _ => Look::No,
    }
}

/// `stop` in `self.stop`.
fn place_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
        Expr::Field(field) => match &field.member {
            Member::Named(name) => Some(name.to_string()),
            Member::Unnamed(_) => None,
        },
        Expr::Paren(inner) => place_name(&inner.expr),
        Expr::Unary(inner) => place_name(&inner.expr),
        Expr::Reference(inner) => place_name(&inner.expr),
        _ => None,
    }
}

/// `stop.lock().unwrap()`
fn locks(expr: &Expr) -> bool {
    match expr {
        Expr::MethodCall(call) => match call.method.to_string().as_str() {
            "lock" | "read" | "borrow" if call.args.is_empty() => true,
            "unwrap" | "expect" | "unwrap_or_else" => locks(&call.receiver),
            _ => false,
        },
        Expr::Unary(inner) => locks(&inner.expr),
        Expr::Paren(inner) => locks(&inner.expr),
        Expr::Try(inner) => locks(&inner.expr),
        _ => false,
    }
}

/// `place` is given a value, or lent to somebody who may do that.
pub(super) fn assigned(walk: &mut Walk, place: &Expr) {
    if let Some(name) = place_name(place) {
        walk.loops.iter_mut().for_each(|one| one.given.push(name.clone()));
    }
}

pub(super) fn function(walk: &mut Walk, path: &str, span: Span, awaited: bool) {
    if SLEEPS.contains(&path) || (awaited && AWAITED.contains(&path)) {
        sleeps(walk, span);
    }
}

pub(super) fn method(walk: &mut Walk, name: &str, call: &ExprMethodCall, of: Option<&str>) {
    let timed = matches!((name, call.args.len()), ("recv_timeout" | "recv_deadline" | "park_timeout", 1));
    if timed && !of.is_some_and(|of| of.starts_with("homebound::")) {
        sleeps(walk, call.method.span());
    }
}

fn sleeps(walk: &mut Walk, span: Span) {
    if let Some(last) = walk.loops.last_mut() {
        last.sleeps.get_or_insert(span);
    }
}

/// Whether a block can leave the loop that it is in.
pub(super) fn ends(block: &Block) -> bool {
    block.stmts.iter().any(|statement| match statement {
        Stmt::Expr(expr, _) => ends_expr(expr),
        _ => false,
    })
}

pub(super) fn ends_expr(expr: &Expr) -> bool {
    match expr {
        Expr::Break(_) | Expr::Return(_) => true,
        Expr::Block(block) => ends(&block.block),
        Expr::If(branch) => {
            ends(&branch.then_branch)
                || branch.else_branch.as_ref().is_some_and(|(_, other)| ends_expr(other))
        }
        Expr::Match(choice) => choice.arms.iter().any(|arm| ends_expr(&arm.body)),
        _ => false,
    }
}
