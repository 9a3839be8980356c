//! Owns which code counts: modules that are declared, conditions on the way, other targets, tests,
//! C.
//! Refuses to ask why a feature is on.

use cargo_homebound::deps::{self, Error, Options};
use serde_json::Value;

use crate::place::*;

#[test]
fn modules_are_followed_and_nothing_else_counts() {
    let lib = "mod outer;\n#[path = \"elsewhere/odd.rs\"]\nmod moved;\n#[cfg(test)]\nmod tests;\n\
               mod inline { mod deep; #[path = \"named.rs\"] mod renamed; }\ninclude!(\"pasted.rs\");\n\
               #[cfg(test)]\nmod own { fn t() { std::thread::spawn(|| {}); } }\n";
    let with_main = format!("{SPAWN}fn main() {{}}");
    let place = Place::noisy(&[
        ("src/lib.rs", lib),
        ("src/outer.rs", "mod inner;\n"),
        ("src/outer/inner.rs", SPAWN),
        ("src/elsewhere/odd.rs", "mod beside;\n"),
        ("src/elsewhere/beside.rs", SPAWN),
        ("src/inline/deep.rs", SPAWN),
        ("src/inline/named.rs", SPAWN),
        ("src/pasted.rs", SPAWN),
        ("src/tests.rs", SPAWN),
        ("src/dead.rs", SPAWN),
        ("src/main.rs", &with_main),
        ("tests/it.rs", SPAWN),
        ("examples/it.rs", &with_main),
        ("build.rs", &with_main),
    ]);
    let expected = ["elsewhere/beside", "inline/deep", "inline/named", "outer/inner", "pasted"];
    let expected: Vec<_> = expected.iter().map(|name| format!("src/{name}.rs:1 true")).collect();
    let answer = place.json(&place.options());
    assert_eq!(places(answer["starts"].as_array().unwrap()), expected);
    assert_eq!(answer["unfollowed"], Value::Array(Vec::new()));
    let with_build = place.starts(&Options { include_build: true, ..place.options() });
    assert_eq!(with_build.len(), expected.len() + 1);
    assert_eq!(with_build[0]["path"], "build.rs");
}

#[test]
fn a_module_that_is_not_there_makes_all_files_count_and_is_said() {
    let place = Place::noisy(&[("src/lib.rs", "mod gone;\n"), ("src/made_by_a_macro.rs", SPAWN)]);
    let answer = place.json(&place.options());
    assert_eq!(places(answer["starts"].as_array().unwrap()), ["src/made_by_a_macro.rs:1 true"]);
    let note = &answer["unfollowed"][0];
    assert_eq!((&note["package"], &note["says"]), (&"noisy 1.0.0".into(), &"mod gone of src/lib.rs".into()));
}

/// The forms in which conditions stand around code.
#[test]
fn conditions_on_the_way_are_gathered() {
    let pool = "feature = \"pool\"";
    let lib = format!(
        "macro_rules! cfg_pool {{ ($($item:item)*) => {{ $( #[cfg({pool})] $item )* }} }}\n\
         cfg_pool! {{ mod a; }}\n\
         cfg_if::cfg_if! {{ if #[cfg({pool})] {{ mod b; }} else {{ mod c; }} }}\n\
         #[cfg(not({pool}))]\nmod d;\n\
         #[cfg_attr({pool}, path = \"e1.rs\")]\n#[cfg_attr(not({pool}), path = \"e2.rs\")]\nmod e;\n\
         mod f;\nmod g;\ncfg_select! {{ {pool} => {{ mod h; }} _ => {{ mod i; }} }}\n"
    );
    let f = format!("#![cfg({pool})]\n{SPAWN}");
    let g = format!(
        "pub fn g() {{\n    if cfg!({pool}) {{\n        std::thread::spawn(|| {{}});\n    }}\n    \
         #[cfg({pool})]\n    let h = std::thread::spawn(|| {{}});\n    std::thread::spawn(|| {{}});\n}}\n"
    );
    let place = Place::noisy(&[("src/lib.rs", &lib), ("src/f.rs", &f), ("src/g.rs", &g)]);
    place.write("noisy/Cargo.toml", &package("noisy", "[features]\npool = []"));
    for name in ["a", "b", "c", "d", "e1", "e2", "h", "i"] {
        place.write(&format!("noisy/src/{name}.rs"), SPAWN);
    }
    let answer = place.json(&place.options());
    assert_eq!(answer["unfollowed"], Value::Array(Vec::new()));
    let on = ["c.rs:1", "d.rs:1", "e2.rs:1", "g.rs:7", "i.rs:1"].map(|at| format!("src/{at} true"));
    let off = ["a.rs:1", "b.rs:1", "e1.rs:1", "f.rs:2", "g.rs:3", "g.rs:6", "h.rs:1"]
        .map(|at| format!("src/{at} false"));
    assert_eq!(places(answer["starts"].as_array().unwrap()), [on.as_slice(), off.as_slice()].concat());
}

