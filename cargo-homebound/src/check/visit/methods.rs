//! Owns calls of methods: of which type the method is, where its receiver and its arguments go,
//! what its closures are given.
//! Refuses to judge: each rule is called with what the walk has met.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Expr, ExprMethodCall};

use crate::check::resolve::flow::Node;
use crate::check::resolve::names::Res;
use crate::check::resolve::passage::{self, Passage};
use crate::check::resolve::types::{self, Ty};
use crate::check::rules::{deaf, detached, hosted, polled, purpose, raw, spin};
use crate::check::state::Walk;
use crate::check::state::frame::{Frame, Host};
use crate::finding::catalog;

impl Walk {
    pub(crate) fn method_call(&mut self, call: &ExprMethodCall, into: Node) -> Ty {
        let awaited = std::mem::take(&mut self.awaited);
        // Where the receiver's value goes depends on the method's name alone: its type is mostly
        // not known.
        let passage = passage::passage(&call.method);
        let given = self.flow.node();
        let receiver_into = match passage {
            Passage::Through => into,
            Passage::Closure => given,
            Passage::Both => self.flow.before(into),
            Passage::Look | Passage::Store => Node::LOST,
            // The type of the receiver decides; see below.
            Passage::Home => self.flow.node(),
        };
        // `filter(|handle| ..)`: the closure sees the value, and the value goes on.
        if matches!(passage, Passage::Both) {
            self.flow.edge(receiver_into, given);
        }
        let ty = self.expr(&call.receiver, receiver_into);
        let name = call.method.unraw().to_string();
        let span = call.method.span();
        if passage == Passage::Home {
            // An unknown method of a `Result` passes the success on: `builder.spawn(f).log_err()`.
            let on = ty.is(types::JOIN_HANDLE) && self.is_result_of_spawn(&call.receiver);
            self.flow.edge(receiver_into, if on { into } else { Node::HOME });
        }
        let of = self.receiver(&ty, call, &name);
        let path = of.as_ref().map(|of| format!("{of}::{name}")).unwrap_or_default();
        let entry = catalog::find(&path);
        // A method of the catalog starts a thread: `builder.spawn(..)`.
        if let (Some(entry), Some(of)) = (entry, &of) {
            raw::started(self, span, entry, into, &types::method(of, &name));
        }
        self.tell_rules(call, &name, (&ty, of.as_deref(), &path), awaited);
        let mapped = self.method_arguments(call, passage, &path, entry.is_some(), (&ty, given, into));
        if let Some((id, own)) = self.method_of_value(&ty, &name) {
            self.calls(own);
            polled::own_function(self, own, span);
            // A method of this file whose name is in no table: it does what this file says.
            if passage == Passage::Home {
                let found = self.returned(own, Some(id));
                if let Some(one) = detached::held(&found) {
                    detached::handle(self, span, into, &one);
                }
                return found;
            }
        }
        // On a value of unknown type, a name that one method of this file has is taken for that
        // method. Only the call is noted; the type of the result stays unknown.
        let may_be_own = ty.is_unknown() || ty.path().is_some_and(|path| !types::is_foreign(path));
        if passage == Passage::Home && may_be_own {
            let only = self.names.declared.only_method(&name);
            only.into_iter().for_each(|own| self.calls(own));
        }
        gives(&ty, passage, of.as_deref(), &name, mapped)
    }

    /// Whether an expression is `builder.spawn(..)` of std, which is a `Result`.
    fn is_result_of_spawn(&mut self, expr: &Expr) -> bool {
        let Expr::MethodCall(spawn) = expr else { return false };
        let mut builder = &*spawn.receiver;
        while let Expr::MethodCall(call) = builder {
            builder = &call.receiver;
        }
        spawn.method == "spawn"
            && match builder {
                Expr::Call(call) => match &*call.func {
                    Expr::Path(path) => match self.meaning(&path.path, path.qself.as_ref()) {
                        Res::Path(path) => types::returned(&path).is(types::BUILDER),
                        _ => false,
                    },
                    _ => false,
                },
                other => self.glance(other).is(types::BUILDER),
            }
    }

    fn tell_rules(
        &mut self,
        call: &ExprMethodCall,
        name: &str,
        (ty, of, path): (&Ty, Option<&str>, &str),
        awaited: bool,
    ) {
        if purpose::OF_PATHS.contains(&path) {
            purpose::check(self, call.method.span(), call.args.iter());
        }
        if let Some(frame) = self.frames.last_mut() {
            // From here on the stop wakes waits in this function. `Walk::framed` takes back what
            // was met before as well.
            frame.woken |= path == "homebound::Context::on_stop";
            frame.listens |= ["stop_fd", "stop_signal"].contains(&name);
        }
        polled::method(self, name, call, of);
        hosted::method(self, name, call.method.span());
        spin::passes_over(self, name, call, ty);
        // An awaited `recv` belongs to an asynchronous channel, and blocks no thread.
        if !awaited {
            deaf::method(self, name, call, ty);
        }
    }

