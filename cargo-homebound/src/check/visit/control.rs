//! Owns the walk over branches, loops and closures: what they bind, and where their values go.
//! Refuses to ask which branch runs: all may.

use syn::{ExprClosure, ExprIf, ExprMatch, Pat};

use crate::check::resolve::bodies;
use crate::check::resolve::flow::Node;
use crate::check::resolve::types::{self, Ty};
use crate::check::rules::{deaf, flags, polled};
use crate::check::state::Walk;
use crate::check::state::frame::{Context, Frame};
use crate::check::state::loops::Loop;

impl Walk {
    pub(crate) fn branch(&mut self, branch: &ExprIf, into: Node) -> Ty {
        let ends = polled::ends(&branch.then_branch)
            || branch.else_branch.as_ref().is_some_and(|(_, other)| polled::ends_expr(other));
        // A variable of `if let` is in sight in the branch alone.
        let ty = self.inner(|walk| {
            polled::flag_inside(walk, &branch.cond, ends);
            walk.expr(&branch.cond, Node::LOST);
            walk.block(&branch.then_branch, into)
        });
        match &branch.else_branch {
            Some((_, other)) => {
                let found = self.expr(other, into);
                // Both branches have the same type. The first that is known says it.
                if ty.is_unknown() { found } else { ty }
            }
            None => ty,
        }
    }

    pub(crate) fn choice(&mut self, choice: &ExprMatch, into: Node) -> Ty {
        // Some arm can leave the loop around the `match`.
        let ends = choice.arms.iter().any(|arm| polled::ends_expr(&arm.body));
        polled::flag_in_match(self, &choice.expr, ends);
        let node = self.flow.node();
        let ty = polled::unless_told(self, choice, |walk| walk.expr(&choice.expr, node));
        let mut result = Ty::Unknown;
        for arm in &choice.arms {
            let found = self.inner(|walk| {
                let first = walk.vars.len();
                walk.bind(&arm.pat, ty.clone(), node);
                walk.stores_into(first, &choice.expr);
                walk.expr(&arm.body, into)
            });
            if result.is_unknown() {
                result = found;
            }
        }
        result
    }

    pub(crate) fn condition(&mut self, condition: &syn::ExprLet) -> Ty {
        let node = self.flow.node();
        let mut ty = self.expr(&condition.expr, node);
        // `while let Ok(false) = stop.lock()`: a guard of unknown type may be the guard of a flag.
        if bodies::locks(&condition.expr) && (ty.is_unknown() || ty.is("bool")) {
            ty = Ty::Flag;
        }
        let first = self.vars.len();
        self.bind(&condition.pat, ty, node);
        self.stores_into(first, &condition.expr);
        Ty::Unknown
    }

    pub(crate) fn for_loop(&mut self, it: &syn::ExprForLoop) {
        let node = self.flow.node();
        let ty = self.expr(&it.expr, node);
        deaf::met_in_loop(self, &it.expr, &ty);
        self.iterates(&ty);
        // `for _ in (0..).take_while(|_| !stop.load(..))` looks at a flag each time.
        let asks = matches!(ty, Ty::Flag) || flags::flag(self, &it.expr) == flags::Look::Flag;
        self.enter_loop(Node::LOST, it.label.as_ref());
        if let (true, Some(entered)) = (asks, self.loops.last_mut()) {
            entered.looks = true;
        }
        self.inner(|walk| {
            let first = walk.vars.len();
            // A handle in the list gets into the variable.
            walk.bind(&it.pat, ty.element(), node);
            walk.stores_into(first, &it.expr);
            walk.block(&it.body, Node::LOST);
        });
        polled::leave_loop(self);
    }

    /// A `for` over a value of this file's own calls its `into_iter`, and `next` of what that
    /// returns.
    fn iterates(&mut self, ty: &Ty) {
        let mut over = ty.clone();
        if let Some((of, into_iter)) = self.method_of_value(ty, "into_iter") {
            self.calls(into_iter);
            over = self.returned(into_iter, Some(of));
        }
        if let Some((_, next)) = self.method_of_value(&over, "next") {
            self.calls(next);
        }
    }

    pub(crate) fn while_loop(&mut self, it: &syn::ExprWhile) {
        // Before the loop is entered, because `drained` is about the loop around this one.
        polled::drained(self, &it.cond, &it.body);
        self.enter_loop(Node::LOST, it.label.as_ref());
        // A variable of `while let` is in sight in the body alone.
        self.inner(|walk| {
            polled::flag_in_condition(walk, &it.cond, true);
            walk.expr(&it.cond, Node::LOST);
            walk.block(&it.body, Node::LOST);
        });
        polled::leave_loop(self);
    }

    pub(crate) fn enter_loop(&mut self, result: Node, label: Option<&syn::Label>) {
        self.loops.push(Loop::new(result, label.map(|label| label.name.ident.clone()), self.vars.len()));
    }

    /// Walks over a closure that runs in `frame`. `first`: the type of its first parameter. `from`:
    /// the node of the values that it is given, if a method of a list gives them.
    pub(crate) fn closure(
        &mut self,
        closure: &ExprClosure,
        first: &Ty,
        from: Option<Node>,
        mut frame: Frame,
    ) -> Ty {
        // A `break` in a closure does not leave a loop around the closure, nor does a sleep in it
        // belong to the loop.
        let loops = std::mem::take(&mut self.loops);
        let ty = self.inner(|walk| {
            let made = walk.vars.len();
            for (at, pat) in closure.inputs.iter().enumerate() {
                let ty = if at == 0 { first.clone() } else { Ty::Unknown };
                // Each parameter may be one of the values: in a `fold`, the accumulator comes
                // before the value.
                let node = from.unwrap_or_else(|| walk.flow.before(Node::HOME));
                walk.bind(pat, ty, node);
                // The code that lent a parameter sees a value stored in it.
                if from.is_none() {
                    for var in made..walk.vars.len() {
                        let node = walk.vars[var].node;
                        walk.flow.edge(node, Node::HOME);
                    }
                }
            }
            // `|scope: &Scope| ..` is a scope whatever function it is given to.
            let typed = closure.inputs.iter().any(|pat| matches!(pat, Pat::Type(_)));
            if typed
                && walk.vars[made..]
                    .iter()
                    .any(|var| var.ty.is(types::HB_CONTEXT) || var.ty.is(types::HB_SCOPE))
            {
                (frame.in_scope, frame.context) = (true, Context::Here);
            }
            let result = frame.result;
            walk.framed(frame, |walk| walk.expr(&closure.body, result))
        });
        self.loops = loops;
        ty
    }
}
