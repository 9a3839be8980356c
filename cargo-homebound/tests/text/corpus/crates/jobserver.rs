// In the manner of jobserver and ctrlc: system calls, and a helper that waits in them.
use homebound::{Context, Scope};
use std::os::fd::AsRawFd;

fn acquire(cx: &Context, pipe: &Pipe) -> homebound::Result {
    let mut fd = libc::pollfd { fd: pipe.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    unsafe { libc::poll(&mut fd, 1, -1) }; //~ deaf-wait
    Ok(())
}

fn acquire_well(cx: &Context, pipe: &Pipe) -> homebound::Result {
    let stop = cx.stop_fd()?;
    let mut fds = [pollfd(pipe.as_raw_fd()), pollfd(stop.as_raw_fd())];
    unsafe { libc::poll(fds.as_mut_ptr(), 2, -1) }; //~ none
    cx.checkpoint()?;
    Ok(())
}

fn reap(cx: &Context, pid: i32) {
    let mut status = 0;
    unsafe { libc::waitpid(pid, &mut status, 0) }; //~ deaf-wait
}

fn helper<'s>(scope: &'s Scope<'s, '_>, state: State) -> homebound::Result {
    scope.spawn("helper", "TBD: say what it helps with", move |cx| { //~ blank-purpose
        loop {
            cx.waiting("a token", || state.acquire_blocking())?; //~ none
            cx.checkpoint()?;
        }
    })?;
    let purpose = "FIXME";
    scope.service("signals", purpose, wait_for_signals)?; //~ blank-purpose
    scope.service("signal watcher", "watches for signals", wait_for_signals)?; //~ none
    Ok(())
}

fn wait_for_signals(cx: &Context) -> homebound::Result {
    loop {
        unsafe { libc::pause() }; //~ deaf-wait
        cx.checkpoint()?;
    }
}

fn fail() -> ! {
    libc_exit(70) //~ none
}

fn main() {
    let exit = homebound::registry::run(|scope| helper(scope, State::new()));
    if exit.result.is_err() {
        std::process::exit(3); //~ none
    }
}
