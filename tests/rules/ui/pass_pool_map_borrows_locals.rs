//! Items, closure, source and results of a map on a pool borrow locals of the caller, who may be a job.
use homebound::{Context, Pool, Result, scope};

fn longest<'a>(pool: &Pool<'_>, cx: &Context, words: &'a [String]) -> Result<Option<&'a str>> {
    let least = words.len();
    let kept = pool.map(cx, words, |_, word| Ok((word.len() > least).then_some(word.as_str())))?;
    Ok(kept.into_iter().flatten().max_by_key(|word| word.len()))
}

fn main() -> Result {
    scope(|s| {
        let pool = s.pool("words", "measures words").threads(2).start()?;
        let inner = pool.clone();
        let job = pool.submit(s.context(), move |cx| {
            let words = ["to", "be", "or", "not"].map(str::to_owned); // a local of the job
            Ok(longest(&inner, cx, &words)?.map(str::to_owned))
        })?;
        assert_eq!(job.join()?, None);
        Ok(())
    })?;
    Ok(())
}
