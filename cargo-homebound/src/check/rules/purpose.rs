//! Owns the rule `blank-purpose`, and how a call of homebound is told by its shape alone.
//! Refuses to judge whether a purpose is a good one.

use proc_macro2::Span;
use syn::{Expr, ExprMethodCall, Lit, Pat};

use crate::check::resolve::names::{Res, Space};
use crate::check::resolve::types::{HB_CONTEXT, HB_SCOPE};
use crate::check::state::{Found, Walk};
use crate::finding::rule::Rule;

/// Methods whose first two arguments are a name and a purpose.
pub(crate) const OF_PATHS: &[&str] = &[
    "homebound::Scope::spawn",
    "homebound::Scope::service",
    "homebound::Scope::thread",
    "homebound::Scope::process",
    "homebound::Context::spawn",
    "homebound::Context::service",
    "homebound::Context::thread",
    "homebound::Context::process",
    "homebound::Context::adopt",
    "homebound::Context::adopt_guest",
];

/// Words that say nothing of any thread.
const ARTICLES: &[&str] = &["the", "a", "an", "this", "my", "thread", "threads"];
const FILLERS: &[&str] = &["worker", "workers", "service", "task", "background"];

/// Words that announce a purpose, or stand in for one. A text of these and of fillers says nothing.
const EMPTY: &[&str] = &[
    "todo",
    "fixme",
    "tbd",
    "tba",
    "wip",
    "xxx",
    "hack",
    "placeholder",
    "purpose",
    "description",
    "desc",
    "describe",
    "text",
    "name",
    "none",
    "nothing",
    "something",
    "unknown",
    "na",
    "n",
    "misc",
    "stuff",
    "things",
    "thing",
    "foo",
    "bar",
    "baz",
    "asdf",
    "test",
    "dummy",
    "blah",
    "some",
    "does",
    "do",
    "is",
    "it",
    "its",
    "that",
    "to",
    "of",
    "for",
    "here",
    "later",
    "me",
    "in",
];

/// First words of a text that is still to be written.
const UNWRITTEN: &[&str] = &["todo", "fixme", "tbd", "xxx", "tba"];

const HELP: &str =
    "say what the thread is for: a dump shows it to the person who asks why the thread is still there";

/// Checks the first two of `arguments`, a name and a purpose.
pub(crate) fn check<'e>(walk: &mut Walk, span: Span, arguments: impl Iterator<Item = &'e Expr>) {
    let mut texts = arguments.take(2).map(|argument| text(walk, argument)).collect::<Vec<_>>().into_iter();
    let (Some(name), Some(purpose)) = (texts.next(), texts.next()) else { return };
    if let Some(message) = complaint(name.as_deref(), purpose.as_deref()) {
        walk.hit(Rule::BlankPurpose, span, message, HELP);
    }
}

/// The message about a name and a purpose, if one is due. A text that the file does not show counts
/// as a good one.
fn complaint(name: Option<&str>, purpose: Option<&str>) -> Option<String> {
    let is_blank = |text: &str| !text.contains(char::is_alphanumeric);
    if name.is_some_and(is_blank) {
        return Some("the thread has no name".to_owned());
    }
    let purpose = purpose?;
    if is_blank(purpose) {
        return Some("the thread has no purpose".to_owned());
    }
    match name {
        Some(name) if says_the_same(name, purpose) => {
            Some(format!("the purpose '{purpose}' says no more than the name '{name}'"))
        }
        name => says_nothing(name, purpose).then(|| format!("the purpose '{purpose}' says nothing")),
    }
}

fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether two texts have the same words, apart from articles, and apart from fillers if other
/// words are left.
fn says_the_same(name: &str, purpose: &str) -> bool {
    let (name, purpose) = (words(name), words(purpose));
    // Words run together: "job-queue" and "job queue" are the same.
    let without = |all: &[String], is_left_out: &dyn Fn(&str) -> bool| -> String {
        all.iter().map(String::as_str).filter(|word| !is_left_out(word)).collect()
    };
    let same = |is_left_out: &dyn Fn(&str) -> bool| {
        let told = without(&name, is_left_out);
        // If nothing is left of the name, the texts are not compared: two texts of fillers may
        // differ.
        !told.is_empty() && told == without(&purpose, is_left_out)
    };
    let is_article = |word: &str| ARTICLES.contains(&word);
    same(&|_| false) || same(&is_article) || same(&|word| is_article(word) || FILLERS.contains(&word))
}

/// Whether a purpose is still to be written, or only announces one: `the purpose of this thread`,
/// `does stuff`, `...`.
fn says_nothing(name: Option<&str>, purpose: &str) -> bool {
    // A word of the thread's own name is the name of a thing, and says something: a thread `test`
    // may have the purpose "runs a test".
    let (words, names) = (words(purpose), name.map(words).unwrap_or_default());
    // A text such as "tbd: describe", and not "writes the wip list".
    let unwritten = words.first().is_some_and(|first| UNWRITTEN.contains(&&**first));
    let says = |word: &String| ![EMPTY, ARTICLES, FILLERS].iter().any(|list| list.contains(&&**word));
    unwritten || !words.iter().any(|word| says(word) || names.contains(word))
}

