//! Owns the call of `next()`: the iterator in the hands of one worker, until it is put back or has
//! ended.
//! Refuses to hold a lock meanwhile.

use super::Source;

/// The iterator in the hands of one worker.
pub(crate) struct Lent<'a, I: Iterator, S> {
    source: &'a Source<I, S>,
    /// `None` when it was put back or has ended.
    items: Option<I>,
    /// The number of the item that comes next.
    pub(crate) number: usize,
}

impl<'a, I: Iterator, S> Lent<'a, I, S> {
    pub(super) fn new(source: &'a Source<I, S>, items: I, number: usize) -> Self {
        Lent { source, items: Some(items), number }
    }

    /// Calls `next()`, and gives the iterator back. Returns the item, and true if the caller is to
    /// make one more worker. `cut` is asked if `next()` gave `None`: true if a stop has come, which
    /// may have ended the source before its last item. Runs code of the program's: call it inside
    /// of `contain`.
    pub(crate) fn pull(mut self, cut: impl FnOnce() -> bool) -> Option<(I::Item, bool)> {
        let items = self.items.as_mut()?;
        // A panic in here drops `self`: Lent -> Over, with the iterator kept for `clear`.
        let item = items.next();
        let more = item.is_some() && items.size_hint().1 != Some(0);
        let items = self.items.take()?;
        match item {
            Some(item) => Some((item, self.source.put_back(items, more))),
            None => {
                self.source.end(!cut(), None);
                // On this thread and at once, because the iterator may own the end of a channel.
                drop(items);
                None
            }
        }
    }
}

impl<I: Iterator, S> Drop for Lent<'_, I, S> {
    fn drop(&mut self) {
        // After a panic of `next()`. The iterator is not dropped during the unwinding: a second
        // panic would abort the process.
        if let Some(items) = self.items.take() {
            self.source.end(false, Some(items));
        }
    }
}
