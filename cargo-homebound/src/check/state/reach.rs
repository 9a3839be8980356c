//! Owns the calls between the functions of a file, and so which of them run inside a scope, and on
//! which threads.
//! Refuses to know what follows from that.

use std::collections::HashSet;

use proc_macro2::Span;

use crate::check::state::frame::{Context, Frame, Host};
use crate::check::state::hit::Hit;

/// Calls of functions of the file, and ends of the process that count if their function is called
/// inside a scope.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// The file has called `fork` further up. Its child may end the process.
    pub(crate) forks: bool,
    /// The function that ends the process, where, and by which path. `rules::exit` writes and reads
    /// these.
    pub(crate) exits: Vec<(usize, Span, String)>,
    /// Messages that depend on the threads of a function. `rules::hosted` writes and reads these.
    pub(crate) hosted: Vec<Hosted>,
    /// Functions that are called, and the threads that call them.
    hosts: Vec<(usize, Host)>,
    /// Caller and function that is called, where the caller's own callers decide about the threads.
    handed: Vec<(usize, usize)>,
    /// Caller, function that is called, and whether a context of the caller's own caller is at hand
    /// at the call.
    calls: Vec<(usize, usize, bool)>,
    /// Functions that are called inside a scope, and whether a context is at hand at the call.
    inside: Vec<(usize, bool)>,
}

/// A message that counts by the threads on which a function of the file runs.
#[derive(Debug)]
pub(crate) struct Hosted {
    pub(crate) function: usize,
    /// The message counts only if one of these runs the function. Empty: it always counts.
    pub(crate) only_on: &'static [Host],
    /// The message does not count if this one runs the function.
    pub(crate) unless: Host,
    pub(crate) hit: Hit,
}

impl Reach {
    /// The functions that run on the threads of `host`, through any chain of calls.
    pub(crate) fn on(&self, host: Host) -> HashSet<usize> {
        let mut left: Vec<_> = self.hosts.iter().filter(|(_, by)| *by == host).map(|(f, _)| *f).collect();
        let mut found = HashSet::new();
        // Each function once, so that functions which call each other end.
        while let Some(function) = left.pop() {
            if found.insert(function) {
                let of_it = self.handed.iter().filter(|(caller, _)| *caller == function);
                left.extend(of_it.map(|(_, called)| *called));
            }
        }
        found
    }

    /// The functions that run inside a scope, through any chain of calls. `with_context`: only
    /// through calls at which a context is at hand.
    pub(crate) fn inside(&self, with_context: bool) -> HashSet<usize> {
        let counts = |has_one: bool| has_one || !with_context;
        let mut left: Vec<_> = self.inside.iter().filter(|(_, one)| counts(*one)).map(|(f, _)| *f).collect();
        let mut inside = HashSet::new();
        // Each function once, so that functions which call each other end.
        while let Some(function) = left.pop() {
            if inside.insert(function) {
                let of_it = self.calls.iter().filter(|(caller, _, one)| *caller == function && counts(*one));
                left.extend(of_it.map(|(_, called, _)| *called));
            }
        }
        inside
    }

    /// Notes that code in `frame` calls a function of this file, or gives it to a function that
    /// will.
    pub(crate) fn called(&mut self, function: usize, frame: &Frame) {
        match (frame.host, frame.function) {
            (Host::Callers, Some(caller)) => self.handed.push((caller, function)),
            (host, _) => self.hosts.push((function, host)),
        }
        if frame.in_scope {
            // Certain now: the caller is inside a scope.
            self.inside.push((function, frame.context == Context::Here));
        } else if let Some(caller) = frame.function {
            // Known at the end: whether the caller is called inside a scope.
            self.calls.push((caller, function, frame.context != Context::Away));
        }
    }
}
