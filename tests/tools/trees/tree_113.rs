//! A random tree, as it prints itself.

fn main() {
    use homebound::scope;
    use homebound::Handle;
    use crossbeam_channel::bounded;
    use crossbeam_channel::never;
    use std::time::Duration;
    struct Bomb(usize, std::sync::atomic::AtomicBool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if *self.1.get_mut() && !std::thread::panicking() {
                panic!("step {} panics", self.0);
            }
        }
    }
    fn my_code(_: &homebound::Context) -> homebound::Result {
        Ok(())
    }
    let result = scope(|s0| {
        let cx0 = s0.context();
        let _ = cx0.sleep(Duration::from_millis(2000));
        let _ = cx0.stop_signal().recv_timeout(Duration::from_millis(2000));
        let _ = cx0.sleep(Duration::from_millis(2000));
        {
            let (give4, given4) = bounded::<Handle<'static, ()>>(1);
            if let Ok(t) = cx0.thread("t4", "a step").vital().spawn(move |cx4| {
                my_code(cx4)?;
                std::mem::forget(cx4.on_stop(|| {}));
                let _ = cx4.recv_timeout(&never::<()>(), Duration::from_millis(2000));
                if let Ok(t) = given4.recv() {
                    t.join()?;
                }
                Ok(cx4.checkpoint()?)
            }) {
                let _ = give4.send(t);
            }
        }
        let _guard9 = cx0.on_stop(|| {});
        let _t10 = s0.thread("t10", "a step").vital().spawn(move |_cx10| {
            Ok(Bomb(10, true.into()))
        }).ok();
        {
            let here = cx0.clone();
            let (adopting, adopted) = bounded::<()>(0);
            std::thread::spawn(move || -> homebound::Result {
                let guest11 = here.adopt("t11", "a step");
                guest11.checkpoint()?;
                drop(adopting);
                Ok(())
            });
            let _ = adopted.recv();
        }
        Err::<(), _>("step 0 fails".into())
    });
    println!("{result:?}");
}
