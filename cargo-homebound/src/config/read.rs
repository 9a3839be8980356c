//! Owns the way from TOML to a configuration, and the messages about mistakes in it: all of them,
//! each with its line.
//! Refuses keys that it does not know: a misspelt key would allow, or forbid, in silence.

use std::fs;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::{Spanned, Value};

use crate::config::day::Day;
use crate::config::glob::Glob;
use crate::config::settings::{Allow, Config};
use crate::finding::fault::{Fault, Faults, Place};
use crate::finding::rule::Rule;
use crate::source::project::Project;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    exempt: Vec<Spanned<String>>,
    #[serde(default)]
    allow: Vec<Spanned<Entry>>,
    /// Read by `cargo homebound deps`.
    #[serde(rename = "deps")]
    _deps: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: Option<Spanned<String>>,
    path: Option<Spanned<String>>,
    reason: Option<Spanned<String>>,
    until: Option<Spanned<Value>>,
    count: Option<Spanned<i64>>,
    #[serde(default)]
    deep: bool,
}

#[derive(Deserialize)]
struct Manifest {
    workspace: Option<Holder>,
    package: Option<Holder>,
}

#[derive(Deserialize)]
struct Holder {
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    homebound: Option<Spanned<Raw>>,
}

/// A file of the guard's own.
pub(super) fn file(project: &Project, file: &Path) -> Result<Config, Faults> {
    let text = fs::read_to_string(file).map_err(|error| Fault::io("read", file, &error))?;
    let reader = Reader {
        path: project.name(&crate::source::project::whole(file).unwrap_or(file.to_owned())),
        text: &text,
    };
    let raw: Raw = toml::from_str(&text).map_err(|error| reader.syntax(&error))?;
    reader.config(raw)
}

/// The table in a `Cargo.toml`, if there is one. A manifest that cannot be read as TOML is cargo's
/// business, unless it names the guard.
pub(super) fn manifest(project: &Project, file: &Path) -> Result<Option<Config>, Faults> {
    let text = match fs::read_to_string(file) {
        // A dependency called `homebound` is no configuration.
        Ok(text) if text.contains("homebound") && text.contains("metadata") => text,
        Ok(_) | Err(_) => return Ok(None),
    };
    let reader = Reader { path: project.name(file), text: &text };
    let manifest: Manifest = toml::from_str(&text).map_err(|error| reader.syntax(&error))?;
    let of = |holder: Option<Holder>| holder.and_then(|holder| holder.metadata?.homebound);
    match (of(manifest.workspace), of(manifest.package)) {
        (Some(_), Some(second)) => {
            let fault = reader.fault("the guard is configured twice", second.span(), "and once more here");
            Err(fault.help("keep [workspace.metadata.homebound]").into())
        }
        (Some(raw), None) | (None, Some(raw)) => reader.config(raw.into_inner()).map(Some),
        (None, None) => Ok(None),
    }
}

/// The name of the table in a manifest that holds the configuration.
pub(super) fn table_of(config: &Config) -> &'static str {
    if config.text.contains("workspace.metadata.homebound") {
        "workspace.metadata.homebound"
    } else {
        "package.metadata.homebound"
    }
}

/// Where that table begins.
pub(super) fn place_of(config: &Config, label: &str) -> Place {
    let at = config.text.find("metadata.homebound").unwrap_or(0);
    let span = at..(at + "metadata.homebound".len()).min(config.text.len());
    Place { path: config.path.clone(), text: config.text.clone(), span, label: label.to_owned() }
}

struct Reader<'a> {
    path: String,
    text: &'a str,
}

