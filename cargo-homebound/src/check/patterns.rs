//! Owns what patterns bind, and where the values of variables come from and are stored.
//! Refuses to judge what happens to them.

use syn::{Expr, Local, Member, Pat};

use super::detached::{self, Passage};
use super::flags;
use super::flow::Node;
use super::names::{Res, Space};
use super::polled;
use super::types::{self, Ty};
use super::walk::{Found, Walk};

impl Walk {
    pub(super) fn local(&mut self, local: &Local) {
        let (pat, declared) = self.ascribed(&local.pat);
        let Some(init) = &local.init else {
            let node = self.flow.node();
            return self.bind(pat, declared, node);
        };
        if let (Pat::Tuple(pats), Expr::Tuple(values)) = (pat, &*init.expr)
            && pats.elems.len() == values.elems.len()
            && !pats.elems.iter().any(|pat| matches!(pat, Pat::Rest(_)))
        {
            let values: Vec<_> = values
                .elems
                .iter()
                .map(|value| {
                    let node = self.flow.node();
                    (self.expr(value, node), node)
                })
                .collect();
            for (pat, (ty, node)) in pats.elems.iter().zip(values) {
                self.bind(pat, ty, node);
            }
            return;
        }
        let node = self.flow.node();
        let mut ty = self.expr(&init.expr, node);
        if flags::reads_flag(self, &init.expr, &ty) {
            ty = Ty::Flag;
        }
        // What a pair says of itself is less than what made it says of both.
        if !declared.is_unknown() && !matches!(ty, Ty::Tuple(_) | Ty::Flag) {
            ty = declared;
        }
        if let Some((_, diverge)) = &init.diverge {
            self.flag_inside(&init.expr, polled::ends_expr(diverge));
            self.inner(|walk| walk.expr(diverge, Node::HOME));
        }
        let first = self.vars.len();
        self.bind(pat, ty, node);
        self.stores_into(first, &init.expr);
        if let (Pat::Ident(_), Expr::Lit(literal)) = (pat, &*init.expr)
            && let (syn::Lit::Str(text), Some(var)) = (&literal.lit, self.vars.get_mut(first))
        {
            var.text = Some(text.value());
        }
    }

    /// What is stored into the variables made since `first` is stored into what they were taken from, too.
    pub(super) fn stores_into(&mut self, first: usize, from: &Expr) {
        let place = self.place(from);
        for var in first..self.vars.len() {
            let node = self.vars[var].node;
            self.flow.edge(node, place);
        }
    }

