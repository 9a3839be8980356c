//! Owns the names of priorities.
//! Refuses to know what a system makes of them: `sys::Attributes` does.

/// How urgent the work of a thread is, beside that of the other threads of its root: see
/// [`ThreadBuilder::priority`](crate::ThreadBuilder::priority).
///
/// | on Linux | nice value | policy | is refused |
/// |---|---|---|---|
/// | `Background` | 10 more than the root's | `SCHED_BATCH` | never |
/// | `Normal` | the root's | the root's | if the spawner was niced, by code of the program's |
/// | `Critical` | 10 less than the root's | the root's | without `CAP_SYS_NICE` or `RLIMIT_NICE` |
///
/// On other systems, `Background` and `Critical` have no effect.
///
/// The priority decides how busy processors are shared out. It delays nothing while a processor is
/// free. A background thread that holds a lock holds up every thread that waits for that lock, a
/// critical one, too.
///
/// ```
/// use homebound::Priority;
///
/// homebound::scope(|scope| {
///     let index = scope.thread("index", "reads all files again").priority(Priority::Background);
///     index.spawn(|_| Ok(()))?;
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Priority {
    /// Work that nobody waits for.
    Background,
    /// As the thread that began the root.
    #[default]
    Normal,
    /// Work that must not wait for a processor, such as sound.
    Critical,
}
