//! Owns conditions of conditional compilation: `cfg(..)` as a value, and whether it holds in a
//! build.
//! Refuses to know where conditions stand, which `outline` does, and how they are written, which
//! cargo's own parser does.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use cargo_platform::{Cfg, CfgExpr};
use proc_macro2::{TokenStream, TokenTree};

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gate {
    Cfg(CfgExpr),
    /// A condition as written that cargo's parser refuses: `version("1.90")`. It is printed, and
    /// never decided.
    Unread(String),
}

/// Names that tools set for builds of their own. A build of a program by its users sets none of
/// these names.
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

/// The knowledge about a build.
#[derive(Debug, Clone, Default)]
pub(crate) struct Build {
    /// The features of the package in question that are on. `None`: any of them may be.
    pub(crate) features: Option<BTreeSet<String>>,
    /// What rustc sets for the target, `unix` or `target_os="linux"` each. `None`: all targets are
    /// looked at.
    pub(crate) target: Option<BTreeSet<String>>,
}

impl Gate {
    /// Reads the tokens between the parentheses of `cfg(..)`.
    pub(crate) fn read(tokens: TokenStream) -> Gate {
        let text = tokens.to_string();
        CfgExpr::from_str(&text).map_or(Gate::Unread(text), Gate::Cfg)
    }

    /// `test`, `unix`.
    pub(crate) fn name(name: &str) -> Gate {
        Gate::Cfg(CfgExpr::Value(Cfg::Name(name.to_owned())))
    }

    /// `feature = "net"`.
    pub(crate) fn feature(name: &str) -> Gate {
        Gate::Cfg(CfgExpr::Value(Cfg::KeyPair("feature".to_owned(), name.to_owned())))
    }

    /// The opposite. The opposite of an unread condition is unread as well.
    pub(crate) fn not(self) -> Gate {
        match self {
            Gate::Cfg(condition) => Gate::Cfg(CfgExpr::Not(Box::new(condition))),
            Gate::Unread(text) => Gate::Unread(format!("not({text})")),
        }
    }

    /// Whether the condition holds. `None`: that cannot be known.
    pub(crate) fn holds(&self, build: &Build) -> Option<bool> {
        match self {
            Gate::Cfg(condition) => holds(condition, build),
            Gate::Unread(_) => None,
        }
    }

    /// Whether all of them hold.
    pub(crate) fn all_hold(gates: &[Gate], build: &Build) -> Option<bool> {
        join(gates.iter().map(|gate| gate.holds(build)), false)
    }

    /// Adds the features that the condition asks for. A feature that must be off is not asked for.
    pub(crate) fn features(&self, into: &mut BTreeSet<String>) {
        if let Gate::Cfg(condition) = self {
            features(condition, into);
        }
    }
}

/// cargo's own `CfgExpr::matches` knows two answers. Here a third is needed, because no build
/// script is run, and so the names that build scripts set are not known.
fn holds(condition: &CfgExpr, build: &Build) -> Option<bool> {
    match condition {
        CfgExpr::Value(value) => is_set(value, build),
        CfgExpr::All(parts) => join(parts.iter().map(|part| holds(part, build)), false),
        CfgExpr::Any(parts) => join(parts.iter().map(|part| holds(part, build)), true),
        CfgExpr::Not(part) => holds(part, build).map(|holds| !holds),
    }
}

fn features(condition: &CfgExpr, into: &mut BTreeSet<String>) {
    match condition {
        CfgExpr::Value(Cfg::KeyPair(key, value)) if key == "feature" => drop(into.insert(value.clone())),
        CfgExpr::All(parts) | CfgExpr::Any(parts) => parts.iter().for_each(|part| features(part, into)),
        CfgExpr::Value(_) | CfgExpr::Not(_) => {}
    }
}

/// One part that holds decides `any`, and one part that does not hold decides `all`: that answer is
/// `decisive`.
fn join(parts: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut known = true;
    for part in parts {
        match part {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => known = false,
        }
    }
    known.then_some(!decisive)
}

fn is_set(value: &Cfg, build: &Build) -> Option<bool> {
    let name = match value {
        Cfg::KeyPair(key, value) if key == "feature" => {
            return build.features.as_ref().map(|features| features.contains(value));
        }
        // The parser takes these two for names like any other.
        Cfg::Name(name) if name == "true" || name == "false" => return Some(name == "true"),
        Cfg::Name(name) if OFF.contains(&name.as_str()) => return Some(false),
        Cfg::Name(name) | Cfg::KeyPair(name, _) => name,
    };
    // Cargo knows no `target`, and takes a condition on it as false.
    let of_target = name == "target"
        || name.starts_with("target_")
        || ["unix", "windows", "panic"].contains(&name.as_str());
    // All other names are set by build scripts and by flags.
    let target = build.target.as_ref().filter(|_| of_target)?;
    Some(target.contains(&match value {
        Cfg::KeyPair(key, value) => format!("{key}=\"{value}\""),
        Cfg::Name(name) => name.clone(),
    }))
}

/// The text of a string literal without escapes.
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
        match self {
            Gate::Cfg(condition) => condition.fmt(f),
            Gate::Unread(text) => f.write_str(text),
        }
    }
}
