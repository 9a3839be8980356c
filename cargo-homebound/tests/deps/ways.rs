//! Owns the ways to a start: through the graph, its features and its targets.
//! Refuses to ask which files are read.

use cargo_homebound::deps::Options;
use serde_json::Value;

use crate::place::*;

#[test]
fn a_start_has_its_place_and_the_shortest_way_to_it() {
    let place = Place::new(&[
        ("app/Cargo.toml", &app("alpha = { path = \"../alpha\" }\nmiddle = { path = \"../middle\" }")),
        ("alpha/Cargo.toml", &package("alpha", "[dependencies]\nmiddle = { path = \"../middle\" }")),
        ("alpha/src/lib.rs", ""),
        ("middle/Cargo.toml", &package("middle", "[dependencies]\ninner = { path = \"../inner\" }")),
        ("middle/src/lib.rs", ""),
        ("inner/Cargo.toml", &package("inner", "")),
        ("inner/src/lib.rs", SPAWN),
    ]);
    let answer = place.json(&place.options());
    assert_eq!(answer["packages"], 3, "the member is not scanned");
    let starts = answer["starts"].as_array().unwrap();
    assert_eq!(places(starts), ["src/lib.rs:1 true"]);
    let start = &starts[0];
    assert_eq!((&start["package"], &start["version"]), (&"inner".into(), &"1.0.0".into()));
    assert_eq!((&start["kind"], &start["what"]), (&"thread".into(), &"std::thread::spawn".into()));
    assert!(start["column"].as_u64().unwrap() > 1);
    let via = names(&start["via"]);
    let parts = ["/app#", "/middle#", "/inner#"];
    assert_eq!(via.len(), 3, "not by alpha: {via:?}");
    assert!(via.iter().zip(parts).all(|(id, part)| id.contains(part)), "{via:?}");
}

#[test]
fn a_feature_is_said_to_be_off_or_who_turned_it_on() {
    let features = "[features]\ndefault = [\"base\"]\nbase = []\nfull = [\"pool\"]\npool = []";
    let text = format!("#[cfg(feature = \"pool\")]\n{SPAWN}#[cfg(feature = \"base\")]\n{SPAWN}");
    let with = |dependency: &str, helper: &str| {
        Place::new(&[
            ("app/Cargo.toml", &app(&format!("{dependency}\nhelper = {{ path = \"../helper\" }}"))),
            ("helper/Cargo.toml", &package("helper", helper)),
            ("helper/src/lib.rs", ""),
            ("noisy/Cargo.toml", &package("noisy", features)),
            ("noisy/src/lib.rs", &text),
        ])
    };
    let by_default = with(ONE, "");
    let starts = by_default.starts(&by_default.options());
    assert_eq!(places(&starts), ["src/lib.rs:4 true", "src/lib.rs:2 false"], "this build is first");
    assert_eq!(names(&starts[0]["features"]), ["base"]);
    let by = &starts[0]["enabled_by"];
    assert_eq!((&by[0]["asked"], &by[0]["by"]), (&"default".into(), &"app 1.0.0".into()));
    assert_eq!(names(&starts[1]["features"]), ["pool"]);
    assert_eq!(starts[1]["enabled_by"], Value::Array(Vec::new()));

    let bare_one = "noisy = { path = \"../noisy\", default-features = false }";
    let bare = with(bare_one, "");
    assert_eq!(places(&bare.starts(&bare.options())), ["src/lib.rs:2 false", "src/lib.rs:4 false"]);

    let helper =
        "[dependencies]\nnoisy = { path = \"../noisy\", default-features = false, features = [\"full\"] }";
    let by_other = with(bare_one, helper);
    let starts = by_other.starts(&by_other.options());
    assert_eq!(places(&starts), ["src/lib.rs:2 true", "src/lib.rs:4 false"]);
    let by = &starts[0]["enabled_by"];
    assert_eq!(by.as_array().unwrap().len(), 1);
    assert_eq!((&by[0]["asked"], &by[0]["by"]), (&"full".into(), &"helper 1.0.0".into()));
}

#[test]
fn an_optional_dependency_counts_when_a_feature_brings_it_in() {
    let app = "[workspace]\n[features]\nnet = [\"middle/net\"]\n\
               [dependencies]\nmiddle = { path = \"../middle\", features = [\"weak\"] }";
    let middle = "[features]\nnet = [\"dep:noisy\"]\nweak = [\"noisy?/pool\"]\n\n\
                  [dependencies]\nnoisy = { path = \"../noisy\", optional = true }";
    let place = Place::new(&[
        ("app/Cargo.toml", &package("app", app)),
        ("middle/Cargo.toml", &package("middle", middle)),
        ("middle/src/lib.rs", ""),
        ("noisy/Cargo.toml", &package("noisy", "[features]\npool = []")),
        ("noisy/src/lib.rs", &format!("#[cfg(feature = \"pool\")]\n{SPAWN}")),
    ]);
    let without = place.json(&place.options());
    assert_eq!((&without["packages"], &without["starts"]), (&1.into(), &Value::Array(Vec::new())));
    for options in [
        Options { features: vec!["net".to_owned()], ..place.options() },
        Options { features: vec!["app/net".to_owned()], ..place.options() },
        Options { all_features: true, ..place.options() },
    ] {
        let starts = place.starts(&options);
        assert_eq!(places(&starts), ["src/lib.rs:2 true"]);
        let brought = &starts[0]["brought_in_by"];
        assert_eq!((&brought[0]["package"], &brought[0]["feature"]), (&"middle 1.0.0".into(), &"net".into()));
        assert_eq!(starts[0]["enabled_by"][0]["under"], "weak");
    }
}

/// Found by a comparison with `cargo tree`: a feature can be asked for before its package is
/// reached.
#[test]
fn a_feature_that_is_asked_for_early_does_not_hide_what_its_package_needs() {
    let app = format!("[workspace]\n[features]\ndefault = [\"middle/extra\"]\n[dependencies]\n{MIDDLE}");
    let middle = format!("[features]\nextra = []\n[dependencies]\n{ONE}");
    let place = Place::new(&[
        ("app/Cargo.toml", &package("app", &app)),
        ("middle/Cargo.toml", &package("middle", &middle)),
        ("middle/src/lib.rs", ""),
        ("noisy/Cargo.toml", &package("noisy", "")),
        ("noisy/src/lib.rs", SPAWN),
    ]);
    assert_eq!(places(&place.starts(&place.options())), ["src/lib.rs:1 true"]);
}

/// Found in the same way: a declaration for another target gives no feature to a package that is
/// used here.
#[test]
fn declarations_for_other_targets_turn_nothing_on() {
    let dependencies = "[target.'cfg(unix)'.dependencies]\nnoisy = { path = \"../noisy\" }\n\
                        [target.'cfg(windows)'.dependencies]\nnoisy = { path = \"../noisy\", features = [\"pool\"] }";
    let place = Place::new(&[
        ("app/Cargo.toml", &package("app", &format!("[workspace]\n{dependencies}"))),
        ("noisy/Cargo.toml", &package("noisy", "[features]\npool = []")),
        ("noisy/src/lib.rs", &format!("#[cfg(feature = \"pool\")]\n{SPAWN}")),
    ]);
    let on =
        |triple: &str| places(&place.starts(&Options { target: Some(triple.to_owned()), ..place.options() }));
    assert_eq!(on("x86_64-unknown-linux-gnu"), ["src/lib.rs:2 false"]);
    assert_eq!(on("x86_64-pc-windows-msvc"), ["src/lib.rs:2 true"]);
}
