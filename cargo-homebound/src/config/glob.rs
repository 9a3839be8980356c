//! Owns the meaning of a glob: `*` stays inside of a folder, `**` does not, and the path of a
//! folder matches all files in it.
//! Refuses paths that do not begin at the project's root.

use std::ops::Range;

use globset::{GlobBuilder, GlobMatcher};

/// A pattern of paths.
#[derive(Debug, Clone)]
pub(crate) struct Glob {
    /// The pattern as written.
    pub(crate) text: String,
    /// Where the pattern is written.
    pub(crate) span: Range<usize>,
    matcher: GlobMatcher,
}

impl Glob {
    /// # Errors
    ///
    /// Why the pattern can match no path.
    pub(crate) fn new(text: &str, span: Range<usize>) -> Result<Glob, String> {
        let clean = text.strip_prefix("./").unwrap_or(text).trim_end_matches('/');
        if clean.trim().is_empty() {
            return Err("it is empty".to_owned());
        }
        if clean.starts_with('/') || clean.split('/').any(|part| part == "..") {
            return Err(
                "paths are told from the folder of the configuration, without `/` at the start and `..`"
                    .to_owned(),
            );
        }
        let built = GlobBuilder::new(clean).literal_separator(true).build();
        let matcher = built.map_err(|error| error.kind().to_string())?.compile_matcher();
        Ok(Glob { text: text.to_owned(), span, matcher })
    }

    /// Whether the pattern matches this path, or a folder around it.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.into_iter().any(|end| self.matcher.is_match(&path[..end]))
    }

    /// Whether the pattern is the path of one file.
    pub(crate) fn is_file(&self) -> bool {
        self.text.ends_with(".rs")
            && !self.text.replace("[[]", "").replace("[]]", "").contains(['*', '?', '[', '{'])
    }
}

/// The pattern that matches this path and no other.
pub(crate) fn escaped(path: &str) -> String {
    globset::escape(path)
}

#[cfg(test)]
mod tests {
    use super::{Glob, escaped};

    fn matches(glob: &str, path: &str) -> bool {
        Glob::new(glob, 0..0).unwrap().matches(path)
    }

    #[test]
    fn a_star_stays_in_its_folder_and_a_folder_means_what_is_in_it() {
        assert!(matches("src/*.rs", "src/a.rs"));
        assert!(!matches("src/*.rs", "src/deep/a.rs"));
        assert!(matches("src/**", "src/deep/a.rs"));
        assert!(matches("**/generated.rs", "generated.rs"));
        assert!(matches("benches", "benches/table/main.rs"));
        assert!(matches("./benches/", "benches/table/main.rs"));
        assert!(!matches("bench", "benches/table/main.rs"));
    }

    #[test]
    fn what_matches_nothing_is_refused() {
        for bad in ["", "/src/a.rs", "../a.rs", "src/[a.rs"] {
            assert!(Glob::new(bad, 0..0).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_with_brackets_can_be_written() {
        let odd = escaped("src/[a]{b}.rs");
        assert!(matches(&odd, "src/[a]{b}.rs") && !matches(&odd, "src/ab.rs"), "{odd}");
    }
}
