//! Owns the split between the hooks of a pre-commit configuration: one hook reports a finding, and
//! the others leave it out.
//! Refuses to understand YAML: an `id:` on a line of its own is a hook.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::finding::rule::Rule;

/// The hook that reports all rules.
const ALL: &str = "homebound-check";

/// The hook of `.pre-commit-hooks.yaml` as which the guard was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    All,
    Of(Rule),
}

impl std::str::FromStr for Hook {
    type Err = String;

    fn from_str(text: &str) -> Result<Hook, String> {
        let named = Rule::ALL.into_iter().find(|rule| rule.hook() == Some(text));
        match (text, named) {
            (ALL, _) => Ok(Hook::All),
            (_, Some(rule)) => Ok(Hook::Of(rule)),
            _ => Err(format!("there is no hook '{text}'")),
        }
    }
}

impl Hook {
    /// The rules that another hook of the configuration in this folder reports.
    pub(crate) fn left_to_others(self, folder: &Path) -> BTreeSet<Rule> {
        let text = fs::read_to_string(folder.join(".pre-commit-config.yaml")).unwrap_or_default();
        // As pre-commit reads it: hooks that are left out this time.
        let skipped = std::env::var("SKIP").unwrap_or_default();
        let is_skipped = |id: &&str| skipped.split(',').any(|skipped| skipped.trim() == *id);
        let ids: Vec<_> = text.lines().filter_map(id).filter(|id| !is_skipped(id)).collect();
        let is_there = |rule: &Rule| rule.hook().is_some_and(|hook| ids.contains(&hook));
        let others = Rule::ALL.into_iter().filter(is_there);
        match self {
            Hook::All => others.collect(),
            // A file that cannot be parsed is told by the hook for all, or by the first of the
            // others.
            Hook::Of(rule) => {
                let told = ids.contains(&ALL) || others.min() < Some(rule);
                told.then_some(Rule::BrokenSource).into_iter().collect()
            }
        }
    }
}

/// `no-daemon-threads` in `- id: no-daemon-threads  # before the others`.
fn id(line: &str) -> Option<&str> {
    let entry = line.trim_start();
    let value = entry.strip_prefix("- ").unwrap_or(entry).trim_start().strip_prefix("id:")?;
    let value = value.split('#').next()?.trim();
    Some(value.trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_on_lines_of_their_own() {
        assert_eq!(id("      - id: no-daemon-threads  # first"), Some("no-daemon-threads"));
        assert_eq!(id("        id: 'homebound-check'"), Some("homebound-check"));
        assert_eq!(id("      # - id: homebound-check"), None);
        assert_eq!(id("    rev: id: 3"), None);
    }
}
