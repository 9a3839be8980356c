//! Owns where values go: a graph from starts through variables and fields to whoever has them in
//! the end.
//! Refuses to know what is in the nodes.

use std::collections::HashMap;

/// A place where a value can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Node(u32);

impl Node {
    /// Nobody has it any more.
    pub(crate) const LOST: Node = Node(0);
    /// Joined, or handed to somebody of whom that can be assumed.
    pub(crate) const HOME: Node = Node(1);
}

/// The graph of a file.
#[derive(Debug)]
pub(crate) struct Flow {
    to: Vec<Vec<Node>>,
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

    /// What is in `from` gets into `to` as well.
    pub(crate) fn edge(&mut self, from: Node, to: Node) {
        if from != to && to != Node::LOST && from.0 > 1 {
            let out = &mut self.to[from.0 as usize];
            if !out.contains(&to) {
                out.push(to);
            }
        }
    }

    /// A new node whose content gets into `to`.
    pub(crate) fn before(&mut self, to: Node) -> Node {
        let node = self.node();
        self.edge(node, to);
        node
    }

    /// The field of a struct of this file, by the struct's number.
    pub(crate) fn field(&mut self, of: usize, name: &str) -> Node {
        if let Some(node) = self.fields.get(&(of, name.to_owned())) {
            return *node;
        }
        let node = self.node();
        self.fields.insert((of, name.to_owned()), node);
        node
    }

    /// Whether what is in `from` comes home by some way.
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
