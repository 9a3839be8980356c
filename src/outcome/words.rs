//! Owns the words that texts share: durations, counts, rails, marks of rows with one name.
//! Refuses to know the subject of a row: `status::labels`, `dump` and `report_text` do.

use std::fmt;
use std::time::Duration;

use crate::rt::order::sort_by_key;
use crate::rt::shown::Shown;

/// The wait of a thread whose body is over, for the threads of its scope.
pub(crate) const ITS_THREADS: &str = "the threads of its scope";

/// Begins a limit of a snapshot: what the kernel was asked about threads, and why it did not tell.
pub(crate) const IN_THE_KERNEL: &str = "what threads do in the kernel";

/// The wait of a thread that drops a group. Its stack says where the group is dropped, because a
/// drop has no line.
pub(crate) const DROP_OF: &str = "drop of group";

/// The wait of a thread for a callback of its own, which runs on another thread. It has no line,
/// because it is the drop of a guard.
pub(crate) const ITS_CALLBACK: &str = "the end of its callback";

/// The wait of a body's thread for OS threads that run destructors of thread-locals, when all
/// closures are over.
pub(crate) const ITS_ENDS: &str = "its OS threads to be gone";

/// The waits of a supervisor for one of its children. It goes on with the others meanwhile.
pub(crate) const END_OF_CHILD: &str = "the end";
pub(crate) const START_OF_CHILD: &str = "the start";

/// Each item, and true with the last.
pub(crate) fn with_last<T>(items: &[T]) -> impl Iterator<Item = (&T, bool)> {
    items.iter().enumerate().map(|(place, item)| (item, place + 1 == items.len()))
}

/// The rail before an item, and the rail before the lines below the item.
pub(crate) fn rails(indent: &str, last: bool) -> (String, String) {
    let (here, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
    (format!("{indent}{here}"), format!("{indent}{below}"))
}

/// The names that several rows have, in their order. Rows of one name show their ids, to be told
/// apart.
pub(crate) struct Twins<'a>(Vec<&'a str>);

impl<'a> Twins<'a> {
    pub(crate) fn among(names: &mut dyn Iterator<Item = &'a str>) -> Twins<'a> {
        let mut all: Vec<_> = names.collect();
        sort_by_key(&mut all, |name| *name);
        // Sorted, so equal names are neighbours. A name that three rows have is found twice.
        let mut twins: Vec<_> = all.windows(2).filter(|two| two[0] == two[1]).map(|two| two[0]).collect();
        twins.dedup();
        Twins(twins)
    }

    /// The text behind a name: ` #17` if other rows have the same name, otherwise none.
    pub(crate) fn mark(&self, name: &str, id: impl fmt::Display) -> String {
        if self.0.binary_search(&name).is_ok() { format!(" {id}") } else { String::new() }
    }
}

/// A thread that was not ready after this time, whatever it does.
pub(crate) struct NotReady(pub(crate) Duration);

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "starting (not ready) for {}", Span(self.0))
    }
}

/// Number of characters of a failure that a row shows.
const SHOWN_OF_FAILURE: usize = 160;

/// The end of the row of a thread that has run more than once: `, run 3, restarts 2, last failure:
/// ..`. Empty for any other thread.
pub(crate) struct Restarts<'a> {
    pub(crate) run: u64,
    pub(crate) restarts: u64,
    pub(crate) last_failure: Option<&'a str>,
}

impl fmt::Display for Restarts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Restarts { run, restarts, last_failure } = *self;
        if run > 1 || restarts > 0 {
            write!(f, ", run {run}, restarts {restarts}")?;
        }
        let Some(text) = last_failure else { return Ok(()) };
        // By characters, because a cut inside of one would panic. `None` if all of the text fits.
        let end = text.char_indices().nth(SHOWN_OF_FAILURE).map(|(end, _)| end);
        let more = if end.is_some() { ".." } else { "" };
        write!(
            f,
            ", last failure: {}{more}",
            Shown(text.get(..end.unwrap_or(text.len())).unwrap_or_default())
        )
    }
}

/// A duration, shown with the digits that matter.
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without numbers with a fraction, whose text takes 15 KiB of code.
        let (seconds, micros) = (self.0.as_secs(), self.0.subsec_micros());
        match seconds {
            0 if micros < 1_000 => write!(f, "{micros} us"),
            0 => write!(f, "{}.{} ms", micros / 1_000, micros / 100 % 10),
            1..60 => write!(f, "{seconds}.{:02} s", micros / 10_000),
            60..3600 => write!(f, "{} min {:02} s", seconds / 60, seconds % 60),
            _ => write!(f, "{} h {:02} min", seconds / 3600, seconds / 60 % 60),
        }
    }
}

/// Reads a time as people write it in a setting: `10s`, `500ms`, `2m`, or a number of seconds.
pub(crate) fn read_span(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = digits.parse().ok()?;
    match unit.trim() {
        "ms" => Some(Duration::from_millis(number)),
        "" | "s" => Some(Duration::from_secs(number)),
        "m" | "min" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

/// A count, with a comma between each three digits: `9,311`.
pub(crate) struct Thousands(pub(crate) u64);

impl fmt::Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.chars().enumerate() {
            // A comma stands where a multiple of three digits is left.
            if place > 0 && (digits.len() - place) % 3 == 0 {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// The path with a `*` in place of each number.
pub(crate) fn pattern(path: &str) -> String {
    let mut pattern = String::new();
    for c in path.chars().map(|c| if c.is_ascii_digit() { '*' } else { c }) {
        if c != '*' || !pattern.ends_with('*') {
            pattern.push(c);
        }
    }
    pattern
}
