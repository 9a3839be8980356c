//! Owns the rule `polled-stop`: loops that sleep and look at a flag.
//! Refuses to know which code sets the flag.

use proc_macro2::Span;
use syn::punctuated::Punctuated;
use syn::visit::Visit;
use syn::{Block, Expr, ExprMatch, ExprMethodCall, Pat, Stmt, Token};

use crate::check::resolve::bodies::place_name;
use crate::check::rules::flags::{self, ABOUT_ENDS, Look, flag};
use crate::check::state::Walk;
use crate::finding::rule::Rule;

/// Calls that sleep. A poll of descriptors with a time limit is a sleep that ends early.
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

/// Calls that sleep, unless the file unparks the thread at a stop.
const PARKS: &[&str] = &["std::thread::park_timeout", "std::thread::park_timeout_ms"];

/// Calls that sleep where they are awaited. Otherwise they only make a future.
const AWAITED: &[&str] = &["tokio::time::sleep", "async_std::task::sleep"];

const HELP: &str = "wait for the stop itself: `cx.sleep(..)`, `cx.recv(..)` and the other waits of a context end when it comes";

pub(crate) fn leave_loop(walk: &mut Walk) {
    let Some(done) = walk.loops.pop() else { return };
    // A name that the loop sets itself is its own variable, and tells of no stop.
    let looks = done.looks || done.asked.iter().any(|name| !done.given.contains(name));
    let Some(span) = done.sleeps else { return };
    if looks {
        let message =
            "this loop sleeps and looks at a flag: a stop is seen only when the sleep is over".to_owned();
        walk.hit(Rule::PolledStop, span, message, HELP);
    // A loop without a flag that sleeps makes the loop around it sleep:
    // `while !stop { for i in 0..10 { sleep } }`.
    } else if let Some(outer) = walk.loops.last_mut() {
        outer.sleeps.get_or_insert(span);
    }
}

/// Notes a condition of the innermost loop. `ends`: the loop may end by it.
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

/// Notes a condition inside of the innermost loop. A plain name counts only if it is about an end:
/// `if ready { break }` may be about anything.
pub(crate) fn flag_inside(walk: &mut Walk, condition: &Expr, ends: bool) {
    if walk.loops.is_empty() {
        return;
    }
    // `if self.should_stop() { cleanup(); }`: the name of the method says enough, whether or not
    // the branch leaves the loop.
    if let Some(last) = walk.loops.last_mut().filter(|_| flags::asks_by_name(condition)) {
        last.looks = true;
    }
    if ends {
        match flag(walk, condition) {
            // Not about an end, as far as the name says.
            Look::Named(name) if !ABOUT_ENDS.iter().any(|stem| name.to_lowercase().contains(stem)) => {}
            _ => flag_in_condition(walk, condition, ends),
        }
    }
}

/// Notes what a `match` in the innermost loop is about. A plain name may be about anything.
pub(crate) fn flag_in_match(walk: &mut Walk, about: &Expr, ends: bool) {
    if ends && !walk.loops.is_empty() && flag(walk, about) == Look::Flag {
        flag_in_condition(walk, about, ends);
    }
}

/// Notes that code assigns to `place`, or lends it mutably.
pub(crate) fn assigned(walk: &mut Walk, place: &Expr) {
    if let Some(name) = place_name(place) {
        // Every loop around the place sets the name, and not only the innermost one.
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
    // A poll without a time limit waits for events and does not look at a flag in between.
    if path.ends_with("::poll") && arguments.last().is_some_and(is_for_ever) {
        return;
    }
    // `park_timeout` in a file that unparks the thread at a stop is a wait with a limit, and hears
    // the stop at once.
    let parks = PARKS.contains(&path) && !walk.wakes_parked;
    if SLEEPS.contains(&path) || parks || (awaited && AWAITED.contains(&path)) {
        sleeps(walk, span);
    }
}

/// `-1` or `None`: a poll for ever.
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
    // A helper such as `fn pause() { thread::sleep(SECOND) }`.
    if walk.names.declared.fns[function].sleeps {
        sleeps(walk, span);
    }
}

/// `while let Ok(message) = rx.try_recv() { .. return .. }`: a message ends the loop around this
/// one, which so asks for an end.
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
        // A `return` in a closure or an inner function leaves only that.
        fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
        fn visit_item(&mut self, _: &'ast syn::Item) {}
    }
    let mut found = Leaves(false);
    found.visit_block(body);
    found.0
}

pub(crate) fn method(walk: &mut Walk, name: &str, call: &ExprMethodCall, of: Option<&str>) {
    // A wait with a limit, in a loop that looks at a flag, is a sleep that ends early. A wait of a
    // context hears the stop.
    let timed = matches!((name, call.args.len()), ("recv_timeout" | "recv_deadline" | "park_timeout", 1));
    if timed && !of.is_some_and(|of| of.starts_with("homebound::")) {
        sleeps(walk, call.method.span());
    }
}

/// Walks over the expression of a `match`. It is no sleep if a message ends the loop, as in
/// `match stop.recv_timeout(period) { Ok(()) => return, .. }`: then the stop is heard at once.
pub(crate) fn unless_told<R>(walk: &mut Walk, choice: &ExprMatch, f: impl FnOnce(&mut Walk) -> R) -> R {
    let slept = walk.loops.last().map(|last| last.sleeps);
    let result = f(walk);
    let waits = matches!(&*choice.expr, Expr::MethodCall(call) if call.method == "recv_timeout" || call.method == "recv_deadline");
    let ended = choice.arms.iter().any(|arm| is_message(&arm.pat) && always_ends(&arm.body));
    if let (true, Some(slept), Some(last)) = (waits && ended, slept, walk.loops.last_mut()) {
        last.sleeps = slept;
    }
    result
}

/// `Ok(())` or `Ok(_)`, perhaps among others: any message.
fn is_message(pat: &Pat) -> bool {
    match pat {
        Pat::Or(pat) => pat.cases.iter().any(is_message),
        Pat::TupleStruct(pat) => {
            pat.path.is_ident("Ok")
                && pat.elems.iter().all(|inner| match inner {
                    Pat::Wild(_) => true,
                    Pat::Tuple(unit) => unit.elems.is_empty(),
                    _ => false,
                })
        }
        _ => false,
    }
}

/// Whether an arm leaves the loop whenever it is entered.
fn always_ends(body: &Expr) -> bool {
    match body {
        Expr::Break(_) | Expr::Return(_) => true,
        Expr::Block(block) => {
            matches!(block.block.stmts.last(), Some(Stmt::Expr(Expr::Break(_) | Expr::Return(_), _)))
        }
        _ => false,
    }
}

pub(crate) fn sleeps(walk: &mut Walk, span: Span) {
    if let Some(last) = walk.loops.last_mut() {
        // The first sleep is where the finding stands.
        last.sleeps.get_or_insert(span);
    }
}

/// Whether a block can leave the loop that it stands in.
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
