//! Owns the map that returns all results at once.
//! Refuses to start threads and to take items: the crew does.

use std::panic::Location;

use crate::rt::contain::{contain, discard, drop_each};
use crate::sync::Mutex;
use crate::work::map::crew::{After, Crew, Names, hire};
use crate::{Context, IntoText, Result, Scope, ScopeError};

/// The results that are there, each with the number of its item.
pub(crate) type Values<U> = Mutex<Vec<(usize, U)>>;

/// # Maps
impl<'scope> Scope<'scope, '_> {
    /// Calls `f` for each item, on at most `width` threads, and returns the results in the order of
    /// the items. The first failure stops the rest.
    ///
    /// The threads are in a scope of their own, named `name`, which is over when `map` returns. So
    /// items, `f` and results may borrow locals of the caller.
    ///
    /// | | |
    /// |---|---|
    /// | threads | `name-1`, ..; made when there is an item and no other idles. `width` 0 is 1 |
    /// | no item | no thread |
    /// | the system refuses a thread after the first | goes on with fewer |
    /// | the source | is asked by one thread at a time: a slow `next()` holds up all |
    /// | a stop | is heard between two items, and by the waits of `f`'s context |
    /// | the dump | shows the item of each thread: `thumbs-2  at item 17` |
    ///
    /// For items that block, take 20 us or more, or need a stop; a loop over data in memory is
    /// rayon's job. A `map` inside of a `map` multiplies the widths.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let pages = ["index", "about", "contact"];
    ///     let sizes = scope.map("fetch", "fetches a page", 2, &pages, |cx, page| {
    ///         cx.checkpoint()?;
    ///         Ok(page.len())
    ///     })?;
    ///     assert_eq!(sizes, [5, 5, 7]);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// The failures of the map's scope, the first one first: an `Err` or a panic of `f`, or a panic
    /// of the source, each with the note `item 17` (from 0); or a refusal of the first thread. If
    /// nothing failed, and the caller is stopped before the last result is there, that stop. The
    /// results that are there are dropped.
    ///
    /// # Blocking
    /// Until every result is there, and no thread of the map runs any more.
    ///
    /// # Panics
    /// As [`scope`](crate::scope()), with the panic of `items.into_iter()`, which runs before the
    /// scope is opened.
    #[track_caller]
    #[must_use = "dropped, it takes the failures or the stop along: pass them on with `?`"]
    pub fn map<I, U, F>(
        &self,
        name: impl IntoText,
        purpose: impl IntoText,
        width: usize,
        items: I,
        f: F,
    ) -> Result<Vec<U>, ScopeError>
    where
        I: IntoIterator,
        I::IntoIter: Send,
        I::Item: Send,
        U: Send,
        F: Fn(&Context, I::Item) -> Result<U> + Sync,
    {
        self.context().map(name, purpose, width, items, f)
    }
}

/// # Maps
impl Context {
    /// As [`Scope::map`]: the scope of the map is below the calling thread.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let sum = scope.spawn("sum", "adds squares", |cx| {
    ///         let squares = cx.map("square", "squares a number", 2, 1..=3, |_, n| Ok(n * n))?;
    ///         Ok(squares.into_iter().sum::<i32>())
    ///     })?;
    ///     assert_eq!(sum.join()?, 14);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Scope::map`].
    ///
    /// # Panics
    /// As [`Scope::map`].
    #[track_caller]
    #[must_use = "dropped, it takes the failures or the stop along: pass them on with `?`"]
    pub fn map<I, U, F>(
        &self,
        name: impl IntoText,
        purpose: impl IntoText,
        width: usize,
        items: I,
        f: F,
    ) -> Result<Vec<U>, ScopeError>
    where
        I: IntoIterator,
        I::IntoIter: Send,
        I::Item: Send,
        U: Send,
        F: Fn(&Context, I::Item) -> Result<U> + Sync,
    {
        let names = Names::new(name, purpose, Location::caller());
        let name = names.name.clone();
        let values = Values::default();
        let crew = Crew::new(names, items.into_iter(), width, usize::MAX, collect(&f, &values));
        let is_complete = || crew.source.total() == Some(values.lock().len());
        let mapped = self.subscope(name, |scope| {
            let cx = scope.context();
            // Values that are not handed out are dropped in the guard of the scope, when all
            // threads are home.
            scope.defer("what a map has left", || {
                crew.source.clear(|payload| cx.fail_panic(payload));
                let left = if is_complete() { Vec::new() } else { std::mem::take(&mut *values.lock()) };
                drop_each(left, |payload| cx.fail_panic(payload));
                Ok(())
            });
            match contain(|| crew.take_first(cx)) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(payload) => {
                    cx.fail_panic(payload);
                    return Err(cx.stopped().into());
                }
            }
            hire(scope, &crew)?;
            crew.wait(cx);
            // A stop that comes with the last result changes nothing about the results.
            if is_complete() {
                return Ok(());
            }
            // Without a stop, a worker has left because of a stop of its own.
            Err(cx.stopped_or_arriving().unwrap_or_else(|| cx.stopped()).into())
        });
        drop(crew);
        let values = in_order(values);
        match mapped {
            Ok(()) => Ok(values),
            Err(error) => {
                // Mostly none: they were dropped above. They are here if all were there, and a drop
                // of the source failed.
                drop_each(values, discard);
                Err(error)
            }
        }
    }
}

/// What a worker of a map does with an item: `f`, and keeps the result.
pub(crate) fn collect<T, U>(
    f: impl Fn(&Context, T) -> Result<U>,
    values: &Values<U>,
) -> impl Fn(&Context, usize, &mut dyn FnMut() -> Option<T>) -> Result<After> {
    move |cx, number, item| {
        let Some(item) = item() else { return Ok(After::Leave) };
        let value = f(cx, item)?;
        values.lock().push((number, value));
        Ok(After::Next)
    }
}

/// The results, in the order of the items.
pub(crate) fn in_order<U>(mut values: Values<U>) -> Vec<U> {
    let mut values = std::mem::take(values.get_mut());
    // std's stable sort, because it makes use of the runs that are in order already, and there may
    // be millions.
    values.sort_by_key(|(number, _)| *number);
    values.into_iter().map(|(_, value)| value).collect()
}
