//! P4: an error that panics, or has a text without an end, keeps no thread.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::fmt;
use std::process::{ExitCode, Termination};

use crate::common::*;
use homebound::{Cause, Failure, scope, scope_named};

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

/// An error whose text cannot be had as it should.
#[derive(Debug, Clone, Copy)]
enum Text {
    Panics,
    Fails,
    /// Walks along sources that go round in a circle of two.
    Circle(bool),
}

static CIRCLE: [Text; 2] = [Text::Circle(false), Text::Circle(true)];

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Text::Panics => panic!("no text"),
            Text::Fails => f.write_str("half").and(Err(fmt::Error)),
            Text::Circle(_) => {
                f.write_str("round")?;
                let mut next = std::error::Error::source(self);
                while let Some(source) = next {
                    f.write_str(" and round")?;
                    next = source.source();
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Text {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Text::Circle(second) => Some(&CIRCLE[usize::from(!second)]),
            _ => None,
        }
    }
}

#[test]
fn p4_a_text_that_cannot_be_had_hides_no_other_failure() {
    // catches: a tree whose `Display` unwinds, fails or does not end because that of one error in
    // it does
    child_passes(|_| {
        for (odd, said) in [
            (Text::Panics, "/odd failed: (an error whose Display panicked)"),
            (Text::Fails, "/odd failed: half(an error whose Display failed)"),
            (CIRCLE[0], "/odd failed: round and round"),
        ] {
            let error = scope_named("odd", |s| {
                s.thread("first", "fails").isolated().spawn(|_| Err::<(), _>("early".into()))?;
                s.thread("odd", "fails").isolated().spawn(move |_| Err::<(), _>(odd.into()))?;
                s.thread("last", "fails").isolated().spawn(|_| Err::<(), _>("late".into()))?;
                Ok(())
            })
            .unwrap_err();
            for text in [error.to_string(), format!("{error:?}")] {
                for one in ["/odd/first failed: early", said, "/odd/last failed: late"] {
                    assert!(text.contains(one), "{one} is not in {}", &text[..text.len().min(2000)]);
                }
            }
        }
        0
    });
}

#[test]
fn p4_a_run_prints_all_failures_though_the_text_of_one_panics() {
    // catches: a report that says only why it could not be made
    let done = in_child("", |_| {
        let exit = homebound::run(|s| {
            s.thread("odd", "fails").isolated().spawn(|_| Err::<(), _>(Text::Panics.into()))?;
            s.thread("plain", "fails").isolated().spawn(|_| Err::<(), _>("plainly".into()))?;
            Ok(())
        });
        i32::from(exit.report() != ExitCode::from(1))
    });
    assert_eq!(done.code, Some(0), "{}", done.err);
    for one in ["odd failed: (an error whose Display panicked)", "plain failed: plainly"] {
        assert!(done.err.contains(one), "{one} is not in {}", done.err);
    }
}
