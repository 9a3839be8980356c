//! Owns spawns at a limit of the system, while warm threads of other names idle.
//! Refuses to fill the machine: the limit is a child's own.

use homebound::{SpawnError, scope};
use rustix::process::getuid;

use crate::common::*;
use crate::limits::be_a_user_with_room;

#[test]
fn p11_warm_threads_of_other_names_make_room() {
    // catches: a refusal although threads idle; a refusal that comes late when none does
    if !getuid().is_root() {
        return eprintln!("skipped: only root can become a user who has no other threads");
    }
    child_passes(|_| {
        let before = os_threads();
        be_a_user_with_room(4);
        let result = scope(|s| {
            for number in 0..40 {
                // Each leaves a warm thread, and there is room for three.
                let next = s.spawn(format!("t{number}"), "returns", move |_| Ok(number));
                assert_eq!(next.unwrap_or_else(|refusal| panic!("{number}: {refusal}")).join()?, number);
            }
            let (open, gate) = gate();
            for name in ["a", "b", "c"] {
                let gate = gate.clone();
                s.spawn(name, "holds its thread", move |_| Ok(pass(&gate)))?;
            }
            let refused = s.spawn("d", "finds no room", |_| Ok(()));
            assert!(matches!(refused, Err(SpawnError::Os(_))), "nobody idles");
            drop(open);
            Ok(())
        });
        eventually("no thread is left", || os_threads() == before);
        result.map_or_else(|error| panic!("{error}"), |()| 0)
    });
}
