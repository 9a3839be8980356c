//! Owns the test of the example as a program, with the signal that ends it.
//! Refuses to know the pool: see `ends` and `work`.

#![cfg(unix)]
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

#[path = "../../tests/common/mod.rs"]
mod common;

use common::*;
use rustix::process::Signal;

#[test]
fn a_pipeline_ends_in_the_middle_of_a_batch() {
    // catches: a loop that goes on; a stop that is a failure; threads of rayon's that are left
    within(|| {
        let mut program = Program::start("rayon_pipeline", &[]);
        assert_eq!(program.line(), "0..2000: 12888890\n");
        program.signal(Signal::TERM);
        let (code, out, err) = program.end();
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        assert!(out.contains("orphaned: 0") && out.contains("timeout: 0"), "{out}");
        assert!(out.contains("/ray/ray-0  (worker: sums digits)"), "{out}");
        assert!(out.contains("stopped after "), "{out}");
    });
}
