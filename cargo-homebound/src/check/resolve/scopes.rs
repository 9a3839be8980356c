//! Owns the declarations of a file, and where each is valid: modules, blocks with items, imports,
//! functions, structs, statics.
//! Refuses to resolve a path: `names` does.

use std::collections::HashMap;

use syn::ext::IdentExt;
use syn::{Expr, Fields, ForeignItem, ImplItem, Item, Lit, Type, UseTree, Visibility};

use crate::check::resolve::bodies;
use crate::check::resolve::written::{self, ScopeId, TypeRef, Written, borrows, last_name, type_ref};

/// The declaration behind a name; numbers are places in the lists of `Declared`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Def {
    Import(usize),
    Mod(ScopeId),
    Fn(usize),
    Struct(usize),
    Value(usize),
    Alias(usize),
    /// A function of an `extern` block. The linker knows it by its own name, `pthread_create`,
    /// whatever module declares it.
    Foreign(usize),
    /// Something of this file that no rule asks about.
    Opaque,
}

#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) parent: Option<ScopeId>,
    /// A module, and not a block.
    pub(crate) module: bool,
    pub(crate) types: HashMap<String, Def>,
    pub(crate) values: HashMap<String, Def>,
    /// Imports that end in `*`.
    pub(crate) globs: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct FnInfo {
    /// The type behind `->`.
    pub(crate) returns: Option<TypeRef>,
    /// The parts of that type, if it is a tuple.
    pub(crate) parts: Vec<Option<TypeRef>>,
    /// The result may be borrowed from an argument, so that a value in it may be kept elsewhere.
    pub(crate) lends: bool,
    /// The body only asks a flag.
    pub(crate) asks: bool,
    /// The body sleeps.
    pub(crate) sleeps: bool,
}

#[derive(Debug)]
pub(crate) struct FieldInfo {
    pub(crate) name: String,
    pub(crate) ty: Option<TypeRef>,
    /// No other file can reach the field.
    pub(crate) private: bool,
}

#[derive(Debug)]
pub(crate) struct StructInfo {
    pub(crate) name: String,
    pub(crate) fields: Vec<FieldInfo>,
}

/// A static or a constant.
#[derive(Debug)]
pub(crate) struct ValueInfo {
    pub(crate) ty: Option<TypeRef>,
    pub(crate) text: Option<String>,
    pub(crate) private: bool,
}

/// All declarations of a file.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub(crate) scopes: Vec<Scope>,
    pub(crate) imports: Vec<Written>,
    pub(crate) fns: Vec<FnInfo>,
    pub(crate) structs: Vec<StructInfo>,
    pub(crate) values: Vec<ValueInfo>,
    pub(crate) aliases: Vec<Option<TypeRef>>,
    pub(crate) foreign: Vec<String>,
    /// By the last name of the type and the name of the method. The type may be declared further
    /// down, or elsewhere.
    pub(crate) methods: HashMap<(String, String), usize>,
    /// The scopes of modules, by the line and column of the module's name.
    pub(crate) modules: HashMap<(usize, usize), ScopeId>,
    /// Functions, by the line and column of their name.
    pub(crate) bodies: HashMap<(usize, usize), usize>,
}

impl Declared {
    pub(crate) fn open(&mut self, parent: Option<ScopeId>, module: bool) -> ScopeId {
        self.scopes.push(Scope {
            parent,
            module,
            types: HashMap::new(),
            values: HashMap::new(),
            globs: Vec::new(),
        });
        self.scopes.len() - 1
    }

