//! Owns the walk over branches, loops and closures: what is bound in them, and where their values
//! go.
//! Refuses to ask which way is taken: all are.

use syn::{ExprClosure, ExprIf, ExprMatch, Pat};

use crate::check::resolve::bodies;
use crate::check::resolve::flow::Node;
use crate::check::resolve::types::{self, Ty};
use crate::check::rules::deaf;
use crate::check::rules::flags;
use crate::check::rules::polled;
use crate::check::state::Walk;
use crate::check::state::frame::{Context, Frame};
use crate::check::state::loops::Loop;

impl Walk {
    pub(crate) fn branch(&mut self, branch: &ExprIf, into: Node) -> Ty {
        let ends = polled::ends(&branch.then_branch)
            || branch.else_branch.as_ref().is_some_and(|(_, other)| polled::ends_expr(other));
        let ty = self.inner(|walk| {
            polled::flag_inside(walk, &branch.cond, ends);
            walk.expr(&branch.cond, Node::LOST);
            walk.block(&branch.then_branch, into)
        });
        match &branch.else_branch {
            Some((_, other)) => {
                let found = self.expr(other, into);
                if ty.is_unknown() { found } else { ty }
            }
            None => ty,
        }
    }

    pub(crate) fn choice(&mut self, choice: &ExprMatch, into: Node) -> Ty {
        let ends = choice.arms.iter().any(|arm| polled::ends_expr(&arm.body));
        polled::flag_in_match(self, &choice.expr, ends);
        let node = self.flow.node();
        let ty = self.expr(&choice.expr, node);
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
        let asks = matches!(ty, Ty::Flag) || flags::flag(self, &it.expr) == flags::Look::Flag;
        self.enter_loop(Node::LOST, it.label.as_ref());
        if let (true, Some(entered)) = (asks, self.loops.last_mut()) {
            entered.looks = true;
        }
        self.inner(|walk| {
            let first = walk.vars.len();
            walk.bind(&it.pat, ty.element(), node);
            walk.stores_into(first, &it.expr);
            walk.block(&it.body, Node::LOST);
        });
        polled::leave_loop(self);
    }

    pub(crate) fn enter_loop(&mut self, result: Node, label: Option<&syn::Label>) {
        self.loops.push(Loop::new(result, label.map(|label| label.name.ident.clone()), self.vars.len()));
    }

    /// Walks over a closure that runs in `frame`; `first` is the type of its first parameter, and
    /// `from` what it is given.
    pub(crate) fn closure(
        &mut self,
        closure: &ExprClosure,
        first: &Ty,
        from: Option<Node>,
        mut frame: Frame,
    ) -> Ty {
        let loops = std::mem::take(&mut self.loops);
        let ty = self.inner(|walk| {
            let made = walk.vars.len();
            for (at, pat) in closure.inputs.iter().enumerate() {
                let ty = if at == 0 { first.clone() } else { Ty::Unknown };
                // A fold has what it gathers before what it meets.
                let node = from.unwrap_or_else(|| walk.flow.before(Node::HOME));
                walk.bind(pat, ty, node);
                if from.is_none() {
                    for var in made..walk.vars.len() {
                        let node = walk.vars[var].node;
                        walk.flow.edge(node, Node::HOME);
                    }
                }
            }
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
