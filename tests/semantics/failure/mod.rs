//! F1 to F4 and P4: what fails, what it stops, and where it is told.

mod amendments;
mod f1_stops;
mod f2_isolated;
mod f3_listed;
mod f4_panic;
mod kept_contexts;
mod locks;
mod p4_groups;
mod p4_odd_errors;
mod p4_told;

use std::fmt;

use crate::common::*;
use homebound::{Context, Failure, Result, ScopeError};

fn fails(_: &Context) -> Result {
    Err(boom("it fails"))
}

fn falls(_: &Context) -> Result {
    panic!("it falls")
}

/// The names of the failed, in the order in which they failed.
fn names(error: &ScopeError) -> Vec<&str> {
    error.failures().iter().map(Failure::name).collect()
}

/// An error whose own code is done when the stop has come.
#[derive(Debug)]
struct Held(crossbeam_channel::Receiver<()>);

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        pass(&self.0);
        f.write_str("held")
    }
}

impl std::error::Error for Held {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        pass(&self.0);
        None
    }
}
