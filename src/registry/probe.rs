//! Owns the setting of the probe file.
//! Refuses to make and to remove it: `sys` does, and the run says when.

use std::path::PathBuf;

use crate::registry::face::Registry;

impl Registry {
    /// Makes an empty file at `path` when the body calls [`Context::ready`](crate::Context::ready),
    /// and removes it when the program is not ready any more: for a probe that only asks whether
    /// there is a file (`test -f`), in Kubernetes or Docker, without a server in the program.
    ///
    /// The file goes when the stop begins, or the [notice](Self::drain_notice) before it; at the
    /// latest on the way out, also if that is the end of the grace, a second signal, an abort of
    /// homebound's or [`std::process::exit`]. SIGKILL and a crash leave it behind: the next run
    /// with this path removes it when it begins. Use it for readiness and for startup. A *liveness*
    /// probe would fail during the stop, and Kubernetes would kill the program before its grace is
    /// over.
    ///
    /// A `path` whose folder does not exist, or that cannot be removed, refuses the run. If the
    /// file cannot be made later, that is logged as an error, and the run goes on.
    ///
    /// ```
    /// let path = std::env::temp_dir().join(format!("homebound-ready-{}", std::process::id()));
    /// let exit = homebound::Registry::new("web").probe_file(&path).run(|scope| {
    ///     assert!(!path.exists());
    ///     scope.context().ready();
    ///     assert!(path.exists());
    ///     Ok(())
    /// });
    /// assert_eq!(exit.code(), 0);
    /// assert!(!path.exists());
    /// ```
    pub fn probe_file(mut self, path: impl Into<PathBuf>) -> Registry {
        self.settings.probe_file = Some(path.into());
        self
    }
}
