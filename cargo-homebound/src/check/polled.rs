//! Owns the rule `polled-stop`: loops that sleep, and look at a flag that others set.
//! Refuses to know who sets it.

use proc_macro2::{Ident, Span};
use syn::punctuated::Punctuated;
use syn::visit::Visit;
use syn::{Block, Expr, ExprMethodCall, Stmt, Token};

use super::flags::{self, ABOUT_ENDS, Look, flag, place_name};
use super::flow::Node;
use super::walk::Walk;
use crate::rule::Rule;

/// A loop that the walk is in.
#[derive(Debug)]
pub(super) struct Loop {
    /// Where the value of its `break` goes.
    pub(super) result: Node,
    pub(super) label: Option<Ident>,
    /// Variables from here on were declared in it.
    pub(super) first: usize,
    sleeps: Option<Span>,
    pub(super) looks: bool,
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
    "libc::sleep",
    "libc::usleep",
    "libc::nanosleep",
    "crossterm::event::poll",
    "libc::poll",
    "nix::poll::poll",
    "rustix::event::poll",
];

/// These calls sleep, unless another thread unparks the one that parks there.
const PARKS: &[&str] = &["std::thread::park_timeout", "std::thread::park_timeout_ms"];

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
        if self.loops.is_empty() {
            return;
        }
        if flags::asks_by_name(condition)
            && let Some(last) = self.loops.last_mut()
        {
            last.looks = true;
        }
        if ends {
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

/// `place` is given a value, or lent to somebody who may do that.
pub(super) fn assigned(walk: &mut Walk, place: &Expr) {
    if let Some(name) = place_name(place) {
        walk.loops.iter_mut().for_each(|one| one.given.push(name.clone()));
    }
}

pub(super) fn function(
    walk: &mut Walk,
    path: &str,
    span: Span,
    awaited: bool,
    arguments: &Punctuated<Expr, Token![,]>,
) {
    // Without a limit it does not look again.
    if path.ends_with("::poll") && arguments.last().is_some_and(is_for_ever) {
        return;
    }
    let parks = PARKS.contains(&path) && !walk.wakes_parked;
    if SLEEPS.contains(&path) || parks || (awaited && AWAITED.contains(&path)) {
        sleeps(walk, span);
    }
}

/// `-1`, `None`
fn is_for_ever(timeout: &Expr) -> bool {
    match timeout {
        Expr::Unary(inner) => matches!(inner.op, syn::UnOp::Neg(_)),
        Expr::Path(path) => {
            path.path.segments.last().is_some_and(|last| last.ident == "None" || last.ident == "NONE")
        }
        _ => false,
    }
}

/// A call of a function of this file.
pub(super) fn own_function(walk: &mut Walk, function: usize, span: Span) {
    if walk.names.declared.fns[function].sleeps {
        sleeps(walk, span);
    }
}

/// `while let Ok(message) = rx.try_recv() { .. return .. }`: the loop around it ends by a message, too.
pub(super) fn drained(walk: &mut Walk, condition: &Expr, body: &Block) {
    let tries = matches!(condition, Expr::Let(one) if matches!(&*one.expr, Expr::MethodCall(call) if call.method == "try_recv"));
    if tries
        && leaves(body)
        && let Some(outer) = walk.loops.last_mut()
    {
        outer.looks = true;
    }
}

/// Whether something in a loop's body leaves more than that loop.
fn leaves(body: &Block) -> bool {
    struct Leaves(bool);
    impl<'ast> Visit<'ast> for Leaves {
        fn visit_expr_return(&mut self, _: &'ast syn::ExprReturn) {
            self.0 = true;
        }
        fn visit_expr_break(&mut self, it: &'ast syn::ExprBreak) {
            self.0 |= it.label.is_some();
        }
        fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
        fn visit_item(&mut self, _: &'ast syn::Item) {}
    }
    let mut found = Leaves(false);
    found.visit_block(body);
    found.0
}

pub(super) fn method(walk: &mut Walk, name: &str, call: &ExprMethodCall, of: Option<&str>) {
    let timed = matches!((name, call.args.len()), ("recv_timeout" | "recv_deadline" | "park_timeout", 1));
    if timed && !of.is_some_and(|of| of.starts_with("homebound::")) {
        sleeps(walk, call.method.span());
    }
}

pub(super) fn sleeps(walk: &mut Walk, span: Span) {
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
