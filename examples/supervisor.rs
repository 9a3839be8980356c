//! Prints the output of a child process, and starts it again when it dies, after a growing pause,
//! until Ctrl-C. Arguments are the command; without them, a shell works for a second and fails.

use std::process::{Command, Stdio};
use std::time::Duration;

use homebound::registry::{Exit, Registry};
use homebound::work::{Child, Restart};
use homebound::{Context, OnExit, Result};

fn main() -> Exit<()> {
    // At once, then after 0.5 s, doubling up to 30 s. A child that has lived for 10 s, the default
    // of `stable_after`, does not count as dying at once.
    let patient = Restart::always().backoff(Duration::from_millis(500), Duration::from_secs(30)).for_ever();
    let exit = Registry::new("supervisor").run(|scope| {
        let keeper = Child::new("keeper", "runs the child process", keep);
        scope.supervisor("work", "starts it again when it dies").restart(patient).add(keeper).start()?;
        scope.context().wait_for_stop();
        Ok(())
    });
    println!("\n{}", exit.shutdown);
    exit
}

/// One life of the process. An error is logged, and is in the dump, with the number of the run.
fn keep(cx: &Context) -> Result {
    // In a scope of its own, because this thread has to hear of a stop before the process does:
    // services beside each other are told the latest first.
    let status = cx.subscope("life", |life| {
        // This thread waits for the process, so the end of the process is no failure of the scope.
        let child = life.process("child", "does the work", command()).on_exit(OnExit::Ignore);
        let child = child.lines().spawn()?;
        println!("keeper: run {}, pid {}", cx.run_number(), child.pid());
        // Until the child has closed its output, or the stop.
        life.context().iter(child.stdout_lines()).for_each(|line| println!("child: {line}"));
        // On Ctrl-C this returns at once, and the scope stops the child after this thread.
        Ok(child.wait()?)
    })?;
    println!("keeper: {status}");
    if status.success() { Ok(()) } else { Err(status.to_string())? }
}

fn command() -> Command {
    let mut arguments = std::env::args_os().skip(1);
    let mut command = match arguments.next() {
        Some(program) => Command::new(program),
        None => {
            let mut shell = Command::new("sh");
            shell.args(["-c", "echo working; sleep 1; exit 1"]);
            shell
        }
    };
    // In a group of its own it may not read from the terminal.
    command.args(arguments).stdin(Stdio::null());
    command
}