/// The type of homebound that has the method of a call, where the receiver's type is not known: two
/// texts come first, or a closure with a context comes last.
pub(crate) fn by_shape(walk: &mut Walk, call: &ExprMethodCall, name: &str) -> Option<&'static str> {
    let (wanted, of) = match name {
        "spawn" | "service" => (3, HB_SCOPE),
        "process" => (3, HB_SCOPE),
        "thread" => (2, HB_SCOPE),
        "adopt" => (2, HB_CONTEXT),
        // A `subscope` has one text and a closure with one parameter. The name belongs to
        // homebound.
        "subscope" => {
            let body = call.args.len() == 2
                && matches!(&call.args[1], Expr::Closure(body) if body.inputs.len() == 1);
            return body.then_some(HB_SCOPE);
        }
        _ => return None,
    };
    if call.args.len() != wanted {
        return None;
    }
    // A `spawn` of another library takes a closure alone, or a name and a closure. Two texts and a
    // closure are homebound's.
    let texts = is_text(walk, &call.args[0]) && is_text(walk, &call.args[1]);
    let last = call.args.last().map(closure_of);
    let last_fits = match (name, last) {
        ("spawn" | "service", Some(Expr::Closure(closure))) => closure.inputs.len() == 1,
        // `scope.spawn("jobs", "runs jobs", run)`, or `run_with(config)`.
        ("spawn" | "service", Some(Expr::Path(_) | Expr::Macro(_) | Expr::Call(_))) => true,
        ("spawn" | "service", _) => false,
        _ => true,
    };
    // Or the closure's parameter is called `cx`: then the texts may come from anywhere.
    let context = matches!(last, Some(Expr::Closure(closure)) if takes_context(closure));
    ((texts && last_fits) || (context && matches!(name, "spawn" | "service"))).then_some(of)
}

/// `|cx| ..` of `{ let rx = rx.clone(); move |cx| .. }`.
fn closure_of(argument: &Expr) -> &Expr {
    match argument {
        Expr::Block(block) => match block.block.stmts.last() {
            Some(syn::Stmt::Expr(last, None)) => closure_of(last),
            _ => argument,
        },
        argument => argument,
    }
}

/// Whether a closure has one parameter that is called like a context.
fn takes_context(closure: &syn::ExprClosure) -> bool {
    match (closure.inputs.len(), closure.inputs.first()) {
        (1, Some(Pat::Ident(pat))) => {
            let name = pat.ident.to_string();
            ["cx", "ctx", "context"].contains(&name.trim_start_matches('_'))
        }
        _ => false,
    }
}

fn is_text(walk: &mut Walk, expr: &Expr) -> bool {
    let formats = |mac: &syn::Macro| {
        mac.path
            .segments
            .last()
            .is_some_and(|last| ["format", "concat", "stringify"].iter().any(|name| last.ident == name))
    };
    match expr {
        Expr::Macro(call) => formats(&call.mac),
        Expr::MethodCall(call) if call.args.is_empty() => {
            ["to_owned", "to_string", "into", "clone"].iter().any(|name| call.method == name)
                && is_text(walk, &call.receiver)
        }
        Expr::Reference(inner) => is_text(walk, &inner.expr),
        expr => text(walk, expr).is_some(),
    }
}

/// The text of an expression, if the file shows it.
fn text(walk: &mut Walk, expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        Expr::Paren(inner) => text(walk, &inner.expr),
        Expr::Group(inner) => text(walk, &inner.expr),
        Expr::Reference(inner) => text(walk, &inner.expr),
        Expr::MethodCall(call) if call.args.is_empty() => {
            let same = ["to_owned", "to_string", "into", "clone", "as_str", "trim"];
            same.iter().any(|name| call.method == name).then(|| text(walk, &call.receiver))?
        }
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else { return None };
            let names: Vec<_> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let tail: Vec<_> = names.iter().rev().take(2).rev().map(String::as_str).collect();
            match (tail.as_slice(), call.args.first()) {
                // An empty text is blank as well.
                (["String" | "Default" | "Cow", "new" | "default"], None) => Some(String::new()),
                (["String" | "Cow", "from" | "Borrowed" | "Owned"], Some(inner)) => text(walk, inner),
                _ => None,
            }
        }
        Expr::Macro(call) if call.mac.path.is_ident("format") => {
            let literal: syn::LitStr = syn::parse2(call.mac.tokens.clone()).ok()?;
            let text = literal.value();
            // With arguments the text is not known.
            (!text.contains('{')).then_some(text)
        }
        Expr::Path(path) => {
            let found = match path.path.get_ident() {
                Some(name) => match walk.single(name, Space::Values)? {
                    Found::Item(found) => found,
                    Found::Var(var) => return walk.vars[var].text.clone(),
                },
                None => walk.meaning(&path.path, path.qself.as_ref()),
            };
            match found {
                Res::Value(id) => walk.names.declared.values[id].text.clone(),
                _ => None,
            }
        }
        _ => None,
    }
}
