//! The Rust that the library asks for (`rust-version`), where no lint holds it: rustc takes a
//! let-chain whatever the manifest says, because the edition allows it. Functions of std that are
//! too new are clippy's to find.

use syn::visit::{self, Visit};
use syn::{BinOp, Expr, ExprIf, ExprWhile};

use crate::source::sources;

/// What a user compiles, or is shown.
const FOLDERS: [&str; 6] = [
    "src",
    "examples",
    "homebound-testing/src",
    "homebound-stacks/src",
    "homebound-rayon/src",
    "homebound-tokio/src",
];

/// Finds `if` and `while` conditions that chain a `let` with `&&`: stable since Rust 1.88.
#[derive(Default)]
struct LetChains(usize);

impl LetChains {
    fn look_at(&mut self, condition: &Expr) {
        let Expr::Binary(chain) = condition else { return };
        if !matches!(chain.op, BinOp::And(_)) {
            return;
        }
        let is_let = |side: &Expr| matches!(side, Expr::Let(_));
        if is_let(&chain.left) || is_let(&chain.right) {
            self.0 += 1;
        }
        self.look_at(&chain.left);
    }
}

impl Visit<'_> for LetChains {
    fn visit_expr_if(&mut self, branch: &ExprIf) {
        self.look_at(&branch.cond);
        visit::visit_expr_if(self, branch);
    }

    fn visit_expr_while(&mut self, repeated: &ExprWhile) {
        self.look_at(&repeated.cond);
        visit::visit_expr_while(self, repeated);
    }
}

fn let_chains(source: &str) -> usize {
    let mut found = LetChains::default();
    found.visit_file(&syn::parse_file(source).expect("it compiles"));
    found.0
}

#[test]
fn the_search_sees_a_let_chain() {
    let source = |condition: &str| format!("fn f() {{ if {condition} {{}} while {condition} {{}} }}");
    assert_eq!(let_chains(&source("let Some(a) = b && c && d")), 2);
    assert_eq!(let_chains(&source("a && b && let Some(c) = d")), 2);
    assert_eq!(let_chains(&source("let Some(a) = b")), 0);
    assert_eq!(let_chains(&source("a && b")), 0);
}

#[test]
fn no_let_chain_where_the_rust_version_has_none() {
    let files: Vec<_> = FOLDERS.iter().flat_map(|folder| sources(folder, ".rs")).collect();
    assert!(files.len() > 100, "{} files", files.len());
    let chained: Vec<_> =
        files.iter().filter(|file| let_chains(&file.text) > 0).map(|file| &file.path).collect();
    assert!(chained.is_empty(), "let-chains need Rust 1.88: {chained:?}");
}
