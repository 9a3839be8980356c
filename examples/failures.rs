//! Prints the fate of failures: one stops its scope, one is isolated, a vital thread ends, a thread
//! panics, and the failures of an inner scope reach the outer one as a tree.

use homebound::{Context, JoinError, Result, ScopeError, scope};

/// Ends when it is told to stop.
fn patient(cx: &Context) -> Result {
    cx.wait_for_stop();
    Ok(())
}

fn main() -> Result<(), ScopeError> {
    // The first failure stops the scope: `patient` comes home, and `scope` returns the failure.
    let failed = scope(|scope| {
        scope.spawn("patient", "waits for the stop", patient)?;
        scope.spawn("parser", "parses", |_| Ok("12x".parse::<u32>()?))?;
        Ok(())
    });
    let error = failed.expect_err("the parser fails");
    println!("1. {error}\n");
    let first = error.first().and_then(|failure| failure.downcast_ref::<std::num::ParseIntError>());
    println!("   its type is not lost: {first:?}\n");

    // An isolated failure stops no other thread; the joiner of the thread gets it.
    scope(|scope| {
        let guess = scope.thread("guess", "may fail").isolated().spawn(|_| Ok("x".parse::<u32>()?))?;
        if let Err(JoinError::Failed(failure)) = guess.join() {
            println!("2. {failure}; the scope goes on\n");
        }
        Ok(())
    })?;

    // When a vital thread ends, however it ends, its scope is stopped.
    scope(|scope| {
        scope.thread("window", "is the program").vital().spawn(|_| Ok(()))?;
        println!("3. {}\n", scope.context().wait_for_stop());
        Ok(())
    })?;

    // A panic is a failure like others. The error of an inner scope is a failure of the outer one,
    // as a tree.
    let failed = scope(|outer| {
        outer.subscope("import", |inner| {
            inner.spawn("index", "looks up the seventh", |_| {
                let numbers = [1, 2, 3];
                Ok(*numbers.get(7).expect("seven numbers"))
            })?;
            inner.spawn("cleaner", "cleans up when told", |cx| -> Result {
                cx.wait_for_stop();
                Err("the disk is full".into())
            })?;
            Ok(())
        })?;
        Ok(())
    });
    println!("4. {}", failed.expect_err("the index panics"));
    Ok(())
}
