//! QU1 to QU3: what a program may do while it has one thread. No test harness, because that has
//! threads of its own: this is a program that checks itself.
#![allow(missing_docs)]

use std::io::ErrorKind;

use homebound::registry::{self, Forked, Quiescent};

#[cfg(target_os = "linux")]
fn main() {
    qu1_alone_before_a_run_and_after_it();
    qu2_a_proof_that_is_kept_does_no_harm();
    qu2_names_and_values_that_are_none_are_refused();
    qu3_a_forked_child_may_run();
    println!("all of QU holds");
}

#[cfg(not(target_os = "linux"))]
fn main() {
    assert!(registry::before_threads(|_| ()).is_err());
}

fn qu1_alone_before_a_run_and_after_it() {
    let set = |q: &Quiescent| q.set_var("HOMEBOUND_QU1", "before");
    registry::before_threads(set).expect("alone").expect("set");
    let exit = registry::run(|scope| {
        let seen = scope.spawn("reader", "reads the environment", |_| Ok(std::env::var("HOMEBOUND_QU1")?))?;
        assert_eq!(seen.join()?, "before");
        // *watch* and *stopper* are there.
        assert_eq!(registry::before_threads(|_| ()).unwrap_err().kind(), ErrorKind::ResourceBusy);
        Ok(())
    });
    // All threads are joined, so the calling thread is alone again.
    let quiescent = exit.quiescent().expect("alone again");
    quiescent.remove_var("HOMEBOUND_QU1").expect("removed");
    assert!(std::env::var_os("HOMEBOUND_QU1").is_none());
    let folder = std::env::temp_dir();
    quiescent.set_current_dir(&folder).expect("there");
    assert_eq!(std::env::current_dir().unwrap(), folder.canonicalize().unwrap());
    let error = quiescent.set_current_dir("/no/such/folder").unwrap_err();
    assert!(error.to_string().contains("/no/such/folder"), "{error}");
}

fn qu2_a_proof_that_is_kept_does_no_harm() {
    let kept = registry::run(|_| Ok(())).quiescent().expect("alone");
    let exit = registry::run(|_| {
        for refused in [
            kept.set_var("HOMEBOUND_QU2", "x"),
            kept.remove_var("PATH"),
            kept.set_current_dir("/"),
            kept.fork().map(|side| panic!("forked: {side:?}")),
        ] {
            let error = refused.expect_err("there are other threads");
            assert_eq!(error.kind(), ErrorKind::ResourceBusy);
            assert!(error.to_string().contains("homebound-watc"), "{error}");
        }
        Ok(())
    });
    assert_eq!(exit.code(), 0);
    assert!(std::env::var_os("HOMEBOUND_QU2").is_none());
    // Alone again: the same proof is of use.
    kept.set_var("HOMEBOUND_QU2", "x").expect("set");
}

fn qu2_names_and_values_that_are_none_are_refused() {
    registry::before_threads(|q| {
        for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0")] {
            assert_eq!(q.set_var(name, value).unwrap_err().kind(), ErrorKind::InvalidInput, "{name:?}");
        }
        assert_eq!(q.remove_var("").unwrap_err().kind(), ErrorKind::InvalidInput);
    })
    .expect("alone");
}

fn qu3_a_forked_child_may_run() {
    let side = registry::before_threads(Quiescent::fork).expect("alone").expect("forked");
    match side {
        Forked::Child => {
            let sum = registry::run(|scope| {
                let sum = scope.spawn("adder", "adds", |_| Ok(3 + 4))?;
                Ok(sum.join()?)
            });
            std::process::exit(sum.into_result().unwrap_or(1));
        }
        Forked::Parent { child } => {
            let pid = rustix::process::Pid::from_raw(child.try_into().expect("a pid"));
            let (_, status) = rustix::process::waitpid(pid, rustix::process::WaitOptions::empty())
                .expect("the child is ours")
                .expect("it has ended");
            assert_eq!(status.exit_status(), Some(7));
        }
    }
    // The parent goes on as before.
    assert_eq!(registry::run(|_| Ok(())).code(), 0);
}
