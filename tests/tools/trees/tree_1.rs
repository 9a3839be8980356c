//! A random tree, as it prints itself.

fn main() {
    use homebound::scope;
    use homebound::BoxError;
    use crossbeam_channel::bounded;
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
        {
            let here = cx0.clone();
            let (adopting, adopted) = bounded::<()>(0);
            std::thread::spawn(move || -> homebound::Result {
                let guest1 = here.adopt("t1", "a step");
                guest1.checkpoint()?;
                drop(adopting);
                Ok(())
            });
            let _ = adopted.recv();
        }
        {
            let here = cx0.clone();
            let stop0 = stop0.clone();
            let (adopting, adopted) = bounded::<()>(0);
            std::thread::spawn(move || -> homebound::Result {
                let guest2 = here.adopt("t2", "a step");
                guest2.checkpoint()?;
                drop(adopting);
                let cx2 = &*guest2;
                scope(|s3| {
                    let cx3 = s3.context();
                    my_code(cx3)?;
                    Ok(cx3.checkpoint()?)
                })?;
                stop0.stop_because("step 6");
                let _t7 = cx2.thread("t7", "a step").vital().spawn(move |_cx7| {
                    Err::<(), _>("step 7 fails".into())
                }).ok();
                let _t8 = cx2.service("t8", "a step", move |cx8| {
                    let _guard9 = cx8.on_stop(|| panic!("step 9 panics"));
                    let _ = cx8.stop_reason();
                    if let Ok(g11) = cx8.group("g11") {
                        g11.close().map_err(|error| Hidden(BoxError::from(error)))?;
                    }
                    Err::<(), _>("step 8 fails".into())
                }).ok();
                Ok(())
            });
            let _ = adopted.recv();
        }
        Err::<(), _>("step 0 fails".into())
    });
    println!("{result:?}");
}
