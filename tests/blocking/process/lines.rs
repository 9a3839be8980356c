//! Lines of a child's output: none is lost while a reader lives, and no reader holds the child up
//! for ever.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{command, first_line, sh};
use crate::common::{NEVER, eventually, in_scope, linger, within};
use homebound::{Line, OnExit, WaitError, scope};

#[test]
fn a_flood_that_nobody_reads_holds_nobody_up() {
    for lossy in [true, false] {
        in_scope(move |scope| {
            let child = scope.process("flood", "prints without end", command("yes", &[]));
            let child = if lossy { child.lines_lossy() } else { child.lines() }.spawn()?;
            if lossy {
                assert!(child.stdout_lines().len() <= 1024);
            }
            eventually("lines are lost", || child.lost_lines() > 0);
            let before = child.lost_lines();
            // catches: a child that waits for a reader; lines that pile up.
            eventually("more lines are lost", || child.lost_lines() > before);
            child.stop();
            assert_eq!(child.wait()?.signal(), Some(15));
            // catches: the newest dropped instead of the oldest; a gap that one cannot see.
            let lines: Vec<Line> = child.stdout_lines().iter().collect();
            assert_eq!(lines.len(), 1024);
            assert_eq!(lines[0].number, child.lost_lines() + 1);
            assert!(lines.windows(2).all(|pair| pair[1].number == pair[0].number + 1));
            Ok(())
        });
    }
}

#[test]
fn a_gap_is_counted_when_it_is_seen() {
    in_scope(|scope| {
        let child =
            scope.process("flood", "prints without end", command("yes", &[])).lines_lossy().spawn()?;
        let (mut next, mut gone) = (1, 0);
        // catches: the oldest line taken out of the queue first, and counted as lost then.
        for line in child.stdout_lines().iter().take_while(|line| line.number < 400_000) {
            gone += line.number - next;
            next = line.number + 1;
            let lost = child.lost_lines();
            assert!(lost >= gone, "{lost} lines are lost, and {gone} are missing before {line:?}");
        }
        Ok(child.stop())
    });
}

#[test]
fn no_line_is_lost_while_somebody_reads() {
    in_scope(|scope| {
        let script = "yes | head -c 2000000; seq 100000 >&2; printf last";
        let child = scope.process("much", "prints much", sh(script)).lines().spawn()?;
        let errors = child.stderr_lines().clone();
        let reader = scope.spawn("reader", "reads the errors, with pauses", move |_| {
            let mut count = 0_u64;
            for line in errors {
                count += 1;
                assert_eq!((line.number, line.parse()), (count, Ok(count)));
                if count.is_multiple_of(30_000) {
                    linger(30);
                }
            }
            Ok(count)
        })?;
        // catches: a queue from which the oldest goes though its reader is at work.
        let mut count = 0;
        for line in child.stdout_lines() {
            count += 1;
            assert_eq!((line.number, &*line), (count, if count > 1_000_000 { "last" } else { "y" }));
        }
        assert_eq!((count, reader.join()?, child.lost_lines()), (1_000_001, 100_000, 0));
        // catches: lines that are lost before their reader has asked for them.
        let child = scope.process("early", "prints much at once", sh("seq 50000")).lines().spawn()?;
        linger(50);
        assert_eq!((child.stdout_lines().iter().count(), child.lost_lines()), (50_000, 0));
        Ok(())
    });
}

#[test]
fn a_child_whose_reader_is_busy_waits_and_one_that_ends_loses_nothing() {
    in_scope(|scope| {
        let script = "seq 200000; echo end >&2";
        let child = scope.process("much", "prints much", sh(script)).lines().spawn()?;
        let lines = child.stdout_lines();
        eventually("the queue is full", || lines.len() == 1024);
        // It has begun to wait, or does now: a look at its errors says that it has not come to its
        // end.
        linger(50);
        // catches: a queue without a bound; a child that goes on without its reader.
        assert!(lines.len() == 1024 && child.stderr_partial().is_empty());
        assert!(!child.done().try_recv().is_err_and(|error| error.is_disconnected()));
        assert_eq!(lines.iter().zip(1_u64..).filter(|(line, n)| line.number == *n).count(), 200_000);
        assert_eq!(child.lost_lines(), 0);
        // Lines that fit into pipe and queue together are printed at once. The contents of the pipe
        // at the end do not wait for a reader.
        let child = scope.process("little", "prints little", sh("seq 3000")).lines().spawn()?;
        let lines = child.stdout_lines();
        assert!(child.wait()?.success());
        assert_eq!(lines.iter().map(|line| line.parse::<u64>().unwrap()).sum::<u64>(), 3000 * 3001 / 2);
        assert_eq!(child.lost_lines(), 0);
        Ok(())
    });
}

#[test]
fn a_reader_that_waits_instead_is_no_deadlock() {
    in_scope(|scope| {
        let child = scope.process("much", "prints much", sh("seq 200000")).lines().spawn()?;
        let lines = child.stdout_lines();
        // catches: a child that waits for a reader while the reader waits for the child.
        assert!(child.wait()?.success());
        let read: Vec<Line> = lines.iter().collect();
        assert_eq!(read.len() as u64 + child.lost_lines(), 200_000);
        assert_eq!(read.last().unwrap().number, 200_000);
        Ok(())
    });
    in_scope(|scope| {
        // It prints much before it heeds SIGTERM.
        let script = "trap 'seq 200000; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
        let child = scope.process("much", "prints much", sh(script)).grace(NEVER).lines().spawn()?;
        assert_eq!(&*first_line(&child), "ready");
        child.stop();
        // catches: a stop that a full queue holds up. Nobody is in `wait`.
        child.done().recv().unwrap_err();
        assert_eq!(child.wait()?.code(), Some(7));
        Ok(())
    });
    // The same, when the child's handle is gone, and a copy of its receiver is not.
    let lines = within(|| {
        scope(|scope| {
            let script = "trap 'seq 200000; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
            let child = scope.process("much", "prints much", sh(script)).grace(NEVER).lines().spawn()?;
            let lines = child.stdout_lines().clone();
            assert_eq!(&*lines.recv()?, "ready");
            Ok(lines)
        })
    });
    let count = lines.unwrap().iter().count();
    assert!((1000..100_000).contains(&count), "{count}");
}

