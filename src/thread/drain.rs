//! Owns the methods of a context that are about the notice before a stop: asking, and listening.
//! Refuses to begin the notice: the registry does, for a signal.

use std::convert::Infallible;

use crossbeam_channel::Receiver;

use crate::stop::listen::Keeper;
use crate::sys;
use crate::thread::context::Context;

/// ## The notice before a stop
impl Context {
    /// Returns true from the moment on at which the program is to take in no more work: from
    /// SIGTERM on, if the run has a [notice](crate::Registry::drain_notice); in any case when this
    /// context is stopping. So a loop that asks this needs no other question.
    ///
    /// Never false again. Costs two atomic loads.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let cx = scope.context();
    ///     let header = || if cx.is_draining() { "close" } else { "keep-alive" };
    ///     assert_eq!(header(), "keep-alive");
    ///     scope.stop();
    ///     assert_eq!(header(), "close");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn is_draining(&self) -> bool {
        self.core().root.drain.has_begun() || self.node().is_stopping()
    }

    /// Returns a receiver that is disconnected when the [notice](crate::Registry::drain_notice)
    /// begins, for a `select!`. No message is ever sent on it. A stop without a notice leaves it
    /// alone, so add an arm for [`stop_signal`](Self::stop_signal).
    ///
    /// ```
    /// use crossbeam_channel::{select_biased, unbounded};
    ///
    /// homebound::scope(|scope| {
    ///     let (orders, queue) = unbounded::<u32>();
    ///     let _front = scope.spawn("front", "takes orders", move |cx| {
    ///         loop {
    ///             select_biased! {
    ///                 recv(cx.stop_signal()) -> _ => return Ok("closes at once"),
    ///                 recv(cx.drain_signal()) -> _ => return Ok("closes soon"),
    ///                 recv(queue) -> order => match order {
    ///                     Ok(number) => println!("order {number}"),
    ///                     Err(_) => return Ok("no customers left"),
    ///                 },
    ///             }
    ///         }
    ///     })?;
    ///     orders.send(7)?;
    ///     drop(orders);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn drain_signal(&self) -> &Receiver<Infallible> {
        // As before a wait of ours: the notice may begin by a signal that this thread has raised.
        sys::hand_on_raised();
        // No deadline hides this node, so its listener keeps no time.
        self.core().root.drain.node().signal(Keeper::Listener)
    }
}
