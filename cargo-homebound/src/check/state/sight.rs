//! Owns the meaning of names at a place: variables, items of blocks, paths and types.
//! Refuses to look outside of the file.

use syn::Pat;
use syn::ext::IdentExt;

use crate::check::resolve::flow::Node;
use crate::check::resolve::names::{Res, Space};
use crate::check::resolve::types::{self, Ty};
use crate::check::resolve::written::{self, TypeRef, Written};
use crate::check::state::{Found, Rib, Var, Walk};
use crate::finding::catalog;

impl Walk {
    /// Runs `f`. The variables that `f` declares are out of sight afterwards.
    pub(crate) fn inner<R>(&mut self, f: impl FnOnce(&mut Walk) -> R) -> R {
        let ribs = self.ribs.len();
        let result = f(self);
        self.ribs.truncate(ribs);
        result
    }

    pub(crate) fn declare(&mut self, name: String, ty: Ty, node: Node) {
        self.vars.push(Var { name, ty, node, text: None });
        self.ribs.push(Rib::Var(self.vars.len() - 1));
    }

    /// The meaning of a name that stands alone at this place.
    pub(crate) fn single(&mut self, name: &syn::Ident, space: Space) -> Option<Found> {
        for at in (0..self.ribs.len()).rev() {
            match self.ribs[at] {
                // A variable hides items of the same name, and no types.
                Rib::Var(var) if space == Space::Values && *name == self.vars[var].name => {
                    return Some(Found::Var(var));
                }
                Rib::Var(_) => {}
                Rib::Block(scope) => {
                    if let Some(found) = self.names.own(scope, &name.to_string(), space) {
                        return Some(Found::Item(found));
                    }
                }
                // A function sees no variable from outside of it, and all items around it.
                Rib::Wall(scope) => {
                    return self.names.item(scope, &name.to_string(), space).map(Found::Item);
                }
            }
        }
        None
    }

    pub(crate) fn typed(&mut self, ty: Option<&TypeRef>) -> Ty {
        let Some(ty) = ty else { return Ty::Unknown };
        let found = match ty.path.segments.as_slice() {
            [this] if this == "Self" => self.selves.last().cloned().unwrap_or_default(),
            _ => match self.names.type_of(ty) {
                // Other paths of the same type become one: `flume::Receiver` is a receiver.
                Res::Path(path) => Ty::named(types::known(&path)),
                Res::Struct(id) => Ty::Struct(id),
                // An enum or a trait of this file: it is known to be of no other crate, and no more
                // than that.
                Res::Opaque => Ty::own(),
                _ => Ty::Unknown,
            },
        };
        if ty.many { Ty::Many(found.into()) } else { found }
    }

    pub(crate) fn written(&self, path: &syn::Path) -> Written {
        Written {
            segments: path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect(),
            absolute: path.leading_colon.is_some(),
            scope: self.scope,
        }
    }

    /// A pattern without the type that it is given, and that type: `x` and `Job` of `x: Job`.
    pub(crate) fn ascribed<'p>(&mut self, pat: &'p Pat) -> (&'p Pat, Ty) {
        match pat {
            Pat::Type(typed) => {
                let written = written::type_ref(self.scope, &typed.ty);
                (&typed.pat, self.typed(written.as_ref()))
            }
            pat => (pat, Ty::Unknown),
        }
    }

    /// The meaning of a path in an expression: an item of this file, or a path outside of it by the
    /// name that the tables know.
    pub(crate) fn meaning(&mut self, path: &syn::Path, qself: Option<&syn::QSelf>) -> Res {
        if let Some(qself) = qself {
            // `<std::thread::Builder>::new`
            let ty = written::type_ref(self.scope, &qself.ty);
            let ty = self.typed(ty.as_ref());
            let last = path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
            return match ty {
                Ty::Path(of) => Res::Path(format!("{of}::{last}")),
                Ty::Struct(id) => Res::Assoc(id, last),
                _ => Res::Opaque,
            };
        }
        let written = self.written(path);
        // `Self::start` stands for the struct of the `impl` around it, whatever that is called.
        if written.segments.first().is_some_and(|first| first == "Self") {
            return match (self.selves.last(), written.segments.get(1)) {
                (Some(Ty::Struct(id)), Some(name)) => Res::Assoc(*id, name.clone()),
                (Some(Ty::Struct(id)), None) => Res::Struct(*id),
                _ => Res::Opaque,
            };
        }
        match self.names.resolve(&written, Space::Values) {
            Res::Path(path) => Res::Path(match path.rsplit_once("::") {
                // `crossbeam::thread::Scope::spawn` by the path of the crate that declares it.
                Some((of, name)) if types::known(of) != of => format!("{}::{name}", types::known(of)),
                _ => path,
            }),
            found => found,
        }
    }

    pub(crate) fn own_function(&mut self, path: &syn::ExprPath) -> Option<usize> {
        let found = match path.path.get_ident() {
            Some(name) => match self.single(name, Space::Values)? {
                Found::Item(found) => found,
                Found::Var(_) => return None,
            },
            None => self.meaning(&path.path, path.qself.as_ref()),
        };
        match found {
            Res::Fn(id) => Some(id),
            Res::Assoc(of, name) => self.method_of(of, &name),
            _ => None,
        }
    }

    /// Whether a path names a function that starts a thread.
    pub(crate) fn starts_thread(&mut self, path: &syn::Path) -> bool {
        matches!(self.meaning(path, None), Res::Path(path) if catalog::find(&path).is_some())
    }

    /// The type that a function of this file returns. `of`: the struct that has the function.
    pub(crate) fn returned(&mut self, id: usize, of: Option<usize>) -> Ty {
        let declared = &self.names.declared.fns[id];
        let (returns, parts) = (declared.returns.clone(), declared.parts.clone());
        if !parts.is_empty() {
            return Ty::Tuple(parts.iter().map(|part| self.returned_part(part.as_ref(), of)).collect());
        }
        self.returned_part(returns.as_ref(), of)
    }

    fn returned_part(&mut self, part: Option<&TypeRef>, of: Option<usize>) -> Ty {
        match (part, of) {
            // `Self` is not in sight where the method is called.
            (Some(written), Some(of)) if written.path.segments == ["Self"] => Ty::Struct(of),
            _ => self.typed(part),
        }
    }

    pub(crate) fn declares_method(&self, name: &str) -> bool {
        self.names.declared.methods.keys().any(|(_, method)| method == name)
    }

    /// The method of this name of a value, if the value is a struct of this file: the struct, and
    /// the function.
    pub(crate) fn method_of_value(&self, ty: &Ty, name: &str) -> Option<(usize, usize)> {
        let Ty::Struct(id) = ty else { return None };
        self.method_of(*id, name).map(|own| (*id, own))
    }

    pub(crate) fn method_of(&self, of: usize, name: &str) -> Option<usize> {
        let declared = &self.names.declared;
        declared.methods.get(&(declared.structs.get(of)?.name.clone(), name.to_owned())).copied()
    }
}
