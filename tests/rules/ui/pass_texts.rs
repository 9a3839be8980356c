//! What may be a name or a purpose, also in generic code; and loops that end with their stop.
use std::borrow::Cow;
use std::time::Duration;

use homebound::{IntoText, Result, Scope, scope};

fn by_conversion(
    s: &Scope<'_, '_>,
    name: impl Into<Cow<'static, str>>,
    purpose: impl Into<Cow<'static, str>>,
) -> Result {
    s.spawn(name, purpose, |_| Ok(()))?;
    Ok(())
}

fn by_text(s: &Scope<'_, '_>, name: impl IntoText) -> Result {
    drop(s.group(name)?);
    Ok(())
}

fn start<'scope>(s: &Scope<'scope, '_>, words: &'scope [String]) -> Result {
    s.spawn("counter", "counts words", |_| Ok(words.len()))?;
    Ok(())
}

fn main() {
    let words = vec![String::from("a")];
    let ended = scope(|s| {
        by_conversion(s, "a", String::from("b"))?;
        by_text(s, format!("c{}", 1))?;
        start(s, &words)?;
        s.spawn(String::from("d"), Cow::Borrowed("e"), |_| Ok(()))?;
        s.service("ticks", "waits for its stop", |cx| {
            loop {
                cx.sleep(Duration::from_secs(1))?;
            }
        })?;
        s.spawn("looks", "waits for its stop", |cx| -> Result {
            loop {
                cx.sleep(Duration::from_secs(1))?;
            }
        })?;
        s.stop();
        Ok(())
    });
    ended.unwrap();
}
