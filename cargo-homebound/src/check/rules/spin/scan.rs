//! Owns the look into one loop: the waits in it whose failure is thrown away, and whether anything
//! in it minds the stop.
//! Refuses to follow values: a failure that is kept, returned or given on may be minded, so that
//! the rules say nothing.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::{Block, Expr, ExprIf, ExprMatch, Local, Macro, Pat, Stmt};

use crate::check::resolve::passage::LOOKERS;
use crate::check::rules::spin::asked::{Asked, InLoop, Lost, has_try};
use crate::check::rules::spin::context::{Kind, names_context};
use crate::check::rules::spin::leaves::{self, Fails};
use crate::check::state::Walk;

/// The look into one loop.
pub(crate) struct Scan<'w> {
    here: InLoop<'w>,
    /// How many loops stand between the code that is looked at and the loop that is looked into.
    inside: usize,
    /// Waits so far whose failure is thrown away.
    lost: Vec<Lost>,
    /// Names in the condition of the loop: code that sets one of them may end the loop.
    ends_by: Vec<String>,
}

impl<'w> Scan<'w> {
    pub(crate) fn new(walk: &'w mut Walk) -> Scan<'w> {
        Scan { here: InLoop::new(walk), inside: 0, lost: Vec::new(), ends_by: Vec::new() }
    }

    /// The waits by which the loop spins: waits whose failure is thrown away, in a loop that does
    /// not mind the stop.
    pub(crate) fn over(self) -> Vec<Lost> {
        if self.here.minds { Vec::new() } else { self.lost }
    }

    pub(crate) fn item(&mut self, name: String, span: Span) {
        let lost = Lost { span, kind: Kind::Descriptor, what: name.clone() };
        self.here.items.push((name, lost));
    }

    /// The condition of the loop itself.
    pub(crate) fn own_condition(&mut self, condition: &Expr) {
        self.ends_by = leaves::names(condition);
        let asked = self.here.asked(condition);
        self.here.minds |= asked.stop;
        match leaves::fails(condition) {
            // `while cx.sleep(..).is_err()` goes on exactly when the wait fails.
            Fails::Then => self.lost.extend(asked.waits),
            Fails::Else | Fails::Either => self.here.minds |= !asked.waits.is_empty(),
        }
        self.next_line(condition);
    }

    /// `while let Some(line) = lines.next()`: the line may be an error, and so may each line after
    /// it.
    fn next_line(&mut self, condition: &Expr) {
        let Expr::Let(one) = condition else { return };
        let (Expr::MethodCall(next), Pat::TupleStruct(some)) = (&*one.expr, &*one.pat) else { return };
        let Some(Pat::Ident(item)) = some.elems.first() else { return };
        if next.method == "next" && self.here.is_stream(&next.receiver) {
            self.item(item.ident.to_string(), next.method.span());
        }
    }

    pub(crate) fn block(&mut self, block: &Block) {
        self.statements(block, false);
    }

    /// Looks through the statements of a block. `kept`: the value of the block goes somewhere.
    fn statements(&mut self, block: &Block, kept: bool) {
        let (lost, minds) = (self.lost.len(), self.here.minds);
        let mut on_success = None;
        for (at, statement) in block.stmts.iter().enumerate() {
            let is_value = kept && at + 1 == block.stmts.len();
            let back = match statement {
                Stmt::Local(local) => self.local(local),
                Stmt::Expr(expr, None) if is_value => self.kept(expr),
                Stmt::Expr(expr, _) => self.thrown_away(expr),
                Stmt::Macro(statement) => self.expanded(&statement.mac),
                Stmt::Item(_) => false,
            };
            if back && on_success.is_none() {
                on_success = Some((self.here.minds, self.lost.len()));
            }
        }
        // After a wait that leads back to the head when it fails, the rest of the block is not
        // reached after the stop. So nothing there minds the stop, and nothing there spins.
        if let Some((before, reached)) = on_success {
            self.here.minds = before || minds;
            self.lost.truncate(reached);
        }
        if leaves::always_leaves(block, self.inside) {
            self.lost.truncate(lost);
        }
    }

    /// A `let`. This method and those below return whether the code after it is reached only if the
    /// wait in it has not failed.
    fn local(&mut self, local: &Local) -> bool {
        let Some(init) = &local.init else { return false };
        let pat = if let Pat::Type(typed) = &local.pat { &*typed.pat } else { &local.pat };
        // `let Ok(n) = cx.recv(&rx) else { continue }`.
        if let Some((_, diverge)) = &init.diverge {
            let asked = self.here.asked(&init.expr);
            let ends = self.leaves(diverge);
            return self.judge(asked, ends);
        }
        match pat {
            Pat::Wild(_) => self.thrown_away(&init.expr),
            // `let _unused = cx.sleep(..)` throws the result away, as the name says.
            Pat::Ident(name) if name.ident.to_string().starts_with('_') => self.thrown_away(&init.expr),
            Pat::Ident(name) if self.here.is_stream(&init.expr) && !self.here.is_wait(&init.expr) => {
                self.here.streams.push(name.ident.to_string());
                false
            }
            Pat::Ident(name) => match self.here.bare_wait(&init.expr) {
                // Thrown away, unless code asks the variable. `asked` finds that, since the
                // variable is an item now.
                Some(lost) => {
                    self.lost.push(lost.clone());
                    self.here.items.push((name.ident.to_string(), lost));
                    false
                }
                None => self.kept(&init.expr),
            },
            _ => self.kept(&init.expr),
        }
    }

    /// Whether code leaves the loop, or sets what the condition of the loop asks.
    fn leaves(&self, expr: &Expr) -> bool {
        leaves::leaves(expr, self.inside, &self.ends_by)
    }

    /// Judges waits that a condition has asked. `ends`: the loop ends when they fail. Returns
    /// whether it goes on.
    fn judge(&mut self, asked: Asked, ends: bool) -> bool {
        if ends {
            self.here.minds |= asked.stop || !asked.waits.is_empty();
            return false;
        }
        let any = !asked.waits.is_empty();
        self.lost.extend(asked.waits);
        any
    }

    /// An expression whose value is dropped.
    fn thrown_away(&mut self, expr: &Expr) -> bool {
        match expr {
            Expr::MethodCall(_) => match self.here.bare_wait(expr) {
                Some(lost) => {
                    self.lost.push(lost);
                    false
                }
                None => self.kept(expr),
            },
            Expr::Call(call) => match (&*call.func, call.args.first()) {
                (Expr::Path(path), Some(inner))
                    // `drop(cx.sleep(..))`
                    if path.path.segments.last().is_some_and(|last| last.ident == "drop") =>
                {
                    self.thrown_away(inner)
                }
                _ => self.kept(expr),
            },
            Expr::Assign(assign) if matches!(*assign.left, Expr::Infer(_)) => self.thrown_away(&assign.right),
            Expr::If(branch) => self.branch(branch, false),
            Expr::Match(choice) => self.choice(choice, false),
            Expr::Block(block) => self.nested(&block.block, false),
            Expr::Unsafe(block) => self.nested(&block.block, false),
            Expr::Paren(inner) => self.thrown_away(&inner.expr),
            // The wait in the head ends the inner loop. The loop around it goes on, to the inner
            // one again.
            Expr::Loop(it) => self.inner(None, &it.body),
            Expr::While(it) => self.inner(Some(&it.cond), &it.body),
            Expr::ForLoop(it) => self.inner(Some(&it.expr), &it.body),
            Expr::Macro(call) => self.expanded(&call.mac),
            // Code of a closure runs elsewhere, or later.
            Expr::Closure(_) | Expr::Async(_) => false,
            _ => self.kept(expr),
        }
    }

    fn nested(&mut self, block: &Block, kept: bool) -> bool {
        self.statements(block, kept);
        false
    }

    fn inner(&mut self, head: Option<&Expr>, body: &Block) -> bool {
        if let Some(head) = head {
            let asked = self.here.asked(head);
            self.lost.extend(asked.waits);
        }
        self.inside += 1;
        self.statements(body, false);
        self.inside -= 1;
        false
    }

    fn branch(&mut self, branch: &ExprIf, kept: bool) -> bool {
        let asked = self.here.asked(&branch.cond);
        let then = leaves::block_leaves(&branch.then_branch, self.inside, &self.ends_by);
        let other = branch.else_branch.as_ref().is_some_and(|(_, other)| self.leaves(other));
        let fails = leaves::fails(&branch.cond);
        // Only the branch that a failure takes can end the loop on the stop. Where that is not
        // known, either may.
        let ends = match fails {
            Fails::Then => then,
            Fails::Else if !asked.waits.is_empty() => other,
            _ => then || other,
        };
        let lost = self.judge(asked, ends);
        // Code that runs on success does not run after the stop.
        self.guarded(lost && fails == Fails::Else, |scan| scan.nested(&branch.then_branch, kept));
        if let Some((_, other)) = &branch.else_branch {
            let body = |scan: &mut Scan<'_>| if kept { scan.kept(other) } else { scan.thrown_away(other) };
            self.guarded(lost && fails == Fails::Then, body);
        }
        lost && fails != Fails::Else && leaves::block_goes_on(&branch.then_branch)
    }

    fn choice(&mut self, choice: &ExprMatch, kept: bool) -> bool {
        let asked = self.here.asked(&choice.expr);
        let waits = !asked.waits.is_empty();
        let failed = choice.arms.iter().position(|arm| {
            let (pat, guard) = match &arm.pat {
                Pat::Guard(guarded) => (&*guarded.pat, Some(&guarded.guard)),
                pat => (pat, None),
            };
            // A guard about anything but the stop leaves the arm for other reasons: it cannot be
            // said whether the stop takes it.
            leaves::takes_failure(pat) && guard.is_none_or(|guard| self.here.asked(guard).stop)
        });
        let body = failed.map(|at| &choice.arms[at].body);
        // A value that is made of the error goes somewhere, and may be minded there.
        let ends = body.is_some_and(|body| self.leaves(body) || (kept && !leaves::goes_on(body)));
        let lost = self.judge(asked, ends);
        for (at, arm) in choice.arms.iter().enumerate() {
            self.guarded(lost && Some(at) != failed, |scan| {
                if kept { scan.kept(&arm.body) } else { scan.thrown_away(&arm.body) }
            });
        }
        lost && waits && body.is_some_and(|body| leaves::goes_on(body))
    }

    /// Runs `f` on code that is `unreached` after the stop: nothing in it minds the stop, and no
    /// wait in it spins.
    fn guarded(&mut self, unreached: bool, f: impl FnOnce(&mut Self) -> bool) {
        let (minds, lost) = (self.here.minds, self.lost.len());
        f(self);
        if unreached {
            self.here.minds = minds;
            self.lost.truncate(lost);
        }
    }

    /// An expression whose value goes somewhere, where its failure may be minded.
    fn kept(&mut self, expr: &Expr) -> bool {
        match expr {
            Expr::If(branch) => return self.branch(branch, true),
            Expr::Match(choice) => return self.choice(choice, true),
            Expr::Block(block) => return self.nested(&block.block, true),
            Expr::Closure(_) | Expr::Async(_) => {}
            expr => {
                let asked = self.here.asked(expr);
                // `helper(&cx)?`: the function was given the context, and its error leaves the
                // loop.
                let tried = asked.stop && has_try(expr);
                self.here.minds |= tried || !asked.waits.is_empty();
            }
        }
        false
    }

    /// A macro that names the stop minds it. A macro that is given a context or the result of a
    /// wait may.
    fn expanded(&mut self, mac: &Macro) -> bool {
        let name = mac.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        match name.as_str() {
            "select" | "select_biased" => self.select(mac),
            name if LOOKERS.contains(&name) => {}
            _ => self.tokens(&mac.tokens),
        }
        false
    }

    fn tokens(&mut self, tokens: &TokenStream) {
        for token in tokens.clone() {
            match token {
                TokenTree::Group(group) => self.tokens(&group.stream()),
                TokenTree::Ident(word) => {
                    let item = self.here.items.iter().any(|(name, _)| word == name);
                    let word = word.to_string();
                    self.here.minds |= item || word.contains("stop") || names_context(&word);
                }
                _ => {}
            }
        }
    }

    /// A `select!` of crossbeam: the arm of the stop ends the loop, or it does not.
    fn select(&mut self, mac: &Macro) {
        let tokens: Vec<_> = mac.tokens.clone().into_iter().collect();
        let stop = tokens.windows(2).position(|pair| {
            matches!(pair, [TokenTree::Ident(word), TokenTree::Group(of)]
                if word == "recv" && of.stream().to_string().contains("stop"))
        });
        // A `select!` without the stop waits, so that the loop does not spin. The rule `deaf-wait`
        // is about it.
        let Some(stop) = stop else { return self.here.minds = true };
        let arrow = tokens[stop..].windows(2).position(|pair| {
            matches!(pair, [TokenTree::Punct(a), TokenTree::Punct(b)] if a.as_char() == '=' && b.as_char() == '>')
        });
        let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
        let body = tokens[stop + arrow.map_or(0, |at| at + 2)..].iter();
        let body = match body.clone().next() {
            Some(block @ TokenTree::Group(_)) => block.clone().into(),
            _ => body.take_while(|token| !comma(token)).cloned().collect::<TokenStream>(),
        };
        let ends = syn::parse2::<Expr>(body)
            // An arm that cannot be parsed may end the loop.
            .map_or(true, |body| self.leaves(&body) || has_try(&body));
        let span = mac.path.segments.last().map_or_else(Span::call_site, |last| last.ident.span());
        match ends {
            true => self.here.minds = true,
            false => self.lost.push(Lost { span, kind: Kind::Stop, what: "select!".to_owned() }),
        }
    }
}
