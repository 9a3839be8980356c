//! No let-chain: they came with Rust 1.88, and the crate promises 1.85. Of std's functions clippy
//! says which are newer (`incompatible_msrv`, by `rust-version` in Cargo.toml); of this piece of
//! syntax neither clippy nor rustc does.

use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{BinOp, Expr};

/// The lines of `let` in a condition that is more than this `let`.
struct LetChains(Vec<usize>);

impl LetChains {
    fn parts(&mut self, condition: &Expr) {
        let Expr::Binary(both) = condition else { return };
        if !matches!(both.op, BinOp::And(_)) {
            return;
        }
        for part in [&both.left, &both.right] {
            match &**part {
                Expr::Let(one) => self.0.push(one.let_token.span.start().line),
                other => self.parts(other),
            }
        }
    }
}

impl<'ast> Visit<'ast> for LetChains {
    fn visit_expr_if(&mut self, it: &'ast syn::ExprIf) {
        self.parts(&it.cond);
        visit::visit_expr_if(self, it);
    }

    fn visit_expr_while(&mut self, it: &'ast syn::ExprWhile) {
        self.parts(&it.cond);
        visit::visit_expr_while(self, it);
    }

    fn visit_pat_guard(&mut self, it: &'ast syn::PatGuard) {
        self.parts(&it.guard);
        visit::visit_pat_guard(self, it);
    }
}

fn let_chains(text: &str) -> Vec<usize> {
    let mut found = LetChains(Vec::new());
    found.visit_file(&syn::parse_file(text).unwrap());
    found.0
}

#[test]
fn let_chains_are_recognised() {
    let text = "fn a() {\n if let Some(a) = b && c {}\n if c && let Some(a) = b {}\n while c && (d) && let Some(a) = b {}\n match a {\n Some(a) if let Some(b) = a && c => {}\n _ => {}\n }\n}";
    assert_eq!(let_chains(text), [2, 3, 4, 6]);
    let plain = "fn a() { if let Some(a) = (b && c) {} if a && b {} while let Some(a) = b {} }";
    assert_eq!(let_chains(plain), []);
}

#[test]
fn there_is_no_let_chain() {
    let (mut found, mut folders) = (Vec::new(), vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let lines = let_chains(&fs::read_to_string(&path).unwrap());
                found.extend(lines.into_iter().map(|line| format!("{}:{line}", path.display())));
            }
        }
    }
    assert!(found.is_empty(), "let-chains, which Rust 1.85 does not know:\n{}", found.join("\n"));
}
