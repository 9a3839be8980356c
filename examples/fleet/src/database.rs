//! A PostgreSQL of the fleet's own: a server in a temporary folder, behind a unix socket, which is
//! a child process of the scope.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use homebound::{Context, OnExit, Process, Result, Scope};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::queue::{SCHEMA, connect};

/// The longest time for the server to begin, or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The folder of a database. It is removed when the value drops.
pub struct Database {
    folder: TempDir,
    programs: PathBuf,
    user: Option<User>,
}

/// The user that the server runs as, if this process is root's: PostgreSQL refuses root.
struct User {
    uid: u32,
    gid: u32,
}

impl Database {
    /// Makes an empty database.
    pub fn create() -> Result<Database> {
        let programs = find_programs()?;
        let user = User::for_server()?;
        let folder = tempfile::Builder::new()
            .prefix("fleet-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()?;
        if let Some(user) = &user {
            chown(folder.path(), Some(user.uid), Some(user.gid))?;
        }
        let database = Database { folder, programs, user };
        let mut command = database.command("initdb");
        command.args([
            "--username=fleet",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
            "--pgdata",
        ]);
        let made = command.arg(database.data()).stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
        if !made.status.success() {
            Err(format!("initdb: {}: {}", made.status, String::from_utf8_lossy(&made.stderr)))?;
        }
        Ok(database)
    }

    /// The folder with the server's socket.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// A program of PostgreSQL's, as the user that the server runs as.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder()).stdin(Stdio::null());
        if let Some(user) = &self.user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    /// Starts the server, and waits until it answers. It is a member of the scope, and ends after
    /// the workers of the scope.
    pub fn start<'scope>(&self, scope: &'scope Scope<'scope, '_>) -> Result<Process<'scope>> {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder());
        command.args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=100"]);
        command.stdout(Stdio::null()).stderr(File::options().create(true).append(true).open(self.log())?);
        let server = scope.process("postgres", "keeps the jobs", command).on_exit(OnExit::Ignore);
        let server = server.grace(Duration::from_secs(5)).spawn()?;
        self.wait_until_it_answers(scope.context(), &server)?;
        Ok(server)
    }

    fn wait_until_it_answers(&self, cx: &Context, server: &Process<'_>) -> Result {
        let begin = Instant::now();
        // The server tells nobody when it is ready, so look.
        while let Err(error) = connect(self.folder()) {
            if server.wait_timeout(Duration::from_millis(20)).is_ok() || begin.elapsed() > PATIENCE {
                Err(format!("the server does not answer: {error}; {}", fs::read_to_string(self.log())?))?;
            }
            cx.checkpoint()?;
        }
        Ok(())
    }

    /// Makes the tables.
    pub fn prepare(&self) -> Result {
        Ok(connect(self.folder())?.batch_execute(SCHEMA)?)
    }
}

/// Ends the server at once, as a machine that loses its power: clients see broken connections, and
/// transactions that are not committed are gone.
pub fn crash(server: &Process<'_>) -> Result {
    server.signal(Signal::QUIT.as_raw())?;
    server.wait_timeout(PATIENCE)?;
    Ok(())
}

/// The folder with `initdb` and `postgres`: `FLEET_POSTGRES`, or the newest that Debian has
/// installed, or from PATH.
fn find_programs() -> Result<PathBuf> {
    let wanted = std::env::var_os("FLEET_POSTGRES").map(PathBuf::from);
    let found = match &wanted {
        Some(folder) => vec![folder.clone()],
        None => installed(),
    };
    let both = |folder: &PathBuf| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file());
    found.into_iter().find(both).ok_or_else(|| {
        let place = wanted.map_or_else(|| "here".into(), |folder| format!("in {}", folder.display()));
        let advice = "apt-get install postgresql, or set FLEET_POSTGRES to the folder of initdb";
        format!("there is no PostgreSQL {place}: {advice}").into()
    })
}

/// Folders in which PostgreSQL may be.
fn installed() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = versions.map(|entry| entry.path().join("bin")).collect();
    folders.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    folders
}

/// The number in `/usr/lib/postgresql/15/bin`.
fn version(folder: &Path) -> Option<u32> {
    folder.parent()?.file_name()?.to_str()?.parse().ok()
}

impl User {
    /// None if this process is not root's. Else the user `postgres`, or `nobody`.
    fn for_server() -> Result<Option<User>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd")?;
        let of = |name: &str| users.lines().find_map(|line| User::in_line(line, name));
        let user = of("postgres").or_else(|| of("nobody"));
        let missing = || {
            io::Error::new(
                io::ErrorKind::NotFound,
                "root may not run PostgreSQL, and there is no user postgres",
            )
        };
        Ok(Some(user.ok_or_else(missing)?))
    }

    fn in_line(line: &str, name: &str) -> Option<User> {
        let mut fields = line.split(':');
        let is_it = fields.next()? == name;
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        is_it.then_some(User { uid, gid })
    }
}
