//! Owns the stop of a scope as its body sees it: to ask for it, and to see that it has come.
//! Refuses to carry the stop out: the folder `stop` does, and `shutdown` waits for its end.

use std::convert::Infallible;
use std::panic::Location;

use crossbeam_channel::Receiver;

use crate::outcome::reason::StopReason;
use crate::scope::face::Scope;
use crate::stop::listen::Keeper;
use crate::thread::stopper::Stopper;

/// # Stop
impl Scope<'_, '_> {
    /// Tells the scope to stop. When this returns, the body and the workers see the stop, and all
    /// that is below them. Does not wait.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let waiter = scope.spawn("waiter", "waits for the stop", |cx| Ok(cx.wait_for_stop()))?;
    ///     scope.stop();
    ///     assert!(waiter.join()?.to_string().starts_with("requested at "));
    ///     assert!(scope.spawn("late", "is refused", |_| Ok(())).is_err());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn stop(&self) {
        self.core().node.stop(StopReason::Requested { at: Location::caller() });
    }

    /// Returns true from the stop on.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     assert!(!scope.is_stopping());
    ///     scope.stop();
    ///     assert!(scope.is_stopping());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn is_stopping(&self) -> bool {
        self.core().node.is_stopping()
    }

    /// Returns a receiver that the stop disconnects, for a `select!`: see
    /// [`Context::stop_signal`](crate::Context::stop_signal).
    ///
    /// ```
    /// use crossbeam_channel::{select, unbounded};
    ///
    /// homebound::scope(|scope| {
    ///     let (send, receive) = unbounded::<u32>();
    ///     scope.stop();
    ///     select! {
    ///         recv(scope.stop_signal()) -> _ => println!("the scope was told to stop"),
    ///         recv(receive) -> number => println!("received {number:?}"),
    ///     }
    ///     drop(send);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn stop_signal(&self) -> &Receiver<Infallible> {
        self.core().node.lend();
        self.core().node.signal(Keeper::Timer)
    }

    /// Returns a [`Stopper`], which stops this scope from anywhere.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let stopper = scope.stopper();
    ///     scope.spawn("reader", "reads until the end of the input", move |_| {
    ///         Ok(stopper.stop_because("the input is closed"))
    ///     })?;
    ///     assert_eq!(scope.context().wait_for_stop().to_string(), "the input is closed");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn stopper(&self) -> Stopper {
        Stopper::of(self.core())
    }
}
