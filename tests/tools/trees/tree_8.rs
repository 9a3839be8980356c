//! A random tree, as it prints itself.

fn main() {
    use homebound::registry;
    use homebound::BoxError;
    use std::time::Duration;
    struct Bomb(usize, std::sync::atomic::AtomicBool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if *self.1.get_mut() && !std::thread::panicking() {
                panic!("step {} panics", self.0);
            }
        }
    }
    let result = registry::run(|s0| {
        let cx0 = s0.context();
        let _t2 = s0.thread("t2", "a step").isolated().service(move |cx2| {
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
        Ok(cx0.checkpoint()?)
    }).into_result();
    println!("{result:?}");
}
