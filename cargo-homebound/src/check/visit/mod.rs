//! Owns the walk over the syntax of one file: items and blocks here, expressions and patterns in
//! the other files.
//! Refuses to judge: the walk notes in `Walk` where it is and what it has met, and calls the rules
//! there.
//!
//! Read this file first, then `exprs`, from which everything else is reached: `calls` and
//! `methods`, `control` (branches, loops, closures), `patterns` (what they bind) and `macros`. All
//! of them are methods of `state::Walk`.

mod calls;
mod control;
mod exprs;
mod macros;
mod methods;
mod patterns;

use syn::{Attribute, Block, Expr, FnArg, ImplItem, Item, Stmt, TraitItem};

use crate::check::resolve::flow::Node;
use crate::check::resolve::names::{Res, Space};
use crate::check::resolve::scopes;
use crate::check::resolve::types::{HB_CONTEXT, HB_SCOPE, Ty};
use crate::check::resolve::written::{self, ScopeId};
use crate::check::rules::{deaf, raw};
use crate::check::state::frame::{Context, Frame};
use crate::check::state::{Rib, Walk};

impl Walk {
    pub(crate) fn file(&mut self, file: &syn::File) {
        // All declarations before the walk: a function may use names that are declared further
        // down.
        for item in &file.items {
            self.names.declared.item(self.scope, item);
        }
        self.under(&file.attrs, |walk| file.items.iter().for_each(|item| walk.item(item)));
    }

    /// Runs `f` on code that has these attributes.
    pub(crate) fn under(&mut self, attributes: &[Attribute], f: impl FnOnce(&mut Walk)) {
        let before = self.cfg.enter(attributes);
        f(self);
        self.cfg.leave(before);
    }

    pub(crate) fn item(&mut self, item: &Item) {
        match item {
            Item::Fn(item) => self.under(&item.attrs, |walk| {
                raw::attributes(walk, &item.attrs, &item.sig.ident);
                deaf::taken_from_outside(walk, &item.vis, &item.sig);
                walk.function(&item.sig, &item.block);
            }),
            Item::Mod(item) => self.under(&item.attrs, |walk| {
                let scope = walk.names.declared.modules.get(&scopes::place(&item.ident)).copied();
                if let (Some((_, items)), Some(scope)) = (&item.content, scope) {
                    walk.walled(scope, |walk| items.iter().for_each(|item| walk.item(item)));
                }
            }),
            // The type of `Self` in the methods.
            Item::Impl(item) => self.under(&item.attrs, |walk| {
                let ty = written::type_ref(walk.scope, &item.self_ty);
                let ty = walk.typed(ty.as_ref());
                walk.selves.push(ty);
                item.items.iter().for_each(|item| walk.impl_item(item));
                walk.selves.pop();
            }),
            Item::Trait(item) => self.under(&item.attrs, |walk| {
                // `Self` of a trait may be any type.
                walk.selves.push(Ty::own());
                item.items.iter().for_each(|item| walk.trait_item(item));
                walk.selves.pop();
            }),
            Item::Static(item) => self.under(&item.attrs, |walk| walk.initial(&item.ident, &item.expr)),
            Item::Const(item) => self.under(&item.attrs, |walk| walk.initial(&item.ident, &item.expr)),
            Item::Macro(item) => self.under(&item.attrs, |walk| {
                if item.mac.path.is_ident("macro_rules") {
                    // The bodies are code of this file, wherever they are used.
                    walk.macro_rules(&item.mac.tokens);
                } else {
                    walk.macro_call(&item.mac, Node::LOST);
                }
            }),
            Item::Enum(item) => {
                for variant in &item.variants {
                    if let Some((_, value)) = &variant.discriminant {
                        self.expr(value, Node::HOME);
                    }
                }
            }
            // Syntax that the parser hands back unread.
            Item::Verbatim(tokens) => self.scan(tokens.clone()),
            _ => {}
        }
    }

    fn initial(&mut self, name: &syn::Ident, init: &Expr) {
        let into = match self.names.item(self.scope, &name.to_string(), Space::Values) {
            Some(Res::Value(id)) => self.value_node(id),
            _ => Node::HOME,
        };
        self.expr(init, into);
    }

    fn impl_item(&mut self, item: &ImplItem) {
        match item {
            ImplItem::Fn(item) => self.under(&item.attrs, |walk| {
                raw::attributes(walk, &item.attrs, &item.sig.ident);
                deaf::taken_from_outside(walk, &item.vis, &item.sig);
                walk.function(&item.sig, &item.block);
            }),
            ImplItem::Const(item) => {
                self.expr(&item.expr, Node::HOME);
            }
            ImplItem::Macro(item) => self.macro_call(&item.mac, Node::LOST),
            ImplItem::Verbatim(tokens) => self.scan(tokens.clone()),
            _ => {}
        }
    }

