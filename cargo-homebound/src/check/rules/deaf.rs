//! Owns the rule `deaf-wait`: waits that do not hear the stop, where code could wait through a
//! context.
//! Refuses to know which calls wait, which `resolve::waits` does. Of other means to wake a wait it
//! knows `on_stop` and a stop signal among several things.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprMethodCall, Member, Token};

use crate::check::resolve::bodies::place_name;
use crate::check::resolve::names::Res;
use crate::check::resolve::types::{self, HB_STOP_SIGNAL, Ty};
use crate::check::resolve::waits::{self, If};
use crate::check::resolve::written;
use crate::check::rules::polled;
use crate::check::state::Walk;
use crate::check::state::frame::Context;
use crate::check::state::pending::PendingWait;
use crate::finding::rule::Rule;

/// Functions of homebound whose closure runs without a valid context, or where something else wakes
/// it. With `waiting` a program says that it means a wait.
pub(crate) const OUT_OF_REACH: &[&str] = &[
    "homebound::Context::on_stop",
    "homebound::Context::with_on_stop",
    "homebound::Context::waiting",
    "homebound::Scope::defer",
];

const HELP: &str = "wait through the context, which ends the wait when the stop comes: `cx.recv(&rx)`, `cx.sleep(..)`, `cx.accept(&listener)`, or `select!` with `cx.stop_signal()`";

fn deaf(walk: &mut Walk, span: Span, what: &str, (when, instead): waits::Wait) {
    let frame = walk.frame();
    // With a context at hand the wait counts. Without one it counts if some caller has one, which
    // is not known yet. In a raw thread or a callback it never does: there is no context to wait
    // through.
    let function = match (frame.context, frame.function) {
        (Context::Here, _) => None,
        (Context::AtCaller, Some(function)) => Some(function),
        _ => return,
    };
    let message = format!("`{what}` does not hear the stop; `{instead}` would");
    walk.waits.met.push(PendingWait { span, message, when, function });
}

/// Decides about the waits of the file, now that all calls and channels are known.
pub(crate) fn settle_waits(walk: &mut Walk) {
    let waits = std::mem::take(&mut walk.waits);
    let inside = walk.reach.inside(true);
    for wait in waits.met {
        let waits_indeed = match wait.when {
            // One `set_nonblocking` in a file excuses all descriptors: which one it was cannot be
            // followed through fields and calls.
            If::Blocking => !waits.nonblocking,
            // The type of a sender does not tell. If the file makes both kinds, the rule is silent.
            If::Bounded => waits.bounded && !waits.unbounded,
            If::Always | If::Alone => true,
        };
        if waits_indeed && wait.function.is_none_or(|function| inside.contains(&function)) {
            walk.hit(Rule::DeafWait, wait.span, wait.message, HELP);
        }
    }
}

/// Notes that a public function is given senders: code of other files may pass any channel.
pub(crate) fn taken_from_outside(walk: &mut Walk, visibility: &syn::Visibility, signature: &syn::Signature) {
    if matches!(visibility, syn::Visibility::Inherited) {
        return;
    }
    for input in &signature.inputs {
        if let syn::FnArg::Typed(input) = input {
            let written = written::type_ref(walk.scope, &input.ty);
            let is_sender = walk.typed(written.as_ref()).is("crossbeam_channel::Sender");
            // A sender from outside may be of a channel without a bound, whose `send` does not
            // wait.
            walk.waits.unbounded |= is_sender;
        }
    }
}

/// A `for` over a receiver, or over the lines of a stream.
pub(crate) fn met_in_loop(walk: &mut Walk, over: &Expr, ty: &Ty) {
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
        deaf(walk, span, "for .. in a receiver", (If::Always, "cx.iter(&receiver)"));
    } else if ty.is(types::LINES) {
        deaf(walk, span, "for .. in lines of a stream", (If::Blocking, "cx.io(stream)"));
    }
}

