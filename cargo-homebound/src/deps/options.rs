//! Owns the request of `cargo homebound deps`, as its command line and as data.
//! Refuses to answer it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The request.
#[derive(Debug, Clone, Default, Args)]
pub struct Options {
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Fail if a package that `[deps] allow` of homebound.toml does not name starts threads in this
    /// build
    #[arg(long)]
    pub deny: bool,
    /// The members to start from, all by default
    #[arg(short = 'p', long = "package", value_name = "NAME")]
    pub packages: Vec<String>,
    /// Features of the members to turn on, with commas or blanks between them
    #[arg(short = 'F', long, value_name = "FEATURES")]
    pub features: Vec<String>,
    /// Turn on all features of the members
    #[arg(long)]
    pub all_features: bool,
    /// Leave the default features of the members off
    #[arg(long)]
    pub no_default_features: bool,
    /// The target to look for, the host's by default; `all` for every one
    #[arg(long, value_name = "TRIPLE")]
    pub target: Option<String>,
    /// Look at dependencies of the members' tests and examples as well
    #[arg(long)]
    pub include_dev: bool,
    /// Look at build scripts, procedural macros and their dependencies as well
    #[arg(long)]
    pub include_build: bool,
    /// The Cargo.toml to begin with
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<PathBuf>,
}

/// How the answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// Aligned columns, for people
    #[default]
    Table,
    /// One JSON object, for programs
    Json,
}
