//! A random tree, as it prints itself.

fn main() {
    use homebound::registry;
    use homebound::BoxError;
    use homebound::Context;
    use homebound::AtStop;
    use crossbeam_channel::bounded;
    use std::time::Duration;
    #[derive(Debug)]
    struct Hidden(BoxError);
    impl std::fmt::Display for Hidden {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl std::error::Error for Hidden {}
    fn my_code(_: &homebound::Context) -> homebound::Result {
        Ok(())
    }
    let result = registry::run(|s0| {
        let cx0 = s0.context();
        if let Ok(g1) = cx0.group("g1") {
            let _t3 = g1.thread("t3", "a step").isolated().spawn(move |cx3| {
                Ok(cx3.checkpoint()?)
            }).ok();
            let _ = cx0.stop_reason();
            g1.close().map_err(|error| Hidden(BoxError::from(error)))?;
        }
        let _t5 = {
            let pool = cx0.pool("w5", "a step").threads(2).queue(1).at_stop(AtStop::Drain).start();
            pool.ok().map(|pool| {
                let mut jobs = Vec::new();
                let _ = pool.execute(cx0, |cx: &Context| match cx.run_number() {
                1..3 => Err("step 5 fails".into()),
                _ => Ok(()),
            });
                jobs.extend(pool.submit_within(cx0, Duration::from_millis(60000), |cx: &Context| match cx.run_number() {
                1..3 => Err("step 5 fails".into()),
                _ => Ok(()),
            }));
                jobs.extend(None::<homebound::Job<()>>);
                (pool, jobs)
            })
        };
        if let Ok(g6) = s0.group("g6") {
            let _t7 = g6.thread("t7", "a step").dedicated().spawn(move |cx7| {
                my_code(cx7)?;
                Ok(())
            }).ok();
            g6.close()?;
        }
        let _t9 = s0.thread("t9", "a step").vital().spawn(move |cx9| {
            {
                let here = cx9.clone();
                let (adopting, adopted) = bounded::<()>(0);
                std::thread::spawn(move || -> homebound::Result {
                    let guest10 = here.adopt("t10", "a step");
                    guest10.checkpoint()?;
                    drop(adopting);
                    Ok(())
                });
                let _ = adopted.recv();
            }
            Err::<(), _>("step 9 fails".into())
        }).ok();
        Ok(cx0.checkpoint()?)
    }).into_result();
    println!("{result:?}");
}
