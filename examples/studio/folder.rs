//! Owns the intake: finds the pictures of the folder and puts each into the queue, once per version of it.
//! Refuses to know what becomes of them.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crossbeam_channel::Sender;
use homebound::{Context, Handle, Result, Scope};

use crate::pictures::{Found, Picture, Stamp, Walk};
use crate::queue::Job;
use crate::studio::Studio;
use crate::text::{count, shown};

/// How often `--watch` looks.
const RESCAN: Duration = Duration::from_secs(1);

/// A file not written to for so long is whole; a younger one has to look the same in two scans.
const SETTLED: Duration = Duration::from_secs(3);

/// A worker, with `--watch` too. A service would be stopped after the workers are home, and would go on
/// making work for a queue that is being drained. Who makes work has to hear of the stop first.
pub fn start<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    studio: &'env Studio,
    jobs: Sender<Job<'env>>,
) -> Result<Handle<'scope, ()>> {
    let intake = Intake { studio, jobs, known: HashMap::new(), told: HashSet::new() };
    Ok(scope.spawn("folder", "finds pictures and queues them", move |cx| intake.run(cx))?)
}

struct Intake<'a> {
    studio: &'a Studio,
    /// The only sender: when the intake ends, the queue has seen its last job.
    jobs: Sender<Job<'a>>,
    /// The pictures of the last scan, and whether this version of them was queued.
    known: HashMap<PathBuf, (Stamp, bool)>,
    /// The problems already told: a scan would find them again and again.
    told: HashSet<String>,
}

impl Intake<'_> {
    fn run(mut self, cx: &Context) -> Result {
        let folder = shown(&self.studio.options.folder);
        let ready = self.scan(cx)?;
        self.studio.console.say(format_args!("{} in {folder}", count(ready.len(), "picture")));
        self.queue(cx, ready)?;
        if self.studio.options.watch {
            self.studio.console.say(format_args!("watching {folder} until stopped"));
            for _ in cx.ticks(RESCAN) {
                let ready = self.scan(cx)?;
                if !ready.is_empty() {
                    self.studio.console.say(format_args!("{} more", count(ready.len(), "picture")));
                }
                self.queue(cx, ready)?;
            }
            cx.checkpoint()?;
        }
        Ok(())
    }

    fn scan(&mut self, cx: &Context) -> Result<Vec<Picture>> {
        let Studio { options, output, folder_stage, .. } = self.studio;
        let busy = folder_stage.begin(shown(&options.folder), "searching");
        let mut ready = Vec::new();
        let mut known = HashMap::new();
        let mut others = 0;
        for found in Walk::new(&options.folder, output) {
            cx.checkpoint()?;
            busy.step("searching");
            match found {
                Found::Picture(picture) => {
                    let queued = self.known.get(&picture.path) == Some(&(picture.stamp, true));
                    let whole = self.is_whole(&picture);
                    known.insert(picture.path.clone(), (picture.stamp, queued || whole));
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
        self.known = known;
        self.studio.tally.ignored.store(others, Relaxed);
        Ok(ready)
    }

    /// Whether nobody seems to be writing to it any more.
    fn is_whole(&self, picture: &Picture) -> bool {
        let age = picture.stamp.modified.and_then(|at| at.elapsed().ok());
        let before = self.known.get(&picture.path).map(|(stamp, _)| *stamp);
        !self.studio.options.watch || age.is_some_and(|age| age >= SETTLED) || before == Some(picture.stamp)
    }

    /// Everything gets its ticket before the first wait, so that a stop in between is in the books too.
    fn queue(&self, cx: &Context, ready: Vec<Picture>) -> Result {
        let tally = &self.studio.tally;
        let jobs: Vec<_> = ready.into_iter().map(|picture| Job { picture, ticket: tally.ticket() }).collect();
        for job in jobs {
            cx.send(&self.jobs, job).map_err(|refused| refused.cause)?;
        }
        Ok(())
    }
}
