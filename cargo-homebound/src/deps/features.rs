//! Owns which packages and features are on in a build, and the reason for each.
//! Refuses to know the purpose of a feature.
//!
//! cargo's own list unites the features for build scripts and tests with those for the program. So
//! this file follows the rules of `[features]` itself, as the resolver 2 does, over the
//! dependencies that were asked for alone. The reasons come with that: cargo does not give them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::graph::Graph;
use super::options::Options;

/// Why a feature is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A member's own feature, by default or by the command line.
    Asked { default: bool },
    /// Another feature of the same package asks for it.
    Own(String),
    /// A dependent asks for it. `under`: the feature of the dependent that does so, if it is not
    /// the dependent's declaration.
    By { dependent: usize, under: Option<String> },
}

/// The dependent, or the command line, that turned a feature on from outside of the package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    /// The feature that was asked for: the feature itself, or another one of the package that asks
    /// for it.
    pub(crate) asked: String,
    /// `None`: the command line, or the defaults of a member.
    pub(crate) by: Option<usize>,
    pub(crate) under: Option<String>,
}

/// The packages and features that are on.
#[derive(Debug, Default)]
pub(crate) struct Active {
    /// For each package in the build, its features with all reasons.
    pub(crate) packages: BTreeMap<usize, BTreeMap<String, Vec<Cause>>>,
    /// The dependencies in use, by package and place in its list of edges, with the feature of the
    /// package that brought the dependency in.
    pub(crate) edges: BTreeMap<(usize, usize), Option<String>>,
    /// Packages whose own dependencies were followed. A feature may be asked for before that.
    entered: BTreeSet<usize>,
    work: VecDeque<Step>,
    /// Values `NAME?/feature`, by package and `NAME`: they count once the dependency is in use.
    weak: BTreeMap<(usize, String), Vec<(String, String)>>,
}

#[derive(Debug)]
enum Step {
    Package(usize),
    Feature(usize, String, Cause),
    Edge(usize, usize, Option<String>),
}

impl Active {
    /// Follows all dependencies and features from the members that were asked for.
    pub(crate) fn follow(graph: &Graph, options: &Options) -> Active {
        let mut active = Active::default();
        for root in &graph.roots {
            active.work.push_back(Step::Package(*root));
            active.ask(graph, options, *root);
        }
        // A list and no recursion: packages and features ask for each other in circles.
        while let Some(step) = active.work.pop_front() {
            match step {
                Step::Package(package) => active.package(graph, package),
                Step::Feature(package, name, cause) => active.feature(graph, package, &name, cause),
                Step::Edge(package, edge, under) => active.edge(graph, package, edge, under),
            }
        }
        active
    }

    fn ask(&mut self, graph: &Graph, options: &Options, root: usize) {
        let package = &graph.packages[root];
        let asked = Cause::Asked { default: false };
        if options.all_features {
            for name in package.features.keys() {
                self.work.push_back(Step::Feature(root, name.clone(), asked.clone()));
            }
        }
        if !options.no_default_features {
            self.work.push_back(Step::Feature(root, "default".to_owned(), Cause::Asked { default: true }));
        }
        let names = options.features.iter().flat_map(|names| names.split([',', ' ']));
        for name in names.filter(|name| !name.is_empty()) {
            match name.split_once('/') {
                Some((member, name)) if *package.name == *member => {
                    self.work.push_back(Step::Feature(root, name.to_owned(), asked.clone()));
                }
                Some(_) => self.value(graph, root, name, None),
                None => self.work.push_back(Step::Feature(root, name.to_owned(), asked.clone())),
            }
        }
    }

    fn package(&mut self, graph: &Graph, package: usize) {
        if !self.entered.insert(package) {
            return;
        }
        self.packages.entry(package).or_default();
        for (place, edge) in graph.edges[package].iter().enumerate() {
            if !graph.packages[package].dependencies[edge.declaration].optional {
                self.work.push_back(Step::Edge(package, place, None));
            }
        }
    }

    fn feature(&mut self, graph: &Graph, package: usize, name: &str, cause: Cause) {
        let Some(values) = graph.packages[package].features.get(name) else { return };
        let causes = self.packages.entry(package).or_default().entry(name.to_owned()).or_default();
        let first = causes.is_empty();
        if !causes.contains(&cause) {
            causes.push(cause);
        }
        // The values of a feature are followed once. Each further reason is only noted.
        if first {
            for value in values {
                self.value(graph, package, value, Some(name));
            }
        }
    }

