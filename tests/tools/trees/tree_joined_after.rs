//! A random tree, as it prints itself.

fn main() {
    use homebound::scope;
    use homebound::BoxError;
    #[derive(Debug)]
    struct Hidden(BoxError);
    impl std::fmt::Display for Hidden {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl std::error::Error for Hidden {}
    let result = scope(|s0| {
        if let Ok(g1) = s0.group("g1") {
            if let Ok(g2) = g1.group("g2") {
                let t3 = g2.spawn("t3", "a step", move |_cx3| {
                    Ok(())
                }).ok();
                let _ = g2.close();
                if let Some(t) = t3 {
                    t.join().map_err(|error| Hidden(BoxError::from(error)))?;
                }
            }
            let t5 = g1.spawn("t5", "a step", move |_cx5| {
                Ok(())
            }).ok();
            let _ = g1.close();
            if let Some(t) = t5 {
                t.join()?;
            }
        }
        Ok(())
    });
    println!("{result:?}");
}
