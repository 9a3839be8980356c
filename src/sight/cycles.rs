//! Owns the search for cycles among the waits of a snapshot.
//! Refuses to look at threads: it reads the edges that are in the snapshot.
//!
//! A node is an OS thread, because the body of a scope and the thread that runs it have a row each.
//! An edge leads from a waiter to a thread without which the waiter does not go on. A wait for the
//! end of a scope leads to each of its threads. A wait for the first of several threads, or for a
//! place in a pool, leads to none: any of them may end it.

use std::time::Duration;

use crate::outcome::status::edge::{Cycle, Edge};
use crate::outcome::status::snapshot::{Role, ScopeStatus, Snapshot, ThreadStatus};
use crate::outcome::words::{END_OF_CHILD, ITS_THREADS, START_OF_CHILD};
use crate::rt::index::Index;
use crate::rt::order::sort_by_key;

/// Waits that end when all threads of a scope are home.
const FOR_ALL: [&str; 4] = [ITS_THREADS, "shutdown", "group", "end of race"];

/// Finds the cycles of a snapshot. A thread is in one of them at most. `foreign` has the edges of
/// threads that are not in the tree, by the kernel's ids.
pub(super) fn find(snapshot: &Snapshot, foreign: &[(u32, Vec<Edge>)]) -> Vec<Cycle> {
    let graph = Graph::of(&snapshot.root, foreign);
    graph.cycles()
}

/// Keeps the cycles whose waits were all on at one moment: the tree is read scope by scope, so a
/// wait may have ended before another began. `later` was read after all that the cycles are made
/// of, and a wait of homebound's that is `least` old in it was on all the while. A wait for a lock
/// needs no age, because `holders` has seen each waiter unmoved at the end.
pub(super) fn keep_lasting(cycles: &mut Vec<Cycle>, later: &ScopeStatus, least: Duration) {
    let (nodes, scopes) = index(later);
    let mut waits: Index<Duration> = Index::new();
    for thread in scopes.iter().flat_map(|scope| &scope.threads) {
        // The wait of a thread that runs the body of a scope is in the row of the body.
        if let Some(age) = thread.waiting_for {
            let longest = waits.get_or_insert_with(node(thread).0, || age);
            *longest = age.max(*longest);
        }
    }
    let lasts = |edge: &Edge| {
        let node = to(edge, &nodes).and_then(|node| waits.get(node.0));
        node.is_some_and(|age| *age >= least)
    };
    cycles.retain(|Cycle { edges, .. }| {
        // The thread to which an edge leads waits in the next one.
        let waiters = edges.iter().zip(edges.iter().cycle().skip(1));
        waiters.into_iter().all(|(to, next)| next.lock.is_some() || lasts(to))
    });
}

/// An OS thread, by the kernel's id. A thread that runs on no OS thread yet, or on a system without
/// such ids, by the id of its row, which is marked by [`ROW`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Node(u64);

/// Above all ids of the kernel's. Ids of rows are counted from 1, and never reach it.
const ROW: u64 = 1 << 63;

impl Node {
    fn os(id: u32) -> Node {
        Node(id.into())
    }
}

/// The waits as nodes and steps. A step has the edge that a cycle shows.
struct Graph {
    steps: Index<Vec<(Node, Edge)>>,
}

/// How far the search has come with a node.
enum Mark {
    /// On the way from the start to where the search is, at this place.
    OnTheWay(usize),
    Done,
}

impl Graph {
    fn of(root: &ScopeStatus, foreign: &[(u32, Vec<Edge>)]) -> Graph {
        let (nodes, scopes) = index(root);
        let mut graph = Graph { steps: Index::new() };
        for scope in &scopes {
            for thread in &scope.threads {
                let from = node(thread);
                // A supervisor goes on with its other children meanwhile.
                if thread.wait.is_some_and(|wait| [END_OF_CHILD, START_OF_CHILD].contains(&wait.what)) {
                    continue;
                }
                // An edge of such a wait names a scope, and stands for edges to all its threads.
                let by_all = thread.wait.is_some_and(|wait| FOR_ALL.contains(&wait.what));
                for edge in &thread.waits_for {
                    match edge {
                        Edge { thread: None, os_tid: None, .. } if by_all => {
                            let target = target(scope, edge, &scopes);
                            target
                                .into_iter()
                                .flat_map(members)
                                .for_each(|member| graph.add_member(from, member));
                        }
                        _ => graph.add(from, edge, &nodes),
                    }
                }
            }
        }
        for (os_tid, edges) in foreign {
            edges.iter().for_each(|edge| graph.add(Node::os(*os_tid), edge, &nodes));
        }
        graph
    }

