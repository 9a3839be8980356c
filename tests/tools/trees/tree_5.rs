//! A random tree, as it prints itself.

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
    let result = scope(|s0| {
        let cx0 = s0.context();
        let _t1 = cx0.thread("t1", "a step").vital().spawn(move |_cx1| {
            Ok(())
        }).ok();
        let _ = never::<()>().recv_timeout(Duration::from_millis(3));
        s0.defer("d4", || Ok(()));
        let _t5 = {
            let cx0 = cx0.clone();
            s0.thread("t5", "a step").dedicated().spawn(move |_cx5| {
                let _t6 = {
                    let here = cx0.clone();
                    let cx0 = cx0.clone();
                    let bomb6 = Bomb(6, false.into());
                    here.thread("t6", "a step").vital().service(move |cx6| {
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
        let _t14 = cx0.spawn("t14", "a step", move |cx14| {
            let _t15 = cx14.thread("t15", "a step").dedicated().spawn(move |_cx15| {
                Ok(())
            }).ok();
            Ok(())
        }).ok();
        Err::<(), _>("step 0 fails".into())
    });
    println!("{result:?}");
}
