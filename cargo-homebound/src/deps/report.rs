//! Owns the answer as data: graph, features and scans put together, in the order in which they are
//! printed.
//! Refuses to know how it is printed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::allow::Allowed;
use super::features::{Active, Origin};
use super::graph::Graph;
use super::known::{self, Compared};
use super::scan::{Place, Scan};

/// The whole answer.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) target: String,
    /// How many were scanned.
    pub(crate) packages: usize,
    pub(crate) files: usize,
    pub(crate) starts: Vec<Start>,
    pub(crate) compared: Vec<Compared>,
    pub(crate) unparsed: Vec<Note>,
    /// Packages of which all files were taken, because some `mod` could not be followed.
    pub(crate) unfollowed: Vec<Note>,
    /// Packages that compile code which a build script makes. `deps` does not read that code.
    pub(crate) generated: Vec<String>,
    /// Packages that start threads in this build and are not in the allow list.
    pub(crate) not_allowed: Vec<String>,
    /// Entries of the allow list for packages that start none.
    pub(crate) stale: Vec<String>,
}

/// One place.
#[derive(Debug, Serialize)]
pub(crate) struct Start {
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) what: &'static str,
    /// From the root of the package, with `/`.
    pub(crate) path: String,
    pub(crate) line: usize,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) column: usize,
    /// The features of the package that the place needs.
    pub(crate) features: Vec<String>,
    /// Whether the place is in this build. Null: that is not known.
    pub(crate) enabled: Option<bool>,
    pub(crate) enabled_by: Vec<EnabledBy>,
    /// All conditions around the place, as in `cfg`.
    pub(crate) cfg: Vec<String>,
    /// The ids of the packages from a member of the workspace to this one.
    pub(crate) via: Vec<String>,
    /// The features of packages on the way that bring in the next package.
    pub(crate) brought_in_by: Vec<BroughtInBy>,
    /// The reason for which it is allowed.
    pub(crate) allowed: Option<String>,
    /// The names of the packages on the way, with such a feature: `app`, `reqwest[blocking]`.
    #[serde(skip)]
    pub(crate) way: Vec<String>,
}

/// The reason for which a feature is on, from outside of the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct EnabledBy {
    pub(crate) feature: String,
    /// The feature that was asked for: the feature itself, or another one of the package.
    pub(crate) asked: String,
    /// Null: the command line, or the defaults of a member.
    pub(crate) by: Option<String>,
    /// The feature of the dependent that asks for it.
    pub(crate) under: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct BroughtInBy {
    pub(crate) package: String,
    pub(crate) feature: String,
}

/// Something about a package.
#[derive(Debug, Serialize)]
pub(crate) struct Note {
    pub(crate) package: String,
    pub(crate) says: String,
}

fn is_zero(column: &usize) -> bool {
    *column == 0
}

/// The way to a package.
struct Way {
    ids: Vec<String>,
    names: Vec<String>,
    brought_in_by: Vec<BroughtInBy>,
}

/// Puts the parts together.
pub(crate) fn put_together(
    graph: &Graph,
    active: &Active,
    scans: &BTreeMap<usize, Scan>,
    allow: &[Allowed],
) -> Report {
    let mut report = Report { target: graph.target.clone(), packages: scans.len(), ..Report::default() };
    let (ways, list) = (active.ways(graph), known::list());
    for (place, scan) in scans {
        let package = &graph.packages[*place];
        let (name, version) = (package.name.to_string(), package.version.to_string());
        report.files += scan.files;
        let note = |says: &String| Note { package: graph.label(*place), says: says.clone() };
        report.unparsed.extend(scan.unparsed.iter().map(note));
        report.unfollowed.extend(scan.missing.iter().map(note));
        report.generated.extend(scan.generated.then(|| graph.label(*place)));
        report.compared.extend(known::compare(&list, &name, &version, !scan.places.is_empty()));
        let allowed = allow.iter().find(|allowed| allowed.name == name);
        let way = way(graph, &ways, *place);
        for found in &scan.places {
            report.starts.push(start(graph, active, *place, found, &way, allowed));
        }
    }
    let rank = |start: &Start| {
        let section = match (start.kind, start.enabled) {
            ("native", _) => 2,
            (_, Some(false)) => 1,
            _ => 0,
        };
        let version = start.version.clone();
        (section, start.package.clone(), version, start.path.clone(), start.line)
    };
    report.starts.sort_by_cached_key(rank);
    report.compared.sort_by(|a, b| (a.verdict, &a.package).cmp(&(b.verdict, &b.package)));
    let here = report.starts.iter().filter(|start| start.kind != "native" && start.enabled != Some(false));
    let here: BTreeSet<&str> = here.map(|start| start.package.as_str()).collect();
    let is_allowed = |name: &str| allow.iter().any(|allowed| allowed.name == name);
    report.not_allowed =
        here.iter().filter(|name| !is_allowed(name)).map(|name| (*name).to_owned()).collect();
    let stale = allow.iter().filter(|allowed| !here.contains(allowed.name.as_str()));
    report.stale = stale.map(|allowed| allowed.name.clone()).collect();
    report
}

fn start(
    graph: &Graph,
    active: &Active,
    place: usize,
    found: &Place,
    way: &Way,
    allowed: Option<&Allowed>,
) -> Start {
    let package = &graph.packages[place];
    let root = package.manifest_path.parent().map(|root| root.as_std_path());
    let path = root.and_then(|root| found.file.strip_prefix(root).ok()).unwrap_or(&found.file);
    let mut features = BTreeSet::new();
    found.gates.iter().for_each(|gate| gate.features(&mut features));
    let mut enabled_by = Vec::new();
    for feature in &features {
        for Origin { asked, by, under } in active.origins(place, feature) {
            let by = by.map(|by| graph.label(by));
            enabled_by.push(EnabledBy { feature: feature.clone(), asked, by, under });
        }
    }
    Start {
        package: package.name.to_string(),
        version: package.version.to_string(),
        id: package.id.repr.clone(),
        kind: found.kind,
        what: found.what,
        path: path.to_string_lossy().replace('\\', "/"),
        line: found.line,
        column: found.column,
        features: features.into_iter().collect(),
        enabled: found.enabled,
        enabled_by,
        cfg: found.gates.iter().map(ToString::to_string).collect(),
        via: way.ids.clone(),
        brought_in_by: way.brought_in_by.clone(),
        allowed: allowed.map(|allowed| allowed.reason.clone()),
        way: way.names.clone(),
    }
}

fn way(graph: &Graph, ways: &BTreeMap<usize, Option<(usize, Option<String>)>>, to: usize) -> Way {
    let mut way = Way { ids: Vec::new(), names: Vec::new(), brought_in_by: Vec::new() };
    let (mut here, mut under): (usize, Option<String>) = (to, None);
    loop {
        let package = &graph.packages[here];
        way.ids.push(package.id.repr.clone());
        way.names.push(match &under {
            Some(feature) => format!("{}[{feature}]", package.name),
            None => package.name.to_string(),
        });
        if let Some(feature) = under.take() {
            way.brought_in_by.push(BroughtInBy { package: graph.label(here), feature });
        }
        let Some(Some((before, feature))) = ways.get(&here) else { break };
        (here, under) = (*before, feature.clone());
    }
    way.ids.reverse();
    way.names.reverse();
    way.brought_in_by.reverse();
    way
}
