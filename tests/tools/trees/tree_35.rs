//! A random tree, as it prints itself.

fn main() {
    use homebound::scope;
    use crossbeam_channel::never;
    use std::time::Duration;
    let result = scope(|s0| {
        let cx0 = s0.context();
        let stop0 = s0.stopper();
        stop0.stop_because("step 1");
        let t2 = {
            let stop0 = stop0.clone();
            s0.spawn("t2", "a step", move |_cx2| {
                stop0.stop_because("step 3");
                Ok(())
            }).ok()
        };
        let _ = cx0.recv_timeout(&never::<()>(), Duration::from_millis(2000));
        let _t6 = s0.thread("t6", "a step").isolated().service(move |_cx6| {
            let _t7 = s0.thread("t7", "a step").vital().spawn(move |cx7| {
                let _ = cx7.recv_timeout(&never::<()>(), Duration::from_millis(2000));
                s0.shutdown(Duration::from_millis(4));
                Ok(cx7.checkpoint()?)
            }).ok();
            s0.subscope("s10", |s10| {
                let _t11 = s10.service("t11", "a step", move |_cx11| {
                    if true {
                        panic!("step 11 panics");
                    }
                    Ok(())
                }).ok();
                Ok(())
            })?;
            Ok(())
        }).ok();
        std::mem::forget(t2);
        let _ = cx0.stop_reason();
        Ok(cx0.checkpoint()?)
    });
    println!("{result:?}");
}
