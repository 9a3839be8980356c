//! Owns the page of a shutdown: the picture, and a table of the threads. One file, which loads
//! nothing; also well-formed XML, for tools.
//! Refuses to draw the picture: `svg` does.

use std::fmt::{self, Write};

use crate::outcome::report::shutdown::{Ending, ShutdownReport, ThreadReport};
use crate::outcome::waterfall::layout::{Layout, below, short};
use crate::outcome::waterfall::svg::{Place, draw};
use crate::outcome::waterfall::text::without;
use crate::outcome::waterfall::xml::Xml;
use crate::outcome::words::{Span, Thousands};
use crate::rt::order::sort_by_key;

/// The bytes of a page, at most. A thousand rows of ordinary names take 120,000.
const PAGE: usize = 200_000;
/// Room for what follows the last row that begins within the limit: that row, with a path of
/// escaped characters, and the end of the page.
const SPARE: usize = 4_000;
/// Characters of a path in the table.
const PATH: usize = 80;

/// The browser runs and shows only what carries the mark of this file, and asks no other place.
const POLICY: &str = "default-src 'none'; style-src 'nonce-page'; script-src 'nonce-page'";

const STYLE: &str = "\
body{margin:24px auto;max-width:1200px;padding:0 12px;font:14px system-ui,sans-serif;background:#fff;color:#1f2430}\
input{font:inherit;padding:4px 8px;margin:12px 0;width:320px}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:3px 8px;border-bottom:1px solid #e3e6ec}td+td+td{white-space:nowrap}\
.o{color:#d92d20;font-weight:600}\
@media(prefers-color-scheme:dark){body{background:#15181d;color:#e4e7ec}th,td{border-color:#2b3038}}";

/// Shows the rows that hold the text of the field.
const SCRIPT: &str = "\
document.getElementById('find').addEventListener('input',function(){\
var want=this.value.toLowerCase();\
document.querySelectorAll('tbody tr').forEach(function(row){\
row.hidden=row.textContent.toLowerCase().indexOf(want)===-1})})";

pub(crate) fn page(report: &ShutdownReport, layout: &Layout<'_>) -> String {
    let mut out = String::new();
    let written = write_page(&mut out, report, layout);
    debug_assert!(written.is_ok(), "a string takes all that is written");
    out
}

fn write_page(out: &mut String, report: &ShutdownReport, layout: &Layout<'_>) -> fmt::Result {
    write!(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>")?;
    write!(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"/>")?;
    write!(out, "<title>shutdown of {}</title>", Xml(short(layout.title, PATH)))?;
    write!(out, "<style nonce=\"page\">{STYLE}</style></head>\n<body>{}", draw(layout, Place::Page))?;
    out.write_str(
        "<input id=\"find\" placeholder=\"show threads that hold this text\"/>\n<table><thead><tr>",
    )?;
    for name in ["thread", "role", "spawned", "told to stop", "home", "took", "ended as"] {
        write!(out, "<th>{name}</th>")?;
    }
    out.write_str("</tr></thead><tbody>\n")?;
    // The slow ones first: they are what a reader looks for, and the last ones may be left out.
    let mut rows: Vec<&ThreadReport> = report.threads.iter().collect();
    sort_by_key(&mut rows, |row| std::cmp::Reverse((row.ended.is_none(), row.after_stop, row.ended)));
    let end = PAGE - SPARE - SCRIPT.len();
    let mut left = rows.len();
    for row in rows {
        // `end` leaves room for one more row and the end of the page.
        if out.len() >= end {
            break;
        }
        write_row(out, row, layout.title)?;
        left -= 1;
    }
    out.write_str("</tbody></table>\n")?;
    if left > 0 {
        write!(out, "<p>and {} more, each home sooner than these.</p>", Thousands(left as u64))?;
    }
    if layout.without > 0 {
        write!(out, "<p>{}.</p>", without(layout.without))?;
    }
    writeln!(out, "<script nonce=\"page\">{SCRIPT}</script></body></html>")
}

fn write_row(out: &mut String, row: &ThreadReport, title: &str) -> fmt::Result {
    let class = if row.ending == Ending::Overdue { " class=\"o\"" } else { "" };
    write!(out, "<tr{class}><td>{}</td>", Xml(short(below(&row.path, title), PATH)))?;
    write!(out, "<td>{}</td><td>{}</td>", row.role, row.spawned)?;
    for moment in [row.told, row.ended] {
        match moment {
            Some(moment) => write!(out, "<td>{moment}</td>")?,
            None => out.write_str("<td/>")?,
        }
    }
    match row.after_stop {
        Some(took) => write!(out, "<td>{}</td>", Span(took))?,
        None => out.write_str("<td/>")?,
    }
    writeln!(out, "<td>{}</td></tr>", row.ending)
}
