//! Owns the making of a tree from any bytes: four bytes make a step, and say how deep it stands.
//! Refuses nothing: every string of bytes is a tree. A string without some of the fours is a
//! similar, smaller tree.

use std::iter::Peekable;

use super::genes::{raced, tasks, trade, width};
use super::tree::{
    Act, Block, Callback, End, Errors, Fate, Id, Limit, Nested, Owned, Root, Step, Thread, Tree, Via, Wait,
    joins_around,
};
use super::work::{Mapped, Work};

/// Bytes of a step.
pub(crate) const WIDTH: usize = 4;

/// Steps of a tree at most, whatever its bytes.
pub(crate) const LARGEST: usize = 64;

/// The number of kinds of steps, some of them more often than others.
const KINDS: u8 = 38;

/// Depth of nested steps at most.
const DEEPEST: u8 = 5;

/// `[kind, depth, flags, choice]`. Zero is the plainest value of each.
type Gene = [u8; WIDTH];

impl Tree {
    /// Makes a tree from any bytes, for fuzzing.
    ///
    /// ```
    /// use homebound_testing::Tree;
    ///
    /// assert!(Tree::from_bytes(&[]).is_empty());
    /// let tree = Tree::from_bytes(b"anything at all");
    /// assert!(tree.run().check().is_ok());
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Tree {
        let genes = bytes.chunks(WIDTH).take(LARGEST).map(|chunk| {
            let mut gene = [0; WIDTH];
            gene.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            gene
        });
        // The first step is at the root, so its depth is free to choose the kind of the root.
        let root =
            if bytes.get(1).is_some_and(|second| second % 8 > 5) { Root::Registry } else { Root::Scope };
        let end = bytes.first().map_or(End::Value, |first| end(first >> 5, Closure::Body));
        let mut maker = Maker { genes: genes.collect::<Vec<_>>().into_iter().peekable(), next: 1 };
        let scene = Scene {
            place: Some(Via::InScope(0)),
            borrows: true,
            own: 0,
            contexts: vec![0],
            stoppers: vec![0],
            threads: Vec::new(),
            adopts: true,
        };
        Tree { root, body: Block { steps: maker.steps(0, &scene, &mut Vec::new()), end } }
    }
}

/// The names that a step can use at a place of the program.
#[derive(Clone)]
struct Scene {
    /// The innermost scope or group on which a method can be called.
    place: Option<Via>,
    /// True if a thread, scope or group that is made here may borrow.
    borrows: bool,
    /// The context of the closure.
    own: Id,
    contexts: Vec<Id>,
    stoppers: Vec<Id>,
    /// Threads around this place with handles that borrow nothing.
    threads: Vec<Id>,
    /// False in a service: its scope may be over for all threads but the services. A thread that is
    /// adopted then is in no tree, and its run cannot be judged.
    adopts: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closure {
    Body,
    Worker,
    Service,
    Deferred,
}

struct Maker<I: Iterator<Item = Gene>> {
    genes: Peekable<I>,
    next: Id,
}

impl<I: Iterator<Item = Gene>> Maker<I> {
    /// The steps at this depth. `handles` are the variables that hold a handle here. A step that
    /// uses one up takes it out.
    fn steps(&mut self, depth: u8, scene: &Scene, handles: &mut Vec<Id>) -> Vec<Step> {
        let mut steps = Vec::new();
        // A step that is deeper than any open block belongs to the innermost one.
        while let Some([kind, _, flags, choice]) =
            self.genes.next_if(|gene| depth == 0 || gene[1] % (DEEPEST + 1) >= depth)
        {
            let id = self.next;
            self.next += 1;
            if let Some(act) = self.act(id, [kind, depth, flags, choice], scene, handles) {
                steps.push(Step { id, act });
            }
        }
        steps
    }

