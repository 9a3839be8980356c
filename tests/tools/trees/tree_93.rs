//! A random tree, as it prints itself.

fn main() {
    use homebound::registry;
    use homebound::BoxError;
    use homebound::Context;
    use homebound::Restart;
    use homebound::work::Strategy;
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
        let stop0 = s0.stopper();
        let t1 = {
            s0.supervisor("w1", "a step").strategy(Strategy::RestForOne)
                .child("c0", "a step", |_| panic!("step 1 panics"))
                .restart(Restart::on_failure().no_backoff().intensity(100, Duration::from_secs(60)).give_up_after(3)).start().ok()
        };
        let _ = s0.subscope("s2", |s2| {
            let cx2 = s2.context();
            s2.subscope("s3", |s3| {
                let cx3 = s3.context();
                if let Ok(g4) = s3.group("g4") {
                    let _ = cx3.map_stream::<_, usize, _, _, _>("w5", "a step", 1, 0..3usize, |cx: &Context, number| match number {
                        0 => Err("step 5 fails".into()),
                        1 => {
                            let _ = never::<()>().recv_timeout(Duration::from_millis(3));
                            Ok(number)
                        },
                        _ => Ok(cx.sleep(Duration::from_millis(20)).map(|_| number)?),
                    }, |_cx5, results| {
                        let mut all = Vec::from_iter(results.next().and_then(Result::ok));
                        let _ = (|| -> homebound::Result {
                            Ok(())
                        })();
                        all.extend(results.map_while(Result::ok));
                        Ok(all)
                    });
                    std::mem::forget(t1);
                    drop(g4);
                }
                let t7 = {
                    s3.thread("w7", "a step").restart(Restart::on_failure().no_backoff().intensity(100, Duration::from_secs(60)).give_up_after(3))
                        .spawn::<(), _>(|cx: &Context| match cx.run_number() {
                        1..3 => Err("step 7 fails".into()),
                        _ => Ok(()),
                    }).ok()
                };
                if let Some(t) = t7 {
                    t.join().map_err(|error| Hidden(BoxError::from(error)))?;
                }
                Ok(())
            }).map_err(|error| Hidden(BoxError::from(error)))?;
            let _ = cx2.stop_reason();
            let _ = cx2.stop_reason();
            stop0.stop_because("step 11");
            let _t12 = s2.thread("t12", "a step").isolated().spawn(move |cx12| {
                let _guard13 = cx12.on_stop(|| {});
                let _ = cx12.recv_timeout(&never::<()>(), Duration::from_millis(2000));
                if true {
                    panic!("step 12 panics");
                }
                Ok(())
            }).ok();
            Ok(())
        });
        s0.shutdown(Duration::from_millis(6));
        Ok(cx0.checkpoint()?)
    }).into_result();
    println!("{result:?}");
}
