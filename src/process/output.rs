//! Owns the two streams of a child's output: which of them is to be read now, and when to look again for a reader who
//! has taken lines.
//! Refuses to know when the child has ended, and what is in the lines.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::process::lines::Lines;
use crate::sys::child::{Pipes, Source};

/// How much is read at once: one piece for each turn, so that a child which floods its output is stopped as fast as any.
const PIECE: usize = 16 * 1024;
/// As much as the kernel lets a pipe be made (`/proc/sys/fs/pipe-max-size`), by default.
const MOST_IN_A_PIPE: usize = 1024 * 1024;
/// A channel has no descriptor that tells when a line was taken from a full queue: how long until the next look.
const SHORTEST: Duration = Duration::from_micros(50);
const LONGEST: Duration = Duration::from_millis(10);
/// A look that finds less room than this comes too often, one that finds more than three times as much too seldom.
const WORTH_A_LOOK: usize = crate::process::lines::QUEUED / 4;

/// Output and errors of a child, while there may be more of them.
#[derive(Debug)]
pub(crate) struct Output {
    streams: [Option<Stream>; 2],
    room: Vec<u8>,
    pause: Duration,
}

/// A pipe of the child's, until its end, and where its lines go.
#[derive(Debug)]
struct Stream {
    source: Option<Source>,
    lines: Lines,
}

impl Output {
    /// Takes the reading ends out of `pipes`, if there are lines to be made.
    pub(crate) fn new(lines: Option<[Lines; 2]>, pipes: &mut Pipes) -> Output {
        let streams = lines.map_or([None, None], |[out, err]| {
            let (stdout, stderr) =
                (pipes.stdout.take().map(Source::new), pipes.stderr.take().map(Source::new));
            let stream =
                |source: Option<Source>, lines| source.map(|source| Stream { source: Some(source), lines });
            [stream(stdout, out), stream(stderr, err)]
        });
        let room = vec![0; if streams.iter().any(Option::is_some) { PIECE } else { 0 }];
        Output { streams, room, pause: SHORTEST }
    }

    /// What is to be polled: a stream whose lines found no room is not read, so that the child waits as at any pipe.
    pub(crate) fn wanted(&self) -> [Option<BorrowedFd<'_>>; 2] {
        self.streams.each_ref().map(|stream| {
            let stream = stream.as_ref().filter(|stream| !stream.lines.is_behind())?;
            stream.source.as_ref().map(std::os::fd::AsFd::as_fd)
        })
    }

    /// How long until the next look though nothing is ready.
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.streams.iter().flatten().any(|stream| stream.lines.is_behind()).then_some(self.pause)
    }

    /// Reads from those that are ready, and goes on with those that had no room.
    pub(crate) fn advance(&mut self, ready: [bool; 2], awaited: bool) {
        for (place, ready) in self.streams.iter_mut().zip(ready) {
            let Some(stream) = place else { continue };
            let was_behind = stream.lines.is_behind();
            if ready && !was_behind {
                stream.read(&mut self.room);
            }
            let found = stream.lines.advance(awaited);
            if was_behind {
                self.pause = match found {
                    0..WORTH_A_LOOK => (self.pause * 2).min(LONGEST),
                    _ if found > 3 * WORTH_A_LOOK => SHORTEST,
                    _ => self.pause,
                };
            }
            if stream.source.is_none() && !stream.lines.is_behind() {
                place.take().into_iter().for_each(|over| over.lines.finish(awaited));
            }
        }
    }

    /// The child has ended. Takes what is in the pipes at this moment, and not what comes later: whoever else holds
    /// them may write for ever.
    pub(crate) fn finish(&mut self, awaited: bool) {
        for mut stream in self.streams.iter_mut().filter_map(Option::take) {
            if let Some(mut source) = stream.source.take() {
                let mut room = vec![0; source.len().min(MOST_IN_A_PIPE)];
                let mut taken = 0;
                while let Some(count @ 1..) = source.take(room.get_mut(taken..).unwrap_or_default()) {
                    taken += count;
                }
                stream.lines.push(room.get(..taken).unwrap_or_default());
            }
            stream.lines.finish(awaited);
        }
    }
}

impl Stream {
    /// Takes one piece of what is there; at its end, the pipe is closed.
    fn read(&mut self, room: &mut [u8]) {
        match self.source.as_mut().map(|source| source.take(room)) {
            Some(Some(count)) => self.lines.push(room.get(..count).unwrap_or_default()),
            Some(None) => self.source = None,
            None => {}
        }
    }
}