    /// Adds the declarations of `item` to `scope`, with all that a module holds.
    pub(crate) fn item(&mut self, scope: ScopeId, item: &Item) {
        match item {
            Item::Use(item) => {
                self.uses(scope, &item.tree, &mut Vec::new(), item.leading_colon.is_some());
            }
            // `extern crate crossbeam as cb` brings in a name as an import does.
            Item::ExternCrate(item) => {
                let name = item.rename.as_ref().map_or(&item.ident, |(_, name)| name).unraw().to_string();
                let this = item.ident == "self";
                let segments = vec![if this { "crate".to_owned() } else { item.ident.unraw().to_string() }];
                let import = self.import(Written { segments, absolute: !this, scope });
                self.scopes[scope].types.insert(name, Def::Import(import));
            }
            // A module without a body is in another file: nothing is known of its names.
            Item::Mod(item) => {
                let Some((_, items)) = &item.content else {
                    // `mod thread;` hides the crate `thread`, or a glob that has the name.
                    self.scopes[scope].types.insert(item.ident.unraw().to_string(), Def::Opaque);
                    return;
                };
                let inner = self.open(Some(scope), true);
                self.modules.insert(place(&item.ident), inner);
                self.scopes[scope].types.insert(item.ident.unraw().to_string(), Def::Mod(inner));
                for item in items {
                    self.item(inner, item);
                }
            }
            Item::Fn(item) => {
                let id = self.function(scope, &item.sig, &item.block);
                self.scopes[scope].values.insert(item.sig.ident.unraw().to_string(), Def::Fn(id));
            }
            Item::Struct(item) => self.structure(scope, item),
            Item::Static(item) => {
                let private = matches!(item.vis, Visibility::Inherited);
                self.value(scope, &item.ident, &item.ty, &item.expr, private);
            }
            // Each use of a constant is a copy of its own, so that no other file can take a handle
            // out of it.
            Item::Const(item) => self.value(scope, &item.ident, &item.ty, &item.expr, true),
            Item::Type(item) => {
                self.aliases.push(type_ref(scope, &item.ty));
                let alias = Def::Alias(self.aliases.len() - 1);
                self.scopes[scope].types.insert(item.ident.unraw().to_string(), alias);
            }
            // These names hide imports and crates of the same name.
            Item::Enum(item) => self.opaque(scope, &item.ident),
            Item::Union(item) => self.opaque(scope, &item.ident),
            Item::Trait(item) => self.opaque(scope, &item.ident),
            Item::TraitAlias(item) => self.opaque(scope, &item.ident),
            Item::ForeignMod(item) => {
                for item in &item.items {
                    self.foreign(scope, item);
                }
            }
            Item::Impl(item) => self.methods(scope, item),
            _ => {}
        }
    }

    fn opaque(&mut self, scope: ScopeId, name: &syn::Ident) {
        self.scopes[scope].types.insert(name.to_string(), Def::Opaque);
    }

    fn import(&mut self, path: Written) -> usize {
        self.imports.push(path);
        self.imports.len() - 1
    }

