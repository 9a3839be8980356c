//! The command line of the fleet. The trials themselves are run by `ci/fleet.sh`, because they need
//! PostgreSQL and a while.

use std::process::{Command, Output};

fn fleet(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleet"));
    command.args(arguments).output().expect("the program of this package starts")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_trial_that_there_is_not_is_refused_by_name() {
    let output = fleet(&["replce"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("there is no trial replce"), "{}", errors(&output));
}

#[test]
fn a_number_that_is_missing_is_named() {
    let output = fleet(&["--rounds"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("--rounds needs a number"), "{}", errors(&output));
}

#[test]
fn without_postgresql_one_line_says_what_to_install() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleet"));
    let output = command.arg("query").env("FLEET_POSTGRES", "/nowhere").output().expect("starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("apt-get install postgresql"), "{}", errors(&output));
    assert!(errors(&output).contains("/nowhere"), "{}", errors(&output));
}

#[test]
fn a_worker_without_a_server_fails_and_names_the_worker() {
    let output = fleet(&["worker", "/nowhere", "lonely", "2"]);
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    assert!(errors(&output).contains("worker-1"), "{}", errors(&output));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("ready"));
}
