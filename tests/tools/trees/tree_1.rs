//! A random tree, as it prints itself.

fn main() {
    use homebound::scope;
    use homebound::BoxError;
    use homebound::Context;
    use homebound::JoinSet;
    use homebound::Race;
    use homebound::Restart;
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
    fn my_code(_: &homebound::Context) -> homebound::Result {
        Ok(())
    }
    let result = scope(|s0| {
        let cx0 = s0.context();
        let stop0 = s0.stopper();
        let _t1 = {
            let mut set = JoinSet::<()>::new();
            let pool = cx0.pool("w1", "a step").threads(2).queue(1).start();
            if let Ok(pool) = &pool {
                let _ = set.submit(pool, cx0, |_| Ok(()));
                let _ = set.submit(pool, cx0, |cx: &Context| Ok(cx.sleep(Duration::from_millis(20))?));
                let _ = set.submit(pool, cx0, |_| Err("step 1 fails".into()));
            }
            Some(set)
        };
        let _t2 = {
            let stop0 = stop0.clone();
            s0.thread("t2", "a step").vital().spawn(move |cx2| {
                s0.subscope("s3", |s3| {
                    let cx3 = s3.context();
                    s3.defer("d4", || Ok(()));
                    Ok(cx3.checkpoint()?)
                })?;
                let _ = cx2.stop_signal().recv_timeout(Duration::from_millis(2000));
                stop0.stop_because("step 6");
                let _ = s0.subscope("s7", |_s7| {
                    Err::<(), _>("step 7 fails".into())
                });
                let _t8 = {
                    s0.thread("w8", "a step").restart(Restart::on_failure().no_backoff().intensity(100, Duration::from_secs(60)).give_up_after(3))
                        .spawn::<(), _>(|_| panic!("step 8 panics")).ok()
                };
                let _ = scope(|s9| {
                    let cx9 = s9.context();
                    cx9.quorum("w10", 2, Race::<()>::new()
                        .add("e0", "a step", |_| Ok(drop(never::<()>().recv_timeout(Duration::from_millis(3)))))
                        .add("e1", "a step", |cx: &Context| match cx.run_number() {
                        1..3 => Err("step 10 fails".into()),
                        _ => Ok(()),
                    })
                        .add("e2", "a step", |_| panic!("step 10 panics"))
                        .add("e3", "a step", |cx: &Context| match cx.run_number() {
                        1..3 => Err("step 10 fails".into()),
                        _ => Ok(()),
                    })).map_err(|error| Hidden(BoxError::from(error)))?;
                    my_code(cx9)?;
                    Err::<(), _>("step 9 fails".into())
                });
                Ok(())
            }).ok()
        };
        Err::<(), _>("step 0 fails".into())
    });
    println!("{result:?}");
}