#[test]
fn a_reader_who_is_gone_holds_nobody_up() {
    in_scope(|scope| {
        let child = scope.process("much", "prints much", sh("seq 200000"));
        let child = child.on_exit(OnExit::StopScope).lines().spawn()?;
        assert_eq!(&*first_line(&child), "1");
        drop(child);
        // catches: lines that are kept without a reader, and a child that waits for the reader.
        scope.context().wait_for_stop();
        Ok(())
    });
}

#[test]
fn a_line_that_has_not_ended_can_be_asked_for() {
    in_scope(|scope| {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "printf 'a\\nname? '; printf 'err: ' >&2; read name; printf \"$name\"; read end; exit 0",
        ]);
        let child = scope.process("asks", "asks", {
            command.stdin(Stdio::piped());
            command
        });
        let child = child.lines().spawn()?;
        let mut input = child.take_stdin().expect("piped");
        eventually("it asks", || child.stdout_partial() == "name? " && child.stderr_partial() == "err: ");
        assert_eq!(&*first_line(&child), "a");
        input.write_all(b"you\n")?;
        eventually("it says more", || child.stdout_partial() == "name? you");
        // catches: text that is shown and then not in its line; a line that is over and still
        // shown.
        drop(input);
        assert_eq!((&*first_line(&child), &*child.stdout_partial()), ("name? you", ""));
        child.done().recv().unwrap_err();
        Ok(())
    });
}

#[test]
fn text_is_never_a_line_and_unfinished_at_once() {
    in_scope(|scope| {
        // Each answer ends the prompt, and prints a thousand lines and the next prompt in one
        // write: the reader has the first line long before the last one is cut.
        let script = "more=$(seq 1000); n=0; printf 'ask 0'; \
                      while read answer; do n=$((n + 1)); printf '\\n%s\\nask %d' \"$more\" $n; done";
        let mut command = sh(script);
        command.stdin(Stdio::piped());
        let child = scope.process("asks", "asks again and again", command).lines().spawn()?;
        let mut input = child.take_stdin().expect("piped");
        for round in 0..20 {
            let prompt = format!("ask {round}");
            eventually("it asks", || child.stdout_partial() == prompt);
            input.write_all(b"\n")?;
            let first = child.stdout_lines().recv()?;
            // catches: a line that is in the queue while its text is still shown as unfinished.
            assert_ne!(child.stdout_partial(), prompt);
            assert_eq!(&*first, prompt);
            child.stdout_lines().iter().take(1000).for_each(drop);
        }
        drop(input);
        Ok(())
    });
}

#[test]
fn a_line_without_end_comes_in_pieces() {
    in_scope(|scope| {
        let script = "head -c 4095 /dev/zero | tr '\\0' x; printf '\\303\\251'; head -c 5000 /dev/zero | tr '\\0' y; \
                      printf '\\r\\nshort\\n\\n\\377 no line feed'; printf 'bad\\n' >&2";
        let child = scope.process("long", "prints long lines", sh(script)).lines().spawn()?;
        let lines: Vec<Line> = child.stdout_lines().iter().collect();
        let sizes: Vec<(usize, bool)> = lines.iter().map(|line| (line.len(), line.cut)).collect();
        // catches: a line without a bound; a character cut in two; text that is lost at a cut, at
        // the end, at `\r`.
        assert_eq!(
            sizes,
            [(4095, true), (4096, true), (5000 + 2 - 4096, false), (5, false), (0, false), (3 + 13, false)]
        );
        assert!(lines[1].starts_with('é') && lines[2].ends_with('y'));
        assert_eq!(lines[5].text, "\u{FFFD} no line feed");
        // catches: the two streams mixed up.
        let errors: Vec<String> = child.stderr_lines().iter().map(|line| line.to_string()).collect();
        assert_eq!(errors, ["bad"]);
        assert_eq!(child.lost_lines(), 0);
        Ok(())
    });
}

#[test]
fn a_child_that_closes_its_output_lives_on() {
    in_scope(|scope| {
        let script = "echo last; exec sleep 1000 >&- 2>&-";
        let child = scope.process("silent", "closes its output", sh(script)).lines().spawn()?;
        assert_eq!(child.stdout_lines().iter().count(), 1);
        // catches: an end of output that counts as an end of the child.
        assert!(matches!(child.wait_timeout(Duration::from_millis(20)), Err(WaitError::TimedOut)));
        let tid = scope.active_threads().iter().find(|t| t.name == "silent").unwrap().os_tid.unwrap();
        let busy = || {
            let stat = std::fs::read_to_string(format!("/proc/self/task/{tid}/schedstat")).unwrap();
            Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
        };
        let before = busy();
        linger(300);
        // catches: a poll that returns at once, for ever, since a closed pipe is ready.
        assert!(busy() - before < Duration::from_millis(50), "it spins: {:?}", busy() - before);
        child.stop();
        assert_eq!(child.wait()?.signal(), Some(15));
        Ok(())
    });
}
