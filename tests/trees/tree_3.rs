fn main() {
    use homebound::scope;
    use homebound::BoxError;
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
    let result = scope(|s0| {
        let cx0 = s0.context();
        let stop0 = s0.stopper();
        let _ = cx0.stop_reason();
        cx0.shield(Duration::from_millis(2), |cx3| {
            let _ = cx3.sleep(Duration::from_millis(2000));
            stop0.stop_because("step 6");
            if let Ok(g8) = s0.group("g8") {
                let _ = g8.close();
            }
            s0.defer("d9", || Ok(()));
            let _ = cx3.stop_signal().recv_timeout(Duration::from_millis(2000));
            cx3.with_deadline(Instant::now() + Duration::from_millis(1), |_cx11| {
                let t12 = cx3.thread("t12", "a step").vital().service(move |cx12| {
                    if let Ok(g14) = cx12.group("g14") {
                        let _t15 = g14.thread("t15", "a step").dedicated().spawn(move |_cx15| {
                            Err::<(), _>("step 15 fails".into())
                        }).ok();
                        let _ = g14.close();
                    }
                    Ok(())
                }).ok();
                scope(|s16| {
                    let cx16 = s16.context();
                    if let Ok(g17) = cx16.group("g17") {
                        drop(g17);
                    }
                    s16.shutdown(Duration::from_millis(2));
                    std::mem::forget(t12);
                    if let Ok(g20) = s16.group("g20") {
                        g20.close().map_err(|error| Hidden(BoxError::from(error)))?;
                    }
                    Ok(())
                }).map_err(|error| Hidden(BoxError::from(error)))?;
                Ok::<(), BoxError>(())
            })?;
            Ok::<(), BoxError>(())
        })?;
        Ok(cx0.checkpoint()?)
    });
    println!("{result:?}");
}
