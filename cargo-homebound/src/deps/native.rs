//! Owns the look at C and C++ in packages: a search for words, because the guard cannot parse these
//! languages.
//! Refuses to say whether a place is compiled: a build script decides that.

use std::fs;
use std::path::Path;

/// The functions that start threads in C, in C++, and on the systems of Apple and Microsoft.
const WORDS: [&str; 7] = [
    "pthread_create",
    "thrd_create",
    "CreateThread",
    "_beginthreadex",
    "std::thread",
    "std::async",
    "dispatch_async",
];

/// One place: the line, from 1, and the word.
pub(crate) fn starts(path: &Path) -> Vec<(usize, &'static str)> {
    // `x_test.cc` and `test_x.c` are no part of a library.
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    if name.starts_with("test") || name.ends_with("test") || name.ends_with("tests") {
        return Vec::new();
    }
    let Ok(bytes) = fs::read(path) else { return Vec::new() };
    let mut found = Vec::new();
    for word in WORDS {
        for at in memchr::memmem::find_iter(&bytes, word) {
            if stands_alone(&bytes, at, word) && !in_comment(&bytes, at) {
                let line = 1 + memchr::memchr_iter(b'\n', &bytes[..at]).count();
                found.push((line, word));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether the word is no part of a longer one, and not the beginning of
/// `std::thread::hardware_concurrency`.
fn stands_alone(bytes: &[u8], at: usize, word: &str) -> bool {
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    let after = bytes.get(at + word.len()..).unwrap_or_default();
    !before.is_some_and(in_name) && !after.first().is_some_and(in_name) && !after.starts_with(b"::")
}

/// A guess by the line alone.
fn in_comment(bytes: &[u8], at: usize) -> bool {
    let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |end| end + 1);
    let before = bytes[start..at].trim_ascii_start();
    before.starts_with(b"*")
        || memchr::memmem::find(before, b"//").is_some()
        || memchr::memmem::find(before, b"/*").is_some()
}
