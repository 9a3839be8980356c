//! Owns the stop at every point of maps, streams and join sets.
//! Refuses to know what they return: `semantics` does.

use std::time::Duration;

use homebound::{Context, JoinSet, SpawnError};
use homebound_testing::stop_everywhere;

use crate::common::within;

#[test]
fn maps_streams_and_sets_stand_all_of_it() {
    within(|| {
        let done = stop_everywhere(|scope| {
            let cx = scope.context();
            let squares = scope.map("square", "squares", 2, 0..6_u64, |cx, n| {
                cx.checkpoint()?;
                Ok(n * n)
            })?;
            let triple = |cx: &Context, n: u64| cx.sleep(Duration::ZERO).map(|()| n * 3).map_err(Into::into);
            let few = scope.map_stream("triple", "triples", 2, squares, triple, |_, all| {
                Ok(all.take(4).collect::<Result<Vec<_>, _>>()?)
            })?;
            let mut set = JoinSet::new();
            for n in few {
                match set.spawn(scope, "member", "looks once", move |cx| Ok(cx.checkpoint().map(|()| n)?)) {
                    Ok(_) | Err(SpawnError::Os(_)) => {}
                    Err(refused) => return Err(refused.into()),
                }
            }
            let mut sum = 0;
            while let Some((_, value)) = set.next(cx)? {
                sum += value?;
            }
            Ok(sum)
        });
        let done = done.unwrap_or_else(|trouble| panic!("{trouble}"));
        assert!(done.stops >= 20 && done.panics >= 20 && done.refusals >= 6, "{done}");
    });
}
