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
        scope(|s1| {
            let _t5 = s1.spawn("t5", "a step", move |_cx5| {
                if true {
                    panic!("step 5 panics");
                }
                Ok(())
            }).ok();
            Ok(())
        }).map_err(|error| Hidden(BoxError::from(error)))?;
        let _ = cx0.stop_reason();
        let end = Instant::now() + Duration::from_millis(2000);
        while !cx0.is_stopping() && Instant::now() < end {
            std::thread::yield_now();
        }
        let _ = never::<()>().recv_timeout(Duration::from_millis(1));
        std::mem::forget(cx0.on_stop(|| panic!("step 9 panics")));
        let end = Instant::now() + Duration::from_millis(2000);
        while !cx0.is_stopping() && Instant::now() < end {
            std::thread::yield_now();
        }
        let t11 = {
            let bomb11 = Bomb(11, false.into());
            s0.service("t11", "a step", move |cx11| {
                if let Ok(g14) = cx11.group("g14") {
                    let _ = cx11.stop_reason();
                    if let Ok(g17) = cx11.group("g17") {
                        g17.close()?;
                    }
                    g14.close().map_err(|error| Hidden(BoxError::from(error)))?;
                }
                bomb11.1.store(true, std::sync::atomic::Ordering::SeqCst);
                Ok(())
            }).ok()
        };
        s0.subscope("s18", |s18| {
            let cx18 = s18.context();
            cx18.with_deadline(Instant::now() + Duration::from_millis(0), |_cx19| {
                std::mem::forget(t11);
                let _t21 = s18.thread("t21", "a step").isolated().spawn(move |_cx21| {
                    Ok(())
                }).ok();
                let _t22 = cx0.thread("t22", "a step").isolated().dedicated().spawn(move |_cx22| {
                    Ok(())
                }).ok();
                let _t23 = s18.spawn("t23", "a step", move |_cx23| {
                    Ok(())
                }).ok();
                Ok::<(), BoxError>(())
            })?;
            let _ = never::<()>().recv_timeout(Duration::from_millis(1));
            let _t25 = cx0.thread("t25", "a step").vital().spawn(move |_cx25| {
                Ok(())
            }).ok();
            Ok(())
        }).map_err(|error| Hidden(BoxError::from(error)))?;
        let t28 = s0.spawn("t28", "a step", move |_cx28| {
            Ok(Bomb(28, true.into()))
        }).ok();
        if let Some(t) = t28 {
            let _ = t.join().map(std::mem::forget);
        }
        let _ = cx0.stop_reason();
        let _ = s0.subscope("s31", |s31| {
            let cx31 = s31.context();
            let _ = cx31.stop_reason();
            Ok(())
        });
        Ok(cx0.checkpoint()?)
    });
    println!("{result:?}");
}
