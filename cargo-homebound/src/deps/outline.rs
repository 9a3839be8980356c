//! Owns the outline of one file: its `mod` declarations, its `include!`s, and the lines that a
//! `cfg` governs.
//! Refuses to know other files, and the meaning of code. Tokens are read and not syntax, so that
//! code in macros counts.

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, LineColumn, TokenStream, TokenTree};

use super::attribute::{Attribute, Macros, ends_item, read_attribute};
use super::gate::{Gate, string};

/// A module that is in a file of its own.
#[derive(Debug, Clone)]
pub(crate) struct Module {
    pub(crate) name: String,
    /// The modules around it in this file, from outside: the name of each, or the path in its
    /// `#[path]`.
    pub(crate) inside: Vec<String>,
    /// The paths of `#[path]`, each with the condition of a `cfg_attr` around it.
    pub(crate) paths: Vec<(Option<Gate>, String)>,
    /// The conditions of the module: all of them together.
    pub(crate) gates: Vec<Gate>,
}

/// The first and the last place that a condition governs.
#[derive(Debug)]
pub(crate) struct Reach {
    pub(crate) from: LineColumn,
    pub(crate) to: LineColumn,
    pub(crate) gate: Gate,
}

/// The structure of one file.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub(crate) modules: Vec<Module>,
    /// Files that are pasted in, with their conditions.
    pub(crate) includes: Vec<(String, Vec<Gate>)>,
    /// Whether the file pastes in code that a build script makes.
    pub(crate) generated: bool,
    pub(crate) reaches: Vec<Reach>,
}

impl Outline {
    /// `None`: the text is not made of tokens.
    pub(crate) fn of(text: &str, macros: &Macros) -> Option<Outline> {
        let tokens = TokenStream::from_str(text).ok()?;
        let mut reader =
            Reader { outline: Outline::default(), macros, gates: Vec::new(), inside: Vec::new() };
        reader.tokens(tokens);
        let outline = reader.outline;
        // proc_macro2 keeps the text of every file for its spans. No span is left here.
        proc_macro2::extra::invalidate_current_thread_spans();
        Some(outline)
    }

    /// The conditions at a place: line and column from 1.
    pub(crate) fn gates_at(&self, line: usize, column: usize) -> Vec<Gate> {
        let place = (line, column.saturating_sub(1));
        let holds = |reach: &&Reach| at(reach.from) <= place && place <= at(reach.to) && reach.from.line > 0;
        let mut gates: Vec<_> = self.reaches.iter().filter(holds).map(|reach| reach.gate.clone()).collect();
        gates.dedup();
        gates
    }
}

fn at(place: LineColumn) -> (usize, usize) {
    (place.line, place.column)
}

struct Reader<'a> {
    outline: Outline,
    macros: &'a Macros,
    /// The conditions around the present token.
    gates: Vec<Gate>,
    inside: Vec<String>,
}

