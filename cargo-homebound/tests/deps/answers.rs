//! Owns the answers: missing sources, the list of known crates, allowed packages, errors.
//! Refuses to ask which code counts.

use std::fs;
use std::path::Path;

use cargo_homebound::deps::{self, Error, Format, Options, Outcome};
use serde_json::Value;

use crate::place::*;

/// As `cargo vendor` lays it out; no registry is asked.
#[test]
fn vendored_sources_are_read_and_absent_ones_are_an_error_that_says_what_to_run() {
    let config = "[source.crates-io]\nreplace-with = \"here\"\n[source.here]\ndirectory = \"vendor\"\n";
    let place = Place::new(&[
        ("app/Cargo.toml", &app("noisy = \"1\"")),
        ("app/vendor/noisy/Cargo.toml", &package("noisy", "")),
        ("app/vendor/noisy/src/lib.rs", SPAWN),
        ("app/vendor/noisy/.cargo-checksum.json", "{\"files\":{}}"),
        ("app/.cargo/config.toml", config),
    ]);
    let run = || {
        let mut command = std::process::Command::new(Path::new(env!("CARGO_BIN_EXE_cargo-homebound")));
        command.args(["deps", "--format", "json"]).current_dir(place.0.join("app")).output().unwrap()
    };
    let output = run();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(places(answer["starts"].as_array().unwrap()), ["src/lib.rs:1 true"]);
    fs::remove_dir_all(place.0.join("app/vendor/noisy")).unwrap();
    let output = run();
    assert_eq!(output.status.code(), Some(2));
    let says = String::from_utf8_lossy(&output.stderr);
    assert!(says.contains("noisy") && says.contains("cargo fetch"), "{says}");
}

#[test]
fn the_list_of_known_crates_is_compared() {
    let all = ["ctrlc", "indicatif", "mio", "other", "quiet"];
    let dependencies: String = all.map(|name| format!("{name} = {{ path = \"../{name}\" }}\n")).concat();
    let place = Place::new(&[("app/Cargo.toml", &app(&dependencies))]);
    for name in all {
        place.write(&format!("{name}/Cargo.toml"), &package(name, ""));
        let text = if ["indicatif", "quiet"].contains(&name) { "" } else { SPAWN };
        place.write(&format!("{name}/src/lib.rs"), text);
    }
    let answer = place.json(&place.options());
    let said =
        |one: &Value| format!("{} {}", one["package"].as_str().unwrap(), one["verdict"].as_str().unwrap());
    let compared: Vec<_> = answer["compared"].as_array().unwrap().iter().map(said).collect();
    assert_eq!(compared, ["indicatif missed", "mio contradicted", "other unlisted", "ctrlc agreed"]);
    let mut out = Vec::new();
    deps::run(&Options { format: Format::Table, ..place.options() }, &mut out).unwrap();
    let table = String::from_utf8(out).unwrap();
    for words in ["known to, nothing found:", "indicatif 1.0.0", "known not to, but found:", "mio 1.0.0"] {
        assert!(table.contains(words), "{words}\n{table}");
    }
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
}

#[test]
fn a_module_that_stands_before_that_of_std_hides_nothing() {
    let text = "use crate::loom::thread;\npub fn go() { thread::spawn(|| {}); }\n";
    let lib = "mod loom;\nmod pool;\n";
    let place = Place::noisy(&[
        ("src/lib.rs", lib),
        ("src/loom.rs", "pub(crate) use std::thread;\n"),
        ("src/pool.rs", text),
    ]);
    assert_eq!(places(&place.starts(&place.options())), ["src/pool.rs:2 true"]);
}

#[test]
fn a_file_that_cannot_be_parsed_is_named_and_the_rest_is_still_read() {
    let place = Place::noisy(&[
        ("src/lib.rs", "mod broken;\nmod fine;\n"),
        ("src/broken.rs", "fn fn { std::thread::spawn(|| {}); }\n"),
        ("src/fine.rs", SPAWN),
    ]);
    let answer = place.json(&place.options());
    assert_eq!(places(answer["starts"].as_array().unwrap()), ["src/fine.rs:1 true"]);
    assert!(answer["unparsed"][0]["says"].as_str().unwrap().starts_with("src/broken.rs:1:"));
}

#[test]
fn deny_fails_for_what_is_not_allowed_with_a_reason() {
    let place = Place::noisy(&[("src/lib.rs", SPAWN)]);
    let deny = Options { deny: true, ..place.options() };
    let run = |options: &Options| deps::run(options, &mut Vec::new());
    assert_eq!(run(&place.options()).unwrap(), Outcome::Answered);
    assert_eq!(run(&deny).unwrap(), Outcome::Denied);
    assert_eq!(names(&place.json(&deny)["not_allowed"]), ["noisy"]);

    let allow = |name: &str, reason: &str| {
        let text = format!("[deps]\nallow = [{{ name = \"{name}\", reason = \"{reason}\" }}]\n");
        place.write("app/homebound.toml", &text);
    };
    allow("noisy", "its thread ends with the pool that we own");
    assert_eq!(run(&deny).unwrap(), Outcome::Answered);
    assert!(place.starts(&deny)[0]["allowed"].as_str().unwrap().starts_with("its thread"));
    allow("gone", "it was here once");
    assert_eq!(run(&deny).unwrap(), Outcome::Denied);
    assert_eq!(names(&place.json(&deny)["stale"]), ["gone"]);
    allow("noisy", " ");
    let error = run(&deny).expect_err("a reason is required");
    assert!(error.to_string().contains("noisy"), "{error}");
}

#[test]
fn members_can_be_picked() {
    let place = Place::new(&[
        ("app/Cargo.toml", "[workspace]\nmembers = [\"one\", \"two\"]\nresolver = \"3\"\n"),
        ("app/one/Cargo.toml", &package("one", "[dependencies]\nnoisy = { path = \"../../noisy\" }")),
        ("app/one/src/lib.rs", ""),
        ("app/two/Cargo.toml", &package("two", "")),
        ("app/two/src/lib.rs", ""),
        ("noisy/Cargo.toml", &package("noisy", "")),
        ("noisy/src/lib.rs", SPAWN),
    ]);
    let of = |name: &str| Options { packages: vec![name.to_owned()], ..place.options() };
    assert_eq!(place.starts(&place.options()).len(), 1);
    assert_eq!(place.starts(&of("one")).len(), 1);
    assert_eq!(place.starts(&of("two")).len(), 0);
    let error = deps::run(&of("three"), &mut Vec::new()).expect_err("no such member");
    assert_eq!(error.to_string(), "no member is called 'three'; there are one, two");
}

#[test]
fn no_workspace_is_an_error() {
    let place = Place::new(&[]);
    let error = deps::run(&place.options(), &mut Vec::new()).expect_err("there is no manifest");
    assert!(matches!(error, Error::Cargo { .. }), "{error}");
}
