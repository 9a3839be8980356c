//! Owns the rule `deaf-wait`: waits that do not hear the stop, where a context is at hand that would.
//! Refuses to know what waits, which `waits` does, and whether somebody wakes them by other means, but for `on_stop`.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprMethodCall, Member, Token};

use super::flags::place_name;
use super::frame::Context;
use super::names::Res;
use super::polled;
use super::types::{self, HB_STOP_SIGNAL, Ty};
use super::waits::{self, If};
use super::walk::Walk;
use crate::rule::Rule;

/// What is given a closure that has no context, or is woken by other means. `waiting` is how one says that a wait is meant.
pub(super) const OUT_OF_REACH: &[&str] = &[
    "homebound::Context::on_stop",
    "homebound::Context::with_on_stop",
    "homebound::Context::waiting",
    "homebound::Scope::defer",
];

const HELP: &str = "wait through the context, which ends the wait when the stop comes: `cx.recv(&rx)`, `cx.sleep(..)`, `cx.accept(&listener)`, or `select!` with `cx.stop_signal()`";

/// A wait that may count.
#[derive(Debug)]
pub(super) struct Deaf {
    span: Span,
    message: String,
    when: If,
    /// The function in which it counts if that is called where a context is at hand.
    function: Option<usize>,
}

/// The waits of a file, as the check has found them so far.
#[derive(Debug, Default)]
pub(super) struct Waits {
    met: Vec<Deaf>,
    /// Some descriptor was told not to wait.
    nonblocking: bool,
    /// Which kinds of channels are made here.
    pub(super) bounded: bool,
    pub(super) unbounded: bool,
}

impl Walk {
    fn deaf(&mut self, span: Span, what: &str, (when, instead): waits::Wait) {
        let frame = self.frame();
        let function = match (frame.context, frame.function) {
            (Context::Here, _) => None,
            (Context::AtCaller, Some(function)) => Some(function),
            _ => return,
        };
        let message = format!("`{what}` does not hear the stop; `{instead}` would");
        self.waits.met.push(Deaf { span, message, when, function });
    }

    /// How many waits there are, for `heard`.
    pub(super) fn waits_so_far(&self) -> usize {
        self.waits.met.len()
    }

    /// Takes back what was said of waits since `first`: all, if the stop wakes who waits there; else what listens to several, if the stop
    /// is among them.
    pub(super) fn heard(&mut self, first: usize, woken: bool, listens: bool) {
        let mut at = 0;
        self.waits.met.retain(|wait| {
            at += 1;
            at <= first || !(woken || (listens && wait.when == If::Alone))
        });
    }

    /// The findings, once all calls of the file are known.
    pub(super) fn settle_waits(&mut self) {
        let waits = std::mem::take(&mut self.waits);
        let inside = self.reach.inside(true);
        for wait in waits.met {
            let waits_indeed = match wait.when {
                If::Blocking => !waits.nonblocking,
                If::Bounded => waits.bounded && !waits.unbounded,
                If::Always | If::Alone => true,
            };
            if waits_indeed && wait.function.is_none_or(|function| inside.contains(&function)) {
                self.hit(Rule::DeafWait, wait.span, wait.message, HELP);
            }
        }
    }

    /// A function that others call with senders: those may be of any channel.
    pub(super) fn taken_from_outside(&mut self, visibility: &syn::Visibility, signature: &syn::Signature) {
        if matches!(visibility, syn::Visibility::Inherited) {
            return;
        }
        for input in &signature.inputs {
            if let syn::FnArg::Typed(input) = input {
                let written = super::written::type_ref(self.scope, &input.ty);
                let is_sender = self.typed(written.as_ref()).is("crossbeam_channel::Sender");
                // As if one without a bound were made here.
                self.waits.unbounded |= is_sender;
            }
        }
    }

    /// What a `for` goes over.
    pub(super) fn met_in_loop(&mut self, over: &Expr, ty: &Ty) {
        let inner = if let Expr::Reference(inner) = over { &inner.expr } else { over };
        let (span, name) = match inner {
            Expr::Path(path) => match path.path.segments.last() {
                Some(last) => (last.ident.span(), last.ident.to_string()),
                None => return,
            },
            Expr::Field(field) => match &field.member {
                Member::Named(name) => (name.span(), name.to_string()),
                Member::Unnamed(index) => (index.span, String::new()),
            },
            Expr::MethodCall(call) if ty.is(types::LINES) => (call.method.span(), String::new()),
            _ => return,
        };
        let of = ty.path().map(waits::waits_as);
        if of == Some(types::RECEIVER) || (ty.is_unknown() && waits::names_receiver(&name)) {
            self.deaf(span, "for .. in a receiver", (If::Always, "cx.iter(&receiver)"));
        } else if ty.is(types::LINES) {
            self.deaf(span, "for .. in lines of a stream", (If::Blocking, "cx.io(stream)"));
        }
    }

