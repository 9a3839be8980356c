//! Owns the intake: finds the pictures of the folder and gives each version of a picture to the
//! pool once.
//! Refuses to know their fate.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::fs;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, after, never, select_biased, unbounded};
use homebound::{Context, Handle, Pool, Result, Scope};

use crate::pictures::{Found, Picture, Stamp, Walk};
use crate::queue;
use crate::setback::Setback;
use crate::studio::Studio;
use crate::tally::Problem;
use crate::text::{count, shown};

/// How often `--watch` scans the folders.
const RESCAN: Duration = Duration::from_secs(1);

/// A file that was not written to for this long is whole. A younger file must look the same in two
/// scans.
const SETTLED: Duration = Duration::from_secs(3);

enum Next {
    /// Scan the folders again.
    Look,
    Inbox,
    Nothing,
}

/// A worker, with `--watch` too. A service would be stopped only after the workers are home, and
/// would go on to make work for a queue that is being drained. The thread that makes work must hear
/// of the stop first.
pub fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    studio: &'scope Studio,
    pool: Pool<'scope>,
    stay: Option<Receiver<Infallible>>,
) -> Result<Handle<'scope, ()>> {
    let (roots, known, aside) = (vec![Root::own(&studio.options.folder)], HashMap::new(), HashMap::new());
    // As many as there are bad pictures: unbounded, so that no worker waits for an intake that
    // waits for the workers.
    let setbacks = unbounded();
    let intake = Intake { studio, pool, stay, roots, known, setbacks, aside, told: HashSet::new() };
    Ok(scope.spawn("folder", "finds pictures and queues them", move |cx| intake.run(cx))?)
}

/// A folder of pictures.
struct Root {
    path: PathBuf,
    /// The same path without symbolic links, so that a picture in two roots is known to be one.
    exact: PathBuf,
    /// Another studio has handed the folder over. Its pictures go by their whole path, because
    /// names may be equal.
    foreign: bool,
    /// Files in the folder that are no pictures.
    others: usize,
}

impl Root {
    fn own(path: &Path) -> Self {
        // If this is refused, the search will say why.
        let exact = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        Root { path: path.to_owned(), exact, foreign: false, others: 0 }
    }

    fn foreign(path: PathBuf) -> Self {
        Root { exact: path.clone(), path, foreign: true, others: 0 }
    }

    /// The place of the picture with this name: in our own folder, or at the path that its name
    /// gives if another studio has handed it over.
    fn place_of(&self, name: &Path) -> PathBuf {
        self.exact.join(name)
    }
}

struct Intake<'a> {
    studio: &'a Studio,
    pool: Pool<'a>,
    /// Disconnected when there is no reason to stay any more.
    stay: Option<Receiver<Infallible>>,
    roots: Vec<Root>,
    /// The pictures of the last scan, and whether this version of them was queued.
    known: HashMap<PathBuf, (Stamp, bool)>,
    /// Pictures that turned out bad, handed back by the workers, and all of these that are still
    /// there.
    setbacks: (Sender<Setback<'a>>, Receiver<Setback<'a>>),
    aside: HashMap<PathBuf, Setback<'a>>,
    /// The problems that were reported, because a scan would find them again and again.
    told: HashSet<String>,
}

/// No thread takes folders from the inbox any more: the ones in it are reported, and it refuses
/// others.
impl Drop for Intake<'_> {
    fn drop(&mut self) {
        for folder in self.studio.inbox.close() {
            self.studio.tell(Problem::input(&folder, "was handed over, and not searched before the stop"));
        }
    }
}

impl<'a> Intake<'a> {
    fn run(mut self, cx: &Context) -> Result {
        let folder = shown(&self.studio.options.folder);
        let ready = self.scan(cx, 0)?;
        self.studio.console.say(format_args!("{} in {folder}", count(ready.len(), "picture")));
        self.queue(cx, ready)?;
        if self.studio.options.watch {
            self.studio.console.say(format_args!("watching {folder} until stopped"));
        } else if self.stay.is_some() {
            self.studio.console.say("showing the results until stopped");
        }
        loop {
            match self.next(cx)? {
                Next::Look => self.look_again(cx)?,
                Next::Inbox => self.take_folders(cx)?,
                // Folders that came before the inbox closed are scanned.
                Next::Nothing if self.studio.inbox.close_if_empty() => return Ok(self.pool.wait_idle(cx)?),
                Next::Nothing => self.take_folders(cx)?,
            }
        }
    }

    /// Waits for something to do; the error is the stop.
    fn next(&self, cx: &Context) -> Result<Next> {
        let inbox = self.studio.inbox.bell();
        let stay = match (&self.stay, self.studio.options.watch) {
            (_, true) => &never(),
            (Some(stay), false) => stay,
            (None, false) => return Ok(Next::Nothing),
        };
        let look = if self.studio.options.watch { after(RESCAN) } else { never() };
        let next = cx.waiting("new pictures", || {
            select_biased! {
                recv(cx.stop_signal()) -> _ => None,
                recv(inbox) -> _ => Some(Next::Inbox),
                recv(stay) -> _ => Some(Next::Nothing),
                recv(look) -> _ => Some(Next::Look),
            }
        });
        cx.checkpoint()?;
        Ok(next.unwrap_or(Next::Nothing))
    }

