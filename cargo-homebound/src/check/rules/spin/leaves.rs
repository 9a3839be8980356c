//! Owns what ends a loop: whether code leaves it, and which way a condition or a pattern goes when
//! a wait has failed.
//! Refuses to know waits.

use syn::visit::{self, Visit};
use syn::{Expr, Pat};

use crate::check::resolve::bodies::place_name;

/// Whether something in `expr` leaves the loop: `break`, `return`, a panic, the end of the process,
/// or a new value for something that the condition asks. `inside`: how many loops of its own stand
/// between `expr` and the loop. `ends_by`: the names in the condition of the loop.
pub(crate) fn leaves(expr: &Expr, inside: usize, ends_by: &[String]) -> bool {
    let mut found = Leaves { inside, ends_by, found: false };
    found.visit_expr(expr);
    found.found
}

pub(crate) fn block_leaves(block: &syn::Block, inside: usize, ends_by: &[String]) -> bool {
    let mut found = Leaves { inside, ends_by, found: false };
    found.visit_block(block);
    found.found
}

/// The names of the variables and fields that a condition asks.
pub(crate) fn names(condition: &Expr) -> Vec<String> {
    struct Names(Vec<String>);
    impl<'ast> Visit<'ast> for Names {
        fn visit_expr(&mut self, it: &'ast Expr) {
            match it {
                Expr::Path(_) | Expr::Field(_) => self.0.extend(place_name(it)),
                _ => visit::visit_expr(self, it),
            }
        }
    }
    let mut names = Names(Vec::new());
    names.visit_expr(condition);
    names.0
}

struct Leaves<'n> {
    inside: usize,
    ends_by: &'n [String],
    found: bool,
}

impl Leaves<'_> {
    fn inner(&mut self, visit: impl FnOnce(&mut Self)) {
        // A `break` in an inner loop ends that one alone.
        self.inside += 1;
        visit(self);
        self.inside -= 1;
    }
}

