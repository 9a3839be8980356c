//! Owns one check, from paths to a report.
//! Refuses to print the report, and to know the command line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::check;
use crate::config::allow::{self, Scope};
use crate::config::day::Day;
use crate::config::pre_commit::Hook;
use crate::config::{self, Config};
use crate::deep;
use crate::finding::Finding;
use crate::finding::fault::{Fault, Faults};
use crate::finding::report::{Deep, Report};
use crate::finding::rule::Rule;
use crate::platform;
use crate::print::sources::Sources;
use crate::source::project::{self, Project};
use crate::source::staged::{self, Staged};
use crate::source::walk::{self, Walked};

/// The request for one check.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    /// Files and folders. Empty: the whole project.
    pub(crate) paths: Vec<PathBuf>,
    /// Look at the files that git is about to commit, and at no others.
    pub(crate) staged: bool,
    /// The rules that count. Empty: all rules.
    pub(crate) rules: Vec<Rule>,
    /// The hook of pre-commit as which the guard was called.
    pub(crate) hook: Option<Hook>,
    /// The file with the configuration, if it is not in its usual place.
    pub(crate) config: Option<PathBuf>,
    pub(crate) deep: bool,
    /// More arguments for clippy.
    pub(crate) cargo: Vec<String>,
}

/// The answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) project: Project,
    pub(crate) report: Report,
    pub(crate) sources: Sources,
    /// The steps that failed. If there is one, the report is not complete.
    pub(crate) faults: Faults,
    /// Keeps the copies of staged files until the report is printed.
    _staged: Option<Staged>,
}

/// The project of the current folder. If the current folder is in no project, or the project has
/// none of these paths, the project of the first path: a hook runs in the root of the repository,
/// and the project may be further down.
pub(crate) fn project(paths: &[PathBuf]) -> Result<Project, Faults> {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let here = here.map_err(|error| Fault::new(format!("the current folder is gone: {error}")))?;
    let project = Project::around(&here);
    let files: Vec<_> = paths.iter().filter_map(|path| project::whole(path).ok()).collect();
    let Some(first) = files.first() else { return Ok(project) };
    let is_elsewhere = !files.iter().any(|file| file.starts_with(&project.root));
    if !is_elsewhere && !project.is_bare {
        return Ok(project);
    }
    let theirs = Project::around(if first.is_dir() { first } else { first.parent().unwrap_or(first) });
    Ok(if is_elsewhere || !theirs.is_bare { theirs } else { project })
}

/// Takes the exempt files out.
pub(crate) fn wanted(config: &Config, mut walked: Walked) -> Walked {
    walked.items.retain(|item| !config.is_exempt(&item.path));
    walked
}

/// Runs one check.
///
/// # Errors
///
/// A path does not exist, or the configuration has a mistake.
pub(crate) fn run(ask: &Ask) -> Result<Answer, Faults> {
    let staged = if ask.staged { Some(staged::export()?) } else { None };
    let project = project(staged.as_ref().map_or(&ask.paths, |staged| &staged.names))?;
    let config = config::of(&project, ask.config.as_deref())?;
    let all = match &staged {
        Some(staged) => staged.walked(&project),
        None if ask.paths.is_empty() => walk::all(&project),
        None => walk::named(&project, &ask.paths)?,
    };
    let is_whole = staged.is_none() && ask.paths.is_empty();
    let mut notes = if is_whole { idle_exemptions(&config, &all) } else { Vec::new() };
    let walked = wanted(&config, all);
    if is_whole {
        notes.extend(platform::notes(&project, &walked));
    }
    let mut found = check::scan(&walked);
    let mut faults = Vec::new();
    let mut both = None;
    if ask.deep {
        let told = deep::look(&project, &ask.cargo)?;
        deep::fold(&mut found, told.seen, &walked);
        notes.extend(told.notes);
        faults.extend(told.faults);
        both = Some(Deep::of(found.iter().filter(|finding| deep::RULES.contains(&finding.rule))));
    }
    let of_hook = ask.hook.and_then(|hook| if let Hook::Of(rule) = hook { Some(rule) } else { None });
    let rules: BTreeSet<_> = ask.rules.iter().copied().chain(of_hook).collect();
    let rules = (!rules.is_empty()).then_some(rules);
    // pre-commit runs hooks in the folder of its configuration.
    let left = ask.hook.map(|hook| hook.left_to_others(Path::new("."))).unwrap_or_default();
    let looked = (!is_whole).then(|| walked.items.iter().map(|item| item.path.clone()).collect());
    let is_deep = ask.deep && faults.is_empty();
    let scope = Scope { rules, left, files: looked, deep: is_deep, today: Day::today() };
    let (findings, allowed) = allow::judge(&config, found, &scope);
    let report = Report { findings, allowed, files: walked.items.len(), notes, deep: both };
    let sources = Sources::new(project.root.clone(), shown(&report.findings, walked));
    Ok(Answer { project, report, sources, faults, _staged: staged })
}

/// The path to open of each file with findings.
fn shown(findings: &[Finding], walked: Walked) -> Vec<(String, PathBuf)> {
    let paths: BTreeSet<_> = findings.iter().map(|finding| finding.path.as_str()).collect();
    let shown = walked.items.into_iter().filter(|item| paths.contains(item.path.as_str()));
    shown.map(|item| (item.path, item.file)).collect()
}

/// Exemptions that match no file. They are notes and no findings: a build may make such files.
fn idle_exemptions(config: &Config, walked: &Walked) -> Vec<String> {
    let idle = config.exempt.iter().filter(|glob| !walked.items.iter().any(|item| glob.matches(&item.path)));
    idle.map(|glob| {
        let (line, _) = crate::source::text::position(&config.text, glob.span.start);
        format!("{}:{line}: no file is exempted by `{}`", config.path, glob.text)
    })
    .collect()
}

/// The path from the repository's root to the project's, with a `/` at its end unless it is empty.
pub(crate) fn prefix(project: &Project) -> (&Path, String) {
    let repository = project.repository();
    let way = project.root.strip_prefix(repository).unwrap_or(Path::new(""));
    let way = way.to_string_lossy().replace('\\', "/");
    (repository, if way.is_empty() { way } else { format!("{way}/") })
}
