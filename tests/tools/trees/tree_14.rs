//! A random tree, as it prints itself.

fn main() {
    use homebound::scope;
    use homebound::BoxError;
    use homebound::Context;
    use crossbeam_channel::bounded;
    use crossbeam_channel::never;
    use std::time::Duration;
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
        stop0.stop_because("step 1");
        let _ = cx0.stop_reason();
        {
            let here = cx0.clone();
            let stop0 = stop0.clone();
            let (adopting, adopted) = bounded::<()>(0);
            std::thread::spawn(move || -> homebound::Result {
                let guest3 = here.adopt("t3", "a step");
                guest3.checkpoint()?;
                drop(adopting);
                let cx3 = &*guest3;
                let _guard4 = cx3.on_stop(|| panic!("step 4 panics"));
                let _ = cx3.recv_timeout(&never::<()>(), Duration::from_millis(2000));
                let t6 = cx3.thread("t6", "a step").isolated().spawn(move |cx6| {
                    let _ = cx6.sleep(Duration::from_millis(2000));
                    scope(|_s8| {
                        if true {
                            panic!("step 8 panics");
                        }
                        Ok(())
                    }).map_err(|error| Hidden(BoxError::from(error)))?;
                    Err::<(), _>("step 6 fails".into())
                }).ok();
                drop(t6);
                stop0.stop_because("step 10");
                let _ = cx3.stop_reason();
                let _ = never::<()>().recv_timeout(Duration::from_millis(2));
                let _t14 = cx3.thread("t14", "a step").vital().spawn(move |cx14| {
                    cx14.map_stream::<_, usize, _, _, _>("w15", "a step", 2, 0..2usize, |cx: &Context, number| match number {
                        0 => Ok(cx.sleep(Duration::from_millis(20)).map(|_| number)?),
                        _ => Ok(number),
                    }, |_cx15, results| {
                        let mut all = Vec::from_iter(results.next().and_then(Result::ok));
                        let _ = (|| -> homebound::Result {
                            Ok(())
                        })();
                        all.extend(results.map_while(Result::ok));
                        Ok(all)
                    }).map_err(|error| Hidden(BoxError::from(error)))?;
                    if let Ok(g16) = cx14.group("g16") {
                        let _ = g16.close();
                    }
                    Ok(())
                }).ok();
                Ok(())
            });
            let _ = adopted.recv();
        }
        Ok(cx0.checkpoint()?)
    });
    println!("{result:?}");
}
