//! A random tree, as it prints itself.

fn main() {
    use homebound::registry;
    use homebound::scope;
    use homebound::BoxError;
    use std::time::Duration;
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
        let stop0 = s0.stopper();
        stop0.stop_because("step 1");
        let _t2 = cx0.thread("t2", "a step").vital().service(move |cx2| {
            let t3 = cx2.thread("t3", "a step").isolated().spawn(move |cx3| {
                Ok(cx3.checkpoint()?)
            }).ok();
            if let Some(t) = t3 {
                t.join().map_err(|error| Hidden(BoxError::from(error)))?;
            }
            if true {
                panic!("step 2 panics");
            }
            Ok(())
        }).ok();
        s0.shutdown(Duration::from_millis(6));
        s0.subscope("s6", |s6| {
            let cx6 = s6.context();
            let _ = cx6.ticks(Duration::from_millis(2000)).next();
            let _ = cx6.stop_reason();
            Err::<(), _>("step 6 fails".into())
        })?;
        let _ = scope(|s9| {
            let cx9 = s9.context();
            let _ = cx9.stop_signal().recv_timeout(Duration::from_millis(2000));
            Err::<(), _>("step 9 fails".into())
        });
        Ok(cx0.checkpoint()?)
    }).into_result();
    println!("{result:?}");
}