impl Reader<'_> {
    fn fault(&self, what: impl Into<String>, span: Range<usize>, label: &str) -> Fault {
        let place =
            Place { path: self.path.clone(), text: self.text.to_owned(), span, label: label.to_owned() };
        Fault::new(what).at(place)
    }

    fn syntax(&self, error: &toml::de::Error) -> Faults {
        let what = error.message().lines().next().unwrap_or("this is no TOML").to_owned();
        let help = if what.contains("expected one of `rule`") {
            "an entry has the keys rule, path and reason, and may have until, count and deep"
        } else if what.contains("`exempt`") {
            "the keys are exempt = [\"glob\", ..], [[allow]] for each entry, and [deps] for `cargo homebound deps`"
        } else if what.contains("duplicate key") || what.contains("invalid type") {
            "`cargo homebound init` shows the form, in a project without a configuration"
        } else {
            "see docs/GUARD.md for the form"
        };
        self.fault(what, error.span().unwrap_or(0..0), "").help(help).into()
    }

    fn config(&self, raw: Raw) -> Result<Config, Faults> {
        let mut faults = Vec::new();
        let mut exempt = Vec::new();
        for glob in raw.exempt {
            match Glob::new(glob.get_ref(), glob.span()) {
                Ok(glob) => exempt.push(glob),
                Err(why) => faults.push(self.bad_glob(&glob, &why)),
            }
        }
        let mut allow = Vec::new();
        for entry in raw.allow {
            match self.allow(entry) {
                Ok(entry) => allow.push(entry),
                Err(more) => faults.extend(more),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let (path, text) = (self.path.clone(), self.text.to_owned());
        Ok(Config { path, text, is_written: true, exempt, allow })
    }

    fn allow(&self, entry: Spanned<Entry>) -> Result<Allow, Faults> {
        let whole = entry.span();
        // Only the header is marked: the entry itself goes on to the next header.
        let head = whole.start
            ..self.text[whole.start..].find('\n').map_or(whole.end, |n| whole.start + n).min(whole.end);
        let entry = entry.into_inner();
        let mut faults = Vec::new();
        let missing = |key: &str, example: &str| {
            self.fault(format!("this entry has no {key}"), head.clone(), "in this entry").help(example)
        };
        let rule = match &entry.rule {
            None => {
                Err(missing("rule", "write `rule = \"raw-thread\"`, or another of `cargo homebound explain`"))
            }
            Some(name) => self.rule(name),
        };
        let path = match &entry.path {
            None => Err(missing("path", "write `path = \"src/file.rs\"`, or a glob such as `\"tests/**\"`")),
            Some(text) => Glob::new(text.get_ref(), text.span()).map_err(|why| self.bad_glob(text, &why)),
        };
        let why = "say why this is allowed, for the next reader: `reason = \"the toolkit owns this thread\"`";
        let reason = match &entry.reason {
            None => Err(missing("reason", why)),
            Some(text) if text.get_ref().trim().is_empty() => {
                Err(self.fault("this reason is blank", text.span(), "nothing is said here").help(why))
            }
            Some(text) => Ok(text.get_ref().clone()),
        };
        let until = entry.until.as_ref().map(|value| self.day(value)).transpose();
        let count = entry.count.as_ref().map(|count| self.count(count)).transpose();
        let count_span = entry.count.as_ref().map(Spanned::span);
        match (rule, path, reason, until, count) {
            (Ok(rule), Ok(path), Ok(reason), Ok(until), Ok(count)) => {
                Ok(Allow { rule, path, reason, until, count, deep: entry.deep, span: head, count_span })
            }
            (rule, path, reason, until, count) => {
                faults.extend(
                    [rule.err(), path.err(), reason.err(), until.err(), count.err()].into_iter().flatten(),
                );
                Err(faults)
            }
        }
    }

    fn rule(&self, name: &Spanned<String>) -> Result<Rule, Fault> {
        let rules = || format!("the rules are {}", Rule::allowable().join(", "));
        match name.get_ref().parse() {
            Ok(Rule::StaleAllow) => {
                let fault =
                    self.fault("stale-allow cannot be allowed", name.span(), "it is about entries like this");
                Err(fault.help("take the stale entry out instead"))
            }
            Ok(rule) => Ok(rule),
            Err(_) => {
                let what = format!("there is no rule `{}`", name.get_ref());
                Err(self.fault(what, name.span(), "not a rule").help(rules()))
            }
        }
    }

    fn bad_glob(&self, glob: &Spanned<String>, why: &str) -> Fault {
        let what = format!("`{}` is no glob for a path: {why}", glob.get_ref());
        self.fault(what, glob.span(), "here")
            .help("write a path from the folder of the configuration: `src/file.rs`, `tests/**`")
    }

    fn day(&self, value: &Spanned<Value>) -> Result<Day, Fault> {
        let day = match value.get_ref() {
            Value::Datetime(written) => Day::of(written),
            Value::String(text) => Day::parse(text),
            _ => None,
        };
        day.ok_or_else(|| {
            self.fault("`until` is no day", value.span(), "the last day on which this holds")
                .help("write year, month and day: `until = 2027-01-31`")
        })
    }

    fn count(&self, count: &Spanned<i64>) -> Result<usize, Fault> {
        let number = usize::try_from(*count.get_ref()).ok().filter(|number| *number > 0);
        number.ok_or_else(|| {
            self.fault("`count` allows nothing", count.span(), "how many findings at most")
                .help("write a number from 1, or take the entry out")
        })
    }
}