    /// `select!` of crossbeam's.
    pub(super) fn select(&mut self, span: Span, tokens: &TokenStream) {
        let tokens: Vec<_> = tokens.clone().into_iter().collect();
        let mut arms = tokens.windows(2).filter_map(|pair| match pair {
            [TokenTree::Ident(word), TokenTree::Group(of)] if word == "recv" || word == "send" => {
                Some(of.stream())
            }
            _ => None,
        });
        let hears = |of: &TokenStream, walk: &Walk| {
            let word = of.to_string();
            let name = word.trim_start_matches(['&', ' ']);
            let ident = syn::parse_str::<syn::Ident>(name).ok();
            let known = ident.is_some_and(|ident| walk.is_stop_signal(&ident));
            known || word.contains("stop") || word.contains("shutdown_signal")
        };
        let Some(first) = arms.next() else { return };
        let others: Vec<_> = arms.collect();
        let stop = hears(&first, self) || others.iter().any(|of| hears(of, self));
        // `default => ..` does not wait at all.
        let at_once = tokens.windows(2).any(|pair| {
            matches!(pair, [TokenTree::Ident(word), TokenTree::Punct(arrow)] if word == "default" && arrow.as_char() == '=')
        });
        let timed = tokens
            .windows(2)
            .any(|pair| matches!(pair, [TokenTree::Ident(word), TokenTree::Group(_)] if word == "default"));
        if timed {
            polled::sleeps(self, span);
        }
        if !stop && !at_once {
            self.deaf(span, "select!", (If::Alone, "`recv(cx.stop_signal())` in it"));
        }
    }

    /// A stream, by the type of a variable or by the function that makes it.
    fn names_stream(&mut self, expr: &Expr) -> bool {
        match expr {
            Expr::Reference(inner) => self.names_stream(&inner.expr),
            Expr::Try(inner) => self.names_stream(&inner.expr),
            Expr::MethodCall(call) if call.method == "lock" => self.names_stream(&call.receiver),
            Expr::Call(call) => match &*call.func {
                Expr::Path(path) => match self.meaning(&path.path, path.qself.as_ref()) {
                    Res::Path(path) => types::returned(&path).path().is_some_and(types::is_stream),
                    _ => false,
                },
                _ => false,
            },
            expr => self.glance(expr).path().is_some_and(types::is_stream),
        }
    }

    fn is_stop_signal(&self, name: &syn::Ident) -> bool {
        self.vars.iter().rev().find(|var| *name == var.name).is_some_and(|var| var.ty.is(HB_STOP_SIGNAL))
    }
}

pub(super) fn function(walk: &mut Walk, path: &str, span: Span, arguments: &Punctuated<Expr, Token![,]>) {
    if ["std::io::copy", "std::io::read_to_string"].contains(&path)
        && arguments.iter().any(|argument| walk.names_stream(argument))
    {
        walk.deaf(span, path, (If::Blocking, "cx.io(stream)"));
    }
    match path {
        "crossbeam_channel::bounded" | "crossbeam::channel::bounded" | "flume::bounded" => {
            walk.waits.bounded = true
        }
        "crossbeam_channel::unbounded" | "crossbeam::channel::unbounded" | "flume::unbounded" => {
            walk.waits.unbounded = true;
        }
        _ => {}
    }
    if let Some(wait) = waits::function(path) {
        walk.deaf(span, path, wait);
    }
}

pub(super) fn method(walk: &mut Walk, name: &str, call: &ExprMethodCall, ty: &Ty) {
    if name == "set_nonblocking" && !matches!(call.args.first(), Some(Expr::Lit(no)) if is_false(no)) {
        walk.waits.nonblocking = true;
    }
    let arguments = call.args.len();
    let wait = match ty {
        Ty::Path(of) => match waits::method(waits::waits_as(of), name, arguments) {
            Some(wait) => Some(wait),
            // A type of another crate, or of std, of which nothing is known but the name of its method.
            None if types::is_foreign(of) => waits::unknown(name, arguments, None),
            // A type parameter.
            None if !of.contains("::") => {
                place_name(&call.receiver).and_then(|place| waits::by_place(name, arguments, &place))
            }
            None => None,
        },
        Ty::Unknown if !walk.declares_method(name) => {
            waits::unknown(name, arguments, place_name(&call.receiver).as_deref())
        }
        _ => None,
    };
    if let Some(wait) = wait {
        walk.deaf(call.method.span(), name, wait);
    }
}

fn is_false(literal: &syn::ExprLit) -> bool {
    matches!(&literal.lit, syn::Lit::Bool(value) if !value.value)
}
