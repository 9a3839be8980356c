//! Owns which findings count: findings that the configuration allows are taken out, and entries
//! that allow too much become findings.
//! Refuses to look at code.

use std::collections::BTreeSet;

use crate::config::day::Day;
use crate::config::settings::{Allow, Config};
use crate::finding::rule::Rule;
use crate::finding::{Finding, FoundBy};
use crate::source::text;

/// The request of a check, and the files that the check looked at.
#[derive(Debug)]
pub(crate) struct Scope {
    /// The rules that count. `None`: all rules.
    pub(crate) rules: Option<BTreeSet<Rule>>,
    /// Rules that count in another hook, and so not here.
    pub(crate) left: BTreeSet<Rule>,
    /// The files that were looked at. `None`: the whole project.
    pub(crate) files: Option<BTreeSet<String>>,
    /// Clippy was asked as well.
    pub(crate) deep: bool,
    pub(crate) today: Day,
}

impl Scope {
    /// Whether findings of a rule count. A file that could not be parsed was not checked, and so
    /// that finding counts whatever was asked for.
    fn wants(&self, rule: Rule) -> bool {
        if self.left.contains(&rule) {
            return false;
        }
        rule == Rule::BrokenSource || self.rules.as_ref().is_none_or(|rules| rules.contains(&rule))
    }

    /// Whether this check knows how many findings an entry has. Only then the entry can be called
    /// stale.
    fn can_judge(&self, entry: &Allow, broken: &[String]) -> bool {
        let asked = self.wants(entry.rule) || self.wants_named(Rule::StaleAllow);
        // A check of single files sees all findings of an entry only if the entry is about one of
        // these files.
        let seen = self
            .files
            .as_ref()
            .is_none_or(|files| entry.path.is_file() && files.iter().any(|file| entry.path.matches(file)));
        let unparsed = entry.rule != Rule::BrokenSource && broken.iter().any(|file| entry.path.matches(file));
        asked && !self.left.contains(&entry.rule) && seen && !unparsed && (self.deep || !entry.deep)
    }

    fn wants_named(&self, rule: Rule) -> bool {
        self.rules.as_ref().is_some_and(|rules| rules.contains(&rule))
    }
}

/// The findings that count, in order, and the number of allowed ones.
pub(crate) fn judge(config: &Config, found: Vec<Finding>, scope: &Scope) -> (Vec<Finding>, usize) {
    let broken: Vec<_> =
        found.iter().filter(|f| f.rule == Rule::BrokenSource).map(|f| f.path.clone()).collect();
    let mut taken: Vec<Vec<Finding>> = config.allow.iter().map(|_| Vec::new()).collect();
    let mut counted = Vec::new();
    for finding in found {
        match entry_for(config, &finding, &taken, scope.today) {
            Some(entry) => taken[entry].push(finding),
            None => counted.push(finding),
        }
    }
    let mut allowed = 0;
    for (entry, taken) in config.allow.iter().zip(taken) {
        let n = taken.len();
        if entry.count.is_some_and(|count| n > count) {
            counted.extend(taken.into_iter().map(|finding| over(config, entry, n, finding)));
            continue;
        }
        allowed += taken.iter().filter(|finding| scope.wants(finding.rule)).count();
        if scope.can_judge(entry, &broken) {
            counted.extend(stale(config, entry, n, scope.today));
        }
    }
    let stale_counts = |f: &Finding| f.rule == Rule::StaleAllow;
    counted.retain(|finding| stale_counts(finding) || scope.wants(finding.rule));
    counted.sort_by(|a, b| (&a.path, a.line, a.column, a.rule).cmp(&(&b.path, b.line, b.column, b.rule)));
    (counted, allowed)
}

/// The entry that takes a finding: the first with room for it, or else the last that matches. The
/// last one has too many findings then.
fn entry_for(config: &Config, finding: &Finding, taken: &[Vec<Finding>], today: Day) -> Option<usize> {
    let fits = |entry: &Allow| {
        entry.rule == finding.rule && !has_expired(entry, today) && entry.path.matches(&finding.path)
    };
    let fitting: Vec<_> =
        config.allow.iter().enumerate().filter(|(_, entry)| fits(entry)).map(|(n, _)| n).collect();
    let has_room = |n: &&usize| config.allow[**n].count.is_none_or(|count| taken[**n].len() < count);
    fitting.iter().find(has_room).or(fitting.last()).copied()
}

fn has_expired(entry: &Allow, today: Day) -> bool {
    entry.until.is_some_and(|until| until < today)
}

/// Returns a finding of an entry that allows fewer findings than there are. All findings of the
/// entry are reported, because the guard cannot tell which one is new.
fn over(config: &Config, entry: &Allow, n: usize, mut finding: Finding) -> Finding {
    let (line, _) = text::position(&config.text, entry.span.start);
    let count = entry.count.unwrap_or(n);
    finding.help = format!("{}\n{}:{line} allows {count} here, and there are {n}", finding.help, config.path);
    finding
}

fn stale(config: &Config, entry: &Allow, n: usize, today: Day) -> Option<Finding> {
    let (rule, glob) = (entry.rule, &entry.path.text);
    let (message, help) = match (entry.until, entry.count) {
        (Some(until), _) if until < today => {
            let message = format!("this entry expired on {until}: {rule} in `{glob}`");
            (
                message,
                "mend what it allowed and take the entry out, or set a later day and say why".to_owned(),
            )
        }
        _ if n == 0 => {
            let message = format!("this entry matches nothing any more: there is no {rule} in `{glob}`");
            (message, "take the entry out: it would let the next one in unseen".to_owned())
        }
        (_, Some(count)) if n < count => {
            let message = format!("this entry allows {count}, and there are {n} left: {rule} in `{glob}`");
            (message, format!("write `count = {n}`, or run `cargo homebound init --lower`"))
        }
        _ => return None,
    };
    let (line, column) = text::position(&config.text, entry.span.start);
    let (path, span) = (config.path.clone(), entry.span.clone());
    Some(Finding {
        rule: Rule::StaleAllow,
        path,
        line,
        column,
        span,
        message,
        help,
        found_by: FoundBy::Source,
    })
}
