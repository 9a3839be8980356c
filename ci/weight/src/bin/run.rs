//! A hello as an application: with signals, dumps and an exit code.

fn main() -> homebound::Exit<()> {
    homebound::run(|scope| {
        scope.spawn("hello", "says hello", |_| Ok(println!("hello")))?;
        Ok(())
    })
}
