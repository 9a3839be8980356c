//! Owns the settings of a run: the command line, and the defaults.
//! Refuses to know their use.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use homebound::AtStop;

pub const USAGE: &str = "\
Turns a folder of pictures into thumbnails, a contact sheet and a diagnostics bundle.

Usage: studio [DIR] [options]

  DIR              the pictures (default: a few samples that come with this program)
  --out DIR        where the results go (default: studio-out)
  --workers N      how many threads make thumbnails (default: one per core)
  --watch          stay, and pick up new and changed pictures until stopped
  --web            show the contact sheet at an address on this machine, as far as it is
                   made; stay until stopped, with --watch or without. Anybody who is logged
                   in on this machine can see it there
  --web-port N     the same, at this port (default: any that is free)
  --single         one studio for each --out: a second one hands its DIR over to the first
                   and exits; its other options do not matter then
  --drain, --drop  at a stop, finish what is queued, as far as the grace goes
                   (default), or drop it
  --strict         exit with 1 if there was any problem
  --grace SECS     how long a stop may take (default: 5)
  --stall SECS     report a stage that makes no progress for so long (default: 30)
  --idle SECS      end a stray child process that is idle for so long (default: 60)
  --history FILE   add a line about the stop to this file: see `cargo homebound graces`
  --probe FILE     this file is there while the studio is ready
  --serve DIR      only show the results in DIR, as --web does (it starts this)
  --help           this text

Ctrl-C or SIGTERM stops it cleanly, twice at once. SIGQUIT (Ctrl-\\) prints what every thread does.
SIGUSR1 writes the diagnostics bundle at once, as far as there is something to write.
";

/// A parsed command line.
#[derive(Debug)]
pub enum Request {
    Run(Options),
    MakeSamples(PathBuf),
    /// Be the web server: of these results, at this port.
    Serve(PathBuf, u16),
    Help,
}

#[derive(Debug, Clone)]
pub struct Options {
    pub folder: PathBuf,
    pub out: PathBuf,
    pub workers: usize,
    pub watch: bool,
    pub web: bool,
    /// The port of the web server; 0 for any free port.
    pub web_port: u16,
    pub single: bool,
    /// The fate of the queued pictures.
    pub at_stop: AtStop,
    pub strict: bool,
    pub grace: Duration,
    pub stall: Duration,
    pub idle: Duration,
    pub history: Option<PathBuf>,
    pub probe: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            folder: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/studio/samples")),
            out: PathBuf::from("studio-out"),
            workers: thread::available_parallelism().map_or(2, usize::from),
            watch: false,
            web: false,
            web_port: 0,
            single: false,
            at_stop: AtStop::Drain,
            strict: false,
            grace: Duration::from_secs(5),
            stall: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            history: None,
            probe: None,
        }
    }
}

impl Request {
    pub fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut options = Options::default();
        let (mut folder, mut serve) = (None, None);
        while let Some(arg) = args.next() {
            match arg.to_str() {
                Some("--help" | "-h") => return Ok(Request::Help),
                Some("--make-samples") => {
                    return Ok(Request::MakeSamples(value("--make-samples", &mut args)?.into()));
                }
                Some("--out") => options.out = value("--out", &mut args)?.into(),
                Some("--workers") => options.workers = workers(&mut args)?,
                Some("--watch") => options.watch = true,
                Some("--web") => options.web = true,
                Some("--web-port") => {
                    (options.web, options.web_port) = (true, number("--web-port", &mut args)?);
                }
                Some("--single") => options.single = true,
                Some("--serve") => serve = Some(PathBuf::from(value("--serve", &mut args)?)),
                Some("--drain") => options.at_stop = AtStop::Drain,
                Some("--drop") => options.at_stop = AtStop::Drop,
                Some("--strict") => options.strict = true,
                Some("--grace") => options.grace = seconds("--grace", &mut args)?,
                Some("--stall") => options.stall = seconds("--stall", &mut args)?,
                Some("--idle") => options.idle = seconds("--idle", &mut args)?,
                Some("--history") => options.history = Some(value("--history", &mut args)?.into()),
                Some("--probe") => options.probe = Some(value("--probe", &mut args)?.into()),
                Some(other) if other.starts_with('-') => {
                    return Err(format!("unknown option {other}"));
                }
                _ if folder.is_some() => return Err("more than one DIR".into()),
                _ => folder = Some(PathBuf::from(arg)),
            }
        }
        if let Some(results) = serve {
            return Ok(Request::Serve(results, options.web_port));
        }
        options.folder = folder.unwrap_or(options.folder);
        Ok(Request::Run(options))
    }
}

fn value(option: &str, args: &mut dyn Iterator<Item = OsString>) -> Result<OsString, String> {
    args.next().ok_or_else(|| format!("{option} needs a value"))
}

fn number<N: FromStr>(option: &str, args: &mut dyn Iterator<Item = OsString>) -> Result<N, String> {
    let text = value(option, args)?;
    let number = text.to_str().and_then(|text| text.parse().ok());
    number.ok_or_else(|| format!("{option} needs a number, not {}", text.to_string_lossy()))
}

fn workers(args: &mut dyn Iterator<Item = OsString>) -> Result<usize, String> {
    match number("--workers", args)? {
        n @ 1..=1024 => Ok(n),
        n => Err(format!("--workers must be from 1 to 1024, not {n}")),
    }
}

fn seconds(option: &str, args: &mut dyn Iterator<Item = OsString>) -> Result<Duration, String> {
    let seconds = number::<f64>(option, args)?;
    // A year is as good as for ever, and no sum of such times overflows.
    match (0.0..=31_536_000.0).contains(&seconds) {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err(format!("{option} must be from 0 to 31536000 seconds")),
    }
}

/// The settings as `settings.txt` of the diagnostics bundle shows them.
impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "folder   {}", self.folder.display())?;
        writeln!(f, "out      {}", self.out.display())?;
        writeln!(f, "workers  {}", self.workers)?;
        writeln!(f, "watch    {}", self.watch)?;
        writeln!(f, "web      {}, port {}", self.web, self.web_port)?;
        writeln!(f, "single   {}", self.single)?;
        writeln!(f, "at stop  {:?}", self.at_stop)?;
        writeln!(f, "strict   {}", self.strict)?;
        writeln!(f, "grace    {:?}", self.grace)?;
        writeln!(f, "stall    {:?}", self.stall)?;
        writeln!(f, "idle     {:?}", self.idle)
    }
}
