//! Owns the way from the command line to the exit code, and the commands.
//! Refuses to know how anything is found or printed.
//!
//! Read this file first: it declares the command line with clap and sends each command to its file.
//! `check` is the main one.

mod check;
mod explain;
mod graces;
mod hook;
mod init;
mod symbols;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use self::check::{Answer, Ask};
use crate::config::pre_commit::Hook;
use crate::deps;
use crate::finding::fault::{Fault, Faults};
use crate::finding::report;
use crate::finding::rule::Rule;
use crate::print::{self, Colour, human};

/// Keeps raw threads out of a code base, and lists the existing ones with a reason.
#[derive(Debug, Parser)]
#[command(name = "cargo-homebound", bin_name = "cargo homebound", version)]
struct Line {
    #[command(subcommand)]
    command: Command,
    /// Whether to use colours; NO_COLOR is respected
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Colour,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the Rust files of the project, or the files that are named
    ///
    /// Exit code: 0 without findings, 1 with some, 2 if the check could not be done as asked.
    Check(CheckOptions),
    /// Write homebound.toml from today's findings; its numbers can only go down
    Init(InitOptions),
    /// Explain a rule: why it exists, and what to write instead; without a rule, list all
    Explain {
        /// The rule's own name, or the name of its hook
        rule: Option<Rule>,
    },
    /// List the dependencies that can start threads, with the places and the ways to them
    ///
    /// Exit code: 0 with an answer, 1 with --deny if a package is not allowed, 2 if there is no
    /// answer.
    Deps(deps::Options),
    /// Show what part of the grace the stops of a program have needed, and suggest a grace
    ///
    /// Reads what `Registry::history` has written. Changes nothing.
    Graces {
        /// The history; several files count as one
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Have git check the staged files before each commit
    InstallHook {
        /// Overwrite another program's hook
        #[arg(long)]
        force: bool,
    },
    /// Put names into a dump of a stripped program
    ///
    /// Frames such as `shop+0x1a2b [build id]` get the functions and lines of a binary that was not
    /// stripped. Exit code: 0 with an answer, 1 if a binary is of another build than the dump, 2 if
    /// a file cannot be read.
    Symbols(symbols::SymbolsOptions),
}

#[derive(Debug, Args)]
struct CheckOptions {
    /// Files and folders; without any, the whole project
    paths: Vec<PathBuf>,
    /// Count this rule alone; may be given again
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<Rule>,
    /// Called as this hook of pre-commit: rules of the other hooks in `.pre-commit-config.yaml` are
    /// left out
    #[arg(long, value_name = "ID", conflicts_with = "rules")]
    hook: Option<Hook>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write the report to a file
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The configuration, if it is not in the project's homebound.toml or Cargo.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ask clippy as well, which knows types and macros of other crates; builds the project
    #[arg(long)]
    deep: bool,
    /// Check the files that git is about to commit, as staged
    #[arg(long, conflicts_with_all = ["paths", "deep"])]
    staged: bool,
    /// With --deep: more arguments for `cargo clippy`, such as --all-features
    #[arg(last = true, value_name = "CARGO_OPTIONS", requires = "deep")]
    cargo: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// For people, as rustc prints errors
    #[default]
    Human,
    /// One JSON object per line
    Json,
    /// Remarks beside the code, made by GitHub's runners
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

#[derive(Debug, Args)]
struct InitOptions {
    /// Write the file anew; exemptions, reasons and days are kept
    #[arg(long)]
    force: bool,
    /// Only lower the numbers to the findings that are left
    #[arg(long, conflicts_with = "force")]
    lower: bool,
    /// Ask clippy, too: findings that clippy alone sees are allowed as well
    #[arg(long)]
    deep: bool,
    /// Write nothing, and print the list for clippy.toml, for projects that run clippy anyway
    #[arg(long, conflicts_with_all = ["force", "lower", "deep"])]
    clippy: bool,
}

/// Runs the command of these arguments. The first is the program's name; `cargo homebound` puts its
/// own name after that.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut arguments: Vec<_> = arguments.into_iter().collect();
    if arguments.get(1).is_some_and(|word| word == "homebound") {
        arguments.remove(1);
    }
    let line = match Line::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            let _nobody_reads = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let colour = line.color;
    let done = match line.command {
        Command::Check(options) => check(options, colour),
        Command::Init(options) => init(&options),
        Command::Explain { rule } => {
            let text = rule.map_or_else(explain::all, explain::rule);
            print::write(None, |out| out.write_all(text.as_bytes())).map(|()| 0)
        }
        Command::Deps(options) => dependencies(&options),
        Command::Graces { files } => graces::text(&files).and_then(said),
        Command::Symbols(options) => symbols::run(&options).and_then(|(text, remarks, code)| {
            remarks.iter().for_each(|remark| print::say(&format!("note: {remark}")));
            said(text).map(|_| code)
        }),
        Command::InstallHook { force } => hook::install(force).and_then(said),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(faults) => {
            print::say(human::faults(&faults, colour.on_stderr()).trim_end());
            ExitCode::from(2)
        }
    }
}

fn dependencies(options: &deps::Options) -> Result<u8, Faults> {
    let mut text = Vec::new();
    let outcome = deps::run(options, &mut text).map_err(|error| Fault::new(error.to_string()))?;
    print::write(None, |out| out.write_all(&text)).map(|()| outcome.code())
}

fn said(text: String) -> Result<u8, Faults> {
    print::write(None, |out| out.write_all(text.as_bytes())).map(|()| 0)
}

fn init(options: &InitOptions) -> Result<u8, Faults> {
    let text = match options {
        InitOptions { clippy: true, .. } => init::clippy_list()?,
        InitOptions { lower: true, deep, .. } => init::lower(*deep)?,
        InitOptions { force, deep, .. } => init::write(*force, *deep)?,
    };
    said(text)
}

fn check(options: CheckOptions, colour: Colour) -> Result<u8, Faults> {
    let CheckOptions { paths, rules, hook, format, output, config, deep, staged, cargo } = options;
    let mut answer = check::run(&Ask { paths, staged, rules, hook, config, deep, cargo })?;
    let to = output.as_deref();
    let coloured = if to.is_some() { colour == Colour::Always } else { colour.on_stdout() };
    let Answer { project, report, sources, faults, .. } = &mut answer;
    let (repository, prefix) = check::prefix(project);
    print::write(to, |out| match format {
        Format::Human => human::print(report, sources, coloured, out),
        Format::Json => print::json::print(report, out),
        Format::Github => print::github::print(report, &prefix, out),
        Format::Sarif => print::sarif::print(report, sources, repository, &prefix, out),
    })?;
    if format != Format::Human || to.is_some() {
        aside(report, to);
    }
    if !faults.is_empty() {
        return Err(std::mem::take(faults));
    }
    Ok(u8::from(!report.findings.is_empty()))
}

/// The notes and the summary on standard error, because standard output is for programs.
fn aside(report: &report::Report, to: Option<&std::path::Path>) {
    for note in &report.notes {
        print::say(&format!("note: {note}"));
    }
    if let Some(deep) = &report.deep {
        print::say(&human::tally(deep));
    }
    let where_to = to.map(|path| format!("; written to {}", path.display())).unwrap_or_default();
    print::say(&format!("{}{where_to}", report.summary()));
}
