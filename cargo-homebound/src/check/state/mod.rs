//! Owns the state of the walk over one file: what is in sight at a place, and what has been met so
//! far.
//! Refuses to walk, which `visit` does, and to judge, which `rules` do.
//!
//! Read this file first, then `sight` (what a name means here) and `places` (which variable or
//! field an expression names). `frame` and `loops` are what is around the place; `reach` and
//! `pending` are kept until the whole file is known.

pub(crate) mod frame;
pub(crate) mod loops;
pub(crate) mod pending;
pub(crate) mod places;
pub(crate) mod reach;
pub(crate) mod sight;

use proc_macro2::Span;

use crate::check::resolve::cfg;
use crate::check::resolve::flow::{Flow, Node};
use crate::check::resolve::names::{Names, Res};
use crate::check::resolve::types::Ty;
use crate::check::resolve::written::ScopeId;
use crate::check::state::frame::{Context, Frame};
use crate::check::state::loops::Loop;
use crate::check::state::pending::Waits;
use crate::check::state::reach::Reach;
use crate::finding::rule::Rule;

/// A place that starts a thread, for those who ask about dependencies and not about rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The line of the call's name, from 1.
    pub line: usize,
    /// The column of the call's name, in characters, from 1.
    pub column: usize,
    /// The path in the catalog: `std::thread::spawn`.
    pub what: &'static str,
    /// The features that a `cfg` around the place asks for, in this file.
    pub features: Vec<String>,
    /// Whether it is in code that is compiled for tests only.
    pub test: bool,
}

/// What a rule has to say, before it is turned into a finding.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) rule: Rule,
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) help: &'static str,
}

/// A variable.
#[derive(Debug)]
pub(crate) struct Var {
    pub(crate) name: String,
    pub(crate) ty: Ty,
    pub(crate) node: Node,
    /// What it says, if that is a literal text.
    pub(crate) text: Option<String>,
}

/// What is in sight, the nearest last.
#[derive(Debug)]
pub(crate) enum Rib {
    Var(usize),
    Block(ScopeId),
    /// Nothing of what is before is in sight, but for the items of this scope and those around it.
    Wall(ScopeId),
}

/// What a single name stands for.
pub(crate) enum Found {
    Var(usize),
    Item(Res),
}

/// The walk over one file.
pub(crate) struct Walk {
    pub(crate) names: Names,
    pub(crate) flow: Flow,
    pub(crate) vars: Vec<Var>,
    pub(crate) ribs: Vec<Rib>,
    pub(crate) scope: ScopeId,
    pub(crate) selves: Vec<Ty>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) loops: Vec<Loop>,
    pub(crate) hits: Vec<Hit>,
    pub(crate) starts: Vec<(Span, Start)>,
    /// Handles: where they were got, where they go, what to say if they are lost.
    pub(crate) handles: Vec<(Span, Node, String)>,
    pub(crate) closures: Vec<(Node, bool)>,
    pub(crate) values: std::collections::HashMap<usize, Node>,
    pub(crate) reach: Reach,
    pub(crate) waits: Waits,
    pub(crate) cfg: cfg::Around,
    /// Somebody in the file unparks whoever is told to stop.
    pub(crate) wakes_parked: bool,
    /// The call that comes next is awaited.
    pub(crate) awaited: bool,
    /// In a macro that only looks at what it is given.
    pub(crate) looking: bool,
}

impl Walk {
    pub(crate) fn new() -> Walk {
        let mut names = Names::default();
        let root = names.declared.open(None, true);
        Walk {
            names,
            flow: Flow::default(),
            vars: Vec::new(),
            ribs: vec![Rib::Wall(root)],
            scope: root,
            selves: Vec::new(),
            frames: vec![Frame::of(None, Context::Away)],
            loops: Vec::new(),
            hits: Vec::new(),
            starts: Vec::new(),
            handles: Vec::new(),
            closures: Vec::new(),
            values: std::collections::HashMap::new(),
            reach: Reach::default(),
            waits: Waits::default(),
            cfg: cfg::Around::default(),
            wakes_parked: false,
            awaited: false,
            looking: false,
        }
    }

    pub(crate) fn hit(&mut self, rule: Rule, span: Span, message: String, help: &'static str) {
        self.hits.push(Hit { rule, span, message, help });
    }

    pub(crate) fn frame(&self) -> Frame {
        self.frames.last().cloned().unwrap_or(Frame::of(None, Context::Away))
    }

    /// A function of this file is called here, or given to be called.
    pub(crate) fn calls(&mut self, function: usize) {
        let frame = self.frame();
        self.reach.called(function, &frame);
    }
}
