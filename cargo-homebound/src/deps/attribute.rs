//! Owns the attributes that decide whether code is compiled: which there are, how far each reaches,
//! and which of them macros put before items.
//! Refuses to know files and modules.

use std::collections::BTreeMap;
use std::str::FromStr;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::gate::{Gate, split, string};

/// The conditions that macros of a package put before the items that they are given:
/// `cfg_rt! { mod runtime; }`.
pub(crate) type Macros = BTreeMap<String, Vec<Gate>>;

/// The meaning of an attribute.
#[derive(Debug, Clone)]
pub(crate) enum Attribute {
    /// `#[cfg(..)]` or `#[test]`: for the item after it.
    Outer(Gate),
    /// `#![cfg(..)]`: for everything around it.
    Inner(Gate),
    /// `#[path = ".."]`, perhaps in a `cfg_attr`.
    Path((Option<Gate>, String)),
    Other,
}

impl Attribute {
    pub(crate) fn outer_gate(&self) -> Option<&Gate> {
        if let Attribute::Outer(gate) = self { Some(gate) } else { None }
    }

    pub(crate) fn inner_gate(&self) -> Option<&Gate> {
        if let Attribute::Inner(gate) = self { Some(gate) } else { None }
    }

    pub(crate) fn path(&self) -> Option<&(Option<Gate>, String)> {
        if let Attribute::Path(path) = self { Some(path) } else { None }
    }
}

/// Reads the tokens in the brackets.
pub(crate) fn read_attribute(group: &Group, inner: bool) -> Attribute {
    let tokens: Vec<_> = group.stream().into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(name), TokenTree::Group(inside)] if name == "cfg" => {
            let gate = Gate::read(inside.stream().into_iter().collect());
            if inner { Attribute::Inner(gate) } else { Attribute::Outer(gate) }
        }
        [TokenTree::Ident(name), TokenTree::Group(inside)] if name == "cfg_attr" => {
            let parts = split(inside.stream());
            let condition = parts.first().cloned().map(Gate::read);
            let path = parts.into_iter().skip(1).find_map(path);
            path.map_or(Attribute::Other, |path| Attribute::Path((condition, path)))
        }
        // `#[test]`, `#[tokio::test]`, `#[tokio::test(..)]`.
        _ if ends_in_test(&tokens) && !inner => Attribute::Outer(Gate::name("test")),
        _ => path(group.stream()).map_or(Attribute::Other, |path| Attribute::Path((None, path))),
    }
}

fn ends_in_test(tokens: &[TokenTree]) -> bool {
    let last = tokens.iter().rfind(|token| !matches!(token, TokenTree::Group(_)));
    matches!(last, Some(TokenTree::Ident(name)) if name == "test" || name == "bench")
        && tokens.iter().all(|token| !matches!(token, TokenTree::Literal(_)))
}

fn path(tokens: TokenStream) -> Option<String> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Literal(value)] if name == "path" => {
            string(value)
        }
        _ => None,
    }
}

/// How many tokens the item, statement, field or arm at the front has.
pub(crate) fn ends_item(tokens: &[TokenTree]) -> usize {
    let words: Vec<_> = tokens.iter().take(8).map(ToString::to_string).collect();
    let skipped = ["pub", "unsafe", "async", "extern", "default"];
    let first =
        words.iter().position(|word| !skipped.contains(&word.as_str()) && !word.starts_with(['(', '"']));
    let first = first.unwrap_or(0);
    let word = words.get(first).map_or("", String::as_str);
    let next = words.get(first + 1).map_or("", String::as_str);
    let constant = word == "const" && !["fn", "unsafe", "async", "extern"].contains(&next);
    let to_semicolon = constant || ["let", "static", "use", "type"].contains(&word);
    // In items of these kinds, a comma belongs to generics and does not end the item.
    let item =
        ["fn", "impl", "struct", "enum", "trait", "union", "mod", "const", "macro_rules"].contains(&word);
    for (place, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => return place + 1,
            TokenTree::Punct(punct) if punct.as_char() == ',' && !item && !to_semicolon => return place + 1,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && !to_semicolon => {
                let goes_on = match tokens.get(place + 1) {
                    Some(TokenTree::Ident(word)) => word == "else",
                    Some(TokenTree::Punct(punct)) => ['.', '?', '=', '|'].contains(&punct.as_char()),
                    _ => false,
                };
                if !goes_on || item {
                    return place + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// Adds the macros of a file that put a `cfg` before each item that they are given.
pub(crate) fn read_macros(text: &str, into: &mut Macros) {
    if let Ok(tokens) = TokenStream::from_str(text) {
        find_macros(tokens, into);
    }
    proc_macro2::extra::invalidate_current_thread_spans();
}

fn find_macros(tokens: TokenStream, into: &mut Macros) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (place, token) in tokens.iter().enumerate() {
        match (token, tokens.get(place + 1), tokens.get(place + 2), tokens.get(place + 3)) {
            (
                TokenTree::Ident(word),
                Some(TokenTree::Punct(_)),
                Some(TokenTree::Ident(name)),
                Some(TokenTree::Group(body)),
            ) if word == "macro_rules" => {
                let gates = before_items(body.stream());
                if !gates.is_empty() {
                    into.insert(name.to_string(), gates);
                }
            }
            (TokenTree::Group(group), ..) if group.delimiter() == Delimiter::Brace => {
                find_macros(group.stream(), into);
            }
            _ => {}
        }
    }
}

/// The conditions of the first `#[cfg(..)] .. $item`.
fn before_items(tokens: TokenStream) -> Vec<Gate> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let (mut gates, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        match &tokens[at..] {
            [TokenTree::Punct(hash), TokenTree::Group(group), ..] if hash.as_char() == '#' => {
                let gate = read_attribute(group, false).outer_gate().cloned();
                // `cfg($meta)` depends on the call of the macro.
                gates.extend(gate.filter(|gate| !gate.to_string().contains('$')));
                at += 2;
            }
            // `$item`, and not the `$(` of a repetition.
            [TokenTree::Punct(dollar), TokenTree::Ident(_), ..]
                if dollar.as_char() == '$' && !gates.is_empty() =>
            {
                return gates;
            }
            [TokenTree::Group(group), ..] => {
                gates.clear();
                let inside = before_items(group.stream());
                if !inside.is_empty() {
                    return inside;
                }
                at += 1;
            }
            _ => {
                gates.clear();
                at += 1;
            }
        }
    }
    Vec::new()
}
