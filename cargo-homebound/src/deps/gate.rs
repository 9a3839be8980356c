//! Owns conditions of conditional compilation: `cfg(..)` as a value, and whether it holds in a build.
//! Refuses to know where they stand: `outline` finds them.

use std::collections::BTreeSet;
use std::fmt;

use proc_macro2::{TokenStream, TokenTree};

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gate {
    /// `unix`, `feature = "net"`.
    Is(String, Option<String>),
    All(Vec<Gate>),
    Any(Vec<Gate>),
    Not(Box<Gate>),
    /// What this program cannot read.
    Unread(String),
}

/// Set by tools that build for themselves, never in a program as its users build it.
const OFF: [&str; 13] = [
    "coverage",
    "coverage_nightly",
    "crossbeam_loom",
    "doc",
    "docsrs",
    "doctest",
    "fuzzing",
    "kani",
    "loom",
    "miri",
    "rust_analyzer",
    "shuttle",
    "test",
];

/// What is known of a build.
#[derive(Debug, Clone, Default)]
pub(crate) struct Build {
    /// The features of the package in question that are on. `None`: any of them may be.
    pub(crate) features: Option<BTreeSet<String>>,
    /// What rustc sets for the target, `unix` or `target_os="linux"` each. `None`: all targets are looked at.
    pub(crate) target: Option<BTreeSet<String>>,
}

impl Gate {
    /// Reads what stands between the parentheses of `cfg(..)`.
    pub(crate) fn read(tokens: TokenStream) -> Gate {
        let text = tokens.to_string();
        let tokens: Vec<_> = tokens.into_iter().collect();
        match tokens.as_slice() {
            [TokenTree::Ident(name)] if name == "true" => Gate::All(Vec::new()),
            [TokenTree::Ident(name)] if name == "false" => Gate::Any(Vec::new()),
            [TokenTree::Ident(name)] => Gate::Is(name.to_string(), None),
            [TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Literal(value)] => match string(value) {
                Some(value) => Gate::Is(name.to_string(), Some(value)),
                None => Gate::Unread(text),
            },
            [TokenTree::Ident(name), TokenTree::Group(inside)] => {
                let mut parts: Vec<_> = split(inside.stream()).into_iter().map(Gate::read).collect();
                match name.to_string().as_str() {
                    "all" => Gate::All(parts),
                    "any" => Gate::Any(parts),
                    "not" if parts.len() == 1 => Gate::Not(Box::new(parts.remove(0))),
                    _ => Gate::Unread(text),
                }
            }
            _ => Gate::Unread(text),
        }
    }

    /// Whether it holds. `None`: that cannot be known.
    pub(crate) fn holds(&self, build: &Build) -> Option<bool> {
        match self {
            Gate::Is(name, value) => is(name, value.as_deref(), build),
            Gate::All(parts) => join(parts, build, false),
            Gate::Any(parts) => join(parts, build, true),
            Gate::Not(part) => part.holds(build).map(|holds| !holds),
            Gate::Unread(_) => None,
        }
    }

    /// Adds the features that it asks for. Those that must be off are none.
    pub(crate) fn features(&self, into: &mut BTreeSet<String>) {
        match self {
            Gate::Is(name, Some(value)) if name == "feature" => drop(into.insert(value.clone())),
            Gate::All(parts) | Gate::Any(parts) => parts.iter().for_each(|part| part.features(into)),
            Gate::Is(..) | Gate::Not(_) | Gate::Unread(_) => {}
        }
    }
}

/// `any` is decided by one part that holds, `all` by one that does not.
fn join(parts: &[Gate], build: &Build, decisive: bool) -> Option<bool> {
    let mut known = true;
    for part in parts {
        match part.holds(build) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => known = false,
        }
    }
    known.then_some(!decisive)
}

fn is(name: &str, value: Option<&str>, build: &Build) -> Option<bool> {
    if let Some(value) = value.filter(|_| name == "feature") {
        return build.features.as_ref().map(|features| features.contains(value));
    }
    if value.is_none() && OFF.contains(&name) {
        return Some(false);
    }
    // Cargo knows no `target`, and takes it as one that does not hold.
    let of_target =
        name == "target" || name.starts_with("target_") || ["unix", "windows", "panic"].contains(&name);
    // The rest is set by build scripts and by flags, which nobody has run here.
    let target = build.target.as_ref().filter(|_| of_target)?;
    Some(target.contains(&match value {
        Some(value) => format!("{name}=\"{value}\""),
        None => name.to_owned(),
    }))
}

/// What a string literal says, if it is a plain one.
pub(crate) fn string(literal: &proc_macro2::Literal) -> Option<String> {
    let text = literal.to_string();
    let text = text.trim_start_matches('r').trim_matches('#');
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inside.contains('\\')).then(|| inside.to_owned())
}

/// Splits at commas.
pub(crate) fn split(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![Vec::new()];
    for token in tokens {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => parts.push(Vec::new()),
            _ => parts.last_mut().expect("one part at least").push(token),
        }
    }
    parts.into_iter().filter(|part| !part.is_empty()).map(TokenStream::from_iter).collect()
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, name: &str, parts: &[Gate]| {
            let parts: Vec<_> = parts.iter().map(Gate::to_string).collect();
            write!(f, "{name}({})", parts.join(", "))
        };
        match self {
            Gate::Is(name, Some(value)) => write!(f, "{name} = \"{value}\""),
            Gate::Is(name, None) => f.write_str(name),
            Gate::All(parts) => list(f, "all", parts),
            Gate::Any(parts) => list(f, "any", parts),
            Gate::Not(part) => write!(f, "not({part})"),
            Gate::Unread(text) => f.write_str(text),
        }
    }
}
