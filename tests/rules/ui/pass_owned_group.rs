//! A plain struct that owns a group of 'static threads.
use homebound::{Context, Group, Result, scope};

struct Service(Group<'static>);

fn start(cx: &Context) -> Result<Service> {
    let group = cx.group("owned")?;
    group.service("clerk", "waits", |cx| Ok(drop(cx.wait_for_stop())))?;
    Ok(Service(group))
}

fn main() {
    let result = scope(|s| Ok(start(s.context())?.0.close()?));
    result.unwrap();
}