    /// One value of a feature: `other`, `dep:name`, `name/feature`, `name?/feature`.
    fn value(&mut self, graph: &Graph, package: usize, value: &str, under: Option<&str>) {
        let under_owned = under.map(str::to_owned);
        if let Some(name) = value.strip_prefix("dep:") {
            self.edges_named(graph, package, name, under);
        } else if let Some((name, feature)) = value.split_once("?/") {
            let note = (feature.to_owned(), under.unwrap_or_default().to_owned());
            self.weak.entry((package, name.to_owned())).or_default().push(note);
            self.weak_features(graph, package, name);
        } else if let Some((name, feature)) = value.split_once('/') {
            self.edges_named(graph, package, name, under);
            // `name/feature` also turns on the feature `name`, if an optional dependency has made
            // one.
            let here = graph.edges[package].iter().any(|edge| edge.name == name);
            if here && graph.packages[package].features.contains_key(name) {
                let cause = under_owned.clone().map_or(Cause::Asked { default: false }, Cause::Own);
                self.work.push_back(Step::Feature(package, name.to_owned(), cause));
            }
            for edge in graph.edges[package].iter().filter(|edge| edge.name == name) {
                let cause = Cause::By { dependent: package, under: under_owned.clone() };
                self.work.push_back(Step::Feature(edge.to, feature.to_owned(), cause));
            }
        } else {
            let cause = under_owned.map_or(Cause::Asked { default: false }, Cause::Own);
            self.work.push_back(Step::Feature(package, value.to_owned(), cause));
        }
    }

    fn edges_named(&mut self, graph: &Graph, package: usize, name: &str, under: Option<&str>) {
        for (place, edge) in graph.edges[package].iter().enumerate() {
            if edge.name == name {
                self.work.push_back(Step::Edge(package, place, under.map(str::to_owned)));
            }
        }
    }

    fn edge(&mut self, graph: &Graph, package: usize, place: usize, under: Option<String>) {
        let edge = &graph.edges[package][place];
        let declared = &graph.packages[package].dependencies[edge.declaration];
        if self.edges.contains_key(&(package, place)) {
            return;
        }
        // A feature brings in only a dependency that is optional. Any other is there anyway.
        self.edges.insert((package, place), under.filter(|_| declared.optional));
        self.work.push_back(Step::Package(edge.to));
        let default = declared.uses_default_features.then(|| "default".to_owned());
        for name in declared.features.iter().cloned().chain(default) {
            self.work.push_back(Step::Feature(edge.to, name, Cause::By { dependent: package, under: None }));
        }
        self.weak_features(graph, package, &edge.name);
    }

    fn weak_features(&mut self, graph: &Graph, package: usize, name: &str) {
        let Some(notes) = self.weak.get(&(package, name.to_owned())).cloned() else { return };
        for (place, edge) in graph.edges[package].iter().enumerate() {
            if edge.name != name || !self.edges.contains_key(&(package, place)) {
                continue;
            }
            for (feature, under) in &notes {
                let under = (!under.is_empty()).then(|| under.clone());
                let cause = Cause::By { dependent: package, under };
                self.work.push_back(Step::Feature(edge.to, feature.clone(), cause));
            }
        }
    }

    /// The names of the features of a package that are on.
    pub(crate) fn names(&self, package: usize) -> BTreeSet<String> {
        self.packages.get(&package).map(|features| features.keys().cloned().collect()).unwrap_or_default()
    }

    /// All dependents that turn a feature of a package on, directly or through another feature of
    /// the package.
    pub(crate) fn origins(&self, package: usize, feature: &str) -> Vec<Origin> {
        let Some(features) = self.packages.get(&package) else { return Vec::new() };
        let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut open = vec![feature.to_owned()];
        while let Some(name) = open.pop() {
            for cause in features.get(&name).into_iter().flatten() {
                let origin = |by, under| Origin { asked: name.clone(), by, under };
                match cause {
                    Cause::Asked { .. } => drop(found.insert(origin(None, None))),
                    Cause::By { dependent, under } => {
                        found.insert(origin(Some(*dependent), under.clone()));
                    }
                    Cause::Own(other) if seen.insert(other.clone()) => open.push(other.clone()),
                    Cause::Own(_) => {}
                }
            }
        }
        found.into_iter().collect()
    }

    /// For each package in the build, a shortest way to it: the package before, and the feature
    /// that brought it in.
    pub(crate) fn ways(&self, graph: &Graph) -> BTreeMap<usize, Option<(usize, Option<String>)>> {
        let mut ways: BTreeMap<_, _> = graph.roots.iter().map(|root| (*root, None)).collect();
        let mut open: VecDeque<usize> = graph.roots.iter().copied().collect();
        while let Some(package) = open.pop_front() {
            for (place, edge) in graph.edges[package].iter().enumerate() {
                let Some(under) = self.edges.get(&(package, place)) else { continue };
                if let std::collections::btree_map::Entry::Vacant(free) = ways.entry(edge.to) {
                    free.insert(Some((package, under.clone())));
                    open.push_back(edge.to);
                }
            }
        }
        ways
    }
}
