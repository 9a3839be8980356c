//! A PoolBuilder whose lifetime is shortened: its pool would take jobs that borrow for less than its scope.
use homebound::PoolBuilder;

fn covariant<'short, 'long: 'short>(value: PoolBuilder<'long>) -> PoolBuilder<'short> {
    value
}

fn main() {
    let _ = covariant;
}
