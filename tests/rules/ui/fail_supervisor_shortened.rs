//! A Supervisor whose lifetime is shortened: it would take a child that borrows for less than its scope.
use homebound::work::Supervisor;

fn covariant<'short, 'long: 'short>(value: Supervisor<'long>) -> Supervisor<'short> {
    value
}

fn main() {
    let _ = covariant;
}
