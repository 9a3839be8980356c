//! Owns `index.html`: the contact sheet, every thumbnail with its name, and every problem.
//! Refuses to trust a name: every file name is shown as text.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use homebound::{BoxError, Result};

use crate::output::{INDEX, Output, SHEET};
use crate::sheet::{CELLS, Entry};
use crate::studio::Studio;
use crate::tally::Problem;
use crate::text::{count, html, shown};

const HEAD: &str = "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Contact sheet</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222 }
img { max-width: 100%; height: auto }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); gap: 1em }
figure { margin: 0; text-align: center; overflow-wrap: anywhere }
figcaption { font-size: 12px; color: #555 }
</style>
</head>
<body>
<h1>Contact sheet</h1>
";

/// Writes the sheet and the page of the finished thumbnails. The error says which of the two
/// failed.
pub fn publish(studio: &Studio) -> Result<(), (&'static str, BoxError)> {
    let entries = studio.sheet.write(&studio.output).map_err(|error| (SHEET, error))?;
    write(&studio.output, &entries, &studio.tally.problems()).map_err(|error| (INDEX, error))
}

fn write(output: &Output, entries: &BTreeMap<PathBuf, Entry>, problems: &[Problem]) -> Result {
    output.write(Path::new(INDEX), |file| {
        file.write_all(HEAD.as_bytes())?;
        writeln!(file, "<p>{}</p>", count(entries.len(), "picture"))?;
        writeln!(file, "<p><img src=\"{SHEET}\" alt=\"all pictures at a glance\"></p>")?;
        if entries.len() > CELLS {
            writeln!(file, "<p>The sheet shows the first {CELLS}.</p>")?;
        }
        writeln!(file, "<div class=\"pictures\">")?;
        for (name, Entry { file: thumb, original: (width, height) }) in entries {
            let (name, thumb) = (html(&shown(name)), html(&shown(thumb)));
            writeln!(
                file,
                "<figure><img loading=\"lazy\" src=\"{thumb}\" alt=\"\">\
                 <figcaption>{name}<br>{width} &times; {height}</figcaption></figure>"
            )?;
        }
        writeln!(file, "</div>")?;
        if !problems.is_empty() {
            writeln!(file, "<h2>{}</h2>\n<ul>", count(problems.len(), "problem"))?;
            for problem in problems {
                writeln!(file, "<li>{}</li>", html(&problem.to_string()))?;
            }
            writeln!(file, "</ul>")?;
        }
        Ok(writeln!(file, "</body>\n</html>")?)
    })
}
