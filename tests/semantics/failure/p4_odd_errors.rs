//! P4: an error that panics, or has a text without an end, keeps no thread.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::fmt;

use crate::common::*;
use homebound::{Cause, Failure, scope};

/// An error whose own code does not end, or not well: it is its own source, its sources do not end,
/// or its `source` panics.
#[derive(Debug, Clone, Copy)]
enum Odd {
    OwnSource,
    SourcePanics,
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("odd")?;
        // As `anyhow` does: all sources behind it, for `{:#}`.
        let mut next = std::error::Error::source(self).filter(|_| f.alternate());
        while let Some(source) = next {
            write!(f, ": {source}")?;
            next = source.source();
        }
        Ok(())
    }
}

impl std::error::Error for Odd {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Odd::OwnSource => Some(self),
            Odd::SourcePanics => panic!("source"),
        }
    }
}

#[test]
fn p4_no_error_keeps_its_thread_from_coming_home() {
    // catches: a walk along sources without an end; a panic of `source` in the exit of a scope,
    // which aborts
    child_passes(|_| {
        for odd in [Odd::OwnSource, Odd::SourcePanics] {
            let by_worker = scope(|s| Ok(drop(s.spawn("odd", "fails", move |_| Err::<(), _>(odd.into()))?)));
            let by_body = scope(|_| Err::<(), _>(odd.into()));
            let by_deferred = scope(|s| Ok(s.defer("odd", move || Err(odd.into()))));
            let by_io = scope(|_| Err::<(), _>(std::io::Error::other(odd).into()));
            for error in [by_worker, by_body, by_deferred, by_io] {
                assert_eq!(error.unwrap_err().failures().len(), 1);
            }
        }
        0
    });
}

#[test]
fn p4_a_text_without_an_end_is_cut() {
    // catches: memory that is filled with the text of an error which had to be dropped to be judged
    within(|| {
        let kept = std::sync::Mutex::new(None);
        let error = scope(|s| {
            s.stop();
            *kept.lock().unwrap() = s.context().checkpoint().err();
            Err::<(), _>(Odd::OwnSource.into())
        })
        .unwrap_err();
        let Some(Cause::Error(cause)) = error.first().map(Failure::cause) else { panic!("{error}") };
        let text = cause.to_string();
        assert!(text.starts_with("odd") && text.len() <= 64 * 1024, "{} bytes", text.len());
    });
}
