//! Owns the form that GitHub's runners turn into remarks beside the code.
//! Refuses to count them: GitHub shows ten errors per step, and keeps all of them in the log.

use std::io::{self, Write};

use crate::finding::report::Report;

/// A workflow command for each finding. `prefix` leads from the repository's root to the project:
/// it is empty, or ends with `/`.
pub(crate) fn print(report: &Report, prefix: &str, out: &mut dyn Write) -> io::Result<()> {
    for finding in &report.findings {
        let file = property(&format!("{prefix}{}", finding.path));
        let title = property(&format!("homebound: {}", finding.rule));
        let text = format!(
            "{}\nhelp: {}\nnote: cargo homebound explain {}",
            finding.message,
            finding.help.replace('\n', "\nhelp: "),
            finding.rule
        );
        let (line, column, text) = (finding.line, finding.column, data(&text));
        writeln!(out, "::error file={file},line={line},col={column},title={title}::{text}")?;
    }
    Ok(())
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{data, property};

    #[test]
    fn what_ends_a_command_is_escaped() {
        assert_eq!(data("100% a\r\nb: c, d"), "100%25 a%0D%0Ab: c, d");
        assert_eq!(property("a:b,c%"), "a%3Ab%2Cc%25");
    }
}
