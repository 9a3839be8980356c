//! A channel of the standard library's, whose wait no stop can end.
use homebound::{Result, scope};

fn main() {
    let (_give, take) = std::sync::mpsc::channel::<u32>();
    let _ = scope(|s| -> Result {
        s.spawn("adder", "adds up", move |cx| {
            let sum: u32 = cx.iter(&take).sum();
            Ok(sum)
        })?;
        Ok(())
    });
}
