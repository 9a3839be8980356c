//! Owns the way from a path at a place to its meaning: `go` after `use std::thread::spawn as go`.
//! Refuses to look into other files: a name that is not declared here is taken as written.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::check::resolve::scopes::{Declared, Def};
use crate::check::resolve::written::{ScopeId, TypeRef, Written};
use crate::check::resolve::{types, waits};
use crate::finding::catalog;

/// The meaning of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Res {
    /// Outside of this file, by the path from its crate's root: `std::thread::spawn`.
    Path(String),
    Mod(ScopeId),
    Fn(usize),
    Struct(usize),
    /// A function in an `impl` of a struct of this file: the struct's number, and the name.
    Assoc(usize, String),
    Value(usize),
    /// Something of this file that no rule asks about.
    Opaque,
}

/// Rust has two kinds of names, which may be equal: a module `log` and a function `log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    Types,
    Values,
}

/// The steps that one question may take. Imports can go round in circles, and a file may be written
/// to be slow.
const STEPS: u32 = 400;

/// Every path that a rule knows, and each beginning of one. A glob import is asked for these alone:
/// `use std::thread::*` brings in `spawn`, and not every unknown name.
static KNOWN: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let mut known = HashSet::new();
    for path in catalog::ENTRIES.iter().map(|entry| entry.path).chain(types::paths()).chain(waits::paths()) {
        let mut end = path.len();
        while known.insert(path[..end].to_owned()) {
            let Some(at) = path[..end].rfind("::") else { break };
            end = at;
        }
    }
    known
});

/// Answers questions about the names of one file.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) declared: Declared,
    /// Steps that are left for the question that is asked now.
    steps: u32,
    /// Imports that the question has gone through.
    active: Vec<usize>,
}

impl Names {
    /// The meaning of a path.
    pub(crate) fn resolve(&mut self, path: &Written, space: Space) -> Res {
        self.steps = STEPS;
        self.active.clear();
        match self.path(path, space) {
            Res::Path(path) => Res::Path(canonical(path)),
            found => found,
        }
    }

    /// The meaning of a name in `scope` and the scopes around it, as far as the module. `None`:
    /// nothing in the file declares the name.
    pub(crate) fn item(&mut self, scope: ScopeId, name: &str, space: Space) -> Option<Res> {
        self.steps = STEPS;
        self.active.clear();
        self.visible(scope, name, space)
    }

    /// The meaning of a name that is declared in `scope` itself.
    pub(crate) fn own(&mut self, scope: ScopeId, name: &str, space: Space) -> Option<Res> {
        self.steps = STEPS;
        self.active.clear();
        self.within(scope, name, space)
    }

    /// The meaning of the path of a type.
    pub(crate) fn type_of(&mut self, ty: &TypeRef) -> Res {
        self.resolve(&ty.path, Space::Types)
    }

    fn path(&mut self, path: &Written, space: Space) -> Res {
        let segments = &path.segments;
        let Some(first) = segments.first() else { return Res::Opaque };
        // `::std::thread` begins with a crate, whatever the file declares.
        if path.absolute {
            return Res::Path(segments.join("::"));
        }
        let mut module = self.module(path.scope);
        let mut at = 0;
        match first.as_str() {
            "crate" => module = 0,
            "self" => {}
            "super" => {
                while segments.get(at).is_some_and(|segment| segment == "super") {
                    // `super` of the file's root leads out of the file.
                    let Some(up) = self.declared.scopes[module].parent else {
                        return Res::Path(segments.join("::"));
                    };
                    module = self.module(up);
                    at += 1;
                }
                return self.rest(Res::Mod(module), segments, at, space);
            }
            _ => {
                // Only the last part of a path can be a function or a value.
                let wanted = if segments.len() == 1 { space } else { Space::Types };
                let found = self.visible(path.scope, first, wanted);
                let found = found.unwrap_or_else(|| Res::Path(first.clone()));
                return self.rest(found, segments, 1, space);
            }
        }
        match self.rest(Res::Mod(module), segments, 1, space) {
            // The file may be any module of its crate, so that `crate::` and `self::` can mean
            // names of other files.
            Res::Opaque => Res::Path(segments.join("::")),
            found => found,
        }
    }

    fn module(&self, mut scope: ScopeId) -> ScopeId {
        while let (false, Some(parent)) =
            (self.declared.scopes[scope].module, self.declared.scopes[scope].parent)
        {
            scope = parent;
        }
        scope
    }

    fn rest(&mut self, mut found: Res, segments: &[String], from: usize, space: Space) -> Res {
        for (at, segment) in segments.iter().enumerate().skip(from) {
            let wanted = if at + 1 == segments.len() { space } else { Space::Types };
            found = match found {
                Res::Path(path) => Res::Path(format!("{path}::{segment}")),
                Res::Mod(scope) => self.within(scope, segment, wanted).unwrap_or(Res::Opaque),
                Res::Struct(of) => Res::Assoc(of, segment.clone()),
                _ => Res::Opaque,
            };
        }
        found
    }