    fn uses(&mut self, scope: ScopeId, tree: &UseTree, before: &mut Vec<String>, absolute: bool) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.unraw().to_string());
                self.uses(scope, &path.tree, before, absolute);
                before.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.uses(scope, tree, before, absolute);
                }
            }
            UseTree::Glob(_) => {
                let import = self.import(Written { segments: before.clone(), absolute, scope });
                self.scopes[scope].globs.push(import);
            }
            UseTree::Name(name) => self.named(scope, &name.ident, &name.ident, before, absolute),
            UseTree::Rename(name) => self.named(scope, &name.ident, &name.rename, before, absolute),
        }
    }

    fn named(
        &mut self,
        scope: ScopeId,
        what: &syn::Ident,
        as_: &syn::Ident,
        before: &[String],
        absolute: bool,
    ) {
        let mut segments = before.to_vec();
        // `use std::thread::{self}` brings in `thread`.
        let this = what == "self" && !segments.is_empty();
        if !this {
            segments.push(what.unraw().to_string());
        }
        let name = if as_ == "self" {
            segments.last().cloned().unwrap_or_default()
        } else {
            as_.unraw().to_string()
        };
        let import = self.import(Written { segments, absolute, scope });
        let scope = &mut self.scopes[scope];
        scope.types.insert(name.clone(), Def::Import(import));
        if !this {
            // A function of this file and an imported module of the same name live side by side.
            scope.values.entry(name).or_insert(Def::Import(import));
        }
    }

    fn function(&mut self, scope: ScopeId, signature: &syn::Signature, body: &syn::Block) -> usize {
        let (returns, parts) = match &signature.output {
            syn::ReturnType::Type(_, ty) => (type_ref(scope, ty), written::parts(scope, ty)),
            syn::ReturnType::Default => (None, Vec::new()),
        };
        let lends = matches!(&signature.output, syn::ReturnType::Type(_, ty) if borrows(ty));
        // Read now, so that a call of the function can be judged wherever it stands.
        let (asks, sleeps) = (bodies::only_asks(body), bodies::sleeps(body));
        self.fns.push(FnInfo { returns, parts, lends, asks, sleeps });
        self.bodies.insert(place(&signature.ident), self.fns.len() - 1);
        self.fns.len() - 1
    }

    fn structure(&mut self, scope: ScopeId, item: &syn::ItemStruct) {
        let fields = item.fields.iter().enumerate().map(|(at, field)| FieldInfo {
            name: field.ident.as_ref().map_or_else(|| at.to_string(), ToString::to_string),
            ty: type_ref(scope, &field.ty),
            private: matches!(field.vis, Visibility::Inherited),
        });
        self.structs.push(StructInfo { name: item.ident.unraw().to_string(), fields: fields.collect() });
        let def = Def::Struct(self.structs.len() - 1);
        self.scopes[scope].types.insert(item.ident.unraw().to_string(), def);
        // `Job(handle)` is a call of the struct's own name.
        if matches!(item.fields, Fields::Unnamed(_) | Fields::Unit) {
            self.scopes[scope].values.insert(item.ident.unraw().to_string(), def);
        }
    }

    fn value(&mut self, scope: ScopeId, name: &syn::Ident, ty: &Type, init: &Expr, private: bool) {
        let text = match init {
            Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        };
        self.values.push(ValueInfo { ty: type_ref(scope, ty), text, private });
        let def = Def::Value(self.values.len() - 1);
        self.scopes[scope].values.insert(name.to_string(), def);
    }

    fn foreign(&mut self, scope: ScopeId, item: &ForeignItem) {
        if let ForeignItem::Fn(item) = item {
            self.foreign.push(item.sig.ident.unraw().to_string());
            let def = Def::Foreign(self.foreign.len() - 1);
            self.scopes[scope].values.insert(item.sig.ident.unraw().to_string(), def);
        }
    }

    /// Whether some method of that name in this file only asks a flag.
    pub(crate) fn asks(&self, name: &str) -> bool {
        self.methods.iter().any(|((_, method), id)| method == name && self.fns[*id].asks)
    }

    /// The method of that name, if no other type of this file has one, and types of other crates
    /// hardly ever do. Then a call on a value of unknown type means this method.
    pub(crate) fn only_method(&self, name: &str) -> Option<usize> {
        let mut all =
            self.methods.iter().filter(|((_, method), _)| method == name && !COMMON.contains(&name));
        let (_, id) = all.next()?;
        all.next().is_none().then_some(*id)
    }

    fn methods(&mut self, scope: ScopeId, item: &syn::ItemImpl) {
        let Some(of) = last_name(&item.self_ty) else { return };
        for item in &item.items {
            if let ImplItem::Fn(item) = item {
                let id = self.function(scope, &item.sig, &item.block);
                self.methods.insert((of.clone(), item.sig.ident.unraw().to_string()), id);
            }
        }
    }
}

/// Names of methods that many types have. On a value of unknown type they say nothing.
const COMMON: &[&str] = &[
    "run",
    "start",
    "stop",
    "open",
    "close",
    "execute",
    "process",
    "handle",
    "update",
    "step",
    "tick",
    "work",
    "init",
    "call",
    "apply",
    "write",
    "flush",
    "poll",
    "join",
    "wait",
    "recv",
    "send",
    "read",
    "accept",
    "connect",
    "drop",
    "eq",
    "cmp",
    "hash",
    "fmt",
    "as_str",
    "from",
    "to_string",
    "is_empty",
    "add",
    "sub",
    "mul",
    "div",
    "index",
    "deref",
    "reset",
    "name",
    "new",
];

/// The line and column of a name. No other name has the same, so that a declaration is found again
/// by it.
pub(crate) fn place(name: &syn::Ident) -> (usize, usize) {
    let at = name.span().start();
    (at.line, at.column)
}
