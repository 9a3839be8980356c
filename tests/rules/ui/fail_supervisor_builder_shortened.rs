//! A SupervisorBuilder whose lifetime is shortened: it would take a child that borrows for less than its scope.
use homebound::work::SupervisorBuilder;

fn covariant<'short, 'long: 'short>(value: SupervisorBuilder<'long>) -> SupervisorBuilder<'short> {
    value
}

fn main() {
    let _ = covariant;
}
