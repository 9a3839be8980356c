//! Owns the second way of looking: clippy, which knows types, re-exports and macros of other
//! crates, where the project builds.
//! Refuses to replace the first way: clippy does not see code that is not compiled.
//!
//! Read `look` in this file first; then `conf` (what clippy is told), `messages` (what it answers)
//! and `fold` (one list of both).

mod conf;
mod fold;
mod messages;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{Metadata, MetadataCommand};

use crate::finding::fault::{Fault, Faults};
use crate::finding::rule::Rule;
use crate::source::project::Project;

pub(crate) use conf::listed;
pub(crate) use fold::fold;

/// The rules that both ways know. The rule `process-exit` is about scopes, which clippy cannot see.
pub(crate) const RULES: [Rule; 1] = [Rule::RawThread];

/// Clippy's findings, and notes about them.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) seen: Vec<messages::Seen>,
    pub(crate) notes: Vec<String>,
    /// The reasons for which clippy could not look at all of the project.
    pub(crate) faults: Faults,
}

/// Asks clippy.
///
/// # Errors
///
/// There is no cargo, no clippy or no package, or a `clippy.toml` cannot be read.
pub(crate) fn look(project: &Project, more: &[String]) -> Result<Told, Faults> {
    let Some(folder) = &project.cargo else {
        let what = format!("there is no Cargo.toml in `{}` or above", project.root.display());
        return Err(Fault::new(what).help("--deep builds the project with clippy; leave it out here").into());
    };
    let (metadata, is_offline) = metadata(folder)?;
    let own = folder_of_its_own(&metadata);
    let conf = own.join("clippy");
    conf::write(folder, &conf)?;
    let mut told = Told { notes: members_with_their_own(&metadata), ..Told::default() };
    let mut command = cargo();
    command.current_dir(folder).args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--message-format=json",
        "--keep-going",
    ]);
    // A target folder of its own, so that the project's build stays as it is. A build folder in the
    // user's settings would be shared all the same, and so is overridden.
    let target = own.join("target");
    command.arg("--target-dir").arg(&target).env("CARGO_BUILD_BUILD_DIR", &target);
    command.args(is_offline.then_some("--offline")).args(more);
    // Only the guard's lint, as a warning whatever the code says: an error would end the build
    // before the crates that depend on this one.
    command.args(["--", "-Aclippy::all", "--cap-lints=warn", "--force-warn=clippy::disallowed_methods"]);
    command.env("CLIPPY_CONF_DIR", &conf).stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::piped());
    let output = command.output().map_err(|error| cannot_run(&error))?;
    let errors = messages::read(project, folder, &output.stdout, &mut told.seen);
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = if errors.is_empty() { last_lines(&said) } else { errors };
        let fault = Fault::new(format!("clippy could not check the whole project: {}", said.trim()));
        told.faults =
            fault.help("mend the build, or leave out --deep: the text is checked without one").into();
    }
    Ok(told)
}

/// cargo's view of the project, and whether cargo has it without a network.
fn metadata(folder: &Path) -> Result<(Metadata, bool), Faults> {
    let ask = |words: &[&str]| {
        let mut command = MetadataCommand::new();
        command
            .current_dir(folder)
            .other_options(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        command.exec()
    };
    if let Ok(metadata) = ask(&["--offline"]) {
        return Ok((metadata, true));
    }
    let metadata = ask(&["--no-deps"]).map_err(|error| {
        Fault::new(format!("cargo cannot read the project: {error}"))
            .help("--deep needs a project that builds")
    })?;
    Ok((metadata, false))
}

/// One folder for each project: `CARGO_TARGET_DIR` may be the same for all projects, and each has
/// its own settings for clippy.
fn folder_of_its_own(metadata: &Metadata) -> PathBuf {
    let root = metadata.workspace_root.as_std_path();
    let mut hasher = DefaultHasher::new();
    root.hash(&mut hasher);
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    let own = format!("{name}-{:016x}", hasher.finish());
    metadata.target_directory.as_std_path().join("homebound").join(own)
}

fn members_with_their_own(metadata: &Metadata) -> Vec<String> {
    let root = metadata.workspace_root.as_std_path();
    let folders = metadata.workspace_packages().into_iter().filter_map(|package| {
        let folder = package.manifest_path.parent()?.as_std_path();
        let own = ["clippy.toml", ".clippy.toml"].into_iter().find(|name| folder.join(name).is_file())?;
        (folder != root).then(|| folder.strip_prefix(root).unwrap_or(folder).join(own))
    });
    let note = |file: std::path::PathBuf| {
        format!(
            "{}: a plain `cargo clippy` reads this file in place of the root's there, and no list that is in the root's",
            file.display()
        )
    };
    folders.map(note).collect()
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn cannot_run(error: &std::io::Error) -> Fault {
    Fault::new(format!("cargo cannot be run: {error}")).help("--deep needs cargo and clippy")
}

/// The last lines of a tool mostly have the reason.
fn last_lines(said: &str) -> String {
    let lines: Vec<_> = said.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
