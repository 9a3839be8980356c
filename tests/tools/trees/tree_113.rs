//! A random tree, as it prints itself.

fn main() {
    use homebound::scope;
    use homebound::BoxError;
    use crossbeam_channel::never;
    use std::time::Duration;
    use std::time::Instant;
    let result = scope(|s0| {
        let cx0 = s0.context();
        std::mem::forget(cx0.on_stop(|| panic!("step 1 panics")));
        cx0.with_deadline(Instant::now() + Duration::from_millis(1), |cx2| {
            let t4 = {
                let cx0 = cx0.clone();
                cx2.thread("t4", "a step").vital().spawn(move |cx4| {
                    let _t5 = cx0.thread("t5", "a step").dedicated().service(move |cx5| {
                        Ok(cx5.checkpoint()?)
                    }).ok();
                    Ok(cx4.checkpoint()?)
                }).ok()
            };
            std::mem::forget(cx2.on_stop(|| {}));
            let _ = cx2.recv_timeout(&never::<()>(), Duration::from_millis(2000));
            std::mem::forget(t4);
            Ok::<(), BoxError>(())
        })?;
        s0.subscope("s9", |s9| {
            let cx9 = s9.context();
            Ok(cx9.checkpoint()?)
        })?;
        let _t11 = s0.thread("t11", "a step").isolated().dedicated().spawn(move |_cx11| {
            Ok(())
        }).ok();
        Err::<(), _>("step 0 fails".into())
    });
    println!("{result:?}");
}
