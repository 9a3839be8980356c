//! Owns the map whose results a body takes while the workers go on.
//! Refuses to start threads and to take items: the crew does; and to keep results: the window does.

use std::panic::Location;

use crate::rt::contain::{contain, drop_each};
use crate::scope::identity::PartEnd;
use crate::work::map::crew::{After, Crew, Names, Seat, hire, seat, sleep_for};
use crate::work::map::source::Source;
use crate::work::map::window::{Next, Slot, Window};
use crate::{Context, IntoText, Result, Scope, ScopeError, Stopped};

impl<'scope> Scope<'scope, '_> {
    /// As [`map`](Self::map), but `body` takes the results one by one, in the order of the items,
    /// while the workers go on. When `body` returns, the rest is stopped, so the source may be
    /// infinite.
    ///
    /// At most 2 x `width` items are taken from the source and not yet given to `body`: a body that
    /// is slow slows the workers down. The workers begin at once, and do not wait for the first
    /// question of `body`. So `body` may feed the source, a channel for instance.
    ///
    /// | `body` asks for item N, and | it gets |
    /// |---|---|
    /// | its result is there, or comes | `Some(Ok(result))` |
    /// | the item has failed | `Some(Err(Stopped))`; from now on the failure counts |
    /// | a stop has come | `Some(Err(Stopped))` |
    /// | there is no item N | `None` |
    ///
    /// After an `Err` come no more items. A failure of an item that `body` does not ask for is
    /// logged, and counts for nothing.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let square = |_: &homebound::Context, n: i32| Ok(n * n);
    ///     let first = scope.map_stream("square", "squares", 2, 1.., square, |_, results| {
    ///         Ok(results.take(3).collect::<Result<Vec<i32>, _>>()?)
    ///     })?;
    ///     assert_eq!(first, [1, 4, 9]);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// If `body` has asked for an item that failed, that failure, whatever `body` returned. If a
    /// stop has come before `body` returned, that stop, whatever it returned. Else what `body`
    /// returned.
    ///
    /// # Blocking
    /// As long as `body`, and until no thread of the map runs any more.
    ///
    /// # Panics
    /// As [`scope`](crate::scope()): with the panic of `body`, or of `items.into_iter()`.
    #[track_caller]
    #[must_use = "dropped, it takes the failures or the stop along: pass them on with `?`"]
    pub fn map_stream<I, U, F, B, R>(
        &self,
        name: impl IntoText,
        purpose: impl IntoText,
        width: usize,
        items: I,
        f: F,
        body: B,
    ) -> Result<R, ScopeError>
    where
        I: IntoIterator,
        I::IntoIter: Send,
        I::Item: Send,
        U: Send,
        F: Fn(&Context, I::Item) -> Result<U> + Sync,
        B: FnOnce(&Context, &mut dyn Iterator<Item = Result<U, Stopped>>) -> Result<R>,
    {
        self.context().map_stream(name, purpose, width, items, f, body)
    }
}

