//! Owns the part of a type that matters here: `JoinHandle` in `Option<Arc<Mutex<JoinHandle<()>>>>`.
//! Refuses to resolve it: `names` does.

use syn::Type;
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;

pub(crate) type ScopeId = usize;

/// A path as written, and the scope where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) segments: Vec<String>,
    /// The path begins with `::`.
    pub(crate) absolute: bool,
    pub(crate) scope: ScopeId,
}

/// A type as written, without the wrappers around it: `JoinHandle` of `Option<JoinHandle<()>>`.
#[derive(Debug, Clone)]
pub(crate) struct TypeRef {
    pub(crate) path: Written,
    /// The type was in a list or a map.
    pub(crate) many: bool,
}

/// `Worker` of `impl Drop for crate::Worker<T>`.
pub(crate) fn last_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => Some(path.path.segments.last()?.ident.unraw().to_string()),
        Type::Reference(ty) => last_name(&ty.elem),
        Type::Paren(ty) => last_name(&ty.elem),
        Type::Group(ty) => last_name(&ty.elem),
        _ => None,
    }
}

/// Whether a value of this type may be borrowed, as far as the type says: `&T`, `Option<&T>`,
/// `Guard<'a>`. A type that is not understood may be.
pub(crate) fn borrows(ty: &Type) -> bool {
    match ty {
        Type::Reference(_) | Type::Ptr(_) => true,
        Type::Paren(ty) => borrows(&ty.elem),
        Type::Group(ty) => borrows(&ty.elem),
        Type::Array(ty) => borrows(&ty.elem),
        Type::Tuple(ty) => ty.elems.iter().any(borrows),
        Type::Path(ty) => ty.path.segments.iter().any(|segment| match &segment.arguments {
            syn::PathArguments::AngleBracketed(of) => of.args.iter().any(|argument| match argument {
                syn::GenericArgument::Lifetime(_) => true,
                syn::GenericArgument::Type(ty) => borrows(ty),
                _ => false,
            }),
            _ => false,
        }),
        _ => true,
    }
}

/// Types that hold one value and hand it out. A handle in such a value is as good as the handle.
const WRAPPERS: &[&str] = &[
    "Option",
    "Result",
    "Arc",
    "Rc",
    "Box",
    "Mutex",
    "RwLock",
    "RefCell",
    "Cell",
    "OnceLock",
    "OnceCell",
    "LazyLock",
    "LazyCell",
    "Lazy",
    "Pin",
    "ManuallyDrop",
    "MutexGuard",
    "RefMut",
    "Ref",
    "IoResult",
    "Cow",
    "CachePadded",
    "Weak",
    "UnsafeCell",
    "MaybeUninit",
    "AtomicCell",
    "Once",
    "ReentrantMutex",
    "FairMutex",
    "AssertUnwindSafe",
];

/// Types that hold many values.
const LISTS: &[&str] = &[
    "Vec",
    "VecDeque",
    "HashMap",
    "BTreeMap",
    "HashSet",
    "BTreeSet",
    "SmallVec",
    "ArrayVec",
    "LinkedList",
    "Slab",
    "IndexMap",
    "DashMap",
    "BinaryHeap",
    "FxHashMap",
    "Iterator",
    "IntoIterator",
    "IntoIter",
    "Iter",
    "SlotMap",
    "JoinHandles",
    "ArrayQueue",
    "SegQueue",
];

/// The part of a type that matters.
pub(crate) fn type_ref(scope: ScopeId, ty: &Type) -> Option<TypeRef> {
    match ty {
        Type::Reference(ty) => type_ref(scope, &ty.elem),
        Type::Paren(ty) => type_ref(scope, &ty.elem),
        Type::Group(ty) => type_ref(scope, &ty.elem),
        Type::Ptr(ty) => type_ref(scope, &ty.elem),
        Type::Array(ty) => listed(type_ref(scope, &ty.elem)),
        Type::Slice(ty) => listed(type_ref(scope, &ty.elem)),
        // `(Sender<Job>, JoinHandle<()>)`: the first part that is a type with a path, which is a
        // guess.
        Type::Tuple(ty) => ty.elems.iter().find_map(|ty| type_ref(scope, ty)),
        Type::ImplTrait(ty) => bound(scope, &ty.bounds),
        Type::TraitObject(ty) => bound(scope, &ty.bounds),
        Type::Path(ty) if ty.qself.is_none() => path_ref(scope, &ty.path),
        _ => None,
    }
}

/// The parts of a tuple, also of one in a `Result`: of `(Sender<Job>, Receiver<Job>)` two. Empty:
/// no tuple.
pub(crate) fn parts(scope: ScopeId, ty: &Type) -> Vec<Option<TypeRef>> {
    match ty {
        Type::Tuple(ty) => ty.elems.iter().map(|ty| type_ref(scope, ty)).collect(),
        Type::Paren(ty) => parts(scope, &ty.elem),
        Type::Group(ty) => parts(scope, &ty.elem),
        Type::Path(ty) => match ty.path.segments.last().map(|last| (&last.ident, &last.arguments)) {
            Some((name, syn::PathArguments::AngleBracketed(of)))
                if WRAPPERS.iter().any(|wrapper| name == wrapper) =>
            {
                match of.args.first() {
                    Some(syn::GenericArgument::Type(ty)) => parts(scope, ty),
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn bound(scope: ScopeId, bounds: &Punctuated<syn::TypeParamBound, syn::Token![+]>) -> Option<TypeRef> {
    bounds.iter().find_map(|bound| match bound {
        syn::TypeParamBound::Trait(bound) => {
            let last = bound.path.segments.last()?;
            // `impl Iterator<Item = JoinHandle<()>>`. Any other bound says nothing about what the
            // value holds.
            LISTS.iter().any(|name| last.ident == name).then(|| path_ref(scope, &bound.path))?
        }
        _ => None,
    })
}

fn listed(ty: Option<TypeRef>) -> Option<TypeRef> {
    ty.map(|ty| TypeRef { many: true, ..ty })
}

fn path_ref(scope: ScopeId, path: &syn::Path) -> Option<TypeRef> {
    let last = path.segments.last()?;
    let of_types = |argument: &syn::GenericArgument| {
        matches!(argument, syn::GenericArgument::Type(_) | syn::GenericArgument::AssocType(_))
    };
    // `Iter<'a>` without the type of an element is an iterator that the file declares.
    let own = ["Iter", "IntoIter"].iter().any(|name| last.ident == name)
        && match &last.arguments {
            syn::PathArguments::AngleBracketed(of) => !of.args.iter().any(of_types),
            _ => true,
        };
    let wrapper = WRAPPERS.iter().any(|name| last.ident == name);
    let list = !own && LISTS.iter().any(|name| last.ident == name);
    if wrapper || list {
        let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
        let inner = arguments.args.iter().filter_map(|argument| match argument {
            syn::GenericArgument::Type(ty) => type_ref(scope, ty),
            syn::GenericArgument::AssocType(ty) => type_ref(scope, &ty.ty),
            _ => None,
        });
        // Of a map the values, and not the keys. Of a `Result` the success, and not the error.
        let found = if list { inner.last() } else { inner.into_iter().next() };
        return if list { listed(found) } else { found };
    }
    let segments = path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect();
    let path = Written { segments, absolute: path.leading_colon.is_some(), scope };
    Some(TypeRef { path, many: false })
}
