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
    let result = scope(|s0| {
        let cx0 = s0.context();
        let stop0 = s0.stopper();
        let _ = cx0.sleep(Duration::from_millis(2000));
        let _ = never::<()>().recv_timeout(Duration::from_millis(1));
        std::mem::forget(cx0.on_stop(|| {}));
        let _ = cx0.stop_reason();
        let _ = cx0.ticks(Duration::from_millis(2000)).next();
        let t7 = {
            let cx0 = cx0.clone();
            let stop0 = stop0.clone();
            s0.thread("t7", "a step").vital().spawn(move |cx7| {
                let end = Instant::now() + Duration::from_millis(2000);
                while !cx7.is_stopping() && Instant::now() < end {
                    std::thread::yield_now();
                }
                let _ = cx7.recv_timeout(&never::<()>(), Duration::from_millis(2000));
                stop0.stop_because("step 11");
                let _ = never::<()>().recv_timeout(Duration::from_millis(2));
                let _t13 = {
                    let cx0 = cx0.clone();
                    let stop0 = stop0.clone();
                    cx0.spawn("t13", "a step", move |_cx13| {
                        let _t14 = {
                            let stop0 = stop0.clone();
                            let bomb14 = Bomb(14, false.into());
                            cx0.thread("t14", "a step").isolated().spawn(move |_cx14| {
                                stop0.stop_because("step 15");
                                let _ = scope(|s17| {
                                    let cx17 = s17.context();
                                    Ok(cx17.checkpoint()?)
                                });
                                bomb14.1.store(true, std::sync::atomic::Ordering::SeqCst);
                                Ok(())
                            }).ok()
                        };
                        Ok(())
                    }).ok()
                };
                let _ = never::<()>().recv_timeout(Duration::from_millis(1));
                if let Ok(g19) = s0.group("g19") {
                    let _guard20 = cx7.on_stop(|| {});
                    let _ = cx7.ticks(Duration::from_millis(2000)).next();
                    std::mem::forget(g19);
                }
                Ok(())
            }).ok()
        };
        let _ = scope(|s22| {
            let _t23 = s22.thread("t23", "a step").dedicated().spawn(move |cx23| {
                if let Some(t) = t7 {
                    let _ = t.join();
                }
                if let Ok(g25) = s22.group("g25") {
                    let _ = cx23.sleep(Duration::from_millis(2000));
                    g25.close().map_err(|error| Hidden(BoxError::from(error)))?;
                }
                Ok(())
            }).ok();
            Ok(())
        });
        cx0.shield(Duration::from_millis(2), |cx30| {
            std::mem::forget(cx30.on_stop(|| panic!("step 31 panics")));
            let _t33 = s0.spawn("t33", "a step", move |cx33| {
                let _ = cx33.stop_reason();
                let _t35 = s0.service("t35", "a step", move |_cx35| {
                    Ok(())
                }).ok();
                Ok(())
            }).ok();
            Ok::<(), BoxError>(())
        })?;
        let _t36 = cx0.service("t36", "a step", move |_cx36| {
            Err::<(), _>("step 36 fails".into())
        }).ok();
        Err::<(), _>("step 0 fails".into())
    });
    println!("{result:?}");
}
