//! Owns the question to cargo: the packages of a workspace, and their dependencies.
//! Refuses to look at sources, and to decide which features are on, which `features` does.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use cargo_metadata::{
    CargoOpt, Dependency, DependencyKind, Metadata, MetadataCommand, Node, Package, PackageId, TargetKind,
};
use cargo_platform::Platform;

use super::error::Error;
use super::gate::{Build, Gate};
use super::options::Options;

/// One dependency of a package, as it was resolved.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) to: usize,
    /// The place of its declaration in the manifest's list.
    pub(crate) declaration: usize,
    /// The name in the table of features: `dep:NAME`, `NAME/feature`.
    pub(crate) name: String,
}

/// All packages, by index.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) packages: Vec<Package>,
    /// For each package its dependencies, of the kinds that were asked for.
    pub(crate) edges: Vec<Vec<Edge>>,
    pub(crate) members: BTreeSet<usize>,
    /// The members that were asked for.
    pub(crate) roots: Vec<usize>,
    /// The triple, or `all`.
    pub(crate) target: String,
    /// The names and values that rustc sets for the target. `None`: all targets.
    pub(crate) target_cfg: Option<BTreeSet<String>>,
    pub(crate) workspace_root: std::path::PathBuf,
    pub(crate) workspace_metadata: serde_json::Value,
}

impl Graph {
    /// Asks cargo, without the network.
    pub(crate) fn read(options: &Options) -> Result<Graph, Error> {
        let (target, target_cfg) = target(options.target.as_deref())?;
        let mut metadata = ask_cargo(options, target_cfg.is_some().then_some(target.as_str()))?;
        let nodes = metadata.resolve.take().map_or_else(Vec::new, |resolve| resolve.nodes);
        let packages = std::mem::take(&mut metadata.packages);
        let index: BTreeMap<&PackageId, usize> = packages.iter().map(|p| &p.id).zip(0..).collect();
        let members: BTreeSet<usize> =
            metadata.workspace_members.iter().filter_map(|id| index.get(id).copied()).collect();
        let nodes: BTreeMap<&PackageId, &Node> = nodes.iter().map(|node| (&node.id, node)).collect();
        let asked = Asked { options, target: &target, cfg: target_cfg.as_ref() };
        let edges = packages.iter().enumerate().map(|(place, package)| match nodes.get(&package.id) {
            Some(node) => edges(&asked, members.contains(&place), package, node, &packages, &index),
            None => Vec::new(),
        });
        let edges = edges.collect();
        let roots = roots(options, &packages, &members)?;
        let workspace_root = metadata.workspace_root.clone().into_std_path_buf();
        let workspace_metadata = metadata.workspace_metadata.clone();
        Ok(Graph { packages, edges, members, roots, target, target_cfg, workspace_root, workspace_metadata })
    }

    /// `tokio 1.54.1`
    pub(crate) fn label(&self, package: usize) -> String {
        format!("{} {}", self.packages[package].name, self.packages[package].version)
    }
}

/// The dependencies that were asked for.
struct Asked<'a> {
    options: &'a Options,
    target: &'a str,
    cfg: Option<&'a BTreeSet<String>>,
}

impl Asked<'_> {
    /// Cargo leaves out packages that only other targets use. Of a package that this target uses it
    /// lists the declarations for other targets too.
    fn wants(&self, member: bool, declared: &Dependency) -> bool {
        let kind = match declared.kind {
            DependencyKind::Normal => true,
            DependencyKind::Development => member && self.options.include_dev,
            DependencyKind::Build => self.options.include_build,
            _ => false,
        };
        kind && match (&declared.target, self.cfg) {
            (Some(Platform::Cfg(condition)), Some(cfg)) => {
                let build = Build { features: None, target: Some(cfg.clone()) };
                Gate::Cfg(condition.clone()).holds(&build) != Some(false)
            }
            (Some(Platform::Name(triple)), Some(_)) => triple == self.target,
            _ => true,
        }
    }
}

