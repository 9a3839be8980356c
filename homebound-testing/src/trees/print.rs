//! Owns a tree as the Rust code of a person: the statements of a `main`.
//! Refuses to be the run itself: `act` does the same without a compiler, and stops a root in which
//! all threads wait.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::items::ITEMS;
use super::print_work::{employ, join, map, race, stop};
use super::tree::{
    Act, Block, Callback, End, Errors, Fate, Id, Limit, Nested, Owned, PATIENCE, Reference, Root, Step,
    Thread, Tree, Via, Wait, joins_around, names, walk,
};
use super::work::Trade;

/// Prints the tree as statements of Rust. In a `fn main() { .. }` they compile, and do the same as
/// a run. Only the watcher is missing: if all threads wait and no step stops them, they wait for
/// [`PATIENCE`].
impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printer = Printer::of(self);
        let body = printer.body(0, &self.body);
        let root = match self.root {
            Root::Scope => format!("scope({body})"),
            Root::Registry => format!("registry::run({body}).into_result()"),
        };
        let code = format!("let result = {root};\nprintln!(\"{{result:?}}\");\n");
        for (sign, item) in ITEMS {
            if code.contains(sign) {
                writeln!(f, "{item}")?;
            }
        }
        f.write_str(&code)
    }
}

pub(super) const PURPOSE: &str = "\"a step\"";

struct Printer {
    /// Handles that are used after the spawn.
    used: BTreeSet<Id>,
    /// The kinds of work, by the step that sets it going.
    trades: BTreeMap<Id, Trade>,
    /// Threads whose results panic in their `Drop`.
    bombs: BTreeSet<Id>,
}

impl Printer {
    fn of(tree: &Tree) -> Printer {
        let (mut used, mut bombs, mut trades) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        for step in walk(&tree.body.steps) {
            match &step.act {
                Act::Tell(id) | Act::Join(id, _) | Act::Discard(id) | Act::Leak(id) => {
                    used.insert(*id);
                }
                Act::Spawn(Thread { service: false, block: Block { end: End::ResultBomb, .. }, .. }) => {
                    bombs.insert(step.id);
                }
                Act::Employ(work) => {
                    trades.insert(step.id, work.trade);
                }
                _ => {}
            }
        }
        Printer { used, bombs, trades }
    }

    fn steps(&self, steps: &[Step], own: Id) -> String {
        steps.iter().map(|step| self.step(step, own) + "\n").collect()
    }

    fn step(&self, step: &Step, own: Id) -> String {
        let (id, cx) = (step.id, format!("cx{own}"));
        match &step.act {
            Act::Spawn(thread) => self.thread(id, thread),
            Act::Open(nested) => self.nested(id, nested),
            Act::Gather(owned) => self.group(id, owned, own),
            Act::Defer(via, end) => {
                let body = match end {
                    End::Error => format!("Err(\"step {id} fails\".into())"),
                    End::Panic => format!("panic!(\"step {id} panics\")"),
                    _ => "Ok(())".to_owned(),
                };
                format!("{}.defer(\"d{id}\", || {body});", place(*via))
            }
            Act::Adopt(steps) => self.guest(id, steps, own),
            Act::OnStop(Callback { panics, forget }) => {
                let body = if *panics { format!("panic!(\"step {id} panics\")") } else { "{}".to_owned() };
                match forget {
                    true => format!("std::mem::forget({cx}.on_stop(|| {body}));"),
                    false => format!("let _guard{id} = {cx}.on_stop(|| {body});"),
                }
            }
            Act::Within(limit, steps) => {
                let call = match limit {
                    Limit::Deadline(ms) => format!("with_deadline(Instant::now() + {}", millis(*ms)),
                    Limit::Shield(ms) => format!("shield({}", millis(*ms)),
                };
                let inside = self.steps(steps, id) + "Ok::<(), BoxError>(())";
                let name = spelled("cx", id, &inside);
                format!("{cx}.{call}, |{name}| {})?;", braced(&inside))
            }
            Act::Stop(target) => format!("stop{target}.stop_because(\"step {id}\");"),
            Act::Shutdown(via, ms) => format!("{}.shutdown({});", place(*via), millis(*ms)),
            Act::Employ(work) => {
                let variable = if self.used.contains(&id) { "t" } else { "_t" };
                format!("let {variable}{id} = {};", employ(id, work, &cx))
            }
            Act::Map(mapped) => {
                let body = mapped.body.as_ref().map(|steps| self.steps(steps, id));
                handed_on(&map(id, mapped, body, &cx), mapped.errors)
            }
            Act::Race(raced) => handed_on(&race(id, raced, &cx), raced.errors),
            Act::Tell(thread) => {
                let stop = self.trades.get(thread).map_or("t.stop()", |trade| stop(*trade));
                format!("if let Some(t) = &t{thread} {{\n    {stop};\n}}")
            }
            Act::Join(thread, errors) if self.trades.contains_key(thread) => {
                let call = join(self.trades[thread], *errors, &cx);
                format!("if let Some(t) = t{thread} {}", braced(&call))
            }
            Act::Join(thread, errors) => {
                let forget = if self.bombs.contains(thread) { ".map(std::mem::forget)" } else { "" };
                let call = handed_on(&format!("t.join(){forget}"), *errors);
                format!("if let Some(t) = t{thread} {}", braced(&call))
            }
            Act::JoinAround(thread, errors) => {
                let forget = if self.bombs.contains(thread) { ".map(std::mem::forget)" } else { "" };
                let call = handed_on(&format!("t.join(){forget}"), *errors);
                format!("if let Ok(t) = given{thread}.recv() {}", braced(&call))
            }
            Act::Discard(thread) => format!("drop(t{thread});"),
            Act::Leak(thread) => format!("std::mem::forget(t{thread});"),
            Act::Wait(wait) => wait_of(*wait, &cx),
            Act::Linger(ms) => format!("let _ = never::<()>().recv_timeout({});", millis(*ms)),
            Act::Look => format!("let _ = {cx}.stop_reason();"),
            Act::Call => format!("my_code({cx})?;"),
        }
    }

