//! Owns the rule `deaf-wait`: waits that do not hear the stop, where a context is at hand that would.
//! Refuses to ask whether somebody wakes them by other means, but for `on_stop`.

use proc_macro2::Span;
use syn::{Expr, ExprMethodCall, Member};

use super::types::{self, Ty};
use super::walk::Walk;
use crate::rule::Rule;

/// What is given a closure that has no context, or is woken by other means. `waiting` is how one says that a wait is meant.
pub(super) const OUT_OF_REACH: &[&str] = &[
    "homebound::Context::on_stop",
    "homebound::Context::with_on_stop",
    "homebound::Context::waiting",
    "homebound::Scope::defer",
];

const SLEEPS: &[(&str, &str)] = &[
    ("std::thread::sleep", "cx.sleep(..)?"),
    ("std::thread::sleep_ms", "cx.sleep(..)?"),
    ("std::thread::sleep_until", "cx.sleep_until(..)?"),
    ("std::thread::park", "cx.wait_for_stop()"),
    ("std::thread::park_timeout", "cx.sleep(..)?"),
    ("std::thread::park_timeout_ms", "cx.sleep(..)?"),
    ("libc::sleep", "cx.sleep(..)?"),
    ("libc::usleep", "cx.sleep(..)?"),
    ("libc::nanosleep", "cx.sleep(..)?"),
    ("libc::pause", "cx.wait_for_stop()"),
];

const HELP: &str = "wait through the context, which ends the wait when the stop comes: `cx.recv(&rx)`, `cx.sleep(..)`, `cx.accept(&listener)`, or `select!` with `cx.stop_signal()`";

impl Walk {
    fn deaf(&mut self, span: Span, what: &str, instead: &str) {
        if self.frame().context {
            let message = format!("`{what}` does not hear the stop; `{instead}` would");
            self.hit(Rule::DeafWait, span, message, HELP);
        }
    }

    /// What a `for` goes over.
    pub(super) fn met_in_loop(&mut self, over: &Expr, ty: &Ty) {
        let name = match over {
            Expr::Reference(inner) => &inner.expr,
            over => over,
        };
        let span = match name {
            Expr::Path(path) => path.path.segments.last().map(|last| last.ident.span()),
            Expr::Field(field) => match &field.member {
                Member::Named(name) => Some(name.span()),
                Member::Unnamed(index) => Some(index.span),
            },
            _ => None,
        };
        if let (true, Some(span)) = (ty.is(types::RECEIVER), span) {
            self.deaf(span, "for .. in a receiver", "cx.iter(&receiver)");
        }
    }
}

pub(super) fn function(walk: &mut Walk, path: &str, span: Span) {
    if let Some((path, instead)) = SLEEPS.iter().find(|(known, _)| *known == path) {
        walk.deaf(span, path, instead);
    }
}

pub(super) fn method(walk: &mut Walk, name: &str, call: &ExprMethodCall, ty: &Ty) {
    if ty.path().is_some_and(|of| of.starts_with("homebound::") || of.starts_with("tokio::")) {
        return;
    }
    let instead = match (name, call.args.len()) {
        ("recv" | "blocking_recv", 0) => "cx.recv(&receiver)",
        ("accept" | "incoming", 0) => "cx.accept(&listener)",
        ("join", 0) if ty.is(types::JOIN_HANDLE) || ty.is(types::SCOPED_HANDLE) => "scope.spawn(..)?.join()",
        ("iter" | "into_iter", 0) if ty.is(types::RECEIVER) => "cx.iter(&receiver)",
        ("wait", 1) | ("wait_while", 2) if ty.is(types::CONDVAR) => "cx.recv(&receiver)",
        _ => return,
    };
    walk.deaf(call.method.span(), name, instead);
}
