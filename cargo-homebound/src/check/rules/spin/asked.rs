//! Owns what an expression asks: which waits of a context are in it, and whether it asks for the
//! stop.
//! Refuses to know what the loop does with the answer: `scan` does.

use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall};

use crate::check::rules::spin::context::{Kind, OF_CONTEXT, OF_IO, is_context, is_io};
use crate::check::rules::spin::leaves;
use crate::check::state::Walk;

/// A wait whose failure the loop throws away.
#[derive(Debug, Clone)]
pub(crate) struct Lost {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
    pub(crate) what: String,
}

/// Methods that make something else of a failure, so that the failure is thrown away with it.
const SWALLOW: [&str; 16] = [
    "ok",
    "err",
    "is_ok",
    "is_err",
    "unwrap_or",
    "unwrap_or_default",
    "unwrap_or_else",
    "map",
    "map_err",
    "map_or",
    "and_then",
    "or_else",
    "inspect",
    "inspect_err",
    "is_some",
    "is_none",
];

/// The waits and the stop that an expression asks about.
#[derive(Default)]
pub(crate) struct Asked {
    /// Waits whose failure the expression is about.
    pub(crate) waits: Vec<Lost>,
    /// The expression asks for the stop by name, or gives a context to a function that may ask for
    /// it.
    pub(crate) stop: bool,
}

/// The knowledge inside of the loop that is looked into.
pub(crate) struct InLoop<'w> {
    pub(crate) walk: &'w mut Walk,
    /// Something in the loop ends it on the stop, or may. Then the rules say nothing about it.
    pub(crate) minds: bool,
    /// Variables that the loop declares, which are streams of `cx.io`.
    pub(crate) streams: Vec<String>,
    /// Variables that the loop declares, which may be errors: lines, and results of waits.
    pub(crate) items: Vec<(String, Lost)>,
}

impl<'w> InLoop<'w> {
    pub(crate) fn new(walk: &'w mut Walk) -> InLoop<'w> {
        InLoop { walk, minds: false, streams: Vec::new(), items: Vec::new() }
    }

    pub(crate) fn is_stream(&mut self, expr: &Expr) -> bool {
        let own = |name: &syn::Ident, streams: &[String]| streams.iter().any(|one| name == one);
        match expr {
            Expr::Path(path) if path.path.get_ident().is_some_and(|name| own(name, &self.streams)) => true,
            Expr::MethodCall(call) if self.is_stream(&call.receiver) => true,
            Expr::Reference(inner) => self.is_stream(&inner.expr),
            Expr::Call(call)
                if call.args.len() == 1 && call.args.first().is_some_and(|inner| self.is_stream(inner)) =>
            {
                true
            }
            expr => is_io(self.walk, expr),
        }
    }

    pub(crate) fn is_wait(&mut self, expr: &Expr) -> bool {
        !self.asked(expr).waits.is_empty()
    }

    pub(crate) fn wait(&mut self, call: &ExprMethodCall) -> Option<Lost> {
        let (name, arguments) = (call.method.to_string(), call.args.len());
        let (span, of_context) =
            (call.method.span(), OF_CONTEXT.iter().find(|one| (one.0, one.1) == (&*name, arguments)));
        let of_context = of_context.filter(|_| is_context(self.walk, &call.receiver));
        // The method of a context.
        if let Some((.., kind)) = of_context {
            return Some(Lost { span, kind: *kind, what: name });
        }
        let of_stream = OF_IO.contains(&&*name) && self.is_stream(&call.receiver);
        of_stream.then_some(Lost { span, kind: Kind::Descriptor, what: name })
    }

    /// The wait that an expression is, as it is or with its error made into something else:
    /// `cx.recv(&rx).ok()`.
    pub(crate) fn bare_wait(&mut self, expr: &Expr) -> Option<Lost> {
        match expr {
            Expr::Paren(inner) => self.bare_wait(&inner.expr),
            Expr::MethodCall(call) => {
                let swallows = SWALLOW.iter().any(|name| call.method == name);
                // `unwrap_or_else(|_| exit(1))` does end the loop.
                let leaves =
                    |given: &Expr| matches!(given, Expr::Closure(one) if leaves::leaves(&one.body, 1, &[]));
                match self.wait(call) {
                    // `cx.recv(&rx).map_err(log).ok()` is still the wait.
                    None if swallows && !call.args.iter().any(leaves) => self.bare_wait(&call.receiver),
                    found => found,
                }
            }
            _ => None,
        }
    }

    pub(crate) fn asked(&mut self, expr: &Expr) -> Asked {
        let mut asking = Asking { here: self, asked: Asked::default() };
        asking.visit_expr(expr);
        asking.asked
    }
}

pub(crate) fn has_try(expr: &Expr) -> bool {
    struct Tries(bool);
    impl<'ast> Visit<'ast> for Tries {
        fn visit_expr_try(&mut self, _: &'ast syn::ExprTry) {
            self.0 = true;
        }
        fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
    }
    let mut tries = Tries(false);
    tries.visit_expr(expr);
    tries.0
}

struct Asking<'s, 'w> {
    here: &'s mut InLoop<'w>,
    asked: Asked,
}

impl<'ast> Visit<'ast> for Asking<'_, '_> {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if let Some(lost) = self.here.wait(call) {
            self.asked.waits.push(lost);
        }
        // A wait that is none of a context's takes its time, also after the stop: a loop with one
        // does not spin. The rule `deaf-wait` is about it.
        let waits =
            ["recv", "recv_timeout", "recv_deadline", "accept", "join", "wait", "wait_timeout", "read_line"];
        // An `accept` of a listener that returns at once takes none.
        let at_once = call.method == "accept" && self.here.walk.waits.nonblocking;
        self.here.minds |= waits.iter().any(|name| call.method == name)
            && !at_once
            && call.args.len() < 2
            && !is_context(self.here.walk, &call.receiver)
            && !self.here.is_stream(&call.receiver);
        // A look at the stop, by any of a context's methods.
        let asks = ["is_stopping", "stop_reason", "is_overdue", "stop_signal"]
            .iter()
            .any(|name| call.method == name);
        // `helper.step(&cx)` may look at the stop, and end the loop.
        let given = call.args.iter().any(|argument| is_context(self.here.walk, argument));
        self.asked.stop |= asks || given;
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Expr::Path(path) = &*call.func {
            let last = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
            self.here.minds |= ["sleep", "sleep_ms", "park", "park_timeout"].contains(&&*last);
        }
        self.asked.stop |= call.args.iter().any(|argument| is_context(self.here.walk, argument));
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        let item = self.here.items.iter().find(|(name, _)| path.path.is_ident(name));
        // A variable that holds the result of a wait stands for that wait.
        self.asked.waits.extend(item.map(|(_, lost)| lost.clone()));
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        struct Mentions<'i>(&'i [(String, Lost)], bool);
        impl<'ast> Visit<'ast> for Mentions<'_> {
            fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
                self.1 |= self.0.iter().any(|(name, _)| path.path.is_ident(name));
            }
        }
        // The walk does not follow what a closure does with the result. If the closure mentions the
        // result, it may end the loop, so the loop counts as minding the stop.
        let mut mentions = Mentions(&self.here.items, false);
        mentions.visit_expr_closure(closure);
        self.here.minds |= mentions.1;
    }

    fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {}
}
