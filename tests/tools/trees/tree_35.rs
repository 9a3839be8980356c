//! A random tree, as it prints itself.

fn main() {
    use homebound::scope;
    use homebound::BoxError;
    use homebound::Context;
    use homebound::AtStop;
    use crossbeam_channel::bounded;
    use crossbeam_channel::never;
    use std::time::Duration;
    use std::time::Instant;
    #[derive(Debug)]
    struct Hidden(BoxError);
    impl std::fmt::Display for Hidden {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl std::error::Error for Hidden {}
    let result = scope(|s0| {
        let cx0 = s0.context();
        if let Ok(g1) = cx0.group("g1") {
            let stop1 = g1.stopper();
            let t2 = g1.spawn("t2", "a step", move |_cx2| {
                Ok(())
            }).ok();
            stop1.stop_because("step 3");
            drop(t2);
            std::mem::forget(g1);
        }
        {
            let here = cx0.clone();
            let (adopting, adopted) = bounded::<()>(0);
            std::thread::spawn(move || -> homebound::Result {
                let guest5 = here.adopt("t5", "a step");
                guest5.checkpoint()?;
                drop(adopting);
                let cx5 = &*guest5;
                cx5.map_stream::<_, usize, _, _, _>("w6", "a step", 2, 0..4usize, |_: &Context, number| match number {
                    0 => Ok(number),
                    1 => panic!("step 6 panics"),
                    2 => Ok(number),
                    _ => Ok(number),
                }, |_cx6, results| {
                    let mut all = Vec::from_iter(results.next().and_then(Result::ok));
                    let _ = (|| -> homebound::Result {
                        let _t7 = cx5.thread("t7", "a step").vital().spawn(move |cx7| {
                            let _ = cx7.recv_timeout(&never::<()>(), Duration::from_millis(2000));
                            let _t9 = cx7.thread("t9", "a step").vital().spawn(move |_cx9| {
                                Ok(())
                            }).ok();
                            Ok(cx7.checkpoint()?)
                        }).ok();
                        Ok(())
                    })();
                    all.extend(results.map_while(Result::ok));
                    Ok(all)
                }).map_err(|error| Hidden(BoxError::from(error)))?;
                let _t10 = cx5.thread("t10", "a step").isolated().dedicated().spawn(move |cx10| {
                    let _t11 = {
                        let pool = cx10.pool("w11", "a step").threads(2).queue(1).at_stop(AtStop::Drain).start();
                        pool.ok().map(|pool| {
                            let mut jobs = Vec::new();
                            let _ = pool.execute(cx10, |cx: &Context| Ok(cx.sleep(Duration::from_millis(20))?));
                            jobs.extend(pool.submit_within(cx10, Duration::from_millis(60000), |_| Ok(drop(never::<()>().recv_timeout(Duration::from_millis(3))))));
                            jobs.extend(None::<homebound::Job<()>>);
                            (pool, jobs)
                        })
                    };
                    Ok(())
                }).ok();
                Ok(())
            });
            let _ = adopted.recv();
        }
        let end = Instant::now() + Duration::from_millis(2000);
        while !cx0.is_stopping() && Instant::now() < end {
            std::thread::yield_now();
        }
        s0.shutdown(Duration::from_millis(6));
        Ok(cx0.checkpoint()?)
    });
    println!("{result:?}");
}
