//! A child whose closure gives away what it has captured cannot run again.
use homebound::work::Child;

fn main() {
    let line = String::from("a line");
    let _ = Child::new("conn", "answers one peer", move |_| Ok(drop(line)));
}
