//! Owns places: which variable, field or static an expression names, its type, and where a value
//! goes that is stored there.
//! Refuses to walk: an expression that names no place is a value of its own, or unknown.

use syn::{Expr, Member};

use crate::check::resolve::flow::Node;
use crate::check::resolve::names::{Res, Space};
use crate::check::resolve::passage::{self, Passage};
use crate::check::resolve::types::Ty;
use crate::check::state::{Found, Walk};

impl Walk {
    /// The variable that an expression names and does nothing else with.
    pub(crate) fn variable(&mut self, expr: &Expr) -> Option<usize> {
        let Expr::Path(path) = expr else { return None };
        match self.single(path.path.get_ident()?, Space::Values)? {
            Found::Var(var) => Some(var),
            Found::Item(_) => None,
        }
    }

    /// The type of an expression that names a place, without a walk over it. Asking has no effect:
    /// no value flows, and no rule is called.
    pub(crate) fn glance(&mut self, expr: &Expr) -> Ty {
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
            Expr::MethodCall(call) => match passage::passage(&call.method) {
                Passage::Through => self.glance(&call.receiver),
                _ => Ty::Unknown,
            },
            _ => Ty::Unknown,
        }
    }

    /// Where a value goes that is stored in the place that `expr` names. A place inside of a new
    /// value of its own is `LOST`, since nobody else can take the value out. A place that is not
    /// understood is `HOME`: then the rules say nothing.
    pub(crate) fn place(&mut self, expr: &Expr) -> Node {
        match expr {
            Expr::Path(path) => match path.path.get_ident().and_then(|name| self.single(name, Space::Values))
            {
                Some(Found::Var(var)) => self.vars[var].node,
                // A static keeps the value.
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
                    // `pair.0`: a tuple is followed as a whole.
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
            // `_ = spawn(..)` drops the value at once.
            Expr::Infer(_) => Node::LOST,
            Expr::MethodCall(call) => match passage::passage(&call.method) {
                // `list.lock().unwrap().push(..)` stores in `list`.
                Passage::Through | Passage::Both => self.place(&call.receiver),
                // A list that was just made, as in `a.iter().collect::<Vec<_>>()`.
                _ if call.method == "collect" || self.is_new(expr) => Node::LOST,
                _ => Node::HOME,
            },
            expr if self.is_new(expr) => Node::LOST,
            _ => Node::HOME,
        }
    }

    /// Whether an expression makes a value of its own, which no other code can reach.
    fn is_new(&mut self, expr: &Expr) -> bool {
        match expr {
            Expr::Call(call) => match &*call.func {
                Expr::Path(path) => {
                    let segments = &path.path.segments;
                    // By the rules of spelling, `Vec::new` and `Job { .. }` make a value, and
                    // `jobs::all` may hand one out.
                    let upper = |at: usize| segments[at].ident.to_string().starts_with(char::is_uppercase);
                    let last = segments.len() - 1;
                    let made = upper(last) || (last > 0 && upper(last - 1));
                    let own = self.own_function(path);
                    // A function of this file that returns no reference returns a value of the
                    // caller's.
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

    /// Where a value goes that is stored in this field of a struct.
    pub(crate) fn stored(&mut self, of: usize, name: &str) -> Node {
        let fields = &self.names.declared.structs[of].fields;
        match fields.iter().find(|field| field.name == name) {
            Some(field) if field.private => self.flow.field(of, name),
            // Code of other files can take the value out of a public field, and join it.
            _ => Node::HOME,
        }
    }

    pub(crate) fn field_type(&mut self, of: usize, name: &str) -> Ty {
        let fields = &self.names.declared.structs[of].fields;
        let ty = fields.iter().find(|field| field.name == name).and_then(|field| field.ty.clone());
        self.typed(ty.as_ref())
    }

    pub(crate) fn value_node(&mut self, id: usize) -> Node {
        if let Some(node) = self.values.get(&id) {
            return *node;
        }
        // Only a private static can be followed to its end: other files may join a handle in a
        // public one.
        let private = self.names.declared.values[id].private;
        let node = if private { self.flow.node() } else { self.flow.before(Node::HOME) };
        self.values.insert(id, node);
        node
    }
}