impl Context {
    /// As [`Scope::map_stream`]: the scope of the map is below the calling thread.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let found = scope.spawn("finder", "finds the first long word", |cx| {
    ///         let words = ["a", "to", "three", "nine"];
    ///         let measure = |_: &homebound::Context, word: &'static str| Ok((word, word.len()));
    ///         let found = cx.map_stream("measure", "measures", 2, words, measure, |_, all| {
    ///             for word in all {
    ///                 let (word, length) = word?; // a stop is no end of the words
    ///                 if length > 2 {
    ///                     return Ok(Some(word));
    ///                 }
    ///             }
    ///             Ok(None)
    ///         })?;
    ///         Ok(found)
    ///     })?;
    ///     assert_eq!(found.join()?, Some("three"));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Scope::map_stream`].
    ///
    /// # Panics
    /// As [`Scope::map_stream`].
    #[track_caller]
    #[must_use = "dropped, it takes the failures or the stop along: pass them on with `?`"]
    pub fn map_stream<I, U, F, B, R>(
        &self,
        name: impl IntoText,
        purpose: impl IntoText,
        width: usize,
        items: I,
        f: F,
        body: B,
    ) -> Result<R, ScopeError>
    where
        I: IntoIterator,
        I::IntoIter: Send,
        I::Item: Send,
        U: Send,
        F: Fn(&Context, I::Item) -> Result<U> + Sync,
        B: FnOnce(&Context, &mut dyn Iterator<Item = Result<U, Stopped>>) -> Result<R>,
    {
        let at = Location::caller();
        let names = Names::new(name, purpose, at);
        let name = names.name.clone();
        let window = Window::new();
        let ahead = width.max(1).saturating_mul(2);
        let crew = Crew::new(names, items.into_iter(), width, ahead, into_window(&f, &window));
        self.subscope(name, |scope| {
            let cx = scope.context();
            // Values that are not handed out are dropped in the guard of the scope, when all
            // threads are home.
            scope.defer("what a map has left", || {
                crew.source.clear(|payload| cx.fail_panic(payload));
                drop_each(window.left(), |payload| cx.fail_panic(payload));
                Ok(())
            });
            // A source that cannot tell is asked by the first worker, not here: `body` may feed it.
            // A source that says that it is empty is asked here, because it may be wrong.
            if crew.source.may_have_more() || crew.take_first(cx) {
                hire(scope, &crew)?
            } else {
                window.end(0)
            }
            let mut results = Results { cx, at, source: &crew.source, window: &window, over: false };
            let returned = body(cx, &mut results)?;
            if cx.node().is_stopping() {
                return Err(cx.stopped().into());
            }
            scope.stopper().stop_because("the body of its map has returned");
            Ok(returned)
        })
    }
}

/// What a worker of a stream does with an item: `f`, and puts the result into the window, a failure
/// as well. The failure counts when the body asks for it, so the thread does not fail.
fn into_window<T, U>(
    f: impl Fn(&Context, T) -> Result<U>,
    window: &Window<U, Seat>,
) -> impl Fn(&Context, usize, &mut dyn FnMut() -> Option<T>) -> Result<After> {
    move |cx, number, item| {
        let ran = contain(|| item().map(|item| f(cx, item)).transpose());
        match cx.judge_part(ran) {
            Ok(Some(value)) => {
                window.put(number, Slot::Value(value));
                Ok(After::Next)
            }
            Ok(None) => match cx.stopped_or_arriving() {
                Some(stopped) => Err(stopped.into()),
                None => {
                    window.end(number);
                    Ok(After::Leave)
                }
            },
            // The items before this one were taken before, so other workers are at them or have
            // done them. Those after it cannot be asked for.
            Err(PartEnd::Failed(failure)) => {
                window.put(number, Slot::Failed(failure));
                Ok(After::Close)
            }
            Err(PartEnd::Stopped(stopped)) => {
                window.put(number, Slot::Stopped);
                Err(stopped.into())
            }
        }
    }
}

/// The results, as the body sees them.
struct Results<'a, I: Iterator, U> {
    cx: &'a Context,
    at: &'static Location<'static>,
    source: &'a Source<I, Seat>,
    window: &'a Window<U, Seat>,
    /// An end or an error was given: no result comes any more.
    over: bool,
}

impl<I: Iterator, U> Iterator for Results<'_, I, U> {
    type Item = Result<U, Stopped>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        self.cx.point("next result", self.at);
        loop {
            let mut wake = None;
            let next = self.window.next(|| seat(&mut wake));
            // After the look, so that a stream whose items were all given has an end, and no stop.
            if self.cx.node().is_stopping() && !matches!(next, Next::End) {
                return self.stopped();
            }
            match (next, wake) {
                (Next::End, _) => {
                    self.over = true;
                    return None;
                }
                (Next::Slot(Slot::Value(value)), _) => {
                    self.source.give();
                    return Some(Ok(value));
                }
                (Next::Slot(Slot::Failed(failure)), _) => {
                    // Asked for, so it counts from now on (F1).
                    self.cx.core().fail(&failure, true);
                    return self.stopped();
                }
                (Next::Slot(Slot::Stopped), _) => return self.stopped(),
                (Next::Wait, Some(wake)) => {
                    sleep_for(self.cx.core(), self.cx, &wake, ("next result", self.at));
                }
                (Next::Wait, None) => {}
            }
        }
    }
}

impl<I: Iterator, U> Results<'_, I, U> {
    fn stopped(&mut self) -> Option<Result<U, Stopped>> {
        self.over = true;
        Some(Err(self.cx.stopped()))
    }
}
