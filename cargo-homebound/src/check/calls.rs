//! Owns calls of functions and methods: which function it is, what its closures run in, where its arguments go.
//! Refuses to judge: it tells each rule of what it met.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprCall, ExprMethodCall, Token};

use super::detached::{self, Passage};
use super::flow::Node;
use super::names::{Res, Space};
use super::types::{self, HB_CONTEXT, HB_SCOPE, Ty};
use super::walk::{Found, Frame, Walk};
use super::{deaf, exit, polled, purpose};
use crate::catalog::{self, Kind};

type Arguments = Punctuated<Expr, Token![,]>;

impl Walk {
    pub(super) fn call(&mut self, call: &ExprCall, into: Node) -> Ty {
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
        let mut found = None;
        if let Some(name) = path.path.get_ident()
            && path.qself.is_none()
        {
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
            Res::Fn(id) => self.call_own(id, span, &call.args, into),
            Res::Assoc(of, name) => match self.method_of(of, &name) {
                Some(id) => self.call_own(id, span, &call.args, into),
                None => {
                    self.arguments(&call.args);
                    Ty::Unknown
                }
            },
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
            Ty::Closure(id, result) => {
                self.closures[id].1 = true;
                self.flow.edge(result, into);
                Ty::Unknown
            }
            // The thread is spoken of where the function was taken; the handle is here.
            Ty::Func(path) => {
                let ty = types::returned(&path);
                if detached::is_handle(&ty) && catalog::find(&path).is_some() {
                    self.handle(span, into, &ty);
                }
                ty
            }
            _ => Ty::Unknown,
        }
    }

    /// A call of a function of this file.
    fn call_own(&mut self, id: usize, span: Span, arguments: &Arguments, into: Node) -> Ty {
        self.arguments(arguments);
        exit::calls(self, id);
        let returns = self.names.declared.fns[id].returns.clone();
        let ty = self.typed(returns.as_ref());
        let one = if let Ty::Many(one) = &ty { (**one).clone() } else { ty.clone() };
        if one.is(types::JOIN_HANDLE) {
            self.handle(span, into, &one);
        }
        ty
    }

    fn method_of(&self, of: usize, name: &str) -> Option<usize> {
        let declared = &self.names.declared;
        declared.methods.get(&(declared.structs.get(of)?.name.clone(), name.to_owned())).copied()
    }

    /// A call of a function from elsewhere.
    pub(super) fn call_path(
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
        let entry = catalog::find(path);
        match entry {
            Some(entry) if entry.kind == Kind::Exit => exit::met(self, span, path),
            Some(entry) => self.started(span, entry, into, &types::returned(path)),
            None => {
                detached::function(self, path, span);
                polled::function(self, path, span, awaited);
                if !awaited {
                    deaf::function(self, path, span);
                }
            }
        }
        if path.starts_with("homebound::") && purpose::OF_PATHS.contains(&path) {
            purpose::check(self, span, arguments.iter().skip(1));
        }
        self.closures_of(path, entry.is_some(), arguments);
        types::returned(path)
    }

