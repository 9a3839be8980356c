//! A group, also in a struct's field, whose threads borrow the environment.
use homebound::{Group, Handle, Result, Scope, scope};

struct Subsystem<'scope> {
    group: Group<'scope>,
    worker: Handle<'scope, usize>,
}

impl<'scope> Subsystem<'scope> {
    fn new(s: &'scope Scope<'scope, '_>, text: &'scope str) -> Result<Self> {
        let group = s.group("subsystem")?;
        let worker = group.spawn("worker", "borrows", move |_| Ok(text.len()))?;
        Ok(Self { group, worker })
    }

    fn finish(self) -> Result<usize> {
        let length = self.worker.join()?;
        self.group.close()?;
        Ok(length)
    }
}

fn main() {
    let text = String::from("borrowed");
    let result = scope(|s| Subsystem::new(s, &text)?.finish());
    assert_eq!(result.unwrap(), 8);
}
