//! A random tree, as it prints itself.

fn main() {
    use homebound::scope;
    use homebound::BoxError;
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
        let t1 = cx0.thread("t1", "a step").vital().spawn(move |_cx1| {
            Ok(Bomb(1, true.into()))
        }).ok();
        let _t2 = {
            let stop0 = stop0.clone();
            s0.thread("t2", "a step").vital().spawn(move |_cx2| {
                s0.subscope("s3", |s3| {
                    let cx3 = s3.context();
                    my_code(cx3)?;
                    Ok(cx3.checkpoint()?)
                })?;
                drop(t1);
                stop0.stop_because("step 6");
                let _t7 = s0.thread("t7", "a step").vital().spawn(move |_cx7| {
                    Err::<(), _>("step 7 fails".into())
                }).ok();
                let _t8 = s0.service("t8", "a step", move |cx8| {
                    let _guard9 = cx8.on_stop(|| panic!("step 9 panics"));
                    let _ = cx8.stop_reason();
                    if let Ok(g11) = cx8.group("g11") {
                        g11.close().map_err(|error| Hidden(BoxError::from(error)))?;
                    }
                    Err::<(), _>("step 8 fails".into())
                }).ok();
                Ok(())
            }).ok()
        };
        Err::<(), _>("step 0 fails".into())
    });
    println!("{result:?}");
}
