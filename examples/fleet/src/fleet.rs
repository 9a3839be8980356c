//! The processes of the fleet: started, replaced and killed, as an operator or an orchestrator
//! would.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use homebound::{Context, OnExit, Process, Result, Scope};

use rustix::process::Signal;

use crate::limits::PLATFORM;

/// The longest time for a process to say that it is ready.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process of the fleet.
pub struct Member<'scope> {
    pub name: String,
    process: Process<'scope>,
}

/// How a process was ended by the operator.
pub struct End {
    pub name: String,
    pub killed: bool,
    /// The exit code; `None` for an end by a signal.
    pub code: Option<i32>,
    pub took: Duration,
    /// When the process said that it stops: nothing may be taken after it.
    pub stopping: Option<SystemTime>,
}

impl<'scope> Member<'scope> {
    /// Starts a process, and waits until it is ready. `None` if it has died before that: its first
    /// job may have ended the process.
    pub fn start(
        scope: &'scope Scope<'scope, '_>,
        folder: &Path,
        name: String,
        workers: usize,
    ) -> Result<Option<Member<'scope>>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("worker").arg(folder).arg(&name).arg(workers.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        // A process that dies by itself is no failure of the operator's: it is replaced.
        let process = scope.process(name.clone(), "takes jobs and does them", command);
        let process = process.on_exit(OnExit::Ignore).lines().grace(PLATFORM).spawn()?;
        let member = Member { name, process };
        match member.wait_for("ready", scope.context(), PATIENCE) {
            Ok(_) => Ok(Some(member)),
            Err(_) if !scope.context().is_stopping() && member.process.wait_timeout(PATIENCE).is_ok() => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The moment at which the process has said this.
    fn wait_for(&self, what: &str, cx: &Context, patience: Duration) -> Result<SystemTime> {
        loop {
            let line = cx.recv_timeout(self.process.stdout_lines(), patience);
            let line = line.map_err(|error| format!("{} does not say {what}: {error}", self.name))?;
            if line.text == what {
                return Ok(SystemTime::now());
            }
        }
    }

    pub fn is_over(&self) -> bool {
        self.process.done().try_recv() == Err(homebound::channel::TryRecvError::Disconnected)
    }

    /// SIGTERM, and the platform's patience. A process that hears it ends with 0.
    pub fn stop(self, cx: &Context) -> Result<End> {
        let begin = Instant::now();
        self.process.signal(Signal::TERM.as_raw())?;
        let stopping = self.wait_for("stopping", cx, PLATFORM).ok();
        let status = self.process.wait_timeout(PLATFORM)?;
        Ok(End { name: self.name, killed: false, code: status.code(), took: begin.elapsed(), stopping })
    }

    /// Sends a signal, and does not wait for what comes of it.
    pub fn signal(&self, signal: Signal) -> Result {
        Ok(self.process.signal(signal.as_raw())?)
    }

    /// SIGKILL: no warning, as from the kernel that has no memory left, or a machine that is gone.
    pub fn kill(self) -> Result<End> {
        let begin = Instant::now();
        self.process.signal(Signal::KILL.as_raw())?;
        let status = self.process.wait_timeout(PLATFORM)?;
        Ok(End { name: self.name, killed: true, code: status.code(), took: begin.elapsed(), stopping: None })
    }
}

/// The processes that run now, and those that were ended.
pub struct Fleet<'scope, 'a> {
    pub folder: &'a Path,
    pub workers: usize,
    pub members: Vec<Member<'scope>>,
    pub ends: Vec<End>,
    /// Number of processes that have died by themselves.
    pub died: usize,
    started: usize,
}

impl<'scope, 'a> Fleet<'scope, 'a> {
    pub fn start(
        scope: &'scope Scope<'scope, '_>,
        folder: &'a Path,
        processes: usize,
        workers: usize,
    ) -> Result<Fleet<'scope, 'a>> {
        let mut fleet = Fleet { folder, workers, members: Vec::new(), ends: Vec::new(), died: 0, started: 0 };
        for _ in 0..processes {
            fleet.add(scope)?;
        }
        Ok(fleet)
    }

    /// Adds a process that is ready.
    fn add(&mut self, scope: &'scope Scope<'scope, '_>) -> Result {
        loop {
            self.started += 1;
            let name = format!("process-{}", self.started);
            match Member::start(scope, self.folder, name, self.workers)? {
                Some(member) => break self.members.push(member),
                None => self.died += 1,
            }
        }
        Ok(())
    }

    /// The process with this name.
    pub fn member(&self, name: &str) -> Result<&Member<'scope>> {
        let member = self.members.iter().find(|member| member.name == name);
        Ok(member.ok_or_else(|| format!("{name} is not in the fleet"))?)
    }

    /// One step of a rolling restart: the new process is ready before the oldest is told.
    pub fn replace(&mut self, scope: &'scope Scope<'scope, '_>, kill: bool) -> Result {
        self.add(scope)?;
        let oldest = self.members.remove(0);
        let end = if kill { oldest.kill()? } else { oldest.stop(scope.context())? };
        self.ends.push(end);
        Ok(())
    }

    /// The fault that processes have died by themselves, if some have.
    pub fn deaths(&self) -> Option<String> {
        (self.died > 0).then(|| format!("{} processes died by themselves", self.died))
    }

    /// Puts a new process in the place of each that has died by itself.
    pub fn mend(&mut self, scope: &'scope Scope<'scope, '_>) -> Result {
        let before = self.members.len();
        self.members.retain(|member| !member.is_over());
        let dead = before - self.members.len();
        self.died += dead;
        (0..dead).try_for_each(|_| self.add(scope))
    }

    /// Stops all of them, one after another.
    pub fn stop(&mut self, cx: &Context) -> Result {
        for member in std::mem::take(&mut self.members) {
            self.ends.push(member.stop(cx)?);
        }
        Ok(())
    }
}