    fn trait_item(&mut self, item: &TraitItem) {
        match item {
            TraitItem::Fn(item) => self.under(&item.attrs, |walk| {
                if let Some(body) = &item.default {
                    walk.function(&item.sig, body);
                }
            }),
            TraitItem::Const(item) => {
                if let Some((_, init)) = &item.default {
                    self.expr(init, Node::HOME);
                }
            }
            TraitItem::Macro(item) => self.macro_call(&item.mac, Node::LOST),
            _ => {}
        }
    }

    /// Runs `f` where no variable from outside is in sight: in a function or a module.
    fn walled(&mut self, scope: ScopeId, f: impl FnOnce(&mut Walk)) {
        let (before, ribs) = (self.scope, self.ribs.len());
        // A function inside of a loop is no part of the loop.
        let loops = std::mem::take(&mut self.loops);
        self.scope = scope;
        self.ribs.push(Rib::Wall(scope));
        f(self);
        self.ribs.truncate(ribs);
        self.scope = before;
        self.loops = loops;
    }

    fn function(&mut self, signature: &syn::Signature, body: &Block) {
        let function = self.names.declared.bodies.get(&scopes::place(&signature.ident)).copied();
        let scope = self.scope;
        self.walled(scope, |walk| {
            // Until a parameter says otherwise, the callers decide whether a context is at hand.
            let mut frame = Frame::of(function, Context::AtCaller);
            let first = walk.vars.len();
            for input in &signature.inputs {
                match input {
                    FnArg::Receiver(_) => {
                        let ty = walk.selves.last().cloned().unwrap_or_default();
                        let node = walk.flow.before(Node::HOME);
                        walk.declare("self".to_owned(), ty, node);
                    }
                    FnArg::Typed(input) => {
                        let written = written::type_ref(scope, &input.ty);
                        let ty = walk.typed(written.as_ref());
                        // `fn start(jobs: &mut Vec<JoinHandle<()>>)`.
                        let borrowed = matches!(*input.ty, syn::Type::Reference(_) | syn::Type::Ptr(_));
                        let (node, made) = (walk.flow.node(), walk.vars.len());
                        walk.bind(&input.pat, ty, node);
                        // Code outside sees a value that is stored in a parameter which it has
                        // lent.
                        for var in if borrowed { made..walk.vars.len() } else { 0..0 } {
                            let node = walk.vars[var].node;
                            walk.flow.edge(node, Node::HOME);
                        }
                    }
                }
            }
            let owned = |walk: &Walk, ty: &str| walk.vars[first..].iter().any(|var| var.ty.is(ty));
            // A parameter of this type can only come from inside of a scope.
            if owned(walk, HB_CONTEXT) || owned(walk, HB_SCOPE) {
                (frame.in_scope, frame.context) = (true, Context::Here);
            }
            walk.framed(frame, |walk| {
                // A handle that the function returns is its caller's: the finding, if any, stands
                // at the call.
                walk.block(body, Node::HOME);
            });
        });
    }

    /// Runs `f` in `frame`. Waits that were met in it are taken back if the stop wakes them after
    /// all.
    pub(crate) fn framed<R>(&mut self, frame: Frame, f: impl FnOnce(&mut Walk) -> R) -> R {
        let first = self.waits.so_far();
        self.frames.push(frame);
        let result = f(self);
        if let Some(frame) = self.frames.pop() {
            self.waits.heard(first, frame.woken, frame.listens);
        }
        result
    }

    pub(crate) fn block(&mut self, block: &Block, into: Node) -> Ty {
        let (ribs, before) = (self.ribs.len(), self.scope);
        // Items of a block are in sight in all of it, also before they stand there.
        if block.stmts.iter().any(|stmt| matches!(stmt, Stmt::Item(_))) {
            let scope = self.names.declared.open(Some(self.scope), false);
            for stmt in &block.stmts {
                if let Stmt::Item(item) = stmt {
                    self.names.declared.item(scope, item);
                }
            }
            self.scope = scope;
            self.ribs.push(Rib::Block(scope));
        }
        let ty = self.statements(&block.stmts, into);
        self.ribs.truncate(ribs);
        self.scope = before;
        ty
    }

    pub(crate) fn statements(&mut self, statements: &[Stmt], into: Node) -> Ty {
        let mut ty = Ty::Unknown;
        for (at, statement) in statements.iter().enumerate() {
            let last = at + 1 == statements.len();
            match statement {
                Stmt::Item(item) => self.item(item),
                Stmt::Local(local) => self.local(local),
                Stmt::Expr(expr, semicolon) => {
                    let result = last && semicolon.is_none();
                    // The value of a statement is dropped, unless it is the last statement and has
                    // no semicolon.
                    let found = self.expr(expr, if result { into } else { Node::LOST });
                    if result {
                        ty = found;
                    }
                }
                Stmt::Macro(statement) => {
                    let result = last && statement.semi_token.is_none();
                    self.macro_call(&statement.mac, if result { into } else { Node::LOST });
                }
            }
        }
        ty
    }
}
