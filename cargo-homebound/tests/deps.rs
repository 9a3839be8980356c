//! `deps` on small workspaces of path dependencies, which need no network: what is found, where, under which conditions, and
//! which way leads there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use cargo_homebound::deps::{self, Error, Format, Options, Outcome};
use serde_json::Value;

const SPAWN: &str = "pub fn go() { std::thread::spawn(|| {}); }\n";
const ONE: &str = "noisy = { path = \"../noisy\" }";

const MIDDLE: &str = "middle = { path = \"../middle\" }";

/// A workspace in a folder of its own, which goes with it.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _is_only_rubbish = fs::remove_dir_all(&self.0);
    }
}

impl Place {
    /// `files`: path and text. `app` is the member, all other folders are packages beside it.
    fn new(files: &[(&str, &str)]) -> Place {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("homebound-deps-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let place = Place(std::env::temp_dir().join(name));
        place.write("app/src/main.rs", "fn main() {}\n");
        for (path, text) in files {
            place.write(path, text);
        }
        place
    }

    /// One dependency, `noisy`, with these files.
    fn noisy(files: &[(&str, &str)]) -> Place {
        let place = Place::new(&[("app/Cargo.toml", &app(ONE)), ("noisy/Cargo.toml", &package("noisy", ""))]);
        files.iter().for_each(|(path, text)| place.write(&format!("noisy/{path}"), text));
        place
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn options(&self) -> Options {
        let manifest_path = Some(self.0.join("app/Cargo.toml"));
        Options { format: Format::Json, manifest_path, ..Options::default() }
    }

    fn json(&self, options: &Options) -> Value {
        let mut out = Vec::new();
        deps::run(options, &mut out).unwrap_or_else(|error| panic!("{error}"));
        serde_json::from_slice(&out).expect("one JSON object")
    }

    fn starts(&self, options: &Options) -> Vec<Value> {
        self.json(options)["starts"].as_array().unwrap().clone()
    }
}

fn package(name: &str, rest: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n{rest}\n")
}

fn app(dependencies: &str) -> String {
    package("app", &format!("[workspace]\n\n[dependencies]\n{dependencies}"))
}

/// `path:line enabled` of each start.
fn places(starts: &[Value]) -> Vec<String> {
    let text =
        |start: &Value| format!("{}:{} {}", start["path"].as_str().unwrap(), start["line"], start["enabled"]);
    starts.iter().map(text).collect()
}

fn names(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

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

/// Found by a comparison with `cargo tree`: a feature can be asked for before its package is reached.
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

/// Found in the same way: a declaration for another target gives no feature to a package that is used here.
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