/// A `select!` of crossbeam: deaf if no arm of it is the stop.
pub(crate) fn select(walk: &mut Walk, span: Span, tokens: &TokenStream) {
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
        // The stop is recognised by the type of a variable, or by its name: the channel of a stop
        // may come from another file.
        let known = ident.is_some_and(|ident| is_stop_signal(walk, &ident));
        known || word.contains("stop") || word.contains("shutdown_signal")
    };
    let Some(first) = arms.next() else { return };
    let others: Vec<_> = arms.collect();
    let stop = hears(&first, walk) || others.iter().any(|of| hears(of, walk));
    // `default => ..` returns at once if nothing is ready.
    let at_once = tokens.windows(2).any(|pair| {
        matches!(pair, [TokenTree::Ident(word), TokenTree::Punct(arrow)] if word == "default" && arrow.as_char() == '=')
    });
    // `default(timeout) => ..` waits for at most that long, in a loop again and again: that is a
    // poll.
    let timed = tokens
        .windows(2)
        .any(|pair| matches!(pair, [TokenTree::Ident(word), TokenTree::Group(_)] if word == "default"));
    if timed {
        polled::sleeps(walk, span);
    }
    if !stop && !at_once {
        deaf(walk, span, "select!", (If::Alone, "`recv(cx.stop_signal())` in it"));
    }
}

/// Whether an expression is a stream: a variable of such a type, or a call that makes one.
fn names_stream(walk: &mut Walk, expr: &Expr) -> bool {
    match expr {
        Expr::Reference(inner) => names_stream(walk, &inner.expr),
        Expr::Try(inner) => names_stream(walk, &inner.expr),
        Expr::MethodCall(call) if call.method == "lock" => names_stream(walk, &call.receiver),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => match walk.meaning(&path.path, path.qself.as_ref()) {
                Res::Path(path) => types::returned(&path).path().is_some_and(types::is_stream),
                _ => false,
            },
            _ => false,
        },
        expr => walk.glance(expr).path().is_some_and(types::is_stream),
    }
}

fn is_stop_signal(walk: &Walk, name: &syn::Ident) -> bool {
    walk.vars.iter().rev().find(|var| *name == var.name).is_some_and(|var| var.ty.is(HB_STOP_SIGNAL))
}

pub(crate) fn function(walk: &mut Walk, path: &str, span: Span, arguments: &Punctuated<Expr, Token![,]>) {
    // These two read from a stream until its end.
    if ["std::io::copy", "std::io::read_to_string"].contains(&path)
        && arguments.iter().any(|argument| names_stream(walk, argument))
    {
        deaf(walk, span, path, (If::Blocking, "cx.io(stream)"));
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
    if let Some(frame) = walk.frames.last_mut() {
        frame.polled |= path == waits::POLL_OF_EVENTS;
    }
    if let Some(wait) =
        waits::function(path).filter(|_| !(path == waits::READ_OF_EVENT && walk.frame().polled))
    {
        deaf(walk, span, path, wait);
    }
}

pub(crate) fn method(walk: &mut Walk, name: &str, call: &ExprMethodCall, ty: &Ty) {
    // `set_nonblocking(false)` excuses nothing.
    if name == "set_nonblocking" && !matches!(call.args.first(), Some(Expr::Lit(no)) if is_false(no)) {
        walk.waits.nonblocking = true;
    }
    let arguments = call.args.len();
    let wait = match ty {
        Ty::Path(of) => match waits::method(waits::waits_as(of), name, arguments) {
            Some(wait) => Some(wait),
            None if waits::returns_at_once(of) => None,
            // A type of another crate: nothing is known of it, but that its methods mean what they
            // are called.
            None if types::is_foreign(of) => waits::unknown(name, arguments, None),
            // A type parameter: `R` in `fn read<R: Read>(stream: R)`. The name of the variable must
            // say what it is.
            None if !of.contains("::") => {
                place_name(&call.receiver).and_then(|place| waits::by_place(name, arguments, &place))
            }
            None => None,
        },
        // A method of this file's own has the meaning that the file gives it.
        Ty::Unknown if !walk.declares_method(name) => {
            waits::unknown(name, arguments, place_name(&call.receiver).as_deref())
        }
        _ => None,
    };
    if let Some(wait) = wait {
        deaf(walk, call.method.span(), name, wait);
    }
}

fn is_false(literal: &syn::ExprLit) -> bool {
    matches!(&literal.lit, syn::Lit::Bool(value) if !value.value)
}