    /// Declares what `pat` binds; each variable gets what is in `from`.
    pub(super) fn bind(&mut self, pat: &Pat, ty: Ty, from: Node) {
        match pat {
            Pat::Ident(pat) => {
                let name = pat.ident.to_string();
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
                self.flag_inside(&pat.guard, true);
                self.expr(&pat.guard, Node::LOST);
            }
            Pat::Or(pat) => pat.cases.iter().for_each(|case| self.bind(case, ty.clone(), from)),
            Pat::Tuple(pat) => {
                for (at, inner) in pat.elems.iter().enumerate() {
                    let ty = match &ty {
                        Ty::Tuple(all) => all.get(at).cloned().unwrap_or_default(),
                        // The key of a map is not what its values are.
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
        // What went wrong is not what was asked for.
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
                // What a variant of the file's own holds is not what the variant is.
                None if ty.path().is_some_and(|path| path.starts_with("crate::")) => {
                    self.bind(inner, Ty::Unknown, from);
                }
                None => self.bind(inner, ty.clone(), from),
            }
        }
    }

    /// A new node that gets what is in a field and what is in the struct itself; and the field's type.
    pub(super) fn taken(&mut self, of: &Ty, member: &Member, whole: Node) -> (Node, Ty) {
        let node = self.flow.node();
        self.flow.edge(whole, node);
        let ty = self.field(of, member, node);
        (node, ty)
    }

    /// Lets the content of a field get into `into`; its type.
    pub(super) fn field(&mut self, of: &Ty, member: &Member, into: Node) -> Ty {
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
                        // One name, one type, or none.
                        ty = if ty.is_unknown() { self.field_type(id, &name) } else { Ty::Unknown };
                    }
                }
                if matches!(member, Member::Unnamed(_)) { Ty::Unknown } else { ty }
            }
        }
    }

    fn field_type(&mut self, of: usize, name: &str) -> Ty {
        let fields = &self.names.declared.structs[of].fields;
        let ty = fields.iter().find(|field| field.name == name).and_then(|field| field.ty.clone());
        self.typed(ty.as_ref())
    }

    /// Where a value goes that is stored in this field of a struct.
    pub(super) fn stored(&mut self, of: usize, name: &str) -> Node {
        let fields = &self.names.declared.structs[of].fields;
        match fields.iter().find(|field| field.name == name) {
            Some(field) if field.private => self.flow.field(of, name),
            // Others see it as well.
            _ => Node::HOME,
        }
    }

    /// Where a value goes that is stored in the place that `expr` names; `LOST` if that is a new value of its own.
    pub(super) fn place(&mut self, expr: &Expr) -> Node {
        match expr {
            Expr::Path(path) => match path.path.get_ident().and_then(|name| self.single(name, Space::Values))
            {
                Some(Found::Var(var)) => self.vars[var].node,
                Some(Found::Item(Res::Value(id))) => self.value_node(id),
                _ => match self.names.resolve(&self.written(&path.path), Space::Values) {
                    Res::Value(id) => self.value_node(id),
                    _ if self.is_new(expr) => Node::LOST,
                    _ => Node::HOME,
                },
            },
            Expr::Field(field) => {
                let of = self.glance(&field.base);
                match (of, &field.member) {
                    (Ty::Struct(id), Member::Named(name)) => self.stored(id, &name.to_string()),
                    (Ty::Struct(id), Member::Unnamed(index)) => self.stored(id, &index.index.to_string()),
                    (_, Member::Unnamed(_)) => self.place(&field.base),
                    _ => Node::HOME,
                }
            }
            Expr::Index(index) => self.place(&index.expr),
            Expr::Unary(unary) => self.place(&unary.expr),
            Expr::Paren(paren) => self.place(&paren.expr),
            Expr::Group(group) => self.place(&group.expr),
            Expr::Reference(reference) => self.place(&reference.expr),
            Expr::Try(inner) => self.place(&inner.expr),
            Expr::Await(inner) => self.place(&inner.base),
            Expr::Infer(_) => Node::LOST,
            Expr::MethodCall(call) => match detached::passage(&call.method) {
                Passage::Through | Passage::Both => self.place(&call.receiver),
                _ if call.method == "collect" || self.is_new(expr) => Node::LOST,
                _ => Node::HOME,
            },
            expr if self.is_new(expr) => Node::LOST,
            _ => Node::HOME,
        }
    }

    /// Whether an expression makes a value of its own, in which nobody else can look.
    fn is_new(&mut self, expr: &Expr) -> bool {
        match expr {
            Expr::Call(call) => match &*call.func {
                Expr::Path(path) => {
                    let segments = &path.path.segments;
                    let upper = |at: usize| segments[at].ident.to_string().starts_with(char::is_uppercase);
                    let last = segments.len() - 1;
                    let made = upper(last) || (last > 0 && upper(last - 1));
                    let own = self.own_function(path);
                    made || own.is_some_and(|own| !self.names.declared.fns[own].lends)
                        || self.starts_thread(&path.path)
                }
                _ => false,
            },
            Expr::MethodCall(call) => call.method == "collect" || self.is_new(&call.receiver),
            Expr::Try(inner) => self.is_new(&inner.expr),
            Expr::Paren(inner) => self.is_new(&inner.expr),
            Expr::Path(path) => path.path.is_ident("None"),
            Expr::Macro(_)
            | Expr::Array(_)
            | Expr::Tuple(_)
            | Expr::Lit(_)
            | Expr::Struct(_)
            | Expr::Repeat(_) => true,
            Expr::Range(_)
            | Expr::Closure(_)
            | Expr::Block(_)
            | Expr::If(_)
            | Expr::Match(_)
            | Expr::Loop(_) => true,
            Expr::Unsafe(_) | Expr::Binary(_) => true,
            _ => false,
        }
    }

    /// The type of an expression that names a place, without a walk over it.
    pub(super) fn glance(&mut self, expr: &Expr) -> Ty {
        match expr {
            Expr::Path(path) => match path.path.get_ident().and_then(|name| self.single(name, Space::Values))
            {
                Some(Found::Var(var)) => self.vars[var].ty.clone(),
                Some(Found::Item(Res::Value(id))) => {
                    let ty = self.names.declared.values[id].ty.clone();
                    self.typed(ty.as_ref())
                }
                _ => Ty::Unknown,
            },
            Expr::Field(field) => match (self.glance(&field.base), &field.member) {
                (Ty::Struct(id), Member::Named(name)) => self.field_type(id, &name.to_string()),
                (Ty::Struct(id), Member::Unnamed(index)) => self.field_type(id, &index.index.to_string()),
                _ => Ty::Unknown,
            },
            Expr::Index(index) => self.glance(&index.expr).element(),
            Expr::Unary(unary) => self.glance(&unary.expr),
            Expr::Paren(paren) => self.glance(&paren.expr),
            Expr::Reference(reference) => self.glance(&reference.expr),
            Expr::Try(inner) => self.glance(&inner.expr),
            Expr::MethodCall(call) => match detached::passage(&call.method) {
                Passage::Through => self.glance(&call.receiver),
                _ => Ty::Unknown,
            },
            _ => Ty::Unknown,
        }
    }
}
