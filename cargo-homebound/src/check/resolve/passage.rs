//! Owns what a method does with its receiver, by the method's name, and which macros only look at
//! their arguments.
//! Refuses to follow values: `flow` does.

use syn::Ident;

/// The effect of a method on a receiver that is a join handle or holds some. Only the name of the
/// method is known, so the guard assumes the method of this name on the types of std and of the
/// usual crates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// Returns the receiver or a part of it: `unwrap`, `iter`, `map_err`.
    Through,
    /// Gives the receiver to a closure, and returns what the closure makes of it: `map`.
    Closure,
    /// Shows the receiver to a closure, and returns it: `filter`.
    Both,
    /// Looks at the receiver, and leaves it where it is: `is_finished`. A handle that is only
    /// looked at is dropped.
    Look,
    /// Stores the argument in the receiver: `push`.
    Store,
    /// Any other method. The method may join the handle, so the rule is silent.
    Home,
}

const THROUGH: &[&str] = &[
    "unwrap",
    "expect",
    "ok",
    "take",
    "iter",
    "iter_mut",
    "into_iter",
    "drain",
    "clone",
    "cloned",
    "copied",
    "as_ref",
    "as_mut",
    "as_deref",
    "as_deref_mut",
    "pop",
    "pop_front",
    "pop_back",
    "pop_first",
    "pop_last",
    "next",
    "next_back",
    "remove",
    "swap_remove",
    "remove_entry",
    "get",
    "get_mut",
    "get_ref",
    "first",
    "last",
    "first_mut",
    "last_mut",
    "lock",
    "try_lock",
    "read",
    "write",
    "borrow",
    "borrow_mut",
    "into_inner",
    "unwrap_or",
    "unwrap_or_default",
    "rev",
    "enumerate",
    "zip",
    "chain",
    "skip",
    "step_by",
    "peekable",
    "fuse",
    "by_ref",
    "collect",
    "flatten",
    "values",
    "values_mut",
    "into_values",
    "into_keys",
    "to_owned",
    "into",
    "split_off",
    "context",
    "with_context",
    "entry",
    "or_default",
    "or_insert",
    "or_insert_with",
    "or",
    "ok_or",
    "ok_or_else",
    "transpose",
    "deref",
    "deref_mut",
    "load",
    "into_boxed_slice",
    "as_slice",
    "as_mut_slice",
    "unwrap_unchecked",
    "to_vec",
    "windows",
    "chunks",
    "split_at",
    "split_first",
    "split_last",
    "upgrade",
    "downgrade",
    "wrap_err",
    "wrap_err_with",
    "expect_lock",
    "lock_unpoisoned",
    "get_or_init",
    "get_or_insert_with",
    "nth",
    "front",
    "back",
    "front_mut",
    "back_mut",
    "cycle",
    "extract_if",
    "unzip",
    "partition",
    "map_err",
    "or_else",
    "unwrap_or_else",
    "inspect_err",
];

const CLOSURE: &[&str] = &[
    "map",
    "for_each",
    "try_for_each",
    "and_then",
    "filter_map",
    "flat_map",
    "any",
    "all",
    "fold",
    "try_fold",
    "find_map",
    "is_ok_and",
    "is_some_and",
    "is_none_or",
    "map_or",
    "map_or_else",
    "map_while",
    "reduce",
    "scan",
];

const BOTH: &[&str] = &[
    "filter",
    "inspect",
    "take_while",
    "skip_while",
    "find",
    "retain",
    "retain_mut",
    "max_by_key",
    "min_by_key",
    "sort_by_key",
    "take_if",
    "position",
];

const LOOK: &[&str] = &[
    "thread",
    "is_finished",
    "len",
    "is_empty",
    "is_some",
    "is_none",
    "is_ok",
    "is_err",
    "id",
    "err",
    "reserve",
    "capacity",
    "clear",
    "truncate",
    "count",
    "as_pthread_t",
    "eq",
    "ne",
    "hash",
    "fmt",
    "contains_key",
    "keys",
    "shrink_to_fit",
    "unwrap_err",
    "expect_err",
];

const STORE: &[&str] = &[
    "push",
    "push_back",
    "push_front",
    "insert",
    "extend",
    "append",
    "replace",
    "set",
    "get_or_insert",
    "store",
    "extend_from_slice",
];

/// Returns the effect of a method of this name on its receiver.
pub(crate) fn passage(name: &Ident) -> Passage {
    let is = |list: &[&str]| list.iter().any(|other| name == other);
    // No name is in two lists. Where a name means two things (`take` of an `Option` and of an
    // iterator), both are of the same kind.
    if is(THROUGH) {
        Passage::Through
    } else if is(CLOSURE) {
        Passage::Closure
    } else if is(BOTH) {
        Passage::Both
    } else if is(LOOK) {
        Passage::Look
    } else if is(STORE) {
        Passage::Store
    } else {
        Passage::Home
    }
}

/// Methods of a list that return one element, and not a list of elements.
pub(crate) fn gives_one(name: &str) -> bool {
    [
        "pop",
        "pop_front",
        "pop_back",
        "next",
        "next_back",
        "remove",
        "swap_remove",
        "get",
        "get_mut",
        "first",
        "last",
        "first_mut",
        "last_mut",
        "nth",
        "front",
        "back",
        "find",
        "front_mut",
        "back_mut",
    ]
    .contains(&name)
}

/// Methods that return the result of their closure.
pub(crate) fn keeps_result(name: &Ident) -> bool {
    [
        "map",
        "and_then",
        "filter_map",
        "flat_map",
        "fold",
        "try_fold",
        "find_map",
        "map_or",
        "map_or_else",
        "map_while",
        "reduce",
        "scan",
        "then",
        "or_else",
        "unwrap_or_else",
        "get_or_init",
        "get_or_insert_with",
        "or_insert_with",
        "map_init",
    ]
    .iter()
    .any(|other| name == other)
}

/// Methods that store the result of their closure in the receiver.
pub(crate) fn makes_and_keeps(name: &Ident) -> bool {
    ["get_or_init", "get_or_insert_with", "or_insert_with", "resize_with"].iter().any(|other| name == other)
}

/// Macros that look at their arguments and do not keep them. Any other macro may keep or join a
/// handle.
pub(crate) const LOOKERS: &[&str] = &[
    "println",
    "print",
    "eprintln",
    "eprint",
    "format",
    "write",
    "writeln",
    "panic",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "log",
    "matches",
    "format_args",
    "unreachable",
    "todo",
    "unimplemented",
    "bail",
    "ensure",
    "anyhow",
];
