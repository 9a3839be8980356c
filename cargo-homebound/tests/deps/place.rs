//! Owns small workspaces of path dependencies in folders of their own, which need no network.
//! Refuses to know the questions to them.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use cargo_homebound::deps::{self, Format, Options};
use serde_json::Value;

pub(crate) const SPAWN: &str = "pub fn go() { std::thread::spawn(|| {}); }\n";
pub(crate) const ONE: &str = "noisy = { path = \"../noisy\" }";

pub(crate) const MIDDLE: &str = "middle = { path = \"../middle\" }";

/// A workspace in a folder of its own, which goes with it.
pub(crate) struct Place(pub(crate) PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _is_only_rubbish = fs::remove_dir_all(&self.0);
    }
}

impl Place {
    /// `files`: path and text. `app` is the member, all other folders are packages beside it.
    pub(crate) fn new(files: &[(&str, &str)]) -> Place {
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
    pub(crate) fn noisy(files: &[(&str, &str)]) -> Place {
        let place = Place::new(&[("app/Cargo.toml", &app(ONE)), ("noisy/Cargo.toml", &package("noisy", ""))]);
        files.iter().for_each(|(path, text)| place.write(&format!("noisy/{path}"), text));
        place
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn options(&self) -> Options {
        let manifest_path = Some(self.0.join("app/Cargo.toml"));
        Options { format: Format::Json, manifest_path, ..Options::default() }
    }

    pub(crate) fn json(&self, options: &Options) -> Value {
        let mut out = Vec::new();
        deps::run(options, &mut out).unwrap_or_else(|error| panic!("{error}"));
        serde_json::from_slice(&out).expect("one JSON object")
    }

    pub(crate) fn starts(&self, options: &Options) -> Vec<Value> {
        self.json(options)["starts"].as_array().unwrap().clone()
    }
}

pub(crate) fn package(name: &str, rest: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n{rest}\n")
}

pub(crate) fn app(dependencies: &str) -> String {
    package("app", &format!("[workspace]\n\n[dependencies]\n{dependencies}"))
}

/// `path:line enabled` of each start.
pub(crate) fn places(starts: &[Value]) -> Vec<String> {
    let text =
        |start: &Value| format!("{}:{} {}", start["path"].as_str().unwrap(), start["line"], start["enabled"]);
    starts.iter().map(text).collect()
}

pub(crate) fn names(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}
