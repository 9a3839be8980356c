//! Owns the walk over expressions: where the value of each goes, and a guess of its type.
//! Refuses calls, which are in `calls` and `methods`, and macros, which are in `macros`.

use syn::{Expr, Member, UnOp};

use crate::check::visit::calls::alone;

use crate::check::resolve::flow::Node;
use crate::check::resolve::names::{Res, Space};
use crate::check::resolve::types::{self, Ty};
use crate::check::rules::{polled, raw, spin};
use crate::check::state::frame::Frame;
use crate::check::state::{Found, Walk};

impl Walk {
    /// Walks over `expr`. Its value goes `into`; the result is a guess of its type.
    pub(crate) fn expr(&mut self, expr: &Expr, into: Node) -> Ty {
        match expr {
            Expr::Path(path) => self.path_value(path, into),
            Expr::Call(call) => self.call(call, into),
            Expr::MethodCall(call) => self.method_call(call, into),
            Expr::Macro(call) => {
                let ty = self.macro_value(&call.mac, into);
                self.awaited = false;
                ty
            }
            Expr::Closure(closure) => {
                let frame = self.frame();
                // A closure in a variable: where its result goes is decided where it is called.
                let result = self.flow.node();
                self.closures.push((result, false));
                let id = self.closures.len() - 1;
                self.closure(closure, &Ty::Unknown, None, Frame { result, ..frame });
                Ty::Closure(id, result)
            }
            Expr::Block(block) => self.block(&block.block, into),
            Expr::Unsafe(block) => self.block(&block.block, into),
            Expr::Const(block) => self.block(&block.block, into),
            Expr::TryBlock(block) => self.block(&block.block, into),
            Expr::Async(block) => {
                let frame = Frame { result: Node::HOME, ..self.frame() };
                self.framed(frame, |walk| walk.block(&block.block, Node::HOME))
            }
            Expr::If(branch) => self.branch(branch, into),
            Expr::Match(choice) => self.choice(choice, into),
            Expr::Let(condition) => self.condition(condition),
            Expr::Paren(inner) => self.expr(&inner.expr, into),
            Expr::Group(inner) => self.expr(&inner.expr, into),
            Expr::Reference(inner) => {
                if inner.mutability.is_some() {
                    // Code that borrows mutably may assign.
                    polled::assigned(self, &inner.expr);
                }
                self.expr(&inner.expr, into)
            }
            Expr::RawAddr(inner) => self.expr(&inner.expr, into),
            Expr::Cast(inner) => self.expr(&inner.expr, into),
            Expr::Try(inner) => self.expr(&inner.expr, into),
            Expr::Await(inner) => {
                // Only the awaited call itself gets the mark, and takes it away.
                self.awaited = matches!(*inner.base, Expr::MethodCall(_) | Expr::Call(_));
                let ty = self.expr(&inner.base, Node::HOME);
                self.awaited = false;
                ty
            }
            Expr::Unary(inner) => {
                // `!handle` and `-handle` are no handle.
                let into = if matches!(inner.op, UnOp::Deref(_)) { into } else { Node::LOST };
                self.expr(&inner.expr, into)
            }
            Expr::Tuple(tuple) => {
                let all: Vec<_> = tuple.elems.iter().map(|part| self.expr(part, into)).collect();
                Ty::Tuple(all.into())
            }
            Expr::Array(array) => {
                let all: Vec<_> = array.elems.iter().map(|part| self.expr(part, into)).collect();
                // Elements have one type. The first that is known says it.
                all.into_iter().find(|ty| !ty.is_unknown()).map_or(Ty::Unknown, |ty| Ty::Many(ty.into()))
            }
            Expr::Repeat(array) => {
                self.expr(&array.len, Node::LOST);
                Ty::Many(self.expr(&array.expr, into).into())
            }
            _ => self.other(expr, into),
        }
    }

