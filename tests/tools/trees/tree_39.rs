//! A random tree, as it prints itself.

fn main() {
    use homebound::registry;
    use homebound::scope;
    use homebound::BoxError;
    use homebound::Context;
    use homebound::JoinSet;
    use homebound::Race;
    use homebound::Restart;
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
    let result = registry::run(|s0| {
        let cx0 = s0.context();
        let stop0 = s0.stopper();
        let _ = cx0.sleep(Duration::from_millis(2000));
        let t3 = {
            let mut set = JoinSet::<()>::new();
            let _ = set.spawn(s0, "w3", "a step", |cx: &Context| Ok(cx.sleep(Duration::from_millis(20))?));
            let _ = set.spawn(s0, "w3", "a step", |_| Err("step 3 fails".into()));
            let _ = set.spawn(s0, "w3", "a step", |cx: &Context| Ok(cx.sleep(Duration::from_millis(20))?));
            let _ = set.spawn(s0, "w3", "a step", |_| Ok(drop(never::<()>().recv_timeout(Duration::from_millis(3)))));
            Some(set)
        };
        if let Some(t) = t3 {
            let mut t = t;
            while let Ok(Some(_)) = t.next(cx0) {}
        }
        let _t5 = s0.spawn("t5", "a step", move |cx5| {
            let _ = cx5.stop_reason();
            Ok(cx5.checkpoint()?)
        }).ok();
        let t7 = {
            s0.thread("w7", "a step").restart(Restart::on_failure().no_backoff().intensity(100, Duration::from_secs(60)).give_up_after(3))
                .spawn::<(), _>(|cx: &Context| match cx.run_number() {
                1..3 => Err("step 7 fails".into()),
                _ => Ok(()),
            }).ok()
        };
        if let Some(t) = t7 {
            t.join()?;
        }
        s0.defer("d9", || Ok(()));
        let _t10 = s0.thread("t10", "a step").dedicated().spawn(move |_cx10| {
            let _ = never::<()>().recv_timeout(Duration::from_millis(0));
            if true {
                panic!("step 10 panics");
            }
            Ok(())
        }).ok();
        scope(|s12| {
            let cx12 = s12.context();
            let _ = cx12.quorum("w13", 0, Race::<()>::new()
                .add("e0", "a step", |cx: &Context| Ok(cx.sleep(Duration::from_millis(2000))?)));
            stop0.stop_because("step 14");
            Ok(())
        }).map_err(|error| Hidden(BoxError::from(error)))?;
        {
            let here = cx0.clone();
            let (adopting, adopted) = bounded::<()>(0);
            std::thread::spawn(move || -> homebound::Result {
                let guest15 = here.adopt("t15", "a step");
                guest15.checkpoint()?;
                drop(adopting);
                Ok(())
            });
            let _ = adopted.recv();
        }
        s0.shutdown(Duration::from_millis(0));
        let _t17 = s0.service("t17", "a step", move |_cx17| {
            if true {
                panic!("step 17 panics");
            }
            Ok(())
        }).ok();
        Ok(cx0.checkpoint()?)
    }).into_result();
    println!("{result:?}");
}
