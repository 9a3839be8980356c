//! A random tree, as it prints itself.

fn main() {
    use homebound::scope;
    use homebound::BoxError;
    use crossbeam_channel::bounded;
    use crossbeam_channel::never;
    use std::time::Duration;
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
    let result = scope(|s0| {
        let cx0 = s0.context();
        let _ = cx0.recv_timeout(&never::<()>(), Duration::from_millis(2000));
        let t2 = {
            let bomb2 = Bomb(2, false.into());
            s0.thread("t2", "a step").isolated().dedicated().spawn(move |cx2| {
                let _ = cx2.recv_timeout(&never::<()>(), Duration::from_millis(2000));
                let _ = cx2.stop_reason();
                scope(|_s5| {
                    Ok(())
                }).map_err(|error| Hidden(BoxError::from(error)))?;
                if let Ok(g6) = s0.group("g6") {
                    let _ = never::<()>().recv_timeout(Duration::from_millis(3));
                    let _t8 = g6.thread("t8", "a step").dedicated().spawn(move |cx8| {
                        let _ = never::<()>().recv_timeout(Duration::from_millis(3));
                        {
                            let here = cx8.clone();
                            let (adopting, adopted) = bounded::<()>(0);
                            std::thread::spawn(move || -> homebound::Result {
                                let guest10 = here.adopt("t10", "a step");
                                guest10.checkpoint()?;
                                drop(adopting);
                                Ok(())
                            });
                            let _ = adopted.recv();
                        }
                        Ok(())
                    }).ok();
                    if let Ok(g11) = g6.group("g11") {
                        g11.close().map_err(|error| Hidden(BoxError::from(error)))?;
                    }
                    {
                        let here = cx2.clone();
                        let (adopting, adopted) = bounded::<()>(0);
                        std::thread::spawn(move || -> homebound::Result {
                            let guest12 = here.adopt("t12", "a step");
                            guest12.checkpoint()?;
                            drop(adopting);
                            let cx12 = &*guest12;
                            if let Ok(g13) = cx12.group("g13") {
                                let _ = cx12.stop_reason();
                                let _ = g13.close();
                            }
                            Ok(())
                        });
                        let _ = adopted.recv();
                    }
                    let _ = g6.close();
                }
                bomb2.1.store(true, std::sync::atomic::Ordering::SeqCst);
                Ok(())
            }).ok()
        };
        drop(t2);
        Ok(cx0.checkpoint()?)
    });
    println!("{result:?}");
}