#[test]
fn what_is_for_another_target_is_shown_when_that_is_asked_for() {
    let dependencies =
        format!("{ONE}\n\n[target.'cfg(windows)'.dependencies]\nwinner = {{ path = \"../winner\" }}");
    let lib = "#[cfg(windows)]\nmod win;\n#[cfg(unix)]\npub fn go() { std::thread::spawn(|| {}); }\n";
    let place = Place::new(&[
        ("app/Cargo.toml", &app(&dependencies)),
        ("noisy/Cargo.toml", &package("noisy", "")),
        ("noisy/src/lib.rs", lib),
        ("noisy/src/win.rs", SPAWN),
        ("winner/Cargo.toml", &package("winner", "")),
        ("winner/src/lib.rs", SPAWN),
    ]);
    let on = |triple: &str| Options { target: Some(triple.to_owned()), ..place.options() };
    assert_eq!(places(&place.starts(&on("x86_64-unknown-linux-gnu"))), ["src/lib.rs:4 true"]);
    let windows = place.starts(&on("x86_64-pc-windows-msvc"));
    assert_eq!(places(&windows), ["src/win.rs:1 true", "src/lib.rs:1 true"]);
    assert_eq!(names(&windows[0]["cfg"]), ["windows"]);
    let all = places(&place.starts(&on("all")));
    assert_eq!(all, ["src/lib.rs:4 null", "src/win.rs:1 null", "src/lib.rs:1 true"]);
    let unknown = deps::run(&on("no-such-triple"), &mut Vec::new()).expect_err("no such target");
    assert!(matches!(unknown, Error::Rustc { .. }), "{unknown}");
}

#[test]
fn tests_build_scripts_and_macros_bring_theirs_only_when_asked() {
    let manifest = "[workspace]\n[dependencies]\nmade = { path = \"../made\" }\n\
                    [dev-dependencies]\ntested = { path = \"../tested\" }\n\
                    [build-dependencies]\nbuilt = { path = \"../built\" }";
    let place = Place::new(&[
        ("app/Cargo.toml", &package("app", manifest)),
        ("app/build.rs", "fn main() {}"),
        ("made/Cargo.toml", &package("made", "[lib]\nproc-macro = true")),
        ("made/src/lib.rs", SPAWN),
        ("tested/Cargo.toml", &package("tested", "")),
        ("tested/src/lib.rs", SPAWN),
        ("built/Cargo.toml", &package("built", "")),
        ("built/src/lib.rs", SPAWN),
    ]);
    let found = |options: Options| {
        let starts = place.starts(&options);
        starts.iter().map(|start| start["package"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(found(place.options()).is_empty());
    assert_eq!(found(Options { include_dev: true, ..place.options() }), ["tested"]);
    assert_eq!(found(Options { include_build: true, ..place.options() }), ["built", "made"]);
}

#[test]
fn native_code_is_searched_by_words() {
    let c = "/* pthread_create is not called here */\n#include <pthread.h>\nint my_pthread_create(void);\n\
             void go(pthread_t *t) { pthread_create(t, 0, 0, 0); }\n";
    let cpp = "int n = std::thread::hardware_concurrency();\nstd::thread t(f);\n";
    let place = Place::noisy(&[
        ("src/lib.rs", ""),
        ("vendor/it.c", c),
        ("vendor/it_test.c", c),
        ("vendor/plus.cpp", cpp),
        ("tests/it.c", c),
    ]);
    let starts = place.starts(&place.options());
    assert_eq!(places(&starts), ["vendor/it.c:4 null", "vendor/plus.cpp:2 null"]);
    assert_eq!(starts[0]["what"], "pthread_create");
    assert!(starts.iter().all(|start| start["kind"] == "native"));
}
