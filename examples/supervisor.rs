//! Prints the output of a child process, and starts it again when it dies, after a growing pause,
//! until Ctrl-C. Arguments are the command; without them, a shell works for a second and fails.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use homebound::registry::{Exit, Registry};
use homebound::{Context, OnExit, Result};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A child that has lived for this long does not count as dying at once.
const STABLE: Duration = Duration::from_secs(10);

fn main() -> Exit<()> {
    let exit = Registry::new("supervisor").run(|scope| {
        let keeper = scope.spawn("keeper", "starts the child again when it dies", keep)?;
        Ok(keeper.join()?)
    });
    println!("\n{}", exit.shutdown);
    exit
}

fn keep(cx: &Context) -> Result {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        // This thread waits for the child's end, so that end is no failure of the scope.
        let child =
            cx.process("child", "does the work", command()).on_exit(OnExit::Ignore).lines().spawn()?;
        println!("keeper: started {}", child.pid());
        // Until the child has closed its output, or the stop.
        cx.iter(child.stdout_lines()).for_each(|line| println!("child: {line}"));
        // On Ctrl-C this returns at once, and the scope stops the child after this thread.
        let status = child.wait()?;
        if started.elapsed() >= STABLE {
            pause = FIRST_PAUSE;
        }
        println!("keeper: {status}; again in {pause:?}");
        cx.sleep(pause)?;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
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
