//! A random tree, as it prints itself.

fn main() {
    use homebound::registry;
    use homebound::scope;
    use homebound::BoxError;
    use std::time::Duration;
    struct Bomb(usize, std::sync::atomic::AtomicBool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if *self.1.get_mut() && !std::thread::panicking() {
                panic!("step {} panics", self.0);
            }
        }
    }
    let result = registry::run(|s0| {
        let cx0 = s0.context();
        let stop0 = s0.stopper();
        let _ = cx0.sleep(Duration::from_millis(2000));
        cx0.shield(Duration::from_millis(3), |cx3| {
            stop0.stop_because("step 5");
            cx3.shield(Duration::from_millis(3), |_cx7| {
                let _t8 = {
                    let bomb8 = Bomb(8, false.into());
                    cx3.thread("t8", "a step").stack_size(1 << (usize::BITS - 3)).spawn(move |_cx8| {
                        bomb8.1.store(true, std::sync::atomic::Ordering::SeqCst);
                        Ok(())
                    }).ok()
                };
                Ok::<(), BoxError>(())
            })?;
            let _ = cx3.stop_reason();
            scope(|_s10| {
                stop0.stop_because("step 11");
                Ok(())
            })?;
            let _t13 = s0.thread("t13", "a step").dedicated().spawn(move |cx13| {
                let _ = cx13.stop_reason();
                Ok(())
            }).ok();
            Ok::<(), BoxError>(())
        })?;
        Ok(cx0.checkpoint()?)
    }).into_result();
    println!("{result:?}");
}
