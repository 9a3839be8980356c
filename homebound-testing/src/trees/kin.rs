//! Owns the relations in a tree: the scope of a step, its closure, and the context around it.
//! Refuses to look at events: the tree alone gives the relations.

use std::collections::BTreeMap;

use super::tree::{Act, Id, Limit, Step, Tree, Via};

/// The steps of a tree, by number; 0 is the root's scope.
#[derive(Debug)]
pub(super) struct Kin(BTreeMap<Id, Person>);

/// A step, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    pub(super) kind: Kind,
    /// The scope or group of the step; for a scope, the scope around it.
    pub(super) home: Id,
    /// The thread or scope whose closure does this step.
    pub(super) closure: Id,
    /// The context of the step: of a thread, a scope or a limit.
    pub(super) context: Id,
    pub(super) isolated: bool,
    pub(super) vital: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A scope with a body. `Some` if it was opened on a group.
    Scope(Option<Id>),
    Group,
    Worker,
    Service,
    Adopted,
    /// A pool, a set, a supervisor or a thread that restarts.
    Work,
    Deferred,
    Callback,
    Limit(Limit),
    Other,
}

/// The place of a step.
#[derive(Clone, Copy)]
struct Around {
    closure: Id,
    context: Id,
    /// The scope of threads that the context spawns.
    home: Id,
}

impl Kin {
    pub(super) fn of(tree: &Tree) -> Kin {
        let root = Person {
            kind: Kind::Scope(None),
            home: 0,
            closure: 0,
            context: 0,
            isolated: false,
            vital: false,
        };
        let mut kin = Kin(BTreeMap::from([(0, root)]));
        kin.add(&tree.body.steps, Around { closure: 0, context: 0, home: 0 });
        kin
    }

    fn add(&mut self, steps: &[Step], around: Around) {
        for step in steps {
            let mut person = Person {
                kind: Kind::Other,
                home: around.home,
                closure: around.closure,
                context: around.context,
                isolated: false,
                vital: false,
            };
            let id = step.id;
            let own = Around { closure: id, context: id, home: id };
            let (inside, place): (&[Step], Around) = match &step.act {
                Act::Spawn(thread) => {
                    person.kind = if thread.service { Kind::Service } else { Kind::Worker };
                    person.home = self.home_of(thread.via);
                    (person.isolated, person.vital) = (thread.isolated, thread.vital);
                    (&thread.block.steps, Around { home: person.home, ..own })
                }
                Act::Open(nested) => {
                    let group = match nested.via {
                        Some(Via::InGroup(group)) => Some(group),
                        _ => None,
                    };
                    person.kind = Kind::Scope(group);
                    (&nested.block.steps, own)
                }
                Act::Gather(owned) => {
                    (person.kind, person.home) = (Kind::Group, self.home_of(owned.via));
                    self.0.insert(id, person);
                    self.add(&owned.after, around);
                    (&owned.steps, around)
                }
                Act::Adopt(steps) => {
                    // A failure of a foreign thread is no failure of a scope.
                    (person.kind, person.isolated) = (Kind::Adopted, true);
                    person.home = self.home_of(Via::Sibling(around.closure));
                    (steps, Around { home: person.home, ..own })
                }
                Act::Employ(work) => {
                    (person.kind, person.home) = (Kind::Work, self.home_of(work.via));
                    (&[], around)
                }
                Act::Map(mapped) => {
                    person.kind = Kind::Scope(None);
                    let inside = Around { context: id, home: id, ..around };
                    (mapped.body.as_deref().unwrap_or(&[]), inside)
                }
                Act::Within(limit, steps) => {
                    person.kind = Kind::Limit(*limit);
                    (steps, Around { context: id, ..around })
                }
                Act::Defer(via, _) => {
                    (person.kind, person.home) = (Kind::Deferred, self.home_of(*via));
                    (&[], around)
                }
                Act::OnStop(_) => {
                    person.kind = Kind::Callback;
                    (&[], around)
                }
                _ => (&[], around),
            };
            self.0.insert(id, person);
            self.add(inside, place);
        }
    }

    fn home_of(&self, via: Via) -> Id {
        match via {
            Via::InScope(id) | Via::InGroup(id) => id,
            Via::Sibling(id) => match self.0.get(&id) {
                Some(Person { kind: Kind::Scope(_), .. }) | None => id,
                Some(person) => person.home,
            },
        }
    }

    pub(super) fn get(&self, id: Id) -> Option<&Person> {
        self.0.get(&id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Id, &Person)> {
        self.0.iter().map(|(id, person)| (*id, person))
    }

    pub(super) fn is_group(&self, id: Id) -> bool {
        self.get(id).is_some_and(|person| person.kind == Kind::Group)
    }

    /// True for a thread that homebound did not start.
    pub(super) fn is_adopted(&self, id: Id) -> bool {
        self.get(id).is_some_and(|person| person.kind == Kind::Adopted)
    }

    pub(super) fn is_thread(&self, id: Id) -> bool {
        self.get(id).is_some_and(|person| matches!(person.kind, Kind::Worker | Kind::Service | Kind::Adopted))
    }

    /// The scopes that list a failure in `home`: `home` itself, and the scopes around a group.
    pub(super) fn listing(&self, home: Id) -> Vec<Id> {
        let outer = |id: &Id| self.get(*id).filter(|_| self.is_group(*id)).map(|group| group.home);
        std::iter::successors(Some(home), outer).collect()
    }

    /// The scopes and groups around a thread or scope, the innermost first. No scope or group of
    /// the list returns before the thread or scope is home.
    pub(super) fn around(&self, id: Id) -> Vec<Id> {
        let outer = |id: &Id| {
            let person = self.get(*id).filter(|_| *id != 0)?;
            match person.kind {
                Kind::Scope(Some(group)) => Some(group),
                // A scope that was opened by a function is below the scope of the threads there,
                // which in the body of a map is the scope of the map.
                _ => Some(person.home),
            }
        };
        std::iter::successors(outer(&id), outer).collect()
    }
}