    /// What only wraps its argument, or throws it away.
    fn passed_on(&mut self, path: &str, arguments: &Arguments, into: Node) -> Option<Ty> {
        let tail = path.rmatch_indices("::").nth(1).map_or(path, |(at, _)| &path[at + 2..]);
        let first = arguments.first();
        match tail {
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

    pub(super) fn arguments(&mut self, arguments: &Arguments) {
        self.closures_of("", false, arguments);
    }

    /// Walks over the arguments of a call of `path`, each closure in what it runs in.
    fn closures_of(&mut self, path: &str, starts: bool, arguments: &Arguments) {
        for argument in arguments {
            match argument {
                Expr::Closure(closure) => {
                    let frame = self.frame_of(path, starts);
                    let first = types::parameter(path).map_or(Ty::Unknown, Ty::named);
                    self.closure(closure, &first, None, frame);
                }
                other => {
                    self.expr(other, Node::HOME);
                }
            }
        }
    }

    /// What a closure runs in that is given to `path`.
    fn frame_of(&self, path: &str, starts: bool) -> Frame {
        let mut frame = Frame { result: Node::HOME, woken: false, ..self.frame() };
        if types::parameter(path).is_some_and(|ty| ty == HB_CONTEXT || ty == HB_SCOPE) {
            (frame.in_scope, frame.context) = (true, true);
        } else if starts || deaf::OUT_OF_REACH.contains(&path) {
            frame.context = false;
        }
        frame
    }

    pub(super) fn method_call(&mut self, call: &ExprMethodCall, into: Node) -> Ty {
        let awaited = std::mem::take(&mut self.awaited);
        let passage = detached::passage(&call.method);
        let given = self.flow.node();
        let receiver_into = match passage {
            Passage::Through => into,
            Passage::Closure => given,
            Passage::Both => self.flow.before(into),
            Passage::Look | Passage::Store => Node::LOST,
            Passage::Home => Node::HOME,
        };
        if matches!(passage, Passage::Both) {
            self.flow.edge(receiver_into, given);
        }
        let ty = self.expr(&call.receiver, receiver_into);
        let name = call.method.unraw().to_string();
        let span = call.method.span();
        let of = self.receiver(&ty, call, &name);
        let path = of.as_ref().map(|of| format!("{of}::{name}")).unwrap_or_default();
        let entry = catalog::find(&path);
        if let (Some(entry), Some(of)) = (entry, &of) {
            self.started(span, entry, into, &types::method(of, &name));
        }
        if purpose::OF_PATHS.contains(&path.as_str()) {
            purpose::check(self, span, call.args.iter());
        }
        if path == "homebound::Context::on_stop"
            && let Some(frame) = self.frames.last_mut()
        {
            frame.woken = true;
        }
        polled::method(self, &name, call, of.as_deref());
        if !awaited {
            deaf::method(self, &name, call, &ty);
        }
        let mapped = self.method_arguments(call, passage, &path, entry.is_some(), (&ty, given, into));
        if let (Ty::Struct(id), Passage::Home) = (&ty, passage)
            && let Some(own) = self.method_of(*id, &name)
        {
            exit::calls(self, own);
            let returns = self.names.declared.fns[own].returns.clone();
            let found = self.typed(returns.as_ref());
            if found.is(types::JOIN_HANDLE) {
                self.handle(span, into, &found);
            }
            return found;
        }
        match (passage, of) {
            (_, Some(of)) if !types::method(&of, &name).is_unknown() => types::method(&of, &name),
            (Passage::Through | Passage::Both, _)
                if detached::gives_one(&name) && matches!(ty, Ty::Many(_)) =>
            {
                ty.element()
            }
            (Passage::Through | Passage::Both, _) => ty,
            (Passage::Closure, _) => mapped,
            _ => Ty::Unknown,
        }
    }

    /// The type whose method it is: known, or told by the shape of the call.
    fn receiver(&mut self, ty: &Ty, call: &ExprMethodCall, name: &str) -> Option<String> {
        match ty {
            Ty::Path(path) => Some(path.to_string()),
            Ty::Unknown | Ty::Struct(_) => purpose::by_shape(self, call, name).map(str::to_owned),
            _ => None,
        }
    }

    fn method_arguments(
        &mut self,
        call: &ExprMethodCall,
        passage: Passage,
        path: &str,
        starts: bool,
        (ty, given, into): (&Ty, Node, Node),
    ) -> Ty {
        let mut mapped = Ty::Unknown;
        let through = matches!(passage, Passage::Closure | Passage::Both);
        for argument in &call.args {
            match argument {
                Expr::Closure(closure) if through => {
                    let first = if matches!(ty, Ty::Many(_)) { ty.element() } else { ty.clone() };
                    let kept = detached::keeps_result(&call.method);
                    let frame = Frame { result: if kept { into } else { Node::LOST }, ..self.frame() };
                    let found = self.closure(closure, &first, Some(given), frame);
                    if !found.is_unknown() {
                        mapped = Ty::Many(found.into());
                    }
                }
                Expr::Closure(closure) => {
                    let mut frame = self.frame_of(path, starts);
                    frame.result = if detached::keeps_result(&call.method) { into } else { Node::HOME };
                    let first = types::parameter(path).map_or(Ty::Unknown, Ty::named);
                    if detached::makes_and_keeps(&call.method) {
                        let place = self.place(&call.receiver);
                        frame.result = self.flow.before(place);
                        self.flow.edge(frame.result, into);
                    }
                    self.closure(closure, &first, None, frame);
                }
                Expr::Path(function) if through => mapped = self.mapped(function, given, into),
                other if matches!(passage, Passage::Store) => {
                    let place = self.place(&call.receiver);
                    let node = self.flow.before(place);
                    if matches!(call.method.to_string().as_str(), "insert" | "get_or_insert" | "replace") {
                        // `Option::insert` gives it back.
                        self.flow.edge(node, into);
                    }
                    let found = self.expr(other, node);
                    self.now_holds(&call.receiver, found);
                }
                other => {
                    self.expr(other, Node::HOME);
                }
            }
        }
        mapped
    }

    /// A function that is given to `map` and the like.
    fn mapped(&mut self, function: &syn::ExprPath, given: Node, into: Node) -> Ty {
        let span = function.path.segments.last().map_or_else(Span::call_site, |last| last.ident.span());
        match self.path_value(function, Node::LOST) {
            Ty::Func(path) => {
                let throws = matches!(&*path, "drop" | "std::mem::drop" | "std::mem::forget");
                if !throws {
                    self.flow.edge(given, Node::HOME);
                }
                let ty = types::returned(&path);
                if detached::is_handle(&ty) && catalog::find(&path).is_some() {
                    self.handle(span, into, &ty);
                }
                Ty::Many(ty.into())
            }
            _ => {
                self.flow.edge(given, Node::HOME);
                Ty::Unknown
            }
        }
    }

    /// A list of which nothing was known has been given a value of this type.
    fn now_holds(&mut self, list: &Expr, ty: Ty) {
        if let Expr::Path(path) = list
            && let Some(name) = path.path.get_ident()
            && let Some(Found::Var(var)) = self.single(name, Space::Values)
            && !ty.is_unknown()
            && detached::is_handle(&ty)
        {
            self.vars[var].ty = Ty::Many(ty.into());
        }
    }

    /// Whether a path is that of a function that starts a thread.
    pub(super) fn starts_thread(&mut self, path: &syn::Path) -> bool {
        matches!(self.meaning(path, None), Res::Path(path) if catalog::find(&path).is_some())
    }
}
