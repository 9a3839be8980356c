//! Owns calls of functions: which function it is, what its closures run in, where its arguments go.
//! Refuses to judge: each rule is called with what the walk has met.

use proc_macro2::Span;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprCall, Token};

use crate::check::resolve::flow::Node;
use crate::check::resolve::names::{Res, Space};
use crate::check::resolve::types::{self, HB_CONTEXT, HB_SCOPE, Ty};
use crate::check::rules::{deaf, detached, exit, hosted, polled, purpose, raw};
use crate::check::state::frame::{Context, Frame};
use crate::check::state::{Found, Walk};
use crate::finding::catalog::{self, Kind};

type Arguments = Punctuated<Expr, Token![,]>;

impl Walk {
    pub(crate) fn call(&mut self, call: &ExprCall, into: Node) -> Ty {
        // The mark is for this call, and not for calls in its arguments.
        let awaited = std::mem::take(&mut self.awaited);
        let mut function = &*call.func;
        while let Expr::Paren(inner) = function {
            function = &inner.expr;
        }
        let path = match function {
            Expr::Path(path) => path,
            Expr::Closure(closure) => {
                let frame = Frame { result: into, ..self.frame() };
                self.arguments(&call.args);
                return self.closure(closure, &Ty::Unknown, None, frame);
            }
            other => {
                self.expr(other, Node::HOME);
                self.arguments(&call.args);
                return Ty::Unknown;
            }
        };
        let Some(last) = path.path.segments.last() else { return Ty::Unknown };
        let span = last.ident.span();
        // A variable hides a function of the same name, so variables are asked first.
        let mut found = None;
        if let Some(name) = alone(path) {
            match self.single(name, Space::Values) {
                Some(Found::Var(var)) => return self.call_variable(var, span, &call.args, into),
                Some(Found::Item(item)) => found = Some(item),
                None => {}
            }
        }
        let found = match found {
            Some(found) => found,
            None => self.meaning(&path.path, path.qself.as_ref()),
        };
        match found {
            Res::Path(path) => self.call_path(&path, span, &call.args, into, awaited),
            Res::Fn(id) => self.call_own(id, None, span, &call.args, into),
            Res::Assoc(of, name) => match self.method_of(of, &name) {
                Some(id) => self.call_own(id, Some(of), span, &call.args, into),
                None => {
                    self.arguments(&call.args);
                    Ty::Unknown
                }
            },
            // `Job(handle)`: a value of a tuple struct is made, and each argument is a field.
            Res::Struct(id) => {
                for (at, argument) in call.args.iter().enumerate() {
                    let node = self.stored(id, &at.to_string());
                    self.expr(argument, node);
                }
                Ty::Struct(id)
            }
            _ => {
                self.arguments(&call.args);
                Ty::Unknown
            }
        }
    }

    fn call_variable(&mut self, var: usize, span: Span, arguments: &Arguments, into: Node) -> Ty {
        let ty = self.vars[var].ty.clone();
        self.arguments(arguments);
        match ty {
            // The closure is called here, and so its result goes where the value of the call goes.
            Ty::Closure(id, result) => {
                self.closures[id].1 = true;
                self.flow.edge(result, into);
                Ty::Unknown
            }
            // The rule `raw-thread` has spoken where the function was taken. The handle is got
            // here.
            Ty::Func(path) => {
                let ty = types::returned(&path);
                if detached::is_handle(&ty) && catalog::find(&path).is_some() {
                    detached::handle(self, span, into, &ty);
                }
                ty
            }
            _ => Ty::Unknown,
        }
    }

    /// A call of a function of this file.
    fn call_own(
        &mut self,
        id: usize,
        of: Option<usize>,
        span: Span,
        arguments: &Arguments,
        into: Node,
    ) -> Ty {
        self.arguments(arguments);
        self.calls(id);
        polled::own_function(self, id, span);
        let ty = self.returned(id, of);
        // A function that returns a handle hands it to this call, whether one, a list or a part of
        // a tuple. Only handles of threads are followed through functions of the file.
        if let Some(one) = detached::held(&ty) {
            detached::handle(self, span, into, &one);
        }
        ty
    }

