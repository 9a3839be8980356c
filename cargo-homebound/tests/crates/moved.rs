//! Owns the mechanical move of a file's threads onto scopes: every line keeps its number.
//! Refuses to make code that compiles: the guard reads text.

use std::ops::Range;

use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprClosure, ExprMethodCall};

const TEXTS: &str = "\"moved\", \"does what it did as a raw thread\"";

pub(crate) fn moved(text: &str) -> String {
    let file = syn::parse_file(text).expect("a crate's file is Rust");
    let mut edits = Edits::default();
    edits.visit_file(&file);
    let mut edits = edits.0;
    // At one place, an insertion comes before a replacement.
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut moved = text.to_owned();
    for (range, new) in edits.into_iter().rev() {
        moved.replace_range(range, &new);
    }
    moved
}

#[derive(Default)]
struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    fn put(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.0.push((range, text.into()));
    }

    /// `|| ..` gets a context; so does the closure that a block ends with.
    fn give_context(&mut self, function: &Expr) {
        match function {
            Expr::Closure(ExprClosure { inputs, inputs_begin, inputs_end, .. }) if inputs.is_empty() => {
                self.put(inputs_begin.span.byte_range().start..inputs_end.span.byte_range().end, "|cx|");
            }
            Expr::Block(block) => {
                if let Some(syn::Stmt::Expr(last, None)) = block.block.stmts.last() {
                    self.give_context(last);
                }
            }
            _ => {}
        }
    }
}

impl<'ast> Visit<'ast> for Edits {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = &*call.func {
            let names: Vec<_> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let Some(last) = path.path.segments.last() else { return };
            let first = path.path.segments.first().map_or(0, |first| first.ident.span().byte_range().start);
            let whole = first..last.ident.span().byte_range().end;
            match names.as_slice() {
                [.., "thread", "spawn"] | ["spawn"] if call.args.len() == 1 => {
                    self.put(whole, "scope.spawn");
                    let inside = call.paren_token.span.open().byte_range().end;
                    self.put(inside..inside, format!("{TEXTS}, "));
                    self.give_context(&call.args[0]);
                }
                [.., "thread", "Builder", "new"] | ["ThreadBuilder" | "Builder", "new"]
                    if call.args.is_empty() =>
                {
                    self.put(
                        whole.start..call.paren_token.span.close().byte_range().end,
                        format!("scope.thread({TEXTS})"),
                    );
                }
                [.., "thread", "scope"] => self.put(whole, "homebound::scope"),
                _ => {}
            }
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if call.method == "spawn" && call.args.len() == 1 {
            self.give_context(&call.args[0]);
            let of_scope = matches!(&*call.receiver, Expr::Path(path) if path.path.is_ident("scope") || path.path.is_ident("s"));
            if of_scope {
                let inside = call.paren_token.span.open().byte_range().end;
                self.put(inside..inside, format!("{TEXTS}, "));
            }
        }
        visit::visit_expr_method_call(self, call);
    }
}
