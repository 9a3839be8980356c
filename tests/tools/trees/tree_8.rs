//! A random tree, as it prints itself.

fn main() {
    use homebound::registry;
    use homebound::scope;
    use homebound::BoxError;
    use homebound::Context;
    use homebound::JoinSet;
    use homebound::AtStop;
    use crossbeam_channel::never;
    use std::time::Duration;
    #[derive(Debug)]
    struct Hidden(BoxError);
    impl std::fmt::Display for Hidden {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl std::error::Error for Hidden {}
    let result = registry::run(|s0| {
        let cx0 = s0.context();
        let t1 = {
            let pool = s0.pool("w1", "a step").threads(1).queue(1).at_stop(AtStop::Drain).start();
            pool.ok().map(|pool| {
                let mut jobs = Vec::new();
                let _ = pool.execute(cx0, |_| Ok(drop(never::<()>().recv_timeout(Duration::from_millis(3)))));
                jobs.extend(None::<homebound::Job<()>>);
                (pool, jobs)
            })
        };
        scope(|s2| {
            let cx2 = s2.context();
            s2.shutdown(Duration::from_millis(0));
            let _ = never::<()>().recv_timeout(Duration::from_millis(0));
            if let Some(t) = t1 {
                for job in t.1 {
                    let _ = job.join();
                }
                let _ = t.0.close();
            }
            let _t6 = s2.thread("t6", "a step").vital().spawn(move |_cx6| {
                s2.defer("d7", || panic!("step 7 panics"));
                let _t8 = {
                    let mut set = JoinSet::<()>::new();
                    let _ = set.spawn(s2, "w8", "a step", |cx: &Context| match cx.run_number() {
                        1..3 => Err("step 8 fails".into()),
                        _ => Ok(()),
                    });
                    let _ = set.spawn(s2, "w8", "a step", |_| panic!("step 8 panics"));
                    let _ = set.spawn(s2, "w8", "a step", |cx: &Context| Ok(cx.sleep(Duration::from_millis(20))?));
                    let _ = set.spawn(s2, "w8", "a step", |cx: &Context| match cx.run_number() {
                        1..3 => Err("step 8 fails".into()),
                        _ => Ok(()),
                    });
                    Some(set)
                };
                if let Ok(g9) = s2.group("g9") {
                    let _ = g9.close();
                }
                if true {
                    panic!("step 6 panics");
                }
                Ok(())
            }).ok();
            std::mem::forget(cx2.on_stop(|| panic!("step 10 panics")));
            Err::<(), _>("step 2 fails".into())
        }).map_err(|error| Hidden(BoxError::from(error)))?;
        Ok(cx0.checkpoint()?)
    }).into_result();
    println!("{result:?}");
}