    fn thread(&self, id: Id, thread: &Thread) -> String {
        let inside = self.steps(&thread.block.steps, id) + &end(id, thread.block.end, !thread.service);
        let armed =
            thread.block.end == End::CaptureBomb || (thread.service && thread.block.end == End::ResultBomb);
        let mut options = String::new();
        for (is, option) in [
            (thread.isolated, ".isolated()"),
            (thread.vital, ".vital()"),
            (thread.dedicated, ".dedicated()"),
            (thread.refused, ".stack_size(1 << (usize::BITS - 3))"),
        ] {
            options += if is { option } else { "" };
        }
        let start = if thread.service { "service" } else { "spawn" };
        let names = names(&thread.block.steps);
        // A handle that moves into the closure cannot be the one that spawns it.
        let moved = matches!(thread.via, Via::Sibling(at) if names.contains(&Reference::Context(at)));
        let at = if moved { "here".to_owned() } else { place(thread.via) };
        let call = match options.as_str() {
            "" => format!("{at}.{start}(\"t{id}\", {PURPOSE}, "),
            _ => format!("{at}.thread(\"t{id}\", {PURPOSE}){options}.{start}("),
        };
        let closure = format!("move |{}| {}", spelled("cx", id, &inside), braced(&inside));
        // Names that the closure uses up are clones. Its own context is not one of them.
        let mut before: Vec<String> =
            Vec::from_iter(moved.then(|| format!("let here = {}.clone();", place(thread.via))));
        before.extend(names.into_iter().filter(|name| name.id() != id).filter_map(clone_of));
        before.extend(armed.then(|| format!("let bomb{id} = Bomb({id}, false.into());")));
        let variable = if self.used.contains(&id) { "t" } else { "_t" };
        if joins_around(&thread.block.steps, id) {
            let value = if self.bombs.contains(&id) { "Bomb" } else { "()" };
            before.push(format!("let (give{id}, given{id}) = bounded::<Handle<'static, {value}>>(1);"));
            let given = format!("if let Ok(t) = {call}{closure}) {{\n    let _ = give{id}.send(t);\n}}");
            return braced(&(before.join("\n") + "\n" + &given));
        }
        let spawn = format!("{call}{closure}).ok()");
        match before.is_empty() {
            true => format!("let {variable}{id} = {spawn};"),
            false => format!("let {variable}{id} = {};", braced(&(before.join("\n") + "\n" + &spawn))),
        }
    }

    /// A foreign thread. This code goes on as soon as it is adopted.
    fn guest(&self, id: Id, steps: &[Step], own: Id) -> String {
        let inside = self.steps(steps, id) + "Ok(())";
        let mut arrival =
            format!("let guest{id} = here.adopt(\"t{id}\", {PURPOSE});\nguest{id}.checkpoint()?;\n");
        arrival += "drop(adopting);\n";
        if has(&inside, &format!("cx{id}")) {
            arrival += &format!("let cx{id} = &*guest{id};\n");
        }
        let mut lines = vec![format!("let here = cx{own}.clone();")];
        lines.extend(names(steps).into_iter().filter(|name| name.id() != id).filter_map(clone_of));
        lines.push("let (adopting, adopted) = bounded::<()>(0);".to_owned());
        let closure = braced(&(arrival + &inside));
        lines.push(format!("std::thread::spawn(move || -> homebound::Result {closure});"));
        lines.push("let _ = adopted.recv();".to_owned());
        braced(&lines.join("\n"))
    }

