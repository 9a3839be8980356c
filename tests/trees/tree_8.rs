fn main() {
    use homebound::scope;
    use homebound::BoxError;
    use crossbeam_channel::never;
    use std::time::Duration;
    use std::time::Instant;
    struct Bomb(usize, std::sync::atomic::AtomicBool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if *self.1.get_mut() && !std::thread::panicking() {
                panic!("step {} panics", self.0);
            }
        }
    }
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
        let t2 = s0.thread("t2", "a step").isolated().service(move |cx2| {
            let t3 = s0.spawn("t3", "a step", move |cx3| {
                let _ = s0.subscope("s4", |_s4| {
                    Ok(())
                });
                let _guard5 = cx3.on_stop(|| {});
                Ok(Bomb(3, true.into()))
            }).ok();
            cx2.shield(Duration::from_millis(0), |cx6| {
                if let Some(t) = &t3 {
                    t.stop();
                }
                let _ = cx6.stop_signal().recv_timeout(Duration::from_millis(2000));
                let _ = cx6.stop_reason();
                Ok::<(), BoxError>(())
            })?;
            let _t10 = s0.thread("t10", "a step").isolated().service(move |_cx10| {
                Ok(())
            }).ok();
            Err::<(), _>("step 2 fails".into())
        }).ok();
        let _ = cx0.recv_timeout(&never::<()>(), Duration::from_millis(2000));
        let _ = cx0.sleep(Duration::from_millis(2000));
        cx0.shield(Duration::from_millis(3), |cx13| {
            if let Some(t) = t2 {
                let _ = t.join();
            }
            stop0.stop_because("step 15");
            if let Ok(g16) = cx13.group("g16") {
                std::mem::forget(g16);
            }
            my_code(cx13)?;
            let _t18 = cx0.spawn("t18", "a step", move |cx18| {
                my_code(cx18)?;
                let t21 = cx18.spawn("t21", "a step", move |cx21| {
                    Ok(cx21.checkpoint()?)
                }).ok();
                if let Some(t) = t21 {
                    t.join()?;
                }
                let _ = cx18.stop_reason();
                let _t24 = cx18.thread("t24", "a step").vital().service(move |_cx24| {
                    if true {
                        panic!("step 24 panics");
                    }
                    Ok(())
                }).ok();
                Ok(())
            }).ok();
            Ok::<(), BoxError>(())
        })?;
        stop0.stop_because("step 27");
        if let Ok(g28) = cx0.group("g28") {
            let _t29 = g28.thread("t29", "a step").dedicated().spawn(move |_cx29| {
                Ok(())
            }).ok();
            g28.close()?;
        }
        let _ = cx0.stop_signal().recv_timeout(Duration::from_millis(2000));
        let end = Instant::now() + Duration::from_millis(2000);
        while !cx0.is_stopping() && Instant::now() < end {
            std::thread::yield_now();
        }
        scope(|s33| {
            stop0.stop_because("step 34");
            let _ = s33.subscope("s35", |s35| {
                let cx35 = s35.context();
                Ok(cx35.checkpoint()?)
            });
            Err::<(), _>("step 33 fails".into())
        }).map_err(|error| Hidden(BoxError::from(error)))?;
        if let Ok(g36) = cx0.group("g36") {
            let _t37 = g36.spawn("t37", "a step", move |_cx37| {
                Ok(())
            }).ok();
            drop(g36);
        }
        let _ = never::<()>().recv_timeout(Duration::from_millis(0));
        let _t40 = s0.spawn("t40", "a step", move |cx40| {
            Ok(cx40.checkpoint()?)
        }).ok();
        Ok(cx0.checkpoint()?)
    });
    println!("{result:?}");
}
