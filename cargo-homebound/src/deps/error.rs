//! Owns the reasons for which `cargo homebound deps` has no answer.
//! Refuses to hold gaps in an answer, which the answer names itself.

use std::fmt;
use std::io;

/// Why there is no answer.
#[derive(Debug)]
pub enum Error {
    /// Cargo cannot give the graph: there is no manifest, or the lock file needs packages that are
    /// missing on this disk.
    Cargo {
        /// What it printed.
        says: String,
    },
    /// The compiler does not name its host, or does not know the target.
    Rustc {
        /// What it printed.
        says: String,
    },
    /// `-p` names no member.
    NoSuchMember {
        /// The name.
        name: String,
        /// The names of all members.
        members: Vec<String>,
    },
    /// The allow list cannot be read.
    Config {
        /// The file, or the section of `Cargo.toml`.
        place: String,
        /// The mistake.
        says: String,
    },
    /// The sources of a package cannot be read.
    Sources {
        /// The package.
        package: String,
        /// The system's reason.
        error: io::Error,
    },
    /// The answer cannot be written.
    Write(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Cargo { says } => {
                write!(f, "cargo cannot tell the dependencies without the network:\n{}", says.trim())?;
                let absent = ["download", "offline", "no matching package", "failed to get"];
                match absent.iter().any(|word| says.contains(word)) {
                    true => f.write_str("\nrun `cargo fetch` in this workspace first, with the network"),
                    false => Ok(()),
                }
            }
            Error::Rustc { says } => write!(f, "rustc cannot tell what the target is: {says}"),
            Error::NoSuchMember { name, members } => {
                write!(f, "no member is called '{name}'; there are {}", members.join(", "))
            }
            Error::Config { place, says } => write!(f, "{place}: {}", says.trim_end()),
            Error::Sources { package, error } => {
                write!(f, "the sources of {package} cannot be read: {error}; run `cargo fetch`")
            }
            Error::Write(error) => write!(f, "cannot write the answer: {error}"),
        }
    }
}

impl std::error::Error for Error {}
