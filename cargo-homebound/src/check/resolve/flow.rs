//! Owns where values go: a graph of one file from the calls that give a handle, through variables
//! and fields, to the end of the handle.
//! Refuses to know what the values are.

use std::collections::HashMap;

/// A place where a value can be: a variable, a field, a static, or the value of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Node(u32);

impl Node {
    /// The value is dropped here, and no code has it any more.
    pub(crate) const LOST: Node = Node(0);
    /// The value is joined, or handed to code that may join it. A rule is silent about such a
    /// value.
    pub(crate) const HOME: Node = Node(1);
}

/// The graph of one file. An edge says that a value may go from one node to another; it is never
/// taken back.
#[derive(Debug)]
pub(crate) struct Flow {
    /// The edges, by the number of the node where they begin. The first two nodes are `LOST` and
    /// `HOME`.
    to: Vec<Vec<Node>>,
    /// The nodes of fields, by the number of the struct and the name. All values of a struct share
    /// them.
    fields: HashMap<(usize, String), Node>,
}

impl Default for Flow {
    fn default() -> Flow {
        Flow { to: vec![Vec::new(), Vec::new()], fields: HashMap::new() }
    }
}

impl Flow {
    pub(crate) fn node(&mut self) -> Node {
        self.to.push(Vec::new());
        Node(u32::try_from(self.to.len() - 1).unwrap_or(1))
    }

    /// Says that a value in `from` may get into `to` as well.
    pub(crate) fn edge(&mut self, from: Node, to: Node) {
        // An edge to `LOST` would say nothing: a value is lost if it has no way home.
        if from != to && to != Node::LOST && from.0 > 1 {
            let out = &mut self.to[from.0 as usize];
            if !out.contains(&to) {
                out.push(to);
            }
        }
    }

    /// A new node with an edge to `to`.
    pub(crate) fn before(&mut self, to: Node) -> Node {
        let node = self.node();
        self.edge(node, to);
        node
    }

    /// The node of a field of a struct of this file, by the struct's number.
    pub(crate) fn field(&mut self, of: usize, name: &str) -> Node {
        if let Some(node) = self.fields.get(&(of, name.to_owned())) {
            return *node;
        }
        let node = self.node();
        self.fields.insert((of, name.to_owned()), node);
        node
    }

    /// Whether some way leads from `from` to `HOME`. One way is enough: in which cases code takes
    /// it is not decided here.
    pub(crate) fn comes_home(&self, from: Node) -> bool {
        let mut seen = vec![false; self.to.len()];
        let mut left = vec![from];
        while let Some(node) = left.pop() {
            if node == Node::HOME {
                return true;
            }
            if !std::mem::replace(&mut seen[node.0 as usize], true) {
                left.extend(&self.to[node.0 as usize]);
            }
        }
        false
    }
}
