//! The check of one file: places, odd texts, texts that are no Rust.

use cargo_homebound::catalog::Kind;
use cargo_homebound::check::{self, source, starts};
use cargo_homebound::finding::Finding;
use cargo_homebound::rule::Rule;

fn places(text: &str) -> Vec<(usize, usize, Rule)> {
    source("src/a.rs", text).into_iter().map(|one| (one.line, one.column, one.rule)).collect()
}

fn only(text: &str) -> Finding {
    let mut all = source("src/a.rs", text);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

const SPAWN: &str = "fn a() { std::thread::spawn(b).join(); }\n";

#[test]
fn the_place_is_that_of_the_name() {
    let found = only(SPAWN);
    assert_eq!((found.line, found.column, &SPAWN[found.span.clone()]), (1, 23, "spawn"));
    assert_eq!(found.path, "src/a.rs");
}

#[test]
fn columns_are_characters() {
    let text = "fn a() { \"äöü — 漢字\"; std::thread::spawn(b).join(); }\n";
    let found = only(text);
    assert_eq!((found.column, &text[found.span.clone()]), (35, "spawn"));
    let tabs = "fn a() {\n\t\tstd::thread::spawn(b).join();\n}\n";
    assert_eq!(places(tabs), [(2, 16, Rule::RawThread)]);
}

#[test]
fn a_chain_is_found_where_its_last_name_stands() {
    let text = "fn a() {\n    std::thread::Builder::new()\n        .name(x)\n        .spawn(b)\n        .unwrap();\n}\n";
    assert_eq!(places(text), [(4, 10, Rule::RawThread), (4, 10, Rule::DetachedThread)]);
}

#[test]
fn line_ends_of_windows_count_once() {
    let text = format!("// one\r\n// two\r\n{}", SPAWN.replace('\n', "\r\n"));
    let found = only(&text);
    assert_eq!((found.line, found.column, &text[found.span.clone()]), (3, 23, "spawn"));
}

#[test]
fn a_byte_order_mark_is_no_character() {
    let text = format!("\u{feff}{SPAWN}");
    let found = only(&text);
    assert_eq!((found.line, found.column, &text[found.span.clone()]), (1, 23, "spawn"));
}

#[test]
fn a_shebang_is_a_line() {
    let text = format!("#!/usr/bin/env run\n{SPAWN}");
    let found = only(&text);
    assert_eq!((found.line, found.column, &text[found.span.clone()]), (2, 23, "spawn"));
    let attribute = format!("#![allow(unused)]\n{SPAWN}");
    assert_eq!(places(&attribute), [(2, 23, Rule::RawThread)]);
}

#[test]
fn what_is_hardly_anything_is_clean() {
    for text in [
        "",
        "\n",
        "\u{feff}",
        "#!/bin/sh",
        "// only a comment",
        "//! only documentation\n",
        "/* */",
        "#![no_std]",
    ] {
        assert_eq!(source("a.rs", text), [], "{text:?}");
    }
}

#[test]
fn broken_text_is_one_finding_with_a_place() {
    let found = only("fn a() {}\nfn b( {\n");
    assert_eq!(found.rule, Rule::BrokenSource);
    assert!(found.message.contains("cannot be parsed"), "{}", found.message);
    let found = only("fn a() {}\nlet x = 1;\n");
    assert_eq!((found.line, found.column, found.rule), (2, 1, Rule::BrokenSource));
    for text in [
        "fn",
        "fn a() { std::thread::spawn(",
        "}",
        "\"",
        "'",
        "/*",
        "r#\"",
        "fn a() { let }",
        "\0",
        "let",
        "\u{202e}",
    ] {
        assert_eq!(only(text).rule, Rule::BrokenSource, "{text:?}");
    }
    assert!(starts("fn a( {").is_err());
}

#[test]
fn every_prefix_of_a_file_is_read_without_a_panic() {
    let text = include_str!("corpus/first/with_homebound.rs");
    for end in (0..text.len()).step_by(37).filter(|end| text.is_char_boundary(*end)) {
        let _ = source("a.rs", &text[..end]);
    }
}

/// Nested in every way that a grammar allows, up to sizes that no person writes.
#[test]
fn deep_nesting_is_read_or_refused() {
    let nested: [(&str, &str, &str); 12] = [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{", "1", "}"),
        ("!", "x", ""),
        ("&", "x", ""),
        ("f(", "1", ")"),
        ("|| ", "1", ""),
        ("if x { 1 } else ", "{ 2 }", ""),
        ("1 + ", "1", ""),
        ("", "x", ".a()"),
        ("return ", "1", ""),
        ("vec![", "1", "]"),
    ];
    for (before, middle, after) in nested {
        for times in [10, 100, 1_000, 100_000] {
            let body = format!("{}{middle}{}", before.repeat(times), after.repeat(times));
            let text = format!("fn a() {{ let y = {body}; std::thread::spawn(b).join(); }}");
            let found = source("a.rs", &text);
            assert_eq!(found.len(), 1, "{before} {times}");
            let expected = if times < 1_000 { Rule::RawThread } else { found[0].rule };
            assert_eq!(found[0].rule, expected, "{before} {times} {}", found[0].message);
        }
    }
    let types = format!("fn a(x: {}u8{}) {{}}", "Vec<".repeat(300), ">".repeat(300));
    assert_eq!(source("a.rs", &types), []);
    let modules = format!("{}{SPAWN}{}", "mod a {".repeat(200), "}".repeat(200));
    assert_eq!(source("a.rs", &modules).len(), 1);
}

/// The parser returns these as they were: reading them again would never end.
#[test]
fn what_the_parser_does_not_read_is_looked_through() {
    let text = "objects! { #[method(a)] fn a(&self) -> u8; fn b() { std::thread::spawn(c).join(); } }";
    assert_eq!(places(text), [(1, 66, Rule::RawThread)]);
    for text in [
        "fn a();",
        "const A: u8;",
        "static B: u8;",
        "macro m { (x) => { fn f(); } }",
        "m! { fn a(); }",
        "type A;",
    ] {
        let _ = source("a.rs", text);
    }
}

#[test]
fn imports_in_circles_end() {
    for text in [
        "use a::b; use b::a; fn f() { a::spawn(x); b(x); }",
        "use self::spawn; fn f() { spawn(x); }",
        "mod a { pub use super::b::*; } mod b { pub use super::a::*; } use a::*; fn f() { spawn(x); }",
        "use thread; use thread as thread2; fn f() { thread::spawn(x); }",
        "type A = B; type B = A; fn f() { A::new().spawn(x); }",
        "use super::super::super::thread; fn f() { thread::spawn(x); }",
        "mod a { use super::*; mod b { use super::*; mod c { use super::*; fn f() { spawn(x); } } } }",
        "mod m { pub use crate::*; } use m::*; use m::m::*; fn f() { spawn(x); }",
    ] {
        assert_eq!(source("a.rs", text), [], "{text}");
    }
}

#[test]
fn the_quick_look_knows_every_crate_of_the_catalog() {
    // An end of the process counts only inside a scope, which needs other words.
    for entry in cargo_homebound::catalog::ENTRIES.iter().filter(|entry| entry.kind != Kind::Exit) {
        let text = format!("{}use {};\n", "// long enough to be skipped\n".repeat(400), entry.path);
        assert!(check::is_worth_a_look(text.as_bytes()), "{}", entry.path);
    }
    assert!(!check::is_worth_a_look("fn plain() {}\n".repeat(1000).as_bytes()));
}

#[test]
fn starts_know_features_and_tests() {
    let text = r#"
#[cfg(feature = "pool")]
mod pool {
    fn a() { rayon::spawn(x); }
    #[cfg(all(unix, feature = "more", not(feature = "less")))]
    fn b() { std::thread::spawn(x).join(); }
}
#[cfg(test)]
mod tests {
    #[test]
    fn c() { std::thread::spawn(x).join(); }
}
fn d() { std::process::exit(1); ctrlc::set_handler(x); }
"#;
    let found: Vec<_> = starts(text)
        .unwrap()
        .into_iter()
        .map(|one| (one.line, one.what, one.features.join(" "), one.test))
        .collect();
    assert_eq!(
        found,
        [
            (4, "rayon::spawn", "pool".to_owned(), false),
            (6, "std::thread::spawn", "pool more".to_owned(), false),
            (11, "std::thread::spawn", String::new(), true),
            (13, "ctrlc::set_handler", String::new(), false),
        ]
    );
}

#[test]
fn rules_say_why_and_show_code() {
    for rule in Rule::ALL {
        let text = rule.explanation();
        assert!(text.contains("Before:") && text.contains("After:") && text.ends_with('\n'), "{rule}");
        assert!(!rule.summary().ends_with('.'), "{rule}");
    }
}
