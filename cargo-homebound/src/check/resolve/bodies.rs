//! Owns what the body of a function shows by its syntax alone: it only asks a flag, it sleeps, it
//! wakes a parked thread.
//! Refuses to resolve names: the bodies are read before all names of the file are known.

use syn::visit::{self, Visit};
use syn::{BinOp, Block, Expr, ExprMethodCall, Member, Stmt, UnOp};

/// Whether a function only asks a flag: `fn is_over(&self) -> bool { self.over.load(Relaxed) }`. A
/// loop that calls it looks at that flag.
pub(crate) fn only_asks(body: &Block) -> bool {
    fn asks(expr: &Expr) -> bool {
        match expr {
            Expr::Paren(inner) => asks(&inner.expr),
            Expr::Return(inner) => inner.expr.as_deref().is_some_and(asks),
            Expr::Unary(inner) => match inner.op {
                UnOp::Deref(_) => locks(&inner.expr),
                _ => asks(&inner.expr),
            },
            Expr::Binary(binary) => match binary.op {
                BinOp::And(_) | BinOp::Or(_) => asks(&binary.left) || asks(&binary.right),
                BinOp::Eq(_) | BinOp::Ne(_) => is_state(&binary.right) && asks(&binary.left),
                _ => false,
            },
            Expr::MethodCall(call) => match (call.method.to_string().as_str(), call.args.len()) {
                ("load", 1) => true,
                ("is_ok" | "is_err" | "is_some" | "is_none", 0) => asks(&call.receiver),
                ("upgrade" | "try_recv", 0) => true,
                _ => false,
            },
            Expr::Field(field) => locks(&field.base),
            _ => false,
        }
    }
    // Only the last expression decides, so a method that logs first and then asks a flag counts as
    // asking.
    matches!(body.stmts.last(), Some(Stmt::Expr(last, _)) if asks(last))
}

/// Whether the body itself calls a function that sleeps. A closure, an inner function and an
/// awaited call do not count: other code runs or wakes them.
pub(crate) fn sleeps(body: &Block) -> bool {
    struct Sleeps(bool);
    impl<'ast> Visit<'ast> for Sleeps {
        fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
            if let Expr::Path(path) = &*call.func {
                let last = path.path.segments.last().map(|last| last.ident.to_string());
                self.0 |= last.is_some_and(|last| ["sleep", "sleep_ms", "park_timeout"].contains(&&*last));
            }
            visit::visit_expr_call(self, call);
        }
        fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
        fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {}
        fn visit_expr_await(&mut self, _: &'ast syn::ExprAwait) {}
        fn visit_item(&mut self, _: &'ast syn::Item) {}
    }
    let mut found = Sleeps(false);
    found.visit_block(body);
    found.0
}

/// Whether one function of the file both sets something and unparks a thread. Then a thread of the
/// file that parks with a time-out is woken at a stop, and does not poll.
pub(crate) fn wakes_parked(file: &syn::File) -> bool {
    #[derive(Default)]
    struct Wakes {
        sets: bool,
        unparks: bool,
        found: bool,
    }
    impl Wakes {
        fn inside(&mut self, body: &Block) {
            // An inner function counts for itself: the notes of the outer one are put back
            // afterwards.
            let outer = (self.sets, self.unparks);
            (self.sets, self.unparks) = (false, false);
            self.visit_block(body);
            self.found |= self.sets && self.unparks;
            (self.sets, self.unparks) = outer;
        }
    }
    impl<'ast> Visit<'ast> for Wakes {
        fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
            self.inside(&item.block);
        }
        fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
            self.inside(&item.block);
        }
        fn visit_expr_assign(&mut self, assign: &'ast syn::ExprAssign) {
            // `*stopped.lock().unwrap() = true`. A plain assignment sets a variable that no other
            // thread sees.
            self.sets |= matches!(&*assign.left, Expr::Unary(_));
            visit::visit_expr_assign(self, assign);
        }
        fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
            self.unparks |= call.method == "unpark";
            self.sets |= ["store", "swap", "set", "cancel", "stop"].iter().any(|name| call.method == name);
            visit::visit_expr_method_call(self, call);
        }
    }
    let mut wakes = Wakes::default();
    wakes.visit_file(file);
    wakes.found
}

/// `true`, or a constant such as `STOPPED`: a comparison with it asks for a state. A comparison
/// with a number waits for a count.
pub(crate) fn is_state(expr: &Expr) -> bool {
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

/// `stop` of `self.stop`.
pub(crate) fn place_name(expr: &Expr) -> Option<String> {
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

/// Whether an expression takes a lock and looks at its value: `stop.lock().unwrap()`.
pub(crate) fn locks(expr: &Expr) -> bool {
    match expr {
        Expr::MethodCall(call) => match call.method.to_string().as_str() {
            "lock" | "read" | "borrow" | "try_lock" | "try_read" if call.args.is_empty() => true,
            "unwrap" | "expect" | "unwrap_or_else" => locks(&call.receiver),
            _ => false,
        },
        Expr::Unary(inner) => locks(&inner.expr),
        Expr::Paren(inner) => locks(&inner.expr),
        Expr::Try(inner) => locks(&inner.expr),
        _ => false,
    }
}