    fn act(&mut self, id: Id, gene: Gene, scene: &Scene, handles: &mut Vec<Id>) -> Option<Act> {
        let [kind, depth, flags, choice] = gene;
        let ms = u64::from(choice % 4);
        Some(match kind % KINDS {
            0..=6 => Act::Spawn(self.thread(id, gene, scene, handles)),
            7 => self.guest(id, gene, scene),
            8..=10 => self.nested(id, gene, scene, handles),
            11 | 12 => self.group(id, gene, scene, handles)?,
            13 => Act::Defer(scene.place?, end(choice, Closure::Deferred)),
            14 => Act::OnStop(Callback { panics: flags & 1 == 1, forget: flags & 2 == 2 }),
            15 => {
                let limit = if flags & 1 == 0 { Limit::Deadline(ms) } else { Limit::Shield(ms) };
                let mut inside = scene.clone();
                (inside.own, inside.contexts) = (id, push(&scene.contexts, id));
                let steps = self.scoped(depth + 1, &inside, handles);
                Act::Within(limit, steps)
            }
            16 | 17 => Act::Stop(pick(&scene.stoppers, choice)?),
            18 => match scene.place? {
                via @ (Via::InScope(_) | Via::InGroup(_)) => Act::Shutdown(via, 2 * ms),
                Via::Sibling(_) => return None,
            },
            19 => Act::Tell(pick(handles, choice)?),
            20..=22 => Act::Join(take(handles, choice)?, errors(flags)),
            23 => Act::Discard(take(handles, choice)?),
            24 => Act::Leak(take(handles, choice)?),
            25..=27 => Act::Wait(wait(choice)),
            28 => Act::Linger(ms),
            29 => Act::Look,
            32..=35 => self.work(id, gene, scene, handles),
            36 => {
                let steps = self.scoped(depth + 1, scene, handles);
                let body = (flags & 2 == 2).then_some(steps);
                Act::Map(Mapped {
                    width: width(flags),
                    tasks: tasks(flags, choice),
                    body,
                    errors: errors(flags),
                })
            }
            37 => Act::Race(raced(flags, choice, errors(flags))),
            30 => match pick(&scene.threads, choice) {
                Some(thread) => Act::JoinAround(thread, errors(flags)),
                None => Act::Look,
            },
            _ => Act::Call,
        })
    }

    /// Steps of a block: a handle that is made in it is gone after it, as in any block of Rust. A
    /// handle that was there before may be used up.
    fn scoped(&mut self, depth: u8, scene: &Scene, handles: &mut Vec<Id>) -> Vec<Step> {
        let first = self.next;
        let steps = self.steps(depth, scene, handles);
        handles.retain(|handle| *handle < first);
        steps
    }

    fn thread(
        &mut self,
        id: Id,
        [_, depth, flags, choice]: Gene,
        scene: &Scene,
        handles: &mut Vec<Id>,
    ) -> Thread {
        let service = flags & 3 == 3;
        let elsewhere = flags & 0b1100 == 0b1100;
        let context = pick(&scene.contexts, choice).unwrap_or(scene.own);
        let via = match scene.place {
            Some(place) if !elsewhere => place,
            Some(_) => Via::Sibling(context),
            None => Via::Sibling(if elsewhere { context } else { scene.own }),
        };
        let borrows = scene.borrows && !matches!(via, Via::Sibling(_));
        let inside = Scene {
            // A group is a local variable: its threads cannot borrow it.
            place: scene.place.filter(|place| borrows && matches!(place, Via::InScope(_))),
            borrows,
            own: id,
            contexts: push(&scene.contexts, id),
            stoppers: scene.stoppers.clone(),
            threads: if borrows { scene.threads.clone() } else { push(&scene.threads, id) },
            adopts: !service,
        };
        let mut none = Vec::new();
        // A closure that borrows nothing holds no handle that borrows.
        let visible = if borrows { &mut *handles } else { &mut none };
        let steps = self.moved(depth + 1, &inside, visible);
        let closure = if service { Closure::Service } else { Closure::Worker };
        let isolated = flags & 0b11_0000 == 0b11_0000;
        let (vital, dedicated) = (flags >> 6 == 3, flags >> 6 == 1);
        let refused = flags >> 4 == 0b1010;
        if !joins_around(&steps, id) {
            handles.push(id);
        }
        let block = Block { steps, end: end(choice, closure) };
        Thread { via, service, isolated, vital, dedicated, refused, block }
    }

    fn work(&self, id: Id, [kind, _, flags, choice]: Gene, scene: &Scene, handles: &mut Vec<Id>) -> Act {
        let via = match scene.place {
            Some(place) if flags & 0b1100 != 0b1100 => place,
            _ => Via::Sibling(scene.own),
        };
        let trade = trade(kind % KINDS, flags, choice);
        handles.push(id);
        Act::Employ(Work { via, trade, width: width(flags), tasks: tasks(flags, choice) })
    }

