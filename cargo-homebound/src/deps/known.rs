//! Owns the list of crates that are known to start threads, or not to, and the comparison of a scan
//! with it.
//! Refuses to decide which of the two is right.

use serde::{Deserialize, Serialize};

const LIST: &str = include_str!("known.toml");

/// One crate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) starts: bool,
    /// The call that starts the thread, or what the crate does instead.
    pub(crate) reason: String,
    /// Where to read about it.
    pub(crate) source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    known: Vec<Known>,
}

/// How the list and the scan agree about a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// The list says that the package starts threads, and the scan found no place.
    Missed,
    /// The list says that the package starts none, and the scan found a place.
    Contradicted,
    /// The scan found a place, and the package is not on the list.
    Unlisted,
    Agreed,
}

/// One package, compared.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Compared {
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) verdict: Verdict,
    /// The list's words about the package, and where they are from.
    pub(crate) reason: Option<String>,
    pub(crate) source: Option<String>,
}

/// The list.
pub(crate) fn list() -> Vec<Known> {
    toml::from_str::<List>(LIST).expect("a test reads the list").known
}

/// Compares one package. `None`: neither the list nor the scan has it.
pub(crate) fn compare(list: &[Known], package: &str, version: &str, found: bool) -> Option<Compared> {
    let known = list.iter().find(|known| known.name == package);
    let verdict = match (known.map(|known| known.starts), found) {
        (Some(true), true) | (Some(false), false) => Verdict::Agreed,
        (Some(true), false) => Verdict::Missed,
        (Some(false), true) => Verdict::Contradicted,
        (None, true) => Verdict::Unlisted,
        (None, false) => return None,
    };
    Some(Compared {
        package: package.to_owned(),
        version: version.to_owned(),
        verdict,
        reason: known.map(|known| known.reason.clone()),
        source: known.map(|known| known.source.clone()),
    })
}
