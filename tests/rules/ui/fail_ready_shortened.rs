//! A `Ready` whose value has a shorter lifetime: the starter would get a dangling value.
use homebound::Ready;

fn covariant<'short, 'long: 'short>(ready: Ready<&'long u8>) -> Ready<&'short u8> {
    ready
}

fn main() {
    let _ = covariant;
}
