//! PO8: what is seen of a pool.

use super::busy;
use crate::common::*;

#[test]
fn po8_a_dump_shows_the_job_its_note_and_the_queue() {
    in_scope(|s| {
        let pool = s.pool("thumbs", "makes small pictures").threads(1).queue(2).start()?;
        for _ in 0..2 {
            pool.submit(s.context(), |_| Ok(()))?.join()?;
        }
        let (open, gate) = gate();
        let (begun, begins) = crossbeam_channel::bounded(1);
        let _running = pool.submit(s.context(), move |cx| {
            cx.note("a.png");
            begun.send(())?;
            pass(&gate);
            Ok(())
        })?;
        begins.recv()?;
        let _queued = [pool.submit(s.context(), |_| Ok(()))?, pool.submit(s.context(), |_| Ok(()))?];
        let dump = s.dump_status();
        assert!(dump.contains("thumbs-1  (worker: makes small pictures)"), "{dump}");
        assert!(dump.contains("  job 3 \"a.png\" for "), "{dump}");
        assert!(dump.contains("(pool)"), "{dump}");
        assert!(dump.contains("FULL, 2 queued, 2 done, oldest waits "), "{dump}");
        let waits = pool.clone();
        let submitter = s.spawn("submitter", "waits", move |cx| Ok(waits.execute(cx, |_| Ok(()))?))?;
        eventually("it waits", || pool.status().waiting == 1);
        let dump = s.dump_status();
        assert!(dump.contains("waits: a place in "), "{dump}");
        assert!(dump.contains("/thumbs (1: thumbs-1)"), "{dump}");
        assert!(dump.contains("FULL (1 wait for a place), 2 queued"), "{dump}");
        let group = &s.snapshot().root.scopes[0];
        let status = group.pool.clone().expect("it is a pool");
        assert_eq!((status.queued, status.running, status.waiting, status.threads), (2, 1, 1, 1));
        assert!(status.oldest_wait.is_some());
        let job = group.threads.iter().find_map(|thread| thread.job.clone()).expect("it runs a job");
        assert_eq!(job.number, 3);
        drop(open);
        submitter.join()?;
        pool.wait_idle(s.context())?;
        let snapshot = s.snapshot();
        assert!(
            snapshot.root.scopes[0]
                .threads
                .iter()
                .all(|thread| thread.job.is_none() && thread.note.is_none())
        );
        let dump = snapshot.to_string();
        assert!(dump.contains("  0 queued, 6 done  open for"), "{dump}");
        Ok(())
    });
}

#[test]
fn po8_a_status_counts_each_job_once() {
    in_scope(|s| {
        let pool = s.pool("counted", "counts").threads(2).queue(64).start()?;
        let (open, gate) = gate();
        let running = [busy(&pool, s.context(), &gate)?, busy(&pool, s.context(), &gate)?];
        let stopped = pool.submit(s.context(), |_| Ok(()))?;
        let bad = pool.submit(s.context(), |_| -> homebound::Result { Err("one")? })?;
        for _ in 0..9 {
            pool.execute(s.context(), |_| Ok(()))?;
        }
        stopped.stop();
        let status = pool.status();
        assert_eq!((status.running, status.queued, status.stopped), (2, 10, 1));
        drop(open);
        running.into_iter().try_for_each(|job| job.join())?;
        pool.wait_idle(s.context())?;
        assert!(bad.join().is_err());
        let status = pool.status();
        assert_eq!((status.done, status.failed, status.stopped, status.running), (11, 1, 1, 0));
        assert_eq!(status.oldest_wait, None);
        Ok(())
    });
}

#[test]
fn po8_an_idle_thread_waits_for_a_job() {
    // catches: idle threads that look like threads which wait for a lock
    in_scope(|s| {
        let pool = s.pool("thumbs", "makes small pictures").threads(1).start()?;
        pool.submit(s.context(), |_| Ok(()))?.join()?;
        let row = crate::work::waits_of(s, "thumbs-1", "a job");
        Ok(assert!(row.job.is_none()))
    });
}
