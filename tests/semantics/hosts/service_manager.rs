//! SM: what a run tells the service manager.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use homebound::{Notify, Registry, registry};

use super::{Manager, managed, sleeps_of_watch};
use crate::common::*;

const LONG: Duration = Duration::from_secs(60);

fn plain(_: &str) -> i32 {
    let exit = Registry::new("plain").notify(Notify::from_env()).run(|scope| {
        let (told, news) = gate();
        scope.service("clock", "ticks", move |cx| {
            cx.wait_for_stop();
            say("told");
            pass(&news);
            Ok(())
        })?;
        scope.context().ready();
        scope.context().ready();
        say("ready");
        scope.context().wait_for_stop();
        drop(told);
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn sm1_ready_is_told_once_and_stopping_before_a_service_is() {
    let (manager, mut child) = managed(Manager::at_path, "", plain, |_| {});
    child.until("ready");
    assert_eq!(manager.rest(), ["READY=1"]);
    child.signal(libc::SIGTERM);
    child.until("told");
    // It was there before the service was told, so nothing is waited for here.
    let seen = manager.rest();
    assert_eq!(seen.first().map(String::as_str), Some("STOPPING=1"), "{seen:?}");
    assert_eq!(seen.iter().filter(|text| *text == "STOPPING=1").count(), 1);
    assert_eq!(child.finish().code, Some(0));
    let seen: Vec<_> = seen.into_iter().chain(manager.rest()).collect();
    assert!(!seen.iter().any(|text| text == "READY=1"), "{seen:?}");
}

fn ends_by_itself(_: &str) -> i32 {
    let exit = Registry::new("ends").notify(Notify::from_env()).run(|scope| {
        scope.service("clock", "ticks", |cx| {
            cx.wait_for_stop();
            say("told");
            // Until the test has looked.
            std::io::stdin().read_line(&mut String::new())?;
            Ok(())
        })?;
        scope.context().ready();
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn sm1_stopping_is_told_first_also_if_nothing_but_the_end_of_the_body_stops() {
    // catches: a message that only the first signal causes, or that another thread sends later
    let (manager, mut child) = managed(Manager::at_path, "", ends_by_itself, |command| {
        command.stdin(std::process::Stdio::piped());
    });
    child.until("told");
    let seen = manager.rest();
    assert_eq!(seen.first().map(String::as_str), Some("READY=1"), "{seen:?}");
    assert_eq!(seen.get(1).map(String::as_str), Some("STOPPING=1"), "{seen:?}");
    child.close_stdin();
    assert_eq!(child.finish().code, Some(0));
}

fn late(_: &str) -> i32 {
    let (_keep, never) = gate();
    let exit = Registry::new("late")
        .grace(Duration::from_millis(400))
        .kill_after(LONG)
        .notify(Notify::from_env())
        .run(|scope| {
            scope.service("punctual", "comes when told", |cx| Ok(drop(cx.wait_for_stop())))?;
            scope.service("late-one", "does not come when told", move |_| Ok(pass(&never)))?;
            scope.context().ready();
            scope.context().wait_for_stop();
            Ok(())
        });
    i32::from(exit.code())
}

#[test]
fn sm1_the_status_names_an_overdue_thread() {
    let (manager, mut child) = managed(Manager::at_path, "", late, |_| {});
    manager.until("READY=1");
    child.signal(libc::SIGTERM);
    let seen = manager.until("STATUS=stopping: waits for 1: late-one (overdue)");
    assert!(seen.iter().any(|text| text == "STOPPING=1"), "{seen:?}");
    // Each step brings more time: the first service is told, is overdue, the second is told.
    let steps: Vec<u64> =
        seen.iter().filter_map(|text| text.strip_prefix("EXTEND_TIMEOUT_USEC=")?.parse().ok()).collect();
    assert!(steps.len() >= 2, "{seen:?}");
    let all = u64::try_from((LONG + Duration::from_millis(400)).as_micros()).unwrap();
    assert!(steps.iter().all(|left| (all / 2..=all).contains(left)), "{steps:?}");
    assert!(steps.windows(2).all(|two| two[0] > two[1]), "{steps:?}");
    child.signal(libc::SIGKILL);
    child.finish();
}

#[test]
fn sm2_the_address_may_be_abstract() {
    let (manager, mut child) = managed(Manager::without_path, "", plain, |_| {});
    assert_eq!(manager.until("READY=1"), ["READY=1"]);
    child.signal(libc::SIGTERM);
    manager.until("STOPPING=1");
    assert_eq!(child.finish().code, Some(0));
}

#[test]
fn sm1_a_group_that_ends_while_the_program_goes_on_is_no_step_of_its_end() {
    // catches: looks at the threads that are waited for, now and then, for the rest of the run
    let (manager, child) = managed(
        Manager::at_path,
        "",
        |_| {
            let exit = Registry::new("goes-on").notify(Notify::from_env()).run(|scope| {
                let group = scope.group("requests")?;
                group.service("clock", "ticks", |cx| Ok(drop(cx.wait_for_stop())))?;
                group.close()?;
                // Its thread may still be on its way to sleep.
                linger(100);
                let before = sleeps_of_watch();
                linger(1_500); // the first look would come after a second
                Ok(assert_eq!(sleeps_of_watch(), before))
            });
            i32::from(exit.code())
        },
        |_| {},
    );
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
    let seen = manager.rest();
    assert_eq!(seen.first().map(String::as_str), Some("STOPPING=1"), "{seen:?}");
}

#[test]
fn sm2_a_refusal_is_logged_once_in_each_run_however_short() {
    // catches: a refusal that waits for a look which comes too late
    fn short(_: &str) -> i32 {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&lines);
        let told = subscriber::Told::new(move |line| into.lock().unwrap().push(line.to_owned()));
        tracing::subscriber::set_global_default(told).expect("the child's own");
        let run = |_| {
            let exit = Registry::new("short").notify(Notify::from_env()).run(|scope| {
                scope.context().ready();
                Ok(())
            });
            exit.code()
        };
        // Some of them, because a look may come in time by chance.
        let codes: Vec<_> = (0..20).map(run).collect();
        let is_told = |line: &&String| line.contains("the service manager is not told anything");
        say(&format!("told {}", lines.lock().unwrap().iter().filter(is_told).count()));
        i32::from(codes.iter().any(|code| *code != 0))
    }
    for address in ["/", "/no/such/socket", "@", "relative", "vsock:2:1"] {
        let child = child_with("", short, |command| {
            command.env("NOTIFY_SOCKET", address);
        });
        let done = child.finish();
        assert_eq!(done.code, Some(0), "{address}: {done:#?}");
        assert!(done.out.contains("<told 20>"), "{address}: {done:#?}");
    }
}

#[test]
fn sm1_a_text_of_the_program_is_one_line() {
    // catches: a status that says other words to the manager
    let (manager, child) = managed(
        Manager::at_path,
        "",
        |_| {
            let exit = Registry::new("says").notify(Notify::from_env()).run(|scope| {
                scope.context().status("warm\nMAINPID=1");
                scope.context().status("\u{10348}".repeat(500));
                Ok(())
            });
            i32::from(exit.code())
        },
        |_| {},
    );
    assert_eq!(child.finish().code, Some(0));
    assert_eq!(manager.next(), "STATUS=warm\\nMAINPID=1");
    let long = manager.next(); // is text, so it is cut between two characters
    assert!((890..=900).contains(&long.len()), "{}", long.len());
}

fn has_children(_: &str) -> i32 {
    let ask =
        "echo ${NOTIFY_SOCKET-none} ${WATCHDOG_USEC-none} ${LISTEN_FDS-none} ${LISTEN_PID-none} ${MINE-none}";
    let exit = Registry::new("parent").notify(Notify::from_env()).run(|scope| {
        let shell = |set: &[(&str, &str)]| {
            let mut command = Command::new("sh");
            command.args(["-c", ask]).envs(set.iter().copied());
            let child = scope.process("child", "shows its environment", command).lines().spawn()?;
            let line = child.stdout_lines().iter().next().map(|line| line.text);
            child.wait()?;
            Ok::<_, homebound::BoxError>(line.unwrap_or_default())
        };
        assert_eq!(shell(&[])?, "none none none none yes");
        assert_eq!(shell(&[("NOTIFY_SOCKET", "/x"), ("MINE", "no")])?, "/x none none none no");
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn sm6_children_do_not_inherit_the_words_of_the_manager() {
    let (_manager, child) = managed(Manager::at_path, "", has_children, |command| {
        command
            .env("WATCHDOG_USEC", "1000000")
            .env("LISTEN_FDS", "1")
            .env("LISTEN_PID", "1")
            .env("MINE", "yes");
    });
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

fn descriptors(_: &str) -> i32 {
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    // The first run of a process opens what stays open.
    registry::run(|_| Ok(())).into_result().unwrap();
    let during = |registry: Registry| registry.run(|_| Ok(count())).into_result().unwrap();
    let with = during(Registry::new("app").notify(Notify::from_env()));
    let without = during(Registry::new("app"));
    say(&format!("{} more", with - without));
    0
}

#[test]
fn sm8_without_a_manager_there_is_no_descriptor() {
    let done = in_child("", descriptors);
    assert!(done.out.contains("<0 more>"), "{done:#?}");
    let (_manager, child) = managed(Manager::at_path, "", descriptors, |_| {});
    let done = child.finish();
    assert!(done.out.contains("<1 more>"), "{done:#?}");
}
