//! Owns the code inside macros: bodies of `macro_rules!`, and arguments of macros.
//! Refuses to expand anything: tokens are read as the code that they look like.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Block, Expr, Macro, Stmt, Token};

use crate::check::resolve::flow::Node;
use crate::check::resolve::names::{Res, Space};
use crate::check::resolve::passage::{self, LOOKERS, Passage};
use crate::check::resolve::types::Ty;
use crate::check::resolve::written::Written;
use crate::check::rules::{deaf, raw};
use crate::check::state::{Found, Walk};

impl Walk {
    pub(crate) fn macro_call(&mut self, mac: &Macro, into: Node) {
        self.macro_value(mac, into);
    }

    pub(crate) fn macro_value(&mut self, mac: &Macro, into: Node) -> Ty {
        let Some(last) = mac.path.segments.last() else { return Ty::Unknown };
        let name = last.ident.to_string();
        if name == "macro_rules" {
            self.macro_rules(&mac.tokens);
            return Ty::Unknown;
        }
        if name == "select" || name == "select_biased" {
            deaf::select(self, last.ident.span(), &mac.tokens);
        }
        // A handle in such a list goes where the list goes.
        let list = name == "vec" || name == "smallvec" || name == "array_vec";
        let into = match name.as_str() {
            _ if list => into,
            "dbg" => into,
            // `println!("{handle:?}")` joins nothing.
            _ if LOOKERS.contains(&name.as_str()) => Node::LOST,
            // Any other macro may join a handle that it is given.
            _ => Node::HOME,
        };
        let tokens = if name == "lazy_static" { without_ref(mac.tokens.clone()) } else { mac.tokens.clone() };
        // Most arguments are a list of expressions. The rest is read as statements, as in `select!`
        // or `thread_local!`.
        let found = match expressions(tokens.clone(), list) {
            Some(all) => all.iter().map(|one| self.expr(one, into)).find(|ty| !ty.is_unknown()),
            None => {
                let before = std::mem::replace(&mut self.looking, LOOKERS.contains(&name.as_str()));
                self.tokens(tokens, Node::HOME);
                self.looking = before;
                None
            }
        };
        let found = found.unwrap_or_default();
        if list && !found.is_unknown() { Ty::Many(found.into()) } else { found }
    }

    /// Walks over the bodies of a macro of this file. The parameters of the macro are not known
    /// here.
    pub(crate) fn macro_rules(&mut self, tokens: &TokenStream) {
        let mut arrow = false;
        let mut before = ' ';
        for token in tokens.clone() {
            match token {
                TokenTree::Punct(punct) => {
                    arrow = before == '=' && punct.as_char() == '>';
                    before = punct.as_char();
                }
                // Behind each `=>` stands a body; before it stands a pattern, which is no code.
                TokenTree::Group(body) if arrow => {
                    self.inner(|walk| walk.tokens(plain(body.stream()), Node::HOME));
                    arrow = false;
                }
                _ => arrow = false,
            }
        }
    }

    /// Reads tokens as statements, or else as well as they can be read.
    pub(crate) fn tokens(&mut self, tokens: TokenStream, into: Node) {
        if tokens.is_empty() {
            return;
        }
        if let Some(statements) = statements(tokens.clone()) {
            let block = Block { brace_token: syn::token::Brace::default(), stmts: statements };
            self.inner(|walk| walk.block(&block, into));
            return;
        }
        // Arms of a `select!`: `recv(rx) -> message => f(message), ..`.
        let pieces = pieces(tokens);
        let one = pieces.len() == 1;
        for piece in pieces {
            match (one, statements(piece.clone())) {
                (false, Some(statements)) => {
                    let block = Block { brace_token: syn::token::Brace::default(), stmts: statements };
                    // Variables of one piece are in sight in the next one.
                    self.block(&block, into);
                }
                _ => self.scan(piece),
            }
        }
    }

