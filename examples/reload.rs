//! Prints a greeting in the period that a file says, and reads the file again on SIGHUP. The old
//! threads come home before the new ones start. If the file makes no sense, the old ones go on.
//!
//! ```sh
//! printf 'hello\n500\n' >/tmp/reload.conf     # what to say, and how often, in milliseconds
//! cargo run --example reload -- /tmp/reload.conf &
//! printf 'bye\n200\n' >/tmp/reload.conf && pkill -HUP -x reload
//! pkill -TERM -x reload
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use homebound::{Exit, Registry, Result, Scope, Signals};

struct Settings {
    greeting: String,
    period: Duration,
}

fn main() -> Exit<()> {
    // One place is enough, because one reload that has not begun is as good as two.
    let (hang_up, reloads) = bounded(1);
    let signals = Signals::default().forward(libc::SIGHUP, hang_up);
    let exit = Registry::new("reload").signals(signals).run(|scope| {
        let path = PathBuf::from(std::env::args_os().nth(1).ok_or("which file? reload FILE")?);
        let mut settings = read(&path)?;
        loop {
            // A stop ends the `recv` inside, and so the loop: its error is no failure.
            settings = scope.subscope("settings", |part| serve(part, &settings, &path, &reloads))?;
        }
    });
    println!("{}", exit.shutdown);
    exit
}

/// Serves with these settings until there are new ones that make sense.
fn serve<'a>(
    part: &Scope<'_, 'a>,
    settings: &'a Settings,
    path: &Path,
    reloads: &Receiver<i32>,
) -> Result<Settings> {
    part.service("greeter", "says hello", move |cx| {
        cx.ticks(settings.period).for_each(|_| println!("{}", settings.greeting));
        Ok(())
    })?;
    loop {
        part.context().recv(reloads)?;
        match read(path) {
            Ok(new) => {
                println!("reload: {:?} every {:?}", new.greeting, new.period);
                // This scope ends here: its service is stopped and joined before the next one.
                return Ok(new);
            }
            Err(error) => eprintln!("reload: the old settings stay: {error}"),
        }
    }
}

fn read(path: &Path) -> Result<Settings> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (greeting, period) = text.trim_end().split_once('\n').ok_or("two lines are needed")?;
    let period = period.parse().map_err(|error| format!("{period:?} is no number: {error}"))?;
    if period == 0 {
        return Err("a period of 0 is none".into());
    }
    Ok(Settings { greeting: greeting.to_owned(), period: Duration::from_millis(period) })
}
