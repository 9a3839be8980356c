//! Owns SARIF 2.1.0, the form that code-scanning services read: rules, results, and fingerprints by
//! which a service recognises a finding.
//! Refuses allowed findings, because services would raise an alarm for them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::json::who;
use super::sources::Sources;
use crate::finding::Finding;
use crate::finding::report::Report;
use crate::finding::rule::Rule;

/// One run. Paths are from the repository's root. `prefix` leads from there to the project: it is
/// empty, or ends with `/`.
pub(crate) fn print(
    report: &Report,
    sources: &mut Sources,
    repository: &Path,
    prefix: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut seen = HashMap::new();
    let results: Vec<_> =
        report.findings.iter().map(|finding| result(finding, sources, prefix, &mut seen)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "cargo-homebound",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": Rule::ALL.map(rule),
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { "%SRCROOT%": { "uri": format!("file://{}/", encoded(&repository.to_string_lossy()).trim_end_matches('/')) } },
            "invocations": [{ "executionSuccessful": true, "exitCode": i32::from(!report.findings.is_empty()) }],
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn rule(rule: Rule) -> Value {
    let text = rule.explanation();
    json!({
        "id": rule.name(),
        "name": camel(rule.name()),
        "shortDescription": { "text": rule.summary() },
        "fullDescription": { "text": rule.summary() },
        "help": { "text": text, "markdown": text },
        "defaultConfiguration": { "level": "error" },
        "properties": { "tags": ["threads", "homebound"] },
    })
}

fn result(
    finding: &Finding,
    sources: &mut Sources,
    prefix: &str,
    seen: &mut HashMap<(Rule, String, String), usize>,
) -> Value {
    let found = sources.lines(finding);
    let line = found.as_ref().map_or("", |found| found.lines.trim()).to_owned();
    let width = found.map_or(0, |found| found.lines[found.span.clone()].chars().count());
    let is_one_line = !line.contains('\n') && width > 0;
    let mut region = json!({ "startLine": finding.line, "startColumn": finding.column });
    if is_one_line {
        region["endLine"] = json!(finding.line);
        region["endColumn"] = json!(finding.column + width);
    }
    // The fingerprint has the text of the line and not its number, so that lines inserted above
    // make no new findings.
    let times = seen.entry((finding.rule, finding.path.clone(), line.clone())).or_insert(0);
    *times += 1;
    let print = fingerprint(&[finding.rule.name(), &finding.path, &line, &times.to_string()]);
    let path = encoded(&format!("{prefix}{}", finding.path));
    let location = if path.starts_with('/') {
        json!({ "uri": format!("file://{path}") })
    } else {
        json!({ "uri": path, "uriBaseId": "%SRCROOT%" })
    };
    json!({
        "ruleId": finding.rule.name(),
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == finding.rule),
        "level": "error",
        "message": { "text": format!("{}\n{}", finding.message, finding.help) },
        "locations": [{ "physicalLocation": { "artifactLocation": location, "region": region } }],
        "partialFingerprints": { "homebound/v1": print },
        "properties": { "foundBy": who(finding.found_by) },
    })
}

/// FNV-1a, 64 bits: the same on every machine and with every compiler.
fn fingerprint(parts: &[&str]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in parts.iter().flat_map(|part| part.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

/// A path as a part of a URI.
fn encoded(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _infallible = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

/// `RawThread` for `raw-thread`.
fn camel(name: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('-').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::{encoded, fingerprint};

    #[test]
    fn paths_become_uris_and_parts_stay_apart() {
        assert_eq!(encoded("src/a b/ø%.rs"), "src/a%20b/%C3%B8%25.rs");
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
    }
}