    fn other(&mut self, expr: &Expr, into: Node) -> Ty {
        match expr {
            Expr::Assign(assign) => self.assign(assign),
            Expr::Struct(value) => return self.struct_value(value),
            Expr::Field(field) => {
                let of = self.expr(&field.base, into);
                return self.field(&of, &field.member, into);
            }
            Expr::Index(index) => {
                self.expr(&index.index, Node::LOST);
                return self.expr(&index.expr, into).element();
            }
            Expr::Binary(binary) => {
                if matches!(binary.op, syn::BinOp::BitOrAssign(_) | syn::BinOp::BitAndAssign(_)) {
                    // `done |= step()`: the loop sets its own flag.
                    polled::assigned(self, &binary.left);
                }
                self.expr(&binary.left, Node::LOST);
                self.expr(&binary.right, Node::LOST);
            }
            Expr::ForLoop(it) => {
                spin::spins_in_for(self, it);
                self.for_loop(it);
            }
            Expr::While(it) => {
                spin::spins_in_while(self, it);
                self.while_loop(it);
            }
            Expr::Loop(it) => {
                spin::spins_in_loop(self, &it.body);
                self.enter_loop(into, it.label.as_ref());
                self.block(&it.body, Node::LOST);
                polled::leave_loop(self);
            }
            Expr::Return(it) => {
                // A `return` leaves the function or the closure, whatever blocks are around it.
                let result = self.frame().result;
                it.expr.iter().for_each(|value| {
                    self.expr(value, result);
                });
            }
            Expr::Break(it) => {
                // The value of a `break` goes where the loop's value goes: of the loop with the
                // label, or of the innermost.
                let found = self.loops.iter().rev().find(|one| match &it.label {
                    Some(label) => one.label.as_ref() == Some(&label.ident),
                    None => true,
                });
                let result = found.map_or(Node::HOME, |one| one.result);
                it.expr.iter().for_each(|value| {
                    self.expr(value, result);
                });
            }
            Expr::Range(range) => {
                for end in range.start.iter().chain(&range.end) {
                    self.expr(end, Node::LOST);
                }
            }
            Expr::Yield(it) => it.expr.iter().for_each(|value| {
                self.expr(value, Node::HOME);
            }),
            Expr::Verbatim(tokens) => self.scan(tokens.clone()),
            _ => {}
        }
        Ty::Unknown
    }

    pub(crate) fn path_value(&mut self, path: &syn::ExprPath, into: Node) -> Ty {
        if let Some(name) = alone(path) {
            match self.single(name, Space::Values) {
                Some(Found::Var(var)) => {
                    let (ty, node) = (self.vars[var].ty.clone(), self.vars[var].node);
                    self.flow.edge(node, into);
                    if let Ty::Closure(id, result) = ty {
                        // The closure is handed on, so that other code may call it and join its
                        // result.
                        self.closures[id].1 = true;
                        self.flow.edge(result, Node::HOME);
                    }
                    return ty;
                }
                Some(Found::Item(found)) => return self.item_value(found, name.span(), into),
                None => {}
            }
        }
        let Some(last) = path.path.segments.last() else { return Ty::Unknown };
        let found = self.meaning(&path.path, path.qself.as_ref());
        self.item_value(found, last.ident.span(), into)
    }

    fn item_value(&mut self, found: Res, span: proc_macro2::Span, into: Node) -> Ty {
        match found {
            Res::Value(id) => {
                let node = self.value_node(id);
                self.flow.edge(node, into);
                let ty = self.names.declared.values[id].ty.clone();
                self.typed(ty.as_ref())
            }
            Res::Path(path) => {
                raw::function_taken(self, &path, span);
                // A single name that nothing here declares is a variable from a macro or from
                // another file.
                if path.contains("::") || path == "drop" { Ty::Func(path.into()) } else { Ty::Unknown }
            }
            _ => Ty::Unknown,
        }
    }

    fn assign(&mut self, assign: &syn::ExprAssign) {
        polled::assigned(self, &assign.left);
        let into = match &*assign.left {
            // `(a, b) = ..`: which value goes to which place is not followed.
            Expr::Tuple(_) | Expr::Array(_) => Node::HOME,
            left => self.place(left),
        };
        let ty = self.expr(&assign.right, into);
        match &*assign.left {
            left @ Expr::Path(_) => {
                // A variable that was declared without a value gets its type here.
                let var = self.variable(left).filter(|var| self.vars[*var].ty.is_unknown());
                var.into_iter().for_each(|var| self.vars[var].ty = ty.clone());
            }
            Expr::Infer(_) => {}
            // `self.handles[i] = ..`: the place itself has expressions in it.
            left => drop(self.expr(left, Node::LOST)),
        }
    }

    fn struct_value(&mut self, value: &syn::ExprStruct) -> Ty {
        let of = match self.names.resolve(&self.written(&value.path), Space::Types) {
            _ if value.path.is_ident("Self") => self.selves.last().cloned().unwrap_or_default(),
            Res::Struct(id) => Ty::Struct(id),
            Res::Path(path) => Ty::named(types::known(&path)),
            _ => Ty::Unknown,
        };
        for field in &value.fields {
            let name = match &field.member {
                Member::Named(name) => name.to_string(),
                Member::Unnamed(index) => index.index.to_string(),
            };
            let into = match of {
                Ty::Struct(id) => self.stored(id, &name),
                // The fields of a struct of another crate are not followed.
                _ => Node::HOME,
            };
            self.expr(&field.expr, into);
        }
        if let Some(rest) = &value.rest {
            self.expr(rest, Node::HOME);
        }
        of
    }
}
