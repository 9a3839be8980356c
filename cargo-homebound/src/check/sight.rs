//! Owns what is in sight at a place: variables, items of blocks, and what names and types mean there.
//! Refuses to look outside of the file.

use syn::Pat;
use syn::ext::IdentExt;

use super::flow::Node;
use super::names::{Res, Space};
use super::scopes::{TypeRef, Written};
use super::types::{self, Ty};
use super::walk::{Found, Rib, Var, Walk};
use super::written;

impl Walk {
    /// Runs `f`; the variables that it declares are out of sight afterwards.
    pub(super) fn inner<R>(&mut self, f: impl FnOnce(&mut Walk) -> R) -> R {
        let ribs = self.ribs.len();
        let result = f(self);
        self.ribs.truncate(ribs);
        result
    }

    pub(super) fn declare(&mut self, name: String, ty: Ty, node: Node) {
        self.vars.push(Var { name, ty, node, text: None });
        self.ribs.push(Rib::Var(self.vars.len() - 1));
    }

    /// What a name that stands alone means here.
    pub(super) fn single(&mut self, name: &syn::Ident, space: Space) -> Option<Found> {
        for at in (0..self.ribs.len()).rev() {
            match self.ribs[at] {
                Rib::Var(var) if space == Space::Values && *name == self.vars[var].name => {
                    return Some(Found::Var(var));
                }
                Rib::Var(_) => {}
                Rib::Block(scope) => {
                    if let Some(found) = self.names.own(scope, &name.to_string(), space) {
                        return Some(Found::Item(found));
                    }
                }
                Rib::Wall(scope) => {
                    return self.names.item(scope, &name.to_string(), space).map(Found::Item);
                }
            }
        }
        None
    }

    pub(super) fn typed(&mut self, ty: Option<&TypeRef>) -> Ty {
        let Some(ty) = ty else { return Ty::Unknown };
        let found = match ty.path.segments.as_slice() {
            [this] if this == "Self" => self.selves.last().cloned().unwrap_or_default(),
            _ => match self.names.type_of(ty) {
                Res::Path(path) => Ty::named(types::known(&path)),
                Res::Struct(id) => Ty::Struct(id),
                Res::Opaque => Ty::own(),
                _ => Ty::Unknown,
            },
        };
        if ty.many { Ty::Many(found.into()) } else { found }
    }

    pub(super) fn written(&self, path: &syn::Path) -> Written {
        Written {
            segments: path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect(),
            absolute: path.leading_colon.is_some(),
            scope: self.scope,
        }
    }

    /// The pattern of a `let` or of a parameter, for those who only want its type.
    pub(super) fn ascribed<'p>(&mut self, pat: &'p Pat) -> (&'p Pat, Ty) {
        match pat {
            Pat::Type(typed) => {
                let written = written::type_ref(self.scope, &typed.ty);
                (&typed.pat, self.typed(written.as_ref()))
            }
            pat => (pat, Ty::Unknown),
        }
    }
}
