//! Owns the rule `polled-stop`: loops that sleep, and look at a flag that others set.
//! Refuses to know who sets it.

use proc_macro2::Span;
use syn::punctuated::Punctuated;
use syn::visit::Visit;
use syn::{Block, Expr, ExprMethodCall, Stmt, Token};

use crate::check::resolve::bodies::place_name;
use crate::check::rules::flags::{self, ABOUT_ENDS, Look, flag};
use crate::check::state::Walk;
use crate::finding::rule::Rule;

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

pub(crate) fn leave_loop(walk: &mut Walk) {
    let Some(done) = walk.loops.pop() else { return };
    let looks = done.looks || done.asked.iter().any(|name| !done.given.contains(name));
    let Some(span) = done.sleeps else { return };
    if looks {
        let message =
            "this loop sleeps and looks at a flag: a stop is seen only when the sleep is over".to_owned();
        walk.hit(Rule::PolledStop, span, message, HELP);
    } else if let Some(outer) = walk.loops.last_mut() {
        outer.sleeps.get_or_insert(span);
    }
}

/// A condition in the loop that the walk is in; `ends`: the loop may end by it.
pub(crate) fn flag_in_condition(walk: &mut Walk, condition: &Expr, ends: bool) {
    if !ends || walk.loops.is_empty() {
        return;
    }
    let found = flag(walk, condition);
    let Some(last) = walk.loops.last_mut() else { return };
    match found {
        Look::Flag => last.looks = true,
        Look::Named(name) => last.asked.push(name),
        Look::No => {}
    }
}

/// Likewise, where it is not the loop's own condition: then a name alone must say that it is about
/// an end.
pub(crate) fn flag_inside(walk: &mut Walk, condition: &Expr, ends: bool) {
    if walk.loops.is_empty() {
        return;
    }
    if let Some(last) = walk.loops.last_mut().filter(|_| flags::asks_by_name(condition)) {
        last.looks = true;
    }
    if ends {
        match flag(walk, condition) {
            Look::Named(name) if !ABOUT_ENDS.iter().any(|stem| name.to_lowercase().contains(stem)) => {}
            _ => flag_in_condition(walk, condition, ends),
        }
    }
}

/// What a `match` is about: a name alone may be anything.
pub(crate) fn flag_in_match(walk: &mut Walk, about: &Expr, ends: bool) {
    if ends && !walk.loops.is_empty() && flag(walk, about) == Look::Flag {
        flag_in_condition(walk, about, ends);
    }
}

/// `place` is given a value, or lent to somebody who may do that.
pub(crate) fn assigned(walk: &mut Walk, place: &Expr) {
    if let Some(name) = place_name(place) {
        walk.loops.iter_mut().for_each(|one| one.given.push(name.clone()));
    }
}

pub(crate) fn function(
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
pub(crate) fn own_function(walk: &mut Walk, function: usize, span: Span) {
    if walk.names.declared.fns[function].sleeps {
        sleeps(walk, span);
    }
}

/// `while let Ok(message) = rx.try_recv() { .. return .. }`: the loop around it ends by a message,
/// too.
pub(crate) fn drained(walk: &mut Walk, condition: &Expr, body: &Block) {
    let tries = matches!(condition, Expr::Let(one) if matches!(&*one.expr, Expr::MethodCall(call) if call.method == "try_recv"));
    if let Some(outer) = walk.loops.last_mut().filter(|_| tries && leaves(body)) {
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

pub(crate) fn method(walk: &mut Walk, name: &str, call: &ExprMethodCall, of: Option<&str>) {
    let timed = matches!((name, call.args.len()), ("recv_timeout" | "recv_deadline" | "park_timeout", 1));
    if timed && !of.is_some_and(|of| of.starts_with("homebound::")) {
        sleeps(walk, call.method.span());
    }
}

pub(crate) fn sleeps(walk: &mut Walk, span: Span) {
    if let Some(last) = walk.loops.last_mut() {
        last.sleeps.get_or_insert(span);
    }
}

/// Whether a block can leave the loop that it is in.
pub(crate) fn ends(block: &Block) -> bool {
    block.stmts.iter().any(|statement| match statement {
        Stmt::Expr(expr, _) => ends_expr(expr),
        _ => false,
    })
}

pub(crate) fn ends_expr(expr: &Expr) -> bool {
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
