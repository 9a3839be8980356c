//! HE2: whatever homebound lets a thread wait for, the thread is idle.

use super::*;
use homebound::{Child, Context, JoinSet, Priority, Registry, Result, Scope};

/// Threads in all waits of a context, of a joiner, and all threads of homebound's own.
#[test]
fn he2_no_wait_of_homebounds_is_an_alarm() {
    // catches: a wait without its mark, which the kernel tells as a block outside of homebound
    child_passes(|_| {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick()).run(|s| {
            let (open, shut) = gate();
            for (what, wait) in every_wait() {
                s.service(what, "waits", wait)?;
            }
            let until_open = {
                let shut = shut.clone();
                move |cx: &Context| -> Result { Ok(cx.waiting("a test", || pass(&shut))) }
            };
            join_in_all_ways(s, &until_open)?;
            use_a_pool(s, &until_open)?;
            // A supervisor, its child, a thread that joins it; a child process.
            let sup = s.supervisor("sup", "keeps it");
            let sup = sup.add(Child::once("child", "waits", until_open.clone())).start()?;
            s.spawn("joins sup", "joins", move |_| Ok(sup.join()?))?;
            let mut command = std::process::Command::new("cat");
            command.stdin(std::process::Stdio::piped());
            s.process("cat", "waits for input", command).spawn()?;
            // Homebound's own: *maker*, and the keeper of time.
            s.thread("niced", "waits")
                .priority(Priority::Background)
                .spawn(|cx| cx.with_deadline(Instant::now() + NEVER, |cx| Ok(cx.sleep(NEVER)?)))?;
            let_pass(STUCK * 3);
            assert_eq!(lines.all(), Vec::<String>::new());
            drop(open);
            Ok(s.stop())
        });
        i32::from(exit.code())
    });
}

/// Threads that wait for others.
fn join_in_all_ways<'scope>(
    s: &'scope Scope<'scope, '_>,
    until_open: &(impl Fn(&Context) -> Result + Clone + Send + Sync + 'static),
) -> Result {
    // A join, a set of one and of two, a scope's end, a group's drop, a shutdown.
    let joined = s.spawn("joined", "is joined", until_open.clone())?;
    s.spawn("joins", "joins", move |_| Ok(joined.join()?))?;
    for size in [1, 2] {
        let f = until_open.clone();
        s.spawn(format!("joins {size}"), "has a set", move |cx| {
            Ok(homebound::scope(|s| {
                let mut set = JoinSet::new();
                for _ in 0..size {
                    set.spawn(s, "member", "is a member", f.clone())?;
                }
                while let Some((_, result)) = set.next(cx)? {
                    result?;
                }
                Ok(())
            })?)
        })?;
    }
    let f = until_open.clone();
    s.spawn("ends", "ends a scope", move |_| {
        Ok(homebound::scope(|s| Ok(drop(s.spawn("inner", "is waited for", f)?)))?)
    })?;
    let f = until_open.clone();
    s.spawn("drops", "drops a group", move |_| {
        let group = homebound::group("group")?;
        group.spawn("inner", "is waited for", f)?;
        Ok(drop(group))
    })?;
    let (f, group) = (until_open.clone(), s.group("shut down")?);
    group.spawn("inner", "is waited for", f)?;
    s.spawn("shuts", "shuts a group down", move |_| Ok(drop(group.shutdown(NEVER))))?;
    Ok(())
}

/// Threads that want something of a pool whose only thread is busy.
fn use_a_pool<'scope>(
    s: &'scope Scope<'scope, '_>,
    until_open: &(impl Fn(&Context) -> Result + Clone + Send + Sync + 'static),
) -> Result {
    let cx = s.context();
    // A job in a pool of one: its joiner, and callers that map, submit, and wait until the
    // pool is idle.
    let pool = Arc::new(s.pool("pool", "runs jobs").threads(1).queue(1).start()?);
    let job = pool.submit(cx, until_open.clone())?;
    s.spawn("joins a job", "joins", move |_| Ok(job.join()?))?;
    type Call = fn(&homebound::Pool<'_>, &Context) -> Result;
    let calls: [(&str, Call); 4] = [
        ("is first", |pool, cx| Ok(pool.execute(cx, |_| Ok(()))?)),
        ("maps", |pool, cx| Ok(drop(pool.map(cx, [1], |_, _| Ok(()))?))),
        ("wants a place", |pool, cx| Ok(pool.execute(cx, |_| Ok(()))?)),
        ("until idle", |pool, cx| Ok(pool.wait_idle(cx)?)),
    ];
    for (name, call) in calls {
        let pool = pool.clone();
        s.spawn(name, "uses the pool", move |cx| call(&pool, cx))?;
    }
    let f = until_open.clone();
    s.spawn("maps items", "maps", move |cx| Ok(drop(cx.map("items", "waits", 2, [1, 2], |cx, _| f(cx))?)))?;
    Ok(())
}
