//! Pauses that grow have a limit, which no test could wait for.

#[path = "../../../src/rt/pauses.rs"]
mod pauses;

use std::time::Duration;

use pauses::Pauses;

#[test]
fn a_pause_is_twice_the_one_before_and_never_above_its_limit() {
    // catches: a pause of twice the limit; a first pause that is left out
    let told = |first, longest, count| {
        let mut pauses = Pauses::new(Duration::from_secs(first), Duration::from_secs(longest));
        (0..count).map(|_| pauses.next().as_secs()).collect::<Vec<_>>()
    };
    assert_eq!(told(2, 60, 8), [2, 4, 8, 16, 32, 60, 60, 60]);
    assert_eq!(told(9, 5, 2), [5, 5]);
    assert_eq!(told(1, u64::MAX, 70)[64..], [u64::MAX; 6]);
}
