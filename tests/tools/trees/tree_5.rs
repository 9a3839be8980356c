//! A random tree, as it prints itself.

fn main() {
    use homebound::scope;
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
    let result = scope(|s0| {
        let cx0 = s0.context();
        let stop0 = s0.stopper();
        let t1 = {
            cx0.supervisor("w1", "a step").strategy(Strategy::OneForAll)
                .child("c0", "a step", |cx: &Context| match cx.run_number() {
                1..3 => Err("step 1 fails".into()),
                _ => Ok(()),
            })
                .child("c1", "a step", |cx: &Context| Ok(cx.sleep(Duration::from_millis(20))?))
                .child("c2", "a step", |cx: &Context| match cx.run_number() {
                1..3 => Err("step 1 fails".into()),
                _ => Ok(()),
            })
                .restart(Restart::on_failure().no_backoff().intensity(100, Duration::from_secs(60)).give_up_after(3)).start().ok()
        };
        let t2 = s0.thread("t2", "a step").isolated().vital().spawn(move |_cx2| {
            Ok(())
        }).ok();
        if let Some(t) = t2 {
            let _ = t.join();
        }
        s0.defer("d4", || Ok(()));
        if let Some(t) = t1 {
            t.join()?;
        }
        let _ = scope(|_s6| {
            let _t7 = {
                let stop0 = stop0.clone();
                cx0.spawn("t7", "a step", move |cx7| {
                    let _ = cx7.stop_signal().recv_timeout(Duration::from_millis(2000));
                    scope(|_s9| {
                        Ok(())
                    })?;
                    stop0.stop_because("step 10");
                    let _ = never::<()>().recv_timeout(Duration::from_millis(2));
                    if let Ok(g12) = cx7.group("g12") {
                        std::mem::forget(g12);
                    }
                    Ok(())
                }).ok()
            };
            Ok(())
        });
        cx0.map::<_, usize, _>("w14", "a step", 1, 0..2usize, |_: &Context, number| match number {
            0 => Ok(number),
            _ => Ok(number),
        }).map_err(|error| Hidden(BoxError::from(error)))?;
        Err::<(), _>("step 0 fails".into())
    });
    println!("{result:?}");
}
