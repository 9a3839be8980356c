//! Owns what patterns bind, and where the values of variables come from.
//! Refuses to judge what becomes of them.

use syn::punctuated::Punctuated;
use syn::{Expr, Local, Member, Pat, Token};

use crate::check::resolve::flow::Node;
use crate::check::resolve::names::{Res, Space};
use crate::check::resolve::types::{self, Ty};
use crate::check::rules::{flags, polled};
use crate::check::state::Walk;

/// The parts of a tuple.
type Parts<T> = Punctuated<T, Token![,]>;

/// The parts of a pattern and of a value, if both are tuples of the same length.
fn pairs<'p>(pat: &'p Pat, value: &'p Expr) -> Option<(&'p Parts<Pat>, &'p Parts<Expr>)> {
    let (Pat::Tuple(pats), Expr::Tuple(values)) = (pat, value) else { return None };
    let fits =
        pats.elems.len() == values.elems.len() && !pats.elems.iter().any(|pat| matches!(pat, Pat::Rest(_)));
    fits.then_some((&pats.elems, &values.elems))
}

/// The text of a literal.
fn text(value: &Expr) -> Option<String> {
    match value {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

impl Walk {
    pub(crate) fn local(&mut self, local: &Local) {
        let (pat, declared) = self.ascribed(&local.pat);
        // `let handle;` is given its value further down.
        let Some(init) = &local.init else {
            let node = self.flow.node();
            return self.bind(pat, declared, node);
        };
        if let Some((pats, values)) = pairs(pat, &init.expr) {
            return self.bind_each(pats, values);
        }
        let node = self.flow.node();
        let mut ty = self.expr(&init.expr, node);
        if flags::reads_flag(self, &init.expr, &ty) {
            ty = Ty::Flag;
        }
        // The type that is written says less than the value's own: of a pair it says only one part,
        // and of a flag only `bool`.
        if !declared.is_unknown() && !matches!(ty, Ty::Tuple(_) | Ty::Flag) {
            ty = declared;
        }
        if let Some((_, diverge)) = &init.diverge {
            // `let Some(job) = queue.pop() else { break }` is a condition of the loop.
            polled::flag_inside(self, &init.expr, polled::ends_expr(diverge));
            self.inner(|walk| walk.expr(diverge, Node::HOME));
        }
        let first = self.vars.len();
        self.bind(pat, ty, node);
        self.stores_into(first, &init.expr);
        if let (Pat::Ident(_), Some(var)) = (pat, self.vars.get_mut(first)) {
            var.text = text(&init.expr);
        }
    }

    /// `let (a, b) = (f(), g())`: each variable gets one value, and not both.
    fn bind_each(&mut self, pats: &Parts<Pat>, values: &Parts<Expr>) {
        // All values before the first variable, because a value may name a variable that this `let`
        // hides.
        let values: Vec<_> = values
            .iter()
            .map(|value| {
                let node = self.flow.node();
                (self.expr(value, node), node)
            })
            .collect();
        for (pat, (ty, node)) in pats.iter().zip(values) {
            self.bind(pat, ty, node);
        }
    }

    /// Says that a value stored in a variable made since `first` is stored in `from` as well:
    /// `let jobs = &mut self.jobs`.
    pub(crate) fn stores_into(&mut self, first: usize, from: &Expr) {
        let place = self.place(from);
        for var in first..self.vars.len() {
            let node = self.vars[var].node;
            self.flow.edge(node, place);
        }
    }

    /// Declares the variables of `pat`. Each gets the content of `from`.
    pub(crate) fn bind(&mut self, pat: &Pat, ty: Ty, from: Node) {
        match pat {
            Pat::Ident(pat) => {
                let name = pat.ident.to_string();
                // `None` and `STOPPED` are names of other things, and bind nothing.
                let constant = name.starts_with(char::is_uppercase) && pat.subpat.is_none();
                if !constant {
                    let node = self.flow.node();
                    self.flow.edge(from, node);
                    self.declare(name, ty.clone(), node);
                }
                if let Some((_, inner)) = &pat.subpat {
                    self.bind(inner, ty, from);
                }
            }
            Pat::Type(typed) => {
                let (inner, declared) = self.ascribed(pat);
                let _ = typed;
                self.bind(inner, if declared.is_unknown() { ty } else { declared }, from);
            }
            Pat::Reference(pat) => self.bind(&pat.pat, ty, from),
            Pat::Paren(pat) => self.bind(&pat.pat, ty, from),
            Pat::Guard(pat) => {
                self.bind(&pat.pat, ty, from);
                polled::flag_inside(self, &pat.guard, true);
                self.expr(&pat.guard, Node::LOST);
            }
            // Each case binds the same names.
            Pat::Or(pat) => pat.cases.iter().for_each(|case| self.bind(case, ty.clone(), from)),
            Pat::Tuple(pat) => {
                for (at, inner) in pat.elems.iter().enumerate() {
                    let ty = match &ty {
                        Ty::Tuple(all) => all.get(at).cloned().unwrap_or_default(),
                        // The type of a list's element says nothing of its parts: in a map, keys
                        // and values differ.
                        Ty::Unknown => Ty::Unknown,
                        Ty::Flag => Ty::Flag,
                        ty if at + 1 == pat.elems.len() => ty.clone(),
                        _ => Ty::Unknown,
                    };
                    self.bind(inner, ty, from);
                }
            }
            Pat::Slice(pat) => pat.elems.iter().for_each(|inner| self.bind(inner, ty.element(), from)),
            Pat::TupleStruct(pat) => self.bind_tuple_struct(pat, ty, from),
            Pat::Struct(pat) => {
                let of = match self.names.resolve(&self.written(&pat.path), Space::Types) {
                    // `Self { handle, .. }` in a method.
                    _ if pat.path.is_ident("Self") => self.selves.last().cloned().unwrap_or_default(),
                    Res::Struct(id) => Ty::Struct(id),
                    _ => Ty::Unknown,
                };
                for field in &pat.fields {
                    let (node, ty) = self.taken(&of, &field.member, from);
                    self.bind(&field.pat, ty, node);
                }
            }
            _ => {}
        }
    }

    fn bind_tuple_struct(&mut self, pat: &syn::PatTupleStruct, ty: Ty, from: Node) {
        // `Err(error)`: the error holds no handle.
        if pat.path.segments.last().is_some_and(|last| last.ident == "Err") {
            let nothing = self.flow.node();
            return pat.elems.iter().for_each(|inner| self.bind(inner, Ty::Unknown, nothing));
        }
        let of = match self.names.resolve(&self.written(&pat.path), Space::Values) {
            Res::Struct(id) => Some(id),
            _ => None,
        };
        for (at, inner) in pat.elems.iter().enumerate() {
            match of {
                Some(id) => {
                    let (node, ty) = self.taken(&Ty::Struct(id), &Member::from(at), from);
                    self.bind(inner, ty, node);
                }
                // A variant of an enum of this file holds something else than the enum.
                None if ty.path().is_some_and(|path| path.starts_with("crate::")) => {
                    self.bind(inner, Ty::Unknown, from);
                }
                None => self.bind(inner, ty.clone(), from),
            }
        }
    }

    /// A new node that gets the content of a field and of the whole struct, and the type of the
    /// field.
    pub(crate) fn taken(&mut self, of: &Ty, member: &Member, whole: Node) -> (Node, Ty) {
        let node = self.flow.node();
        self.flow.edge(whole, node);
        let ty = self.field(of, member, node);
        (node, ty)
    }

    /// Lets the content of a field get `into` a node. Returns the type of the field.
    pub(crate) fn field(&mut self, of: &Ty, member: &Member, into: Node) -> Ty {
        let name = match member {
            Member::Named(name) => name.to_string(),
            Member::Unnamed(index) => index.index.to_string(),
        };
        match of {
            Ty::Struct(id) => {
                let node = self.flow.field(*id, &name);
                self.flow.edge(node, into);
                self.field_type(*id, &name)
            }
            Ty::Tuple(all) => {
                name.parse::<usize>().ok().and_then(|at| all.get(at).cloned()).unwrap_or_default()
            }
            Ty::Path(path) => match member {
                Member::Named(name) => types::field(path, &name.to_string()),
                Member::Unnamed(_) => Ty::Unknown,
            },
            _ => {
                let mut ty = Ty::Unknown;
                for id in 0..self.names.declared.structs.len() {
                    if self.names.declared.structs[id].fields.iter().any(|field| field.name == name) {
                        let node = self.flow.field(id, &name);
                        self.flow.edge(node, into);
                        // Of a value of unknown type, every struct of this file with such a field
                        // may be meant. The type is known if there is only one.
                        ty = if ty.is_unknown() { self.field_type(id, &name) } else { Ty::Unknown };
                    }
                }
                if matches!(member, Member::Unnamed(_)) { Ty::Unknown } else { ty }
            }
        }
    }
}