    fn add(&mut self, from: Node, edge: &Edge, nodes: &Index<Node>) {
        if let Some(to) = to(edge, nodes) {
            self.steps.get_or_insert_with(from.0, Vec::new).push((to, edge.clone()));
        }
    }

    fn add_member(&mut self, from: Node, member: &ThreadStatus) {
        let (thread, path) = (Some(member.id), member.path.clone());
        let edge = Edge { thread, path, known: true, os_tid: member.os_tid, lock: None, why: None };
        self.steps.get_or_insert_with(from.0, Vec::new).push((node(member), edge));
    }

    /// A search in depth. Each node is visited once, and a step to a node on the way closes a
    /// cycle. Iterative, because chains of waits may be long.
    fn cycles(&self) -> Vec<Cycle> {
        let mut starts: Vec<Node> = self.steps.keys().map(Node).collect();
        // So that the same snapshot has its cycles in the same order.
        sort_by_key(&mut starts, |node| *node);
        let (mut marks, mut found) = (Index::new(), Vec::new());
        for start in starts {
            // The way, with the steps of each node that are not taken yet.
            let mut way: Vec<(Node, std::slice::Iter<'_, (Node, Edge)>)> = Vec::new();
            // The edge by which the way came to each node after the first.
            let mut edges: Vec<&Edge> = Vec::new();
            let mut next = Some(start).filter(|start| !marks.contains(start.0));
            loop {
                if let Some(node) = next.take() {
                    marks.insert(node.0, Mark::OnTheWay(way.len()));
                    way.push((node, self.steps.get(node.0).map(|steps| steps.iter()).unwrap_or_default()));
                }
                let Some((node, steps)) = way.last_mut() else { break };
                let Some((to, edge)) = steps.next() else {
                    marks.insert(node.0, Mark::Done);
                    way.pop();
                    edges.pop();
                    continue;
                };
                match marks.get(to.0) {
                    None => {
                        edges.push(edge);
                        next = Some(*to);
                    }
                    Some(Mark::OnTheWay(place)) => {
                        let cycle = edges.get(*place..).unwrap_or_default().iter().copied().chain([edge]);
                        found.push(cycle_of(cycle.cloned().collect()));
                        // A thread is in one cycle at most, so the nodes of this cycle are done.
                        // The search goes on at the node before them.
                        let place = *place;
                        marks.extend(way.drain(place..).map(|(node, _)| (node.0, Mark::Done)));
                        edges.truncate(place.saturating_sub(1));
                    }
                    Some(Mark::Done) => {}
                }
            }
        }
        found
    }
}

fn cycle_of(edges: Vec<Edge>) -> Cycle {
    Cycle { known: edges.iter().all(|edge| edge.known), edges }
}

fn node(thread: &ThreadStatus) -> Node {
    thread.os_tid.map_or(Node(ROW | thread.id.0), Node::os)
}

/// The thread to which an edge leads.
fn to(edge: &Edge, nodes: &Index<Node>) -> Option<Node> {
    let by_row = || edge.thread.and_then(|id| nodes.get(id.0).copied());
    // The kernel's id first: a thread that holds a lock may have no row.
    edge.os_tid.map(Node::os).or_else(by_row)
}

/// The node of each row, and all scopes.
fn index(root: &ScopeStatus) -> (Index<Node>, Vec<&ScopeStatus>) {
    let (mut nodes, mut scopes, mut list) = (Index::new(), Vec::new(), vec![root]);
    while let Some(scope) = list.pop() {
        nodes.extend(scope.threads.iter().map(|thread| (thread.id.0, node(thread))));
        scopes.push(scope);
        list.extend(&scope.scopes);
    }
    (nodes, scopes)
}

/// The scope that an edge leads to. `None` if several have its path.
fn target<'a>(own: &'a ScopeStatus, edge: &Edge, all: &[&'a ScopeStatus]) -> Option<&'a ScopeStatus> {
    if own.path == edge.path {
        return Some(own);
    }
    let mut found = all.iter().filter(|scope| scope.path == edge.path);
    found.next().filter(|_| found.next().is_none()).copied()
}

/// The threads that a scope waits for at its end: its own, and those of its groups.
fn members(scope: &ScopeStatus) -> impl Iterator<Item = &ThreadStatus> {
    let (mut found, mut list) = (Vec::new(), vec![scope]);
    while let Some(scope) = list.pop() {
        let is_waited_for = |role| matches!(role, Role::Worker | Role::Service | Role::Adopted);
        found.extend(scope.threads.iter().filter(|thread| is_waited_for(thread.role)));
        list.extend(scope.scopes.iter().filter(|inner| inner.group));
    }
    found.into_iter()
}