    fn look_again(&mut self, cx: &Context) -> Result {
        for at in 0..self.roots.len() {
            let ready = self.scan(cx, at)?;
            if !ready.is_empty() {
                self.studio.console.say(format_args!("{} more", count(ready.len(), "picture")));
            }
            self.queue(cx, ready)?;
        }
        Ok(())
    }

    fn take_folders(&mut self, cx: &Context) -> Result {
        while let Some(path) = self.studio.inbox.next() {
            let folder = shown(&path);
            let at = self.roots.iter().position(|root| root.exact == path).unwrap_or_else(|| {
                self.roots.push(Root::foreign(path));
                self.roots.len() - 1
            });
            let ready = self.scan(cx, at)?;
            self.studio.console.say(format_args!("{} more in {folder}", count(ready.len(), "picture")));
            self.queue(cx, ready)?;
        }
        Ok(())
    }

    /// The pictures of that root that are new or have changed. Pictures that are gone are removed
    /// from the results.
    fn scan(&mut self, cx: &Context, at: usize) -> Result<Vec<Picture>> {
        let ready = self.search(cx, at)?;
        let known = &self.known;
        for setback in self.setbacks.1.try_iter() {
            let path = self.roots[0].place_of(setback.name());
            match known.get(&path) {
                // The next version has been queued meanwhile, with a place of its own in the books.
                Some((stamp, true)) if setback.is_not_of(*stamp) => setback.forget(),
                _ => drop(self.aside.insert(path, setback)),
            }
        }
        let (kept, gone): (HashMap<_, _>, HashMap<_, _>) =
            mem::take(&mut self.aside).into_iter().partition(|(path, _)| known.contains_key(path));
        self.aside = kept;
        gone.into_values().for_each(Setback::forget);
        self.aside.values_mut().for_each(Setback::tell_if_old);
        let Studio { sheet, output, .. } = self.studio;
        for (name, file) in sheet.keep(|name| known.contains_key(&self.roots[0].place_of(name))) {
            if let Err(error) = output.remove(&file) {
                self.studio.tell(Problem::output(&name, error));
            }
        }
        Ok(ready)
    }

    fn search(&mut self, cx: &Context, at: usize) -> Result<Vec<Picture>> {
        let Studio { output, stages, .. } = self.studio;
        let Root { path: root, exact, foreign, .. } = &self.roots[at];
        let busy = stages.begin(cx.name(), shown(root), "searching");
        let mut ready = Vec::new();
        let mut known = HashMap::new();
        let mut others = 0;
        for found in Walk::new(root, output) {
            cx.checkpoint()?;
            busy.step("searching");
            match found {
                Found::Picture(mut picture) => {
                    let path = exact.join(&picture.name);
                    let before = self.known.get(&path);
                    let queued = before == Some(&(picture.stamp, true));
                    let whole = self.is_whole(&picture, before);
                    if *foreign {
                        picture.name.clone_from(&path);
                    }
                    known.insert(path, (picture.stamp, queued || whole));
                    if whole && !queued {
                        ready.push(picture);
                    }
                }
                Found::Other => others += 1,
                Found::Problem(problem) => {
                    if self.told.insert(problem.to_string()) {
                        self.studio.tell(problem);
                    }
                }
            }
        }
        // Keeps all entries of other roots, and of this root the pictures that are there now.
        self.known.retain(|path, _| !path.starts_with(exact));
        self.known.extend(known);
        self.roots[at].others = others;
        let ignored = self.roots.iter().map(|root| root.others).sum();
        self.studio.tally.ignored.store(ignored, Relaxed);
        Ok(ready)
    }

    /// True if no program seems to be writing to the file any more.
    fn is_whole(&self, picture: &Picture, before: Option<&(Stamp, bool)>) -> bool {
        let age = picture.stamp.modified.and_then(|at| at.elapsed().ok());
        let same = before.is_some_and(|(stamp, _)| *stamp == picture.stamp);
        !self.studio.options.watch || same || age.is_some_and(|age| age >= SETTLED)
    }

    /// Every picture gets its ticket before the first wait, so that a stop in between is in the
    /// books too.
    fn queue(&mut self, cx: &Context, ready: Vec<Picture>) -> Result {
        let ticketed = |picture: Picture| {
            let before = self.aside.remove(&self.roots[0].place_of(&picture.name));
            let ticket = before.map_or_else(|| self.studio.tally.ticket(), Setback::again);
            (picture, ticket)
        };
        let ticketed: Vec<_> = ready.into_iter().map(ticketed).collect();
        for (picture, ticket) in ticketed {
            let (studio, setbacks) = (self.studio, self.setbacks.0.clone());
            self.pool.execute(cx, move |cx| {
                queue::settle(cx, studio, picture, ticket, &setbacks);
                Ok(())
            })?;
        }
        Ok(())
    }
}