impl<'ast> Visit<'ast> for Leaves<'_> {
    fn visit_expr_return(&mut self, _: &'ast syn::ExprReturn) {
        self.found = true;
    }

    fn visit_expr_assign(&mut self, it: &'ast syn::ExprAssign) {
        // `done = true` in `while !done`. An inner loop goes on first.
        let asked = place_name(&it.left).is_some_and(|name| self.ends_by.contains(&name));
        self.found |= asked && self.inside == 0;
        visit::visit_expr_assign(self, it);
    }

    fn visit_expr_try(&mut self, it: &'ast syn::ExprTry) {
        // `Err(error)?` leaves. Any other `?` leaves if that other thing fails, which the stop does
        // not decide.
        let error = matches!(&*it.expr, Expr::Call(call) if matches!(&*call.func, Expr::Path(path) if path.path.is_ident("Err")));
        self.found |= error;
        visit::visit_expr_try(self, it);
    }

    fn visit_expr_break(&mut self, it: &'ast syn::ExprBreak) {
        self.found |= match &it.label {
            // A label that is not seen here names a loop further out, or a block. The rule
            // assumes that the label is the name of a loop.
            Some(_) => true,
            None => self.inside == 0,
        };
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        let name = mac.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        self.found |=
            // A panic leaves the loop, and so does a macro that returns an error.
            ["panic", "unreachable", "todo", "unimplemented", "bail", "return_errno"].contains(&&*name);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Expr::Path(path) = &*call.func {
            let last = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
            // By the last name alone: `process::exit`, `panic::resume_unwind`.
            self.found |= ["exit", "abort", "resume_unwind"].contains(&&*last);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_loop(&mut self, it: &'ast syn::ExprLoop) {
        self.inner(|leaves| visit::visit_expr_loop(leaves, it));
    }

    fn visit_expr_while(&mut self, it: &'ast syn::ExprWhile) {
        self.inner(|leaves| visit::visit_expr_while(leaves, it));
    }

    fn visit_expr_for_loop(&mut self, it: &'ast syn::ExprForLoop) {
        self.inner(|leaves| visit::visit_expr_for_loop(leaves, it));
    }

    fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
    fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {}
    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

/// Whether an expression leads back to the head of the loop at once.
pub(crate) fn goes_on(expr: &Expr) -> bool {
    match expr {
        Expr::Continue(_) => true,
        Expr::Block(block) => block_goes_on(&block.block),
        _ => false,
    }
}

pub(crate) fn block_goes_on(block: &syn::Block) -> bool {
    // Only at the end: a `continue` under a condition decides nothing.
    matches!(block.stmts.last(), Some(syn::Stmt::Expr(Expr::Continue(_), _)))
}

/// Whether a block leaves the loop whenever it is entered. `inside`: as for `leaves`.
pub(crate) fn always_leaves(block: &syn::Block, inside: usize) -> bool {
    block.stmts.iter().any(|statement| match statement {
        syn::Stmt::Expr(Expr::Return(_), _) => true,
        syn::Stmt::Expr(Expr::Break(it), _) => inside == 0 || it.label.is_some(),
        _ => false,
    })
}

/// The branch that a condition takes when the wait in it has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fails {
    Then,
    Else,
    /// The text does not tell which branch.
    Either,
}

impl Fails {
    fn not(self) -> Fails {
        match self {
            Fails::Then => Fails::Else,
            Fails::Else => Fails::Then,
            Fails::Either => Fails::Either,
        }
    }
}

pub(crate) fn fails(condition: &Expr) -> Fails {
    match condition {
        Expr::Paren(inner) => fails(&inner.expr),
        Expr::Unary(inner) if matches!(inner.op, syn::UnOp::Not(_)) => fails(&inner.expr).not(),
        Expr::Let(one) => match takes_failure(&one.pat) {
            true => Fails::Then,
            false => Fails::Else,
        },
        Expr::MethodCall(call) => match call.method.to_string().as_str() {
            // `if cx.recv(&rx).is_err() { break }`.
            "is_err" | "is_none" => Fails::Then,
            // `while cx.recv(&rx).is_ok() {}` ends when the wait fails.
            "is_ok" | "is_some" | "is_ok_and" | "is_some_and" => Fails::Else,
            _ => Fails::Either,
        },
        _ => Fails::Either,
    }
}

/// Whether a pattern fits the error that a stop makes: any error, or the error of a stop. A pattern
/// of another error, such as a time-out, does not.
pub(crate) fn takes_failure(pat: &Pat) -> bool {
    match pat {
        Pat::Wild(_) => true,
        Pat::Ident(pat) => match &pat.subpat {
            Some((_, inner)) => takes_failure(inner),
            // A name in a pattern fits everything. `None` is a name to the parser.
            None => pat.ident != "Ok",
        },
        Pat::Or(pat) => pat.cases.iter().any(takes_failure),
        Pat::Paren(pat) => takes_failure(&pat.pat),
        Pat::Reference(pat) => takes_failure(&pat.pat),
        Pat::Guard(pat) => takes_failure(&pat.pat),
        // `Err(_)` and `Err(error)` fit a stop. `Err(RecvTimeoutError::Timeout)` does not.
        Pat::TupleStruct(pat) if pat.path.is_ident("Err") => pat.elems.iter().all(is_any_error),
        Pat::TupleStruct(pat) => is_stop(&pat.path),
        Pat::Struct(pat) => is_stop(&pat.path),
        Pat::Path(pat) => pat.path.is_ident("None") || is_stop(&pat.path),
        _ => false,
    }
}

fn is_any_error(pat: &Pat) -> bool {
    match pat {
        Pat::Wild(_) | Pat::Rest(_) => true,
        Pat::Ident(pat) => pat.subpat.is_none() && !pat.ident.to_string().starts_with(char::is_uppercase),
        Pat::Reference(pat) => is_any_error(&pat.pat),
        Pat::Paren(pat) => is_any_error(&pat.pat),
        Pat::Or(pat) => pat.cases.iter().any(is_any_error),
        Pat::TupleStruct(pat) => is_stop(&pat.path),
        Pat::Struct(pat) => is_stop(&pat.path),
        Pat::Path(pat) => is_stop(&pat.path),
        _ => false,
    }
}

fn is_stop(path: &syn::Path) -> bool {
    // `Stopped`, `WaitError::Stopped`, `StopReason::Signal`: by the name, because the type is not
    // known.
    path.segments.last().is_some_and(|last| last.ident.to_string().contains("Stop"))
}
