//! A hello in a scope of a library.

fn main() -> homebound::Result<(), homebound::ScopeError> {
    homebound::scope(|scope| {
        scope.spawn("hello", "says hello", |_| Ok(println!("hello")))?.join()?;
        Ok(())
    })
}