    fn guest(&mut self, id: Id, [_, depth, ..]: Gene, scene: &Scene) -> Act {
        if !scene.adopts {
            return Act::Look;
        }
        let inside = Scene {
            place: None,
            borrows: false,
            own: id,
            contexts: push(&scene.contexts, id),
            ..scene.clone()
        };
        Act::Adopt(self.moved(depth + 1, &inside, &mut Vec::new()))
    }

    /// The steps of a closure, into which the handles that it names are moved.
    fn moved(&mut self, depth: u8, scene: &Scene, handles: &mut Vec<Id>) -> Vec<Step> {
        let mut own = handles.clone();
        let steps = self.steps(depth, scene, &mut own);
        let used = super::tree::handles(&steps);
        handles.retain(|handle| !used.contains(handle));
        steps
    }

    fn nested(
        &mut self,
        id: Id,
        [_, depth, flags, choice]: Gene,
        scene: &Scene,
        handles: &mut Vec<Id>,
    ) -> Act {
        let via = scene.place.filter(|_| flags & 0b100 == 0);
        let inside = Scene {
            place: Some(Via::InScope(id)),
            borrows: true,
            own: id,
            contexts: push(&scene.contexts, id),
            stoppers: push(&scene.stoppers, id),
            threads: scene.threads.clone(),
            adopts: true,
        };
        let steps = self.moved(depth + 1, &inside, handles);
        let block = Block { steps, end: end(choice, Closure::Body) };
        Act::Open(Nested { via, block, errors: errors(flags) })
    }

    fn group(
        &mut self,
        id: Id,
        [_, depth, flags, choice]: Gene,
        scene: &Scene,
        handles: &mut Vec<Id>,
    ) -> Option<Act> {
        let via = scene.place.filter(|_| flags & 0b100 == 0).unwrap_or(Via::Sibling(scene.own));
        let inside = Scene {
            place: Some(Via::InGroup(id)),
            borrows: scene.borrows && !matches!(via, Via::Sibling(_)),
            stoppers: push(&scene.stoppers, id),
            ..scene.clone()
        };
        // In a group with a second part, steps that stand one deeper come after the group, and
        // steps that stand two deeper use the group.
        let (goes_on, first) = (flags & 0b1000 != 0, self.next);
        let steps = self.steps(depth + 1 + u8::from(goes_on), &inside, handles);
        let after = if goes_on { self.steps(depth + 1, scene, handles) } else { Vec::new() };
        handles.retain(|handle| *handle < first);
        let fate = match choice % 6 {
            0..=2 => Fate::Close(errors(flags)),
            3 => Fate::Leak,
            _ => Fate::Release,
        };
        Some(Act::Gather(Owned { via, steps, fate, after }))
    }
}

fn push(list: &[Id], id: Id) -> Vec<Id> {
    list.iter().copied().chain([id]).collect()
}

/// Number 0 is the id that was added last.
fn pick(list: &[Id], choice: u8) -> Option<Id> {
    let place = usize::from(choice >> 3) % list.len().max(1);
    list.iter().rev().nth(place).copied()
}

fn take(list: &mut Vec<Id>, choice: u8) -> Option<Id> {
    let id = pick(list, choice)?;
    list.retain(|other| *other != id);
    Some(id)
}

fn end(choice: u8, closure: Closure) -> End {
    let end = match choice % 16 {
        1 | 2 => End::Error,
        3 | 4 => End::Panic,
        5..=7 => End::Stopped,
        8 => End::ResultBomb,
        9 => End::CaptureBomb,
        _ => End::Value,
    };
    match (end, closure) {
        (End::ResultBomb, Closure::Service) => End::CaptureBomb,
        (End::ResultBomb | End::CaptureBomb, Closure::Body | Closure::Deferred) => End::Value,
        (End::Stopped, Closure::Deferred) => End::Value,
        (end, _) => end,
    }
}

fn errors(flags: u8) -> Errors {
    match flags >> 6 {
        0 | 3 => Errors::Ignore,
        1 => Errors::Pass,
        _ => Errors::Hide,
    }
}

fn wait(choice: u8) -> Wait {
    match choice % 5 {
        0 => Wait::Sleep,
        1 => Wait::Receive,
        2 => Wait::Ticks,
        3 => Wait::Signal,
        _ => Wait::Compute,
    }
}
