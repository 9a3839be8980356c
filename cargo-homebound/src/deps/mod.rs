//! Owns `cargo homebound deps`: the dependencies that can start threads, the places, and the ways
//! to them.
//! Refuses to use the network, to compile anything, and to say what a program does: it reads text.
//!
//! Read `run` in this file first, then `graph` (which packages), `features` (which features),
//! `scan` (which places in one package).
//!
//! # What it does
//!
//! It asks `cargo metadata --offline` for the graph, follows the features from the members of the
//! workspace, and looks through every package that is neither a member nor a procedural macro,
//! wherever its sources are: the registry's cache, a git checkout, a path, a vendored folder. From
//! the root of the library's target it follows `mod`, `#[path]` and `include!`, so that tests,
//! examples and files that no module declares do not count. `cfg` on the way down and in the file
//! decides whether a place is in this build: by feature, and by target.
//!
//! The answer for a place is one of these:
//!
//! - **in this build**: the place is compiled. It starts a thread if code calls it, which text
//!   cannot tell.
//! - **not in this build**: a feature of the package is off, or another `cfg` does not hold.
//! - **native, by text**: a word such as `pthread_create` in bundled C or C++. Whether it is
//!   compiled is up to a build script.
//!
//! A place on another target is in neither list; `--target all` shows it, with its `cfg`. A `cfg`
//! that build scripts or flags set is unknown: such a place counts as compiled, and the `cfg` is
//! printed. A package that uses another one which starts threads, a runtime or a pool, is not
//! listed for that; the other one is.
//!
//! # Limits
//!
//! - Features are united over the edges that were asked for, as by the resolver 2. With the
//!   resolver 1, or when one command builds tests as well, more may be on.
//! - Not read: code that build scripts make, what procedural macros make, and libraries that are
//!   linked ready-made.
//! - One way through the tree is shown, a shortest one; `cargo tree -i PACKAGE` has them all.
//!
//! # JSON
//!
//! `--format json` prints one object:
//!
//! | field | what it is |
//! |---|---|
//! | `target`, `packages`, `files` | the triple, and the numbers of packages and their files |
//! | `starts` | one object for each place, those in this build first, native ones last |
//! | `compared` | `package`, `version`, `verdict`, `reason`, `source` of packages known or found |
//! | `unparsed`, `unfollowed` | files not parsed, `mod`s that led nowhere: `package`, `says` |
//! | `generated` | packages that compile code which a build script makes |
//! | `not_allowed`, `stale` | what `--deny` fails for; entries of the allow list without a match |
//!
//! A place has `package`, `version`, `id`; `kind` (`thread`, `pool` or `native`) and `what`; `path`
//! from the package's root, `line` and `column` from 1 (no `column` if native); `features` that it
//! needs; `enabled` (null if that cannot be known); `enabled_by`, for each feature and each
//! dependent that turns it on (`feature`, `asked`, `by`, `under`); `cfg`, all conditions around it;
//! `via`, the ids of packages from a member to this one; `brought_in_by`, the features of packages
//! on that way which bring in an optional dependency; `allowed`, the reason in the allow list or
//! null.
//!
//! A verdict is `agreed`, `missed` (the list says that it starts threads, and nothing was found),
//! `contradicted` (the list says that it does not) or `unlisted`.
//!
//! # Allow list
//!
//! ```toml
//! [deps]
//! allow = [{ name = "tokio", reason = "one scope owns its runtime, and shuts it down" }]
//! ```
//!
//! in `homebound.toml`. With `--deny`, a package that starts threads in this build and is not
//! listed makes the answer [`Outcome::Denied`]. Native places do not count for that.

mod allow;
mod attribute;
mod error;
mod features;
mod gate;
mod graph;
mod known;
mod modules;
mod native;
mod options;
mod outline;
mod report;
mod scan;
mod table;

use std::collections::BTreeMap;
use std::io::{self, Write};

use features::Active;
use graph::Graph;

pub use error::Error;
pub use options::{Format, Options};

/// The outcome, when there is an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The answer was printed.
    Answered,
    /// The answer was printed, and with `--deny` a package in it is not allowed.
    Denied,
}

impl Outcome {
    /// The exit code of the process.
    pub fn code(self) -> u8 {
        match self {
            Outcome::Answered => 0,
            Outcome::Denied => 1,
        }
    }
}

/// Prints the answer. Packages are scanned one after another, with one file in memory at a time.
///
/// # Errors
///
/// The graph needs the network, a source folder is gone, the allow list is broken, or `out` fails.
/// A source file that cannot be parsed is no error: the answer names it.
pub fn run(options: &Options, out: &mut dyn Write) -> Result<Outcome, Error> {
    let graph = Graph::read(options)?;
    let allow = allow::read(&graph.workspace_root, &graph.workspace_metadata)?;
    let active = Active::follow(&graph, options);
    let mut scans = BTreeMap::new();
    for place in active.packages.keys().copied().filter(|place| !graph.members.contains(place)) {
        let package = &graph.packages[place];
        let scan =
            scan::package(package, active.names(place), graph.target_cfg.as_ref(), options.include_build);
        let scan = scan.map_err(|error| Error::Sources { package: graph.label(place), error })?;
        scans.insert(place, scan);
    }
    let report = report::put_together(&graph, &active, &scans, &allow);
    match options.format {
        Format::Table => table::print(&report, out),
        Format::Json => serde_json::to_writer_pretty(&mut *out, &report)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out)),
    }
    .map_err(Error::Write)?;
    Ok(if options.deny && !report.not_allowed.is_empty() { Outcome::Denied } else { Outcome::Answered })
}
