//! Owns the items that the printed code of a tree may need: imports, and types of its own.
//! Refuses to print the tree.

/// An item that the code needs if it contains the text.
pub(super) const ITEMS: [(&str, &str); 18] = [
    ("registry::run", "use homebound::registry;"),
    (" scope(", "use homebound::scope;"),
    ("Handle<", "use homebound::Handle;"),
    ("BoxError", "use homebound::BoxError;"),
    (": &Context", "use homebound::Context;"),
    ("JoinSet::", "use homebound::JoinSet;"),
    ("Race::", "use homebound::Race;"),
    ("Restart::", "use homebound::Restart;"),
    ("Strategy::", "use homebound::work::Strategy;"),
    ("AtStop::", "use homebound::AtStop;"),
    ("Child::", "use homebound::Child;"),
    ("bounded", "use crossbeam_channel::bounded;"),
    ("never", "use crossbeam_channel::never;"),
    ("Duration", "use std::time::Duration;"),
    ("Instant", "use std::time::Instant;"),
    ("Bomb", BOMB),
    ("Hidden", HIDDEN),
    ("my_code", "fn my_code(_: &homebound::Context) -> homebound::Result {\n    Ok(())\n}"),
];

const BOMB: &str = "\
struct Bomb(usize, std::sync::atomic::AtomicBool);
impl Drop for Bomb {
    fn drop(&mut self) {
        if *self.1.get_mut() && !std::thread::panicking() {
            panic!(\"step {} panics\", self.0);
        }
    }
}";

const HIDDEN: &str = "\
#[derive(Debug)]
struct Hidden(BoxError);
impl std::fmt::Display for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
impl std::error::Error for Hidden {}";
