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
        let t1 = cx0.thread("t1", "a step").vital().spawn(move |_cx1| {
            Ok(())
        }).ok();
        let _ = never::<()>().recv_timeout(Duration::from_millis(3));
        s0.defer("d4", || Ok(()));
        let t5 = {
            let cx0 = cx0.clone();
            s0.thread("t5", "a step").dedicated().spawn(move |_cx5| {
                let _t6 = {
                    let cx0 = cx0.clone();
                    let bomb6 = Bomb(6, false.into());
                    cx0.thread("t6", "a step").vital().service(move |cx6| {
                        let t7 = cx0.spawn("t7", "a step", move |cx7| {
                            cx7.with_deadline(Instant::now() + Duration::from_millis(1), |_cx9| {
                                Ok::<(), BoxError>(())
                            })?;
                            Ok(())
                        }).ok();
                        if let Some(t) = t7 {
                            let _ = t.join();
                        }
                        cx6.with_deadline(Instant::now() + Duration::from_millis(1), |_cx12| {
                            Ok::<(), BoxError>(())
                        })?;
                        bomb6.1.store(true, std::sync::atomic::Ordering::SeqCst);
                        Ok(())
                    }).ok()
                };
                Ok(())
            }).ok()
        };
        let _ = cx0.sleep(Duration::from_millis(2000));
        let t14 = {
            let stop0 = stop0.clone();
            cx0.spawn("t14", "a step", move |cx14| {
                let _t15 = {
                    let stop0 = stop0.clone();
                    cx14.thread("t15", "a step").dedicated().spawn(move |cx15| {
                        let _t17 = cx15.service("t17", "a step", move |_cx17| {
                            Ok(())
                        }).ok();
                        let _ = cx15.stop_reason();
                        stop0.stop_because("step 19");
                        let _ = scope(|_s20| {
                            Ok(())
                        });
                        Ok(())
                    }).ok()
                };
                Ok(())
            }).ok()
        };
        if let Some(t) = t14 {
            t.join()?;
        }
        let _ = s0.subscope("s22", |_s22| {
            Ok(())
        });
        stop0.stop_because("step 23");
        let _t24 = s0.spawn("t24", "a step", move |_cx24| {
            let _t25 = s0.spawn("t25", "a step", move |_cx25| {
                if let Some(t) = t1 {
                    let _ = t.join();
                }
                if let Some(t) = t5 {
                    t.join().map_err(|error| Hidden(BoxError::from(error)))?;
                }
                Ok(())
            }).ok();
            let _t28 = {
                let bomb28 = Bomb(28, false.into());
                s0.spawn("t28", "a step", move |_cx28| {
                    bomb28.1.store(true, std::sync::atomic::Ordering::SeqCst);
                    Ok(())
                }).ok()
            };
            Ok(())
        }).ok();
        Err::<(), _>("step 0 fails".into())
    });
    println!("{result:?}");
}