    /// Looks for paths and calls in tokens that are no code by themselves.
    pub(crate) fn scan(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => {
                    self.tokens(group.stream(), Node::HOME);
                    at += 1;
                }
                TokenTree::Ident(_) => {
                    // A name behind a dot is a field or a method, and no path.
                    let after_dot =
                        at > 0 && matches!(&tokens[at - 1], TokenTree::Punct(dot) if dot.as_char() == '.');
                    let (path, next) = path_at(&tokens, at);
                    let called = matches!(tokens.get(next), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                    if !after_dot {
                        let absolute = at > 1 && is_colon(&tokens[at - 1]) && is_colon(&tokens[at - 2]);
                        let looks = self.looks_only(&tokens[next..]);
                        self.scanned(&path, absolute, called, looks);
                    }
                    at = next;
                }
                _ => at += 1,
            }
        }
    }

    /// Whether a variable is only looked at, by the tokens after it.
    fn looks_only(&self, after: &[TokenTree]) -> bool {
        match after {
            [TokenTree::Punct(dot), TokenTree::Ident(method), ..] if dot.as_char() == '.' => {
                passage::passage(method) == Passage::Look
            }
            _ => self.looking,
        }
    }

    fn scanned(&mut self, path: &[Ident], absolute: bool, called: bool, looks: bool) {
        let Some(last) = path.last() else { return };
        let found = match path {
            [name] if !absolute => match self.single(name, Space::Values) {
                Some(Found::Var(var)) => {
                    let node = self.vars[var].node;
                    // A variable that stands in such tokens may be joined by the macro.
                    return self.flow.edge(node, if looks { Node::LOST } else { Node::HOME });
                }
                Some(Found::Item(found)) => found,
                None => return,
            },
            _ => {
                let segments = path.iter().map(ToString::to_string).collect();
                self.names.resolve(&Written { segments, absolute, scope: self.scope }, Space::Values)
            }
        };
        match found {
            // The arguments are read for themselves, as a group of tokens.
            Res::Path(path) if called => {
                self.call_path(&path, last.span(), &Punctuated::new(), Node::HOME, false);
            }
            Res::Path(path) => raw::function_taken(self, &path, last.span()),
            Res::Value(id) => {
                let node = self.value_node(id);
                self.flow.edge(node, Node::HOME);
            }
            _ => {}
        }
    }
}

/// Reads expressions with commas between them, and `vec![x; n]` if it is a list.
fn expressions(tokens: TokenStream, list: bool) -> Option<Vec<Expr>> {
    if let Ok(all) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens.clone()) {
        return Some(all.into_iter().collect());
    }
    list.then(|| {
        // `vec![None; n]`: the value, and the number.
        let repeat = |input: syn::parse::ParseStream<'_>| {
            let value = input.parse::<Expr>()?;
            input.parse::<Token![;]>()?;
            Ok(vec![value, input.parse::<Expr>()?])
        };
        repeat.parse2(tokens).ok()
    })?
}

fn statements(tokens: TokenStream) -> Option<Vec<Stmt>> {
    Block::parse_within.parse2(tokens).ok()
}

/// Splits at `,`, `;` and `=>`. A `;` stays with the statement that it ends.
fn pieces(tokens: TokenStream) -> Vec<TokenStream> {
    let mut all = Vec::new();
    let mut piece = Vec::new();
    let mut before = ' ';
    for token in tokens {
        let char = match &token {
            TokenTree::Punct(punct) => punct.as_char(),
            _ => ' ',
        };
        if char == ';' {
            piece.push(token);
            all.push(piece.drain(..).collect());
        } else if char == ',' {
            all.push(piece.drain(..).collect());
        } else if char == '>' && before == '=' {
            piece.pop();
            all.push(piece.drain(..).collect());
        } else {
            piece.push(token);
        }
        before = char;
    }
    all.push(piece.into_iter().collect());
    all.retain(|piece: &TokenStream| !piece.is_empty());
    all
}

/// The body of a macro's rule as code: `$x` becomes `__x`, and a repetition stands there once.
fn plain(tokens: TokenStream) -> TokenStream {
    let mut out = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '$' => match tokens.next() {
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
                    out.extend(plain(group.stream()));
                    let mut separator = None;
                    while let Some(TokenTree::Punct(mark)) = tokens.peek() {
                        let char = mark.as_char();
                        let token = tokens.next();
                        // The mark after `$( .. )`; a token before it separates the repetitions.
                        if matches!(char, '*' | '+' | '?') {
                            break;
                        }
                        separator = token;
                    }
                    out.extend(separator);
                }
                // `$crate::run` is a path of this crate.
                Some(TokenTree::Ident(name)) if name == "crate" => out.push(TokenTree::Ident(name)),
                Some(TokenTree::Ident(name)) => {
                    let name = name.to_string();
                    let name = name.strip_prefix("r#").unwrap_or(&name);
                    out.push(TokenTree::Ident(Ident::new(
                        &format!("__{name}"),
                        proc_macro2::Span::call_site(),
                    )));
                }
                other => out.extend(other),
            },
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), plain(group.stream()));
                // Findings in the body keep their place.
                inner.set_span(group.span());
                out.push(TokenTree::Group(inner));
            }
            other => out.push(other),
        }
    }
    out.into_iter().collect()
}

/// `static ref X: T = ..;` of `lazy_static` as `static X: T = ..;`.
fn without_ref(tokens: TokenStream) -> TokenStream {
    tokens.into_iter().filter(|token| !matches!(token, TokenTree::Ident(ident) if ident == "ref")).collect()
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':')
}

/// The path that begins at `at`, and the place after it. Leaves out the arguments in `::<..>`.
fn path_at(tokens: &[TokenTree], mut at: usize) -> (Vec<Ident>, usize) {
    let mut path = Vec::new();
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        path.push(name.clone());
        at += 1;
        let colons = tokens.get(at).is_some_and(is_colon) && tokens.get(at + 1).is_some_and(is_colon);
        if !colons || !matches!(tokens.get(at + 2), Some(TokenTree::Ident(_))) {
            break;
        }
        at += 2;
    }
    (path, at)
}
