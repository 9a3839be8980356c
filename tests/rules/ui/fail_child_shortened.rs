//! A Child whose lifetime is shortened: it would take a child that borrows for less than its scope.
use homebound::work::Child;

fn covariant<'short, 'long: 'short>(value: Child<'long>) -> Child<'short> {
    value
}

fn main() {
    let _ = covariant;
}