impl Reader<'_> {
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        self.slice(&tokens, &[]);
    }

    /// `paths`: the `#[path]`s of the item that the slice begins with.
    fn slice(&mut self, tokens: &[TokenTree], paths: &[(Option<Gate>, String)]) {
        let depth = self.gates.len();
        let mut at = 0;
        while at < tokens.len() {
            let (attributes, start) = leading_attributes(&tokens[at..]);
            let start = at + start;
            for gate in attributes.iter().filter_map(Attribute::inner_gate) {
                self.push(gate.clone(), &tokens[at], tokens.last().expect("not empty"));
            }
            let gates: Vec<_> = attributes.iter().filter_map(Attribute::outer_gate).collect();
            let paths_here: Vec<_> = attributes.iter().filter_map(Attribute::path).cloned().collect();
            if gates.is_empty() && paths_here.is_empty() {
                at = if start < tokens.len() { self.one(tokens, start, paths) } else { start };
                continue;
            }
            let end = start + ends_item(&tokens[start..]);
            let around = self.gates.len();
            for gate in gates {
                self.push(gate.clone(), &tokens[at], &tokens[end.max(at + 1) - 1]);
            }
            self.slice(&tokens[start..end], &paths_here);
            self.gates.truncate(around);
            at = end.max(start);
        }
        self.gates.truncate(depth);
    }

    fn push(&mut self, gate: Gate, first: &TokenTree, last: &TokenTree) {
        let (from, to) = (first.span().start(), last.span().end());
        self.outline.reaches.push(Reach { from, to, gate: gate.clone() });
        self.gates.push(gate);
    }

    /// Reads the item at `at`. Returns the place of the next one.
    fn one(&mut self, tokens: &[TokenTree], at: usize, paths: &[(Option<Gate>, String)]) -> usize {
        match &tokens[at..] {
            [TokenTree::Ident(word), TokenTree::Ident(name), next, ..] if word == "mod" => {
                self.module(name.to_string().trim_start_matches("r#"), next, paths);
                at + 3
            }
            [
                TokenTree::Ident(word),
                TokenTree::Punct(bang),
                TokenTree::Ident(_),
                TokenTree::Group(_),
                ..,
            ] if word == "macro_rules" && bang.as_char() == '!' => at + 4,
            [TokenTree::Ident(word), TokenTree::Punct(bang), TokenTree::Group(group), rest @ ..]
                if bang.as_char() == '!' =>
            {
                self.invocation(&word.to_string(), group, rest.first());
                at + 3
            }
            [TokenTree::Group(group), ..] => {
                self.tokens(group.stream());
                at + 1
            }
            _ => at + 1,
        }
    }

    fn module(&mut self, name: &str, next: &TokenTree, paths: &[(Option<Gate>, String)]) {
        match next {
            TokenTree::Punct(end) if end.as_char() == ';' => self.outline.modules.push(Module {
                name: name.to_owned(),
                inside: self.inside.clone(),
                paths: paths.to_vec(),
                gates: self.gates.clone(),
            }),
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
                self.inside.push(paths.first().map_or(name, |(_, path)| path).to_owned());
                self.tokens(body.stream());
                self.inside.pop();
            }
            _ => {}
        }
    }

    fn invocation(&mut self, name: &str, body: &Group, next: Option<&TokenTree>) {
        match name {
            // The tokens in these become code of another crate.
            "quote" | "quote_spanned" | "parse_quote" => {}
            "include" => self.include(body),
            "cfg_if" => self.cfg_if(body),
            "cfg_select" => self.cfg_select(body),
            // `if cfg!(..) { .. }`: the caller reads the block next. Only its reach is noted here.
            "cfg" => {
                let block = next.filter(|next| is_block(next));
                if let Some(block) = block {
                    let (from, to) = (block.span().start(), block.span().end());
                    self.outline.reaches.push(Reach { from, to, gate: Gate::read(body.stream()) });
                }
            }
            _ => self.governed(self.macros.get(name).cloned().unwrap_or_default(), body),
        }
    }

    fn governed(&mut self, gates: Vec<Gate>, body: &Group) {
        let around = self.gates.len();
        let whole = TokenTree::Group(body.clone());
        for gate in gates {
            self.push(gate, &whole, &whole);
        }
        self.tokens(body.stream());
        self.gates.truncate(around);
    }

    fn include(&mut self, body: &Group) {
        let tokens: Vec<_> = body.stream().into_iter().collect();
        match tokens.as_slice() {
            [TokenTree::Literal(path)] => {
                self.outline.includes.extend(string(path).map(|path| (path, self.gates.clone())));
            }
            _ => self.outline.generated = true,
        }
    }

    /// `if #[cfg(a)] { .. } else if #[cfg(b)] { .. } else { .. }`
    fn cfg_if(&mut self, body: &Group) {
        let (mut before, mut own) = (Vec::new(), None);
        for token in body.stream() {
            let TokenTree::Group(group) = &token else { continue };
            if group.delimiter() == Delimiter::Bracket {
                own = read_attribute(group, false).outer_gate().cloned();
                continue;
            }
            let mut gates: Vec<Gate> = before.clone();
            if let Some(own) = own.take() {
                before.push(own.clone().not());
                gates.push(own);
            }
            self.governed(gates, group);
        }
    }

    /// `a => { .. } b => { .. } _ => { .. }`
    fn cfg_select(&mut self, body: &Group) {
        let (mut before, mut own) = (Vec::new(), Vec::new());
        let tokens: Vec<_> = body.stream().into_iter().collect();
        let mut arrow = false;
        for (place, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) if arrow => {
                    let mut gates: Vec<Gate> = before.clone();
                    let condition = Gate::read(std::mem::take(&mut own).into_iter().collect());
                    if condition != Gate::name("_") {
                        before.push(condition.clone().not());
                        gates.push(condition);
                    }
                    self.governed(gates, group);
                    arrow = false;
                }
                TokenTree::Punct(punct) if punct.as_char() == '=' => {
                    arrow = matches!(tokens.get(place + 1), Some(TokenTree::Punct(p)) if p.as_char() == '>');
                    if !arrow {
                        own.push(token.clone());
                    }
                }
                TokenTree::Punct(punct) if ['>', ','].contains(&punct.as_char()) => {}
                _ => own.push(token.clone()),
            }
        }
    }
}

fn leading_attributes(tokens: &[TokenTree]) -> (Vec<Attribute>, usize) {
    let (mut found, mut at) = (Vec::new(), 0);
    loop {
        match &tokens[at..] {
            [TokenTree::Punct(hash), TokenTree::Group(group), ..] if hash.as_char() == '#' => {
                found.push(read_attribute(group, false));
                at += 2;
            }
            [TokenTree::Punct(hash), TokenTree::Punct(bang), TokenTree::Group(group), ..]
                if hash.as_char() == '#' && bang.as_char() == '!' =>
            {
                found.push(read_attribute(group, true));
                at += 3;
            }
            _ => return (found, at),
        }
    }
}

fn is_block(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}