    /// The closure of a scope's body.
    fn body(&self, id: Id, block: &Block) -> String {
        let inside = self.steps(&block.steps, id) + &end(id, block.end, false);
        let mut before = String::new();
        if has(&inside, &format!("cx{id}")) {
            before += &format!("let cx{id} = s{id}.context();\n");
        }
        if has(&inside, &format!("stop{id}")) {
            before += &format!("let stop{id} = s{id}.stopper();\n");
        }
        let inside = before + &inside;
        format!("|{}| {}", spelled("s", id, &inside), braced(&inside))
    }

    fn nested(&self, id: Id, nested: &Nested) -> String {
        let body = self.body(id, &nested.block);
        let call = match nested.via {
            Some(via) => format!("{}.subscope(\"s{id}\", {body})", place(via)),
            None => format!("scope({body})"),
        };
        handed_on(&call, nested.errors)
    }

    fn group(&self, id: Id, owned: &Owned, own: Id) -> String {
        let steps = self.steps(&owned.steps, own);
        let mut inside = String::new();
        if has(&steps, &format!("stop{id}")) {
            inside += &format!("let stop{id} = g{id}.stopper();\n");
        }
        inside += &steps;
        for step in owned.steps.iter().rev() {
            if matches!(step.act, Act::OnStop(Callback { forget: false, .. })) {
                inside += &format!("drop(_guard{});\n", step.id);
            }
        }
        inside += &match owned.fate {
            Fate::Close(errors) => handed_on(&format!("g{id}.close()"), errors),
            Fate::Release => format!("drop(g{id});"),
            Fate::Leak => format!("std::mem::forget(g{id});"),
        };
        inside += "\n";
        inside += &self.steps(&owned.after, own);
        format!("if let Ok(g{id}) = {}.group(\"g{id}\") {}", place(owned.via), braced(&inside))
    }
}

pub(super) fn place(via: Via) -> String {
    match via {
        Via::InScope(id) => format!("s{id}"),
        Via::InGroup(id) => format!("g{id}"),
        Via::Sibling(id) => format!("cx{id}"),
    }
}

fn clone_of(name: Reference) -> Option<String> {
    match name {
        Reference::Context(id) => Some(format!("let cx{id} = cx{id}.clone();")),
        Reference::Stopper(id) => Some(format!("let stop{id} = stop{id}.clone();")),
        Reference::Given(id) => Some(format!("let given{id} = given{id}.clone();")),
        Reference::Handle(_) => None,
    }
}

/// The last line of a closure of a worker, which may return a value, or of another closure.
fn end(id: Id, end: End, worker: bool) -> String {
    match end {
        End::Error => format!("Err::<(), _>(\"step {id} fails\".into())"),
        End::Panic => format!("if true {{\n    panic!(\"step {id} panics\");\n}}\nOk(())"),
        End::Stopped => format!("Ok(cx{id}.checkpoint()?)"),
        End::ResultBomb if worker => format!("Ok(Bomb({id}, true.into()))"),
        End::CaptureBomb | End::ResultBomb => {
            format!("bomb{id}.1.store(true, std::sync::atomic::Ordering::SeqCst);\nOk(())")
        }
        End::Value => "Ok(())".to_owned(),
    }
}

pub(super) fn handed_on(call: &str, errors: Errors) -> String {
    match errors {
        Errors::Ignore => format!("let _ = {call};"),
        Errors::Pass => format!("{call}?;"),
        Errors::Hide => format!("{call}.map_err(|error| Hidden(BoxError::from(error)))?;"),
    }
}

fn wait_of(wait: Wait, cx: &str) -> String {
    let patience = millis(PATIENCE);
    match wait {
        Wait::Sleep => format!("let _ = {cx}.sleep({patience});"),
        Wait::Receive => format!("let _ = {cx}.recv_timeout(&never::<()>(), {patience});"),
        Wait::Ticks => format!("let _ = {cx}.ticks({patience}).next();"),
        Wait::Signal => format!("let _ = {cx}.stop_signal().recv_timeout({patience});"),
        Wait::Compute => format!(
            "let end = Instant::now() + {patience};\nwhile !{cx}.is_stopping() && Instant::now() < end {{\n    std::thread::yield_now();\n}}"
        ),
    }
}

pub(super) fn millis(ms: u64) -> String {
    format!("Duration::from_millis({ms})")
}

/// The name of a variable, with an underscore if the code does not use it.
pub(super) fn spelled(letters: &str, id: Id, code: &str) -> String {
    let name = format!("{letters}{id}");
    if has(code, &name) { name } else { format!("_{name}") }
}

/// True if the code has this word.
fn has(code: &str, word: &str) -> bool {
    let outside = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '"');
    code.match_indices(word).any(|(at, _)| {
        outside(code[..at].chars().next_back()) && outside(code[at + word.len()..].chars().next())
    })
}

pub(super) fn braced(inside: &str) -> String {
    let lines = inside.lines().map(|line| format!("    {line}\n"));
    format!("{{\n{}}}", lines.collect::<String>())
}
