//! The lines of `docs/GUARD.md` that show what a rule finds, and what it wants in their place.

use cargo_homebound::check;
use cargo_homebound::rule::Rule;

const PAGE: &str = include_str!("../../../docs/GUARD.md");

/// What stands around the lines in a program.
const HEAD: &str = "use homebound::registry;\n\
     use homebound_tokio::block_on_tokio;\n\
     use rayon::prelude::*;\n\
     use std::sync::atomic::Ordering::Relaxed;\n\
     use std::thread;\n";

/// The blocks of code, each with the rule that the page speaks of.
fn blocks() -> Vec<(Rule, Vec<&'static str>)> {
    let (mut rule, mut block, mut blocks) = (None, None, Vec::new());
    for line in PAGE.lines() {
        if let Some(name) = line.strip_prefix("**`").and_then(|rest| rest.split('`').next()) {
            rule = name.parse().ok();
        }
        match (line, &mut block) {
            ("```rust", _) => block = Some(Vec::new()),
            ("```", Some(_)) => blocks.extend(rule.zip(block.take())),
            (line, Some(lines)) => lines.push(line),
            _ => {}
        }
    }
    blocks
}

fn findings(lines: &[&str]) -> Vec<Rule> {
    let body = lines.join("\n");
    let app = "fn app() {\nhomebound::scope(|scope| {\nlet cx = scope.context();\n";
    let text = format!("{HEAD}{app}{body}\n;\nOk(())\n}});\n}}\n");
    check::source("page.rs", &text).into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn each_rule_finds_what_its_page_says_and_wants_what_its_page_shows() {
    // catches: a page that shows code which the guard sees in another way
    let blocks = blocks();
    assert_eq!(blocks.len(), 9, "{blocks:?}");
    for (rule, lines) in blocks {
        let (before, after): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|line| line.contains("// before"));
        for line in before {
            assert!(findings(&[line]).contains(&rule), "{rule}: {line}: {:?}", findings(&[line]));
        }
        assert_eq!(findings(&after), [], "{rule}: {after:?}");
    }
}
