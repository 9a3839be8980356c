//! Owns the two streams of a child's output: which of them to read now, and when to look again
//! whether a reader has made room.
//! Refuses to know when the child has ended, and to look into the bytes: `lines` cuts them.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::process::lines::LineQueue;
use crate::sys::child::{Pipes, Source};

/// Number of bytes that one turn reads of a stream. One piece for each turn, so that a child that
/// floods its output is stopped as fast as any other.
const PIECE: usize = 16 * 1024;
/// Number of bytes that a pipe may hold at most: the kernel's default limit
/// (`/proc/sys/fs/pipe-max-size`).
const MOST_IN_A_PIPE: usize = 1024 * 1024;
/// Bounds of the pause until the next look at a full queue. The thread must look, because a channel
/// has no descriptor that tells when a reader has taken a line.
const SHORTEST: Duration = Duration::from_micros(50);
const LONGEST: Duration = Duration::from_millis(10);
/// Room in lines that makes a look worth while. If a look finds less, the pause was too short; if
/// it finds more than three times as much, the pause was too long.
const WORTH_A_LOOK: usize = crate::process::lines::QUEUED / 4;

/// The output and the errors of a child.
#[derive(Debug)]
pub(crate) struct Output {
    /// Output, then errors. `None` if the stream is not read as lines, or is over.
    streams: [Option<Stream>; 2],
    /// Where a turn reads to, so that it need not allocate. [`PIECE`] bytes, or none without
    /// streams.
    room: Vec<u8>,
    /// Time until the next look, while a queue is full: from [`SHORTEST`] to [`LONGEST`].
    pause: Duration,
}

/// One pipe of the child's, and the lines that are made of its bytes.
#[derive(Debug)]
struct Stream {
    /// `None` once the pipe has been read to its end. `lines` may still wait for room then.
    source: Option<Source>,
    lines: LineQueue,
}

impl Output {
    /// Takes this process's ends out of `pipes`, if lines are wanted.
    pub(crate) fn new(lines: Option<[LineQueue; 2]>, pipes: &mut Pipes) -> Output {
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

    /// The descriptors to poll. A stream whose lines found no room is left out, so that its pipe
    /// fills, and the child waits as at any pipe.
    pub(crate) fn wanted(&self) -> [Option<BorrowedFd<'_>>; 2] {
        self.streams.each_ref().map(|stream| {
            let stream = stream.as_ref().filter(|stream| !stream.lines.is_behind())?;
            stream.source.as_ref().map(std::os::fd::AsFd::as_fd)
        })
    }

    /// Time until the next look though no descriptor is ready: `None` unless a queue is full.
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.streams.iter().flatten().any(|stream| stream.lines.is_behind()).then_some(self.pause)
    }

    /// Reads from the streams that are ready, and goes on with the streams whose lines had no room.
    /// `awaited` is true if the child's end is awaited.
    pub(crate) fn advance(&mut self, ready: [bool; 2], awaited: bool) {
        for (place, ready) in self.streams.iter_mut().zip(ready) {
            let Some(stream) = place else { continue };
            // The older bytes first, so a stream that is behind is not read in this turn.
            let was_behind = stream.lines.is_behind();
            if ready && !was_behind {
                stream.read(&mut self.room);
            }
            let found = stream.lines.advance(awaited);
            // Adapt the pause, so that each look finds about as much as is worth it.
            if was_behind {
                self.pause = match found {
                    0..WORTH_A_LOOK => (self.pause * 2).min(LONGEST),
                    _ if found > 3 * WORTH_A_LOOK => SHORTEST,
                    _ => self.pause,
                };
            }
            // From open to over: the pipe is at its end, and all of its bytes are lines. The drop
            // of `lines` disconnects the reader.
            if stream.source.is_none() && !stream.lines.is_behind() {
                place.take().into_iter().for_each(|over| over.lines.finish(awaited));
            }
        }
    }

    /// Called when the child has ended. Takes the bytes that are in the pipes at this moment and no
    /// later ones, because a process that has inherited the pipes may write for ever.
    pub(crate) fn finish(&mut self, awaited: bool) {
        for mut stream in self.streams.iter_mut().filter_map(Option::take) {
            if let Some(mut source) = stream.source.take() {
                // The length is read once, so the loop below ends although bytes may still come.
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
    /// Reads one piece. At its end the pipe is closed.
    fn read(&mut self, room: &mut [u8]) {
        match self.source.as_mut().map(|source| source.take(room)) {
            Some(Some(count)) => self.lines.push(room.get(..count).unwrap_or_default()),
            Some(None) => self.source = None,
            None => {}
        }
    }
}
