//! Owns the telling of a reload: its beginning, and its end on every way out.
//! Refuses to know what is reloaded.

use crate::registry::face::running;
use crate::tree::root::Said;

/// Runs `f`, which reloads the settings of the program, and tells the service manager that a reload
/// is under way (`RELOADING=1`), and when it is over (`READY=1`): for `Type=notify-reload`, where
/// `systemctl reload` waits for it.
///
/// Where there is no manager, or before [`Context::ready`](crate::Context::ready), or during the
/// stop, this only runs `f`. The end is told also if `f` fails or panics, because the program goes
/// on with its old settings. Of two reloads at once, one is told.
///
/// ```no_run
/// use homebound::{Exit, Notify, Registry, Signals, registry};
///
/// fn read_settings() -> homebound::Result {
///     std::fs::read_to_string("/etc/clock.toml")?;
///     Ok(())
/// }
///
/// fn main() -> Exit<()> {
///     let (reload, reloads) = homebound::channel::bounded(1);
///     let signals = Signals::default().forward(libc::SIGHUP, reload);
///     Registry::new("clock").signals(signals).notify(Notify::from_env()).run(|scope| {
///         read_settings()?;
///         scope.context().ready();
///         for _ in scope.context().iter(&reloads) {
///             if let Err(error) = registry::reloading(read_settings) {
///                 eprintln!("the old settings stay: {error}");
///             }
///         }
///         Ok(())
///     })
/// }
/// ```
pub fn reloading<R>(f: impl FnOnce() -> R) -> R {
    let root = running().map(|core| std::sync::Arc::clone(&core.root));
    let told = root.filter(|root| root.said(Said::Reloading));
    let _end = scopeguard::guard(told, |root| {
        let _was_told = root.is_some_and(|root| root.said(Said::Reloaded));
    });
    f()
}
