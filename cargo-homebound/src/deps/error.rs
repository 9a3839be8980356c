//! Owns why `cargo homebound deps` has no answer.
//! Refuses to hold what is only missing from an answer: the answer says that itself.

use std::fmt;
use std::io;

/// Why there is no answer.
#[derive(Debug)]
pub enum Error {
    /// Cargo cannot tell the graph: no manifest, a lock file that needs what is not on this disk.
    Cargo {
        /// What it printed.
        says: String,
    },
    /// The compiler cannot tell its host, or does not know the target.
    Rustc {
        /// What it printed.
        says: String,
    },
    /// `-p` names no member.
    NoSuchMember {
        /// What it names.
        name: String,
        /// Who there is.
        members: Vec<String>,
    },
    /// The allow list cannot be read.
    Config {
        /// The file, or the section of `Cargo.toml`.
        place: String,
        /// What is wrong.
        says: String,
    },
    /// The sources of a package cannot be read.
    Sources {
        /// The package.
        package: String,
        /// What the system said.
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
