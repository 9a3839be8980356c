//! Owns what the `cfg` attributes around a place ask for: features, and whether the place is for
//! tests only.
//! Refuses to evaluate them: the rules count code whether it is compiled or not.

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Meta};

/// The conditions in the attributes around the walk's place.
#[derive(Debug, Default)]
pub(crate) struct Around {
    /// In the order of the attributes, from outside.
    features: Vec<String>,
    /// How many attributes ask for a test.
    tests: usize,
}

impl Around {
    pub(crate) fn features(&self) -> &[String] {
        &self.features
    }

    pub(crate) fn is_test(&self) -> bool {
        self.tests > 0
    }

    /// Adds what these attributes ask for. Returns the state before, for `leave`.
    pub(crate) fn enter(&mut self, attributes: &[Attribute]) -> (usize, usize) {
        let before = (self.features.len(), self.tests);
        for attribute in attributes {
            let path = attribute.path();
            match &attribute.meta {
                Meta::List(list) if path.is_ident("cfg") => self.asked(list.tokens.clone(), true),
                // `#[test]`, `#[tokio::test]`.
                _ if path.segments.last().is_some_and(|last| last.ident == "test") => self.tests += 1,
                _ => {}
            }
        }
        before
    }

    pub(crate) fn leave(&mut self, (features, tests): (usize, usize)) {
        self.features.truncate(features);
        self.tests = tests;
    }

    /// Reads one condition. `all`: each part of the condition is needed, because no `any` is around
    /// it.
    fn asked(&mut self, tokens: TokenStream, all: bool) {
        let mut name = String::new();
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    // The name before a literal or a group says what that means.
                    name = ident.to_string();
                    if name == "test" && all {
                        self.tests += 1;
                    }
                }
                TokenTree::Literal(literal) if name == "feature" => {
                    self.features.push(literal.to_string().trim_matches('"').to_owned());
                }
                // A feature that must be off is not asked for.
                TokenTree::Group(group) if name != "not" => self.asked(group.stream(), all && name != "any"),
                _ => {}
            }
        }
    }
}