    /// The type that has the method: the receiver's, or the type that the shape of the call tells.
    fn receiver(&mut self, ty: &Ty, call: &ExprMethodCall, name: &str) -> Option<String> {
        match ty {
            // A type of this crate may have a `spawn` of its own. Then the shape of the call
            // decides.
            Ty::Path(path) if !path.starts_with("crate::") => Some(path.to_string()),
            Ty::Path(_) | Ty::Unknown | Ty::Struct(_) => {
                purpose::by_shape(self, call, name).map(str::to_owned)
            }
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
                // `handles.into_iter().map(|handle| handle.join())`: the closure gets each value of
                // the receiver.
                Expr::Closure(closure) if through => {
                    let first = if matches!(ty, Ty::Many(_)) { ty.element() } else { ty.clone() };
                    let kept = passage::keeps_result(&call.method);
                    let frame = Frame { result: if kept { into } else { Node::LOST }, ..self.frame() };
                    let found = self.closure(closure, &first, Some(given), frame);
                    if !found.is_unknown() {
                        mapped = Ty::Many(found.into());
                    }
                }
                Expr::Closure(closure) => {
                    let mut frame = self.frame_of(path, starts);
                    // A pool of unknown type is taken for one by the method's name.
                    if call.method == "install" && !path.starts_with("rayon::") {
                        frame.host = Host::Rayon;
                    }
                    frame.result = if passage::keeps_result(&call.method) { into } else { Node::HOME };
                    let first = types::parameter(path).map_or(Ty::Unknown, Ty::named);
                    if passage::makes_and_keeps(&call.method) {
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
                        // `Option::insert` returns a reference to the value, `replace` the old one.
                        self.flow.edge(node, into);
                    }
                    let found = self.expr(other, node);
                    self.now_holds(&call.receiver, found);
                }
                other => self.given(other, path, starts),
            }
        }
        mapped
    }

    /// A function that is given to `map` and the like, in place of a closure.
    fn mapped(&mut self, function: &syn::ExprPath, given: Node, into: Node) -> Ty {
        let span = function.path.segments.last().map_or_else(Span::call_site, |last| last.ident.span());
        match self.path_value(function, Node::LOST) {
            Ty::Func(path) => {
                let throws = matches!(&*path, "drop" | "std::mem::drop" | "std::mem::forget");
                // `for_each(drop)` loses the handles. Any other function may join them.
                if !throws {
                    self.flow.edge(given, Node::HOME);
                }
                let ty = types::returned(&path);
                // `(0..4).map(thread::spawn)` makes a handle for each element.
                if detached::is_handle(&ty) && catalog::find(&path).is_some() {
                    detached::handle(self, span, into, &ty);
                }
                Ty::Many(ty.into())
            }
            _ => {
                self.flow.edge(given, Node::HOME);
                Ty::Unknown
            }
        }
    }

    /// Notes that a list has been given a handle, so that the list's own methods are known to hold
    /// handles.
    fn now_holds(&mut self, list: &Expr, ty: Ty) {
        if let Some(var) = self.variable(list).filter(|_| detached::is_handle(&ty)) {
            self.vars[var].ty = Ty::Many(ty.into());
        }
    }
}

/// The type of the result of a method of another crate.
fn gives(ty: &Ty, passage: Passage, of: Option<&str>, name: &str, mapped: Ty) -> Ty {
    // Of std, and of termion: the keys of a terminal.
    let splits = ["lines", "split", "bytes", "keys", "events", "events_and_raw"];
    if ty.path().is_some_and(|of| types::is_stream(of) && splits.contains(&name)) {
        return Ty::named(types::LINES);
    }
    // `lines().map(..)` waits for each line as `lines()` does.
    if ty.is(types::LINES) && matches!(passage, Passage::Through | Passage::Both | Passage::Closure) {
        return ty.clone();
    }
    match (passage, of) {
        (_, Some(of)) if !types::method(of, name).is_unknown() => types::method(of, name),
        (Passage::Through | Passage::Both, _) if passage::gives_one(name) && matches!(ty, Ty::Many(_)) => {
            ty.element()
        }
        (Passage::Through | Passage::Both, _) => ty.clone(),
        (Passage::Closure, _) => mapped,
        _ => Ty::Unknown,
    }
}
