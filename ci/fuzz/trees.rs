//! Owns the fuzz target: any bytes are a tree, every tree keeps the promises.
//! Refuses to know what a tree is and what is promised: `homebound_testing` does.
#![no_main]

use std::panic;
use std::sync::Once;

use homebound_testing::Tree;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    static QUIET: Once = Once::new();
    // The fuzzer's hook aborts; the panics of a tree are meant.
    QUIET.call_once(|| {
        let abort = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !info.payload_as_str().is_some_and(|text| text.starts_with("step ")) {
                abort(info);
            }
        }));
    });
    let observed = Tree::from_bytes(bytes).run();
    if let Err(wrong) = observed.check() {
        panic!("{wrong}");
    }
});