    fn visible(&mut self, mut scope: ScopeId, name: &str, space: Space) -> Option<Res> {
        loop {
            if let Some(found) = self.within(scope, name, space) {
                return Some(found);
            }
            // A module does not see the names of the module around it. A block sees the names of
            // its function.
            if self.declared.scopes[scope].module {
                return None;
            }
            scope = self.declared.scopes[scope].parent?;
        }
    }

    /// The meaning of a name that is declared in `scope` itself, or brought in by a glob import
    /// there.
    fn within(&mut self, scope: ScopeId, name: &str, space: Space) -> Option<Res> {
        self.steps = self.steps.checked_sub(1)?;
        let declared = &self.declared.scopes[scope];
        let map = if space == Space::Types { &declared.types } else { &declared.values };
        // A name that is declared here hides the same name of a glob.
        let declared = map.get(name).copied();
        if let Some(found) = declared.and_then(|def| self.def(def, space)) {
            return Some(found);
        }
        for at in 0..self.declared.scopes[scope].globs.len() {
            let glob = self.declared.scopes[scope].globs[at];
            match self.import(glob, Space::Types) {
                // A glob of a module of this file.
                Some(Res::Mod(inner)) if inner != scope => {
                    self.active.push(glob);
                    let found = self.within(inner, name, space);
                    self.active.pop();
                    if found.is_some() {
                        return found;
                    }
                }
                Some(Res::Path(path)) => {
                    let path = canonical(format!("{path}::{name}"));
                    // A glob of another crate: what it holds is known for the paths of the tables
                    // alone.
                    if KNOWN.contains(&path) {
                        return Some(Res::Path(path));
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn def(&mut self, def: Def, space: Space) -> Option<Res> {
        Some(match def {
            Def::Import(import) => return self.import(import, space),
            Def::Mod(scope) => Res::Mod(scope),
            Def::Fn(id) => Res::Fn(id),
            Def::Struct(id) => Res::Struct(id),
            Def::Value(id) => Res::Value(id),
            Def::Alias(id) => {
                let Some(ty) = self.declared.aliases[id].clone() else { return Some(Res::Opaque) };
                // Aliases can name each other in a circle, as `type A = B; type B = A;`, and are in
                // no list of imports.
                self.steps = self.steps.checked_sub(8)?;
                self.path(&ty.path, Space::Types)
            }
            Def::Foreign(id) => Res::Path(format!("libc::{}", self.declared.foreign[id])),
            Def::Opaque => Res::Opaque,
        })
    }

    /// Returns the item that an import brings in. Returns `None` while the import is being resolved
    /// already, because `use log::log` does not mean itself.
    fn import(&mut self, import: usize, space: Space) -> Option<Res> {
        if self.active.contains(&import) {
            return None;
        }
        self.steps = self.steps.checked_sub(1)?;
        self.active.push(import);
        let path = self.declared.imports[import].clone();
        let found = match self.path(&path, space) {
            Res::Path(path) => Res::Path(canonical(path)),
            found => found,
        };
        self.active.pop();
        // A name of this file that is no path may still exist in the other kind of names.
        (found != Res::Opaque || path.segments.len() > 1).then_some(found)
    }
}

/// The name by which the tables know a path: `std` for what `core` and `alloc` declare, `rayon` for
/// what `rayon_core` does.
/// Crates of the tables that other crates pass on under the crate's own name:
/// `ratatui::crossterm::event`, `nix::libc`.
const PASSED_ON: &[&str] = &["crossterm", "calloop", "crossbeam_channel", "libc", "mio", "rayon", "tokio"];

/// `crossterm::event::read` of `ratatui::crossterm::event::read`.
fn passed_on(path: &str) -> Option<&str> {
    // Modules of the own crate may have any name.
    let first = path.split("::").next().filter(|first| !["crate", "super", "self", "std"].contains(first))?;
    PASSED_ON.iter().find_map(|name| {
        let rest = path[first.len()..].split_once(&format!("::{name}::"))?.1;
        Some(&path[path.len() - rest.len() - name.len() - 2..])
    })
}

fn canonical(path: String) -> String {
    if let Some(inner) = passed_on(&path) {
        return inner.to_owned();
    }
    let passed_on = [
        ("core::", "std::"),
        ("alloc::", "std::"),
        ("rayon_core::", "rayon::"),
        ("homebound::channel::", "crossbeam_channel::"),
    ];
    for (short, crate_) in passed_on {
        if let Some(rest) = path.strip_prefix(short) {
            return format!("{crate_}{rest}");
        }
    }
    path
}
