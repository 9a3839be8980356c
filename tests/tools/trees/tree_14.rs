//! A random tree, as it prints itself.

fn main() {
    use homebound::scope;
    use homebound::BoxError;
    use crossbeam_channel::never;
    use std::time::Duration;
    use std::time::Instant;
    let result = scope(|s0| {
        let cx0 = s0.context();
        let stop0 = s0.stopper();
        stop0.stop_because("step 2");
        if let Ok(g3) = s0.group("g3") {
            let _ = cx0.ticks(Duration::from_millis(2000)).next();
            let _ = g3.close();
            let _ = cx0.recv_timeout(&never::<()>(), Duration::from_millis(2000));
            let _t6 = cx0.thread("t6", "a step").isolated().spawn(move |cx6| {
                if let Ok(g7) = cx6.group("g7") {
                    let _ = g7.close();
                }
                Err::<(), _>("step 6 fails".into())
            }).ok();
            s0.subscope("s9", |s9| {
                let cx9 = s9.context();
                let stop9 = s9.stopper();
                let _t10 = s9.thread("t10", "a step").vital().spawn(move |_cx10| {
                    Ok(())
                }).ok();
                let _ = cx9.sleep(Duration::from_millis(2000));
                cx9.with_deadline(Instant::now() + Duration::from_millis(0), |_cx12| {
                    Ok::<(), BoxError>(())
                })?;
                let _guard13 = cx9.on_stop(|| panic!("step 13 panics"));
                let _ = s9.subscope("s14", |_s14| {
                    Ok(())
                });
                let _t15 = s9.service("t15", "a step", move |_cx15| {
                    if true {
                        panic!("step 15 panics");
                    }
                    Ok(())
                }).ok();
                stop9.stop_because("step 16");
                Ok(())
            })?;
        }
        Ok(cx0.checkpoint()?)
    });
    println!("{result:?}");
}
