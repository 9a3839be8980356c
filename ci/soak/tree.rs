//! Owns random trees of scopes, groups, services, workers, deadlines, shields and panics: one for each seed.
//! Refuses to leak, so that memory tells; and to judge: it counts what it has raised and what is still alive, and `main` compares.

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use homebound::{Context, Result, Scope, SpawnError, scope};

const NEVER: Duration = Duration::from_secs(3600);
/// Threads and scopes of one tree, about.
const LARGEST: u64 = 60;
const DEEPEST: u32 = 4;

/// Splitmix64: a seed, and from it as many as there are branches.
#[derive(Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn branch(&mut self) -> Dice {
        Dice(self.roll(u64::MAX))
    }
}

/// What is true of a tree while it lives and after.
#[derive(Default)]
pub(crate) struct StateLock {
    /// Closures that were given away and are not dropped.
    pub(crate) held: AtomicUsize,
    /// Failures that were raised and may not be lost.
    pub(crate) raised: AtomicUsize,
    /// Closures that ran.
    pub(crate) ran: AtomicUsize,
}

/// In each closure.
struct Held(Arc<StateLock>);

impl Held {
    fn of(books: &Arc<StateLock>) -> Held {
        books.held.fetch_add(1, Ordering::SeqCst);
        Held(books.clone())
    }

    fn runs(&self) {
        self.0.ran.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The body of a tree's root.
pub(crate) fn root(s: &Scope<'_, '_>, mut dice: Dice, books: &Arc<StateLock>) -> Result {
    // One in sixteen trees may fail: the others must not.
    let may_fail = dice.roll(16) == 0;
    let mut tree = Tree { dice, books: books.clone(), left: 0, depth: 0, may_fail };
    tree.left = 1 + tree.dice.roll(LARGEST);
    tree.grow(s)
}

struct Tree {
    dice: Dice,
    books: Arc<StateLock>,
    left: u64,
    depth: u32,
    may_fail: bool,
}

impl Tree {
    /// A smaller one, for a scope inside.
    fn inner(&mut self) -> Tree {
        let left = 1 + self.dice.roll(self.left.max(1));
        let (dice, books) = (self.dice.branch(), self.books.clone());
        Tree { dice, books, left, depth: self.depth + 1, may_fail: self.may_fail }
    }

    fn grow(&mut self, s: &Scope<'_, '_>) -> Result {
        while self.left > 0 && !s.is_stopping() {
            self.left -= 1;
            match self.one(s) {
                Err(error) if error.downcast_ref::<SpawnError>().is_some() => return Ok(()),
                other => other?,
            }
        }
        // The services and waiting workers below would wait for ever.
        match self.dice.roll(3) {
            0 => drop(s.shutdown(Duration::from_millis(self.dice.roll(30)))),
            1 => s.stop(),
            _ => s.stopper().stop_because("the tree is grown"),
        }
        Ok(())
    }

    fn one(&mut self, s: &Scope<'_, '_>) -> Result {
        let deeper = self.depth < DEEPEST;
        match self.dice.roll(16) {
            0..=5 => self.thread(s),
            6 => {
                let held = Held::of(&self.books);
                s.service("service", "waits for its stop", move |cx| {
                    held.runs();
                    Ok(drop(cx.wait_for_stop()))
                })?;
                Ok(())
            }
            7 if deeper => {
                let mut inner = self.inner();
                s.subscope("sub", |sub| inner.grow(sub)).or_else(|error| self.unless_stopped(error))
            }
            8 | 9 if deeper => self.nested(s),
            10 => self.group(s),
            11 => {
                let held = Held::of(&self.books);
                Ok(s.defer("deferred", move || Ok(held.runs())))
            }
            12 => {
                let held = Held::of(&self.books);
                let guard = s.context().on_stop(move || held.runs());
                if self.dice.roll(2) == 0 {
                    s.stop();
                }
                Ok(drop(guard))
            }
            13 => {
                let cx = s.context().clone();
                let foreign = std::thread::spawn(move || drop(cx.adopt("guest", "comes and goes")));
                foreign.join().map_err(|_| "the guest fell".into())
            }
            14 => {
                let at = Instant::now() + Duration::from_micros(self.dice.roll(2000));
                s.context().with_deadline(at, |cx| drop(cx.sleep(NEVER)));
                Ok(())
            }
            _ => {
                let short = Duration::from_micros(self.dice.roll(500));
                s.context().shield(short, |cx| drop(cx.sleep(short)));
                Ok(())
            }
        }
    }

    fn unless_stopped(&self, error: homebound::ScopeError) -> Result {
        match error.stop_reason() {
            Some(_) => Ok(()),
            None => Err(error.into()),
        }
    }

    fn thread(&mut self, s: &Scope<'_, '_>) -> Result {
        let (held, what, fails) = (Held::of(&self.books), self.dice.roll(6), self.fails());
        let name =
            if self.dice.roll(2) == 0 { "same".to_owned() } else { format!("t{}", self.dice.roll(500)) };
        let mut builder = s.thread(name, "does one of six things");
        if self.dice.roll(8) == 0 {
            builder = builder.dedicated();
        }
        let handle = builder.spawn(move |cx| {
            held.runs();
            work(cx, what)?;
            fail(&held.0, fails)
        })?;
        match self.dice.roll(4) {
            // Those that end by themselves; a failure is the scope's all the same.
            0 if what < 3 => drop(handle.join()),
            1 => drop(handle.join_timeout(Duration::from_micros(200))),
            2 => handle.stop(),
            _ => drop(handle),
        }
        Ok(())
    }

    /// A scope of its own on a thread of this one.
    fn nested(&mut self, s: &Scope<'_, '_>) -> Result {
        let (held, mut inner) = (Held::of(&self.books), self.inner());
        s.spawn("nested", "opens a scope", move |_| {
            held.runs();
            Ok(scope(|below| inner.grow(below))?)
        })?;
        Ok(())
    }

    fn group(&mut self, s: &Scope<'_, '_>) -> Result {
        let group = s.group("group")?;
        for _ in 0..=self.dice.roll(3) {
            self.thread(&group)?;
        }
        match self.dice.roll(2) {
            0 => drop(group.close()),
            _ => drop(group),
        }
        Ok(())
    }

    /// 0: no; else how.
    fn fails(&mut self) -> u64 {
        if self.may_fail && self.dice.roll(12) == 0 { 1 + self.dice.roll(3) } else { 0 }
    }
}

fn work(cx: &Context, what: u64) -> Result {
    match what {
        0 => {}
        1 => {
            let (send, receive) = bounded(1);
            cx.send(&send, 1)?;
            cx.recv(&receive)?;
        }
        2 => cx.sleep(Duration::from_micros(300))?,
        3 => drop(cx.wait_for_stop()),
        4 => {
            let (_open, never) = bounded::<()>(0);
            cx.iter(&never).for_each(drop);
        }
        _ => cx.ticks(Duration::from_micros(100)).for_each(drop),
    }
    Ok(())
}

fn fail(books: &StateLock, how: u64) -> Result {
    if how > 0 {
        books.raised.fetch_add(1, Ordering::SeqCst);
    }
    match how {
        0 => Ok(()),
        1 => Err("an error of the tree's".into()),
        2 => panic!("a panic of the tree's"),
        _ => panic_any(7_u8),
    }
}