fn edges(
    asked: &Asked<'_>,
    member: bool,
    package: &Package,
    node: &Node,
    packages: &[Package],
    index: &BTreeMap<&PackageId, usize>,
) -> Vec<Edge> {
    let mut found = Vec::new();
    for (declaration, declared) in package.dependencies.iter().enumerate() {
        if !asked.wants(member, declared) {
            continue;
        }
        let rename = declared.rename.as_ref().map(|name| name.replace('-', "_"));
        let to = node.deps.iter().find_map(|dep| {
            let to = *index.get(&dep.pkg)?;
            let target: &Package = &packages[to];
            let same = *target.name == declared.name
                && rename.as_ref().is_none_or(|rename| *rename == dep.name)
                && dep.dep_kinds.iter().any(|k| k.kind == declared.kind && k.target == declared.target)
                // No requirement but its exact version matches a pre-release or a patched package.
                && (declared.req.matches(&target.version) || !ambiguous(node, packages, index, declared));
            // A procedural macro runs in the compiler, and not in the program.
            (same && (asked.options.include_build || !is_macro(target))).then_some(to)
        });
        let name = declared.rename.clone().unwrap_or_else(|| declared.name.clone());
        found.extend(to.map(|to| Edge { to, declaration, name }));
    }
    found.sort_by(|a, b| (&a.name, a.declaration).cmp(&(&b.name, b.declaration)));
    found
}

/// Whether a package uses two versions of another one.
fn ambiguous(
    node: &Node,
    packages: &[Package],
    index: &BTreeMap<&PackageId, usize>,
    declared: &Dependency,
) -> bool {
    let named = node.deps.iter().filter_map(|dep| index.get(&dep.pkg));
    named.filter(|to| *packages[**to].name == declared.name).count() > 1
}

fn is_macro(package: &Package) -> bool {
    package.targets.iter().any(|target| target.kind.contains(&TargetKind::ProcMacro))
}

fn roots(options: &Options, packages: &[Package], members: &BTreeSet<usize>) -> Result<Vec<usize>, Error> {
    let mut roots: Vec<usize> = members.iter().copied().collect();
    if !options.packages.is_empty() {
        let known = |name: &String| roots.iter().any(|root| *packages[*root].name == **name);
        if let Some(name) = options.packages.iter().find(|name| !known(name)) {
            let names = roots.iter().map(|root| packages[*root].name.to_string()).collect();
            return Err(Error::NoSuchMember { name: name.clone(), members: names });
        }
        roots.retain(|root| options.packages.iter().any(|name| *name == *packages[*root].name));
    }
    roots.sort_by(|a, b| packages[*a].name.cmp(&packages[*b].name));
    Ok(roots)
}

fn ask_cargo(options: &Options, target: Option<&str>) -> Result<Metadata, Error> {
    let mut command = MetadataCommand::new();
    if let Some(path) = &options.manifest_path {
        command.manifest_path(path);
    }
    if options.all_features {
        command.features(CargoOpt::AllFeatures);
    }
    if options.no_default_features {
        command.features(CargoOpt::NoDefaultFeatures);
    }
    if !options.features.is_empty() {
        command.features(CargoOpt::SomeFeatures(options.features.clone()));
    }
    let mut more = vec!["--offline".to_owned()];
    more.extend(target.into_iter().flat_map(|target| ["--filter-platform".to_owned(), target.to_owned()]));
    command.other_options(more);
    command.exec().map_err(|error| match error {
        cargo_metadata::Error::CargoMetadata { stderr } => Error::Cargo { says: stderr },
        other => Error::Cargo { says: other.to_string() },
    })
}

/// The triple, and the names and values that rustc sets for it.
fn target(asked: Option<&str>) -> Result<(String, Option<BTreeSet<String>>), Error> {
    if asked == Some("all") {
        return Ok(("all".to_owned(), None));
    }
    let triple = match asked {
        Some(triple) => triple.to_owned(),
        None => {
            let says = rustc(&["-vV"])?;
            let host = says.lines().find_map(|line| line.strip_prefix("host: "));
            host.ok_or_else(|| Error::Rustc { says: "it names no host".to_owned() })?.to_owned()
        }
    };
    let cfg = rustc(&["--print", "cfg", "--target", &triple])?;
    Ok((triple, Some(cfg.lines().map(str::to_owned).collect())))
}

fn rustc(arguments: &[&str]) -> Result<String, Error> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let run = Command::new(program).args(arguments).output();
    let output = run.map_err(|error| Error::Rustc { says: error.to_string() })?;
    if !output.status.success() {
        return Err(Error::Rustc { says: String::from_utf8_lossy(&output.stderr).trim().to_owned() });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
