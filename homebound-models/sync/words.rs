//! Owns the words of loom that are used with `SeqCst`. loom itself treats `SeqCst` as `AcqRel`, and
//! fences make up for that.
//! Refuses any other checker.

use std::sync::atomic::Ordering::{self, SeqCst};

use loom::sync::atomic::fence;

/// Two threads that each store to one word and then load the other's, all with `SeqCst`, do not
/// both miss the other's store. A fence before each load gives the same guarantee. Nothing here
/// needs more than that.
fn before_load(order: Ordering) {
    if order == SeqCst {
        fence(SeqCst);
    }
}

macro_rules! word {
    ($name:ident, $value:ty, $($method:ident),*) => {
        #[derive(Debug, Default)]
        pub(crate) struct $name(loom::sync::atomic::$name);

        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                $name(loom::sync::atomic::$name::new(value))
            }

            #[track_caller]
            pub(crate) fn load(&self, order: Ordering) -> $value {
                before_load(order);
                self.0.load(order)
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $value, order: Ordering) {
                self.0.store(value, order);
            }

            #[track_caller]
            pub(crate) fn compare_exchange(
                &self,
                seen: $value,
                next: $value,
                met: Ordering,
                failed: Ordering,
            ) -> Result<$value, $value> {
                before_load(met);
                self.0.compare_exchange(seen, next, met, failed)
            }

            $(
                #[track_caller]
                pub(crate) fn $method(&self, value: $value, order: Ordering) -> $value {
                    before_load(order);
                    self.0.$method(value, order)
                }
            )*
        }
    };
}

word!(AtomicBool, bool, swap);
word!(AtomicU32, u32, fetch_add, fetch_sub, fetch_or);