    /// A call of a function from elsewhere.
    pub(crate) fn call_path(
        &mut self,
        path: &str,
        span: Span,
        arguments: &Arguments,
        into: Node,
        awaited: bool,
    ) -> Ty {
        if let Some(ty) = self.passed_on(path, arguments, into) {
            return ty;
        }
        // The child of a fork may end by `_exit`; see `rules::exit`.
        self.reach.forks |= ["libc::fork", "nix::unistd::fork"].contains(&path);
        let entry = catalog::find(path);
        match entry {
            Some(entry) if entry.kind == Kind::Exit => exit::exits(self, span, path),
            Some(entry) => {
                let ty = if self.is_reported(arguments) { Ty::Unknown } else { types::returned(path) };
                raw::started(self, span, entry, into, &ty);
            }
            None => {
                hosted::function(self, path, span);
                detached::function(self, path, span);
                polled::function(self, path, span, awaited, arguments);
                if !awaited {
                    deaf::function(self, path, span, arguments);
                }
            }
        }
        if path.starts_with("homebound::") && purpose::OF_PATHS.contains(&path) {
            purpose::check(self, span, arguments.iter().skip(1));
        }
        self.closures_of(path, entry.is_some(), arguments);
        types::returned(path)
    }

    /// Functions that wrap their argument, or drop it.
    fn passed_on(&mut self, path: &str, arguments: &Arguments, into: Node) -> Option<Ty> {
        // The last two names are enough: `Arc::new` is the same from std, alloc or a re-export.
        let tail = path.rmatch_indices("::").nth(1).map_or(path, |(at, _)| &path[at + 2..]);
        let first = arguments.first();
        match tail {
            "BufReader::new" | "BufWriter::new" | "LineWriter::new" => {
                let reader = self.expr(first?, into);
                let named = |path: &str| path.contains("::") && !path.starts_with("crate::");
                // Of a reader around something unknown it is known only that it reads: that may
                // wait.
                let known = reader.path().is_some_and(named) || is_text(first?);
                Some(if known { reader } else { Ty::named(types::READER) })
            }
            "BufRead::lines" => {
                let reader = self.expr(first?, into);
                let stream = reader.path().is_some_and(types::is_stream);
                Some(if stream { Ty::named(types::LINES) } else { Ty::Unknown })
            }
            // A handle in one of these is never joined.
            "drop" | "mem::drop" | "mem::forget" | "ManuallyDrop::new" | "Box::leak" => {
                arguments.iter().for_each(|argument| {
                    self.expr(argument, Node::LOST);
                });
                Some(Ty::Unknown)
            }
            "Some" | "Ok" | "Box::new" | "Arc::new" | "Rc::new" | "Mutex::new" | "RwLock::new"
            | "RefCell::new" | "Cell::new" | "Box::pin" | "Pin::new" | "Option::Some" | "Result::Ok"
            | "Arc::clone" | "Rc::clone" | "Option::take" | "mem::take" | "iter::once" | "Vec::from"
            | "Option::from" | "OnceLock::from" | "VecDeque::from" | "Arc::from" | "Box::from"
            | "CachePadded::new" | "AssertUnwindSafe" => Some(self.expr(first?, into)),
            // The old value comes out, and the new one goes in.
            "mem::replace" | "Option::replace" if arguments.len() == 2 => {
                let ty = self.expr(&arguments[0], into);
                let place = self.place(&arguments[0]);
                self.expr(&arguments[1], place);
                Some(ty)
            }
            "iter::repeat_with" | "iter::from_fn" => match first? {
                Expr::Closure(closure) => {
                    let frame = Frame { result: into, ..self.frame() };
                    let ty = self.closure(closure, &Ty::Unknown, None, frame);
                    Some(Ty::Many(ty.into()))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a call of a spawn is given `homebound_tokio::reported(..)`, which tells the failure
    /// of the task. Then the handle may go.
    fn is_reported(&mut self, arguments: &Arguments) -> bool {
        let Some(Expr::Call(call)) = arguments.first() else { return false };
        let Expr::Path(path) = &*call.func else { return false };
        let found = self.meaning(&path.path, path.qself.as_ref());
        matches!(found, Res::Path(path) if path == "homebound_tokio::reported")
    }

    pub(crate) fn arguments(&mut self, arguments: &Arguments) {
        self.closures_of("", false, arguments);
    }

    /// Walks over the arguments of a call of `path`: closures in the frame that `path` gives them.
    fn closures_of(&mut self, path: &str, starts: bool, arguments: &Arguments) {
        for argument in arguments {
            match argument {
                Expr::Closure(closure) => {
                    let frame = self.frame_of(path, starts);
                    let first = types::parameter(path).map_or(Ty::Unknown, Ty::named);
                    self.closure(closure, &first, None, frame);
                }
                other => {
                    self.given(other, path, starts);
                }
            }
        }
    }

    /// Walks over an argument that is no closure. A function of this file is taken to be called by
    /// `path`.
    pub(crate) fn given(&mut self, argument: &Expr, path: &str, starts: bool) {
        if let Some((closure, before)) = closure_of_block(argument) {
            let frame = self.frame_of(path, starts);
            let first = types::parameter(path).map_or(Ty::Unknown, Ty::named);
            self.inner(|walk| {
                walk.statements(before, Node::LOST);
                walk.closure(closure, &first, None, frame);
            });
            return;
        }
        self.expr(argument, Node::HOME);
        let Expr::Path(function) = argument else { return };
        if let Some(id) = self.own_function(function) {
            let frame = self.frame_of(path, starts);
            self.framed(frame, |walk| walk.calls(id));
        }
    }

    /// The frame of a closure that is given to `path`.
    pub(crate) fn frame_of(&self, path: &str, starts: bool) -> Frame {
        let mut frame =
            Frame { result: Node::HOME, woken: false, listens: false, polled: false, ..self.frame() };
        // homebound gives the closure a context or a scope.
        if types::parameter(path).is_some_and(|ty| ty == HB_CONTEXT || ty == HB_SCOPE) {
            (frame.in_scope, frame.context) = (true, Context::Here);
        // A thread that no scope owns has no context, and neither has a callback of a stop.
        } else if starts || deaf::OUT_OF_REACH.contains(&path) {
            frame.context = Context::Away;
        }
        frame.host = hosted::host(path, starts, frame.host);
        frame
    }
}

/// The name of a path that is one name: `run`, but not `jobs::run`.
pub(crate) fn alone(path: &syn::ExprPath) -> Option<&syn::Ident> {
    path.path.get_ident().filter(|_| path.qself.is_none())
}

/// The closure that a block returns, and the statements before it:
/// `{ let rx = rx.clone(); move || run(rx) }`.
fn closure_of_block(argument: &Expr) -> Option<(&syn::ExprClosure, &[syn::Stmt])> {
    let Expr::Block(block) = argument else { return None };
    match block.block.stmts.split_last() {
        Some((syn::Stmt::Expr(Expr::Closure(closure), None), before)) => Some((closure, before)),
        _ => None,
    }
}

/// Whether a reader reads from memory: `BufReader::new(text.as_bytes())`.
fn is_text(expr: &Expr) -> bool {
    match expr {
        Expr::MethodCall(call) => call.method == "as_bytes" || call.method == "as_slice",
        Expr::Reference(inner) => matches!(*inner.expr, Expr::Index(_) | Expr::Array(_) | Expr::Lit(_)),
        Expr::Lit(_) => true,
        _ => false,
    }
}
