//! A random tree, as it prints itself.

fn main() {
    use homebound::registry;
    use homebound::scope;
    use homebound::BoxError;
    use crossbeam_channel::bounded;
    use crossbeam_channel::never;
    use std::time::Duration;
    use std::time::Instant;
    #[derive(Debug)]
    struct Hidden(BoxError);
    impl std::fmt::Display for Hidden {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl std::error::Error for Hidden {}
    let result = registry::run(|s0| {
        let cx0 = s0.context();
        {
            let here = cx0.clone();
            let (adopting, adopted) = bounded::<()>(0);
            std::thread::spawn(move || -> homebound::Result {
                let guest3 = here.adopt("t3", "a step");
                guest3.checkpoint()?;
                drop(adopting);
                let cx3 = &*guest3;
                let _ = never::<()>().recv_timeout(Duration::from_millis(3));
                let _t5 = cx3.spawn("t5", "a step", move |cx5| {
                    cx5.with_deadline(Instant::now() + Duration::from_millis(0), |_cx6| {
                        Ok::<(), BoxError>(())
                    })?;
                    Ok(cx5.checkpoint()?)
                }).ok();
                Ok(())
            });
            let _ = adopted.recv();
        }
        cx0.with_deadline(Instant::now() + Duration::from_millis(3), |_cx7| {
            s0.defer("d8", || Err("step 8 fails".into()));
            let _t9 = s0.thread("t9", "a step").dedicated().spawn(move |cx9| {
                let _ = cx9.stop_reason();
                let _ = scope(|_s11| {
                    Ok(())
                });
                Ok(())
            }).ok();
            Ok::<(), BoxError>(())
        })?;
        cx0.shield(Duration::from_millis(1), |cx12| {
            let _ = cx12.stop_reason();
            Ok::<(), BoxError>(())
        })?;
        let _t15 = s0.spawn("t15", "a step", move |_cx15| {
            Ok(())
        }).ok();
        s0.subscope("s16", |s16| {
            let stop16 = s16.stopper();
            stop16.stop_because("step 17");
            Ok(())
        }).map_err(|error| Hidden(BoxError::from(error)))?;
        Ok(cx0.checkpoint()?)
    }).into_result();
    println!("{result:?}");
}
