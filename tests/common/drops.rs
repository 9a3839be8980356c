//! Owns values whose drop panics, or runs a closure.
//! Refuses to know the semantics under test.

use std::panic::AssertUnwindSafe;

/// The drop of a bomb panics, with another bomb as payload if it has one.
pub struct Bomb(pub Option<Box<Bomb>>);

impl Bomb {
    pub fn new() -> Self {
        Bomb(None)
    }

    pub fn chain(length: usize) -> Self {
        (1..length).fold(Bomb(None), |inner, _| Bomb(Some(Box::new(inner))))
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        match self.0.take() {
            Some(inner) => std::panic::panic_any(*inner),
            None => panic!("the bomb went off"),
        }
    }
}

/// Runs a closure when dropped.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Drops a value whose drop may panic, and ignores the panic.
pub fn drop_quietly<T>(value: T) {
    let dropped = std::panic::catch_unwind(AssertUnwindSafe(|| drop(value)));
    std::mem::forget(dropped);
}
