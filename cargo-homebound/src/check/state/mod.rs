//! Owns the state of the walk over one file: the names in sight at a place, and the calls and
//! values met so far.
//! Refuses to walk, which `visit` does, and to judge, which `rules` do.
//!
//! Read this file first, then `sight` (what a name means here) and `places` (which variable or
//! field an expression names). `frame` and `loops` are the surroundings of the place. `reach` and
//! `pending` are kept until the whole file is known.

pub(crate) mod frame;
pub(crate) mod hit;
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
use crate::check::state::hit::Hit;
use crate::check::state::loops::Loop;
use crate::check::state::pending::Waits;
use crate::check::state::reach::Reach;
use crate::finding::rule::Rule;

/// A place that starts a thread, for `cargo homebound deps`, which asks for places and not for
/// findings.
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
    /// Whether the place is in code that is compiled for tests only.
    pub test: bool,
}

/// A variable.
#[derive(Debug)]
pub(crate) struct Var {
    pub(crate) name: String,
    pub(crate) ty: Ty,
    pub(crate) node: Node,
    /// The text, if the variable was given a literal text. `blank-purpose` reads it.
    pub(crate) text: Option<String>,
}

/// One entry of the list of names in sight. A name is looked up from the end.
#[derive(Debug)]
pub(crate) enum Rib {
    /// The number of a variable in `Walk::vars`.
    Var(usize),
    /// A block that declares items.
    Block(ScopeId),
    /// The edge of a function or a module: of the entries before it nothing is in sight. The items
    /// of this scope, and of the scopes around it, are.
    Wall(ScopeId),
}

/// The meaning of a name that stands alone.
pub(crate) enum Found {
    Var(usize),
    Item(Res),
}

/// One walk over one file: all that is known at the place where the walk is.
pub(crate) struct Walk {
    /// The declarations of the file, and the questions to them.
    pub(crate) names: Names,
    /// Where values go.
    pub(crate) flow: Flow,
    /// All variables of the file, in sight or not: a number in `Rib::Var` stays valid.
    pub(crate) vars: Vec<Var>,
    /// The names in sight, the nearest last.
    pub(crate) ribs: Vec<Rib>,
    /// The scope of items that the walk is in.
    pub(crate) scope: ScopeId,
    /// The type of `Self`, for each `impl` and trait around the place.
    pub(crate) selves: Vec<Ty>,
    /// The functions and closures around the place, the nearest last. Never empty.
    pub(crate) frames: Vec<Frame>,
    /// The loops around the place inside of its function or closure, the nearest last.
    pub(crate) loops: Vec<Loop>,
    /// Messages of rules so far.
    pub(crate) hits: Vec<Hit>,
    /// Places that start threads so far. Their line and column are filled in at the end.
    pub(crate) starts: Vec<(Span, Start)>,
    /// Join handles: where each was got, where it goes, and the message in case that it is lost.
    pub(crate) handles: Vec<(Span, Node, String)>,
    /// Closures in variables: where the result goes, and whether this file calls the closure. A
    /// closure that is never called here is called elsewhere.
    pub(crate) closures: Vec<(Node, bool)>,
    /// The nodes of statics and constants, by their number in `Declared::values`.
    pub(crate) values: std::collections::HashMap<usize, Node>,
    /// Calls between functions of the file.
    pub(crate) reach: Reach,
    /// Waits that count if the rest of the file says so.
    pub(crate) waits: Waits,
    /// The `cfg` attributes around the place.
    pub(crate) cfg: cfg::Around,
    /// Some function of the file sets a flag and unparks a thread, so that `park_timeout` is no
    /// sleep here.
    pub(crate) wakes_parked: bool,
    /// The call that the walk enters next is awaited. The call takes the mark away.
    pub(crate) awaited: bool,
    /// The walk is in a macro that only looks at its arguments, such as `println!`.
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
            // Code of constants and statics stands in no function, and can reach no context.
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

    /// Code at this place calls a function of this file, or gives it to a function that will.
    pub(crate) fn calls(&mut self, function: usize) {
        let frame = self.frame();
        self.reach.called(function, &frame);
    }
}
