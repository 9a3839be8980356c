//! Plain English, held by counting: words that hide the subject of a sentence, and the width of
//! comments and of pages. `docs/STYLE.md` has the rules. `cargo test --test rules prose --
//! --nocapture` prints the figures.

use std::collections::BTreeMap;

use crate::source::{Source, pages, sources};

/// Hidden subjects that 1,000 words may have: in the comments of a folder, and in a page.
const BUDGET: usize = 2;
/// Columns of a line that is only a comment, and of a line of a page.
const WIDEST: usize = 100;

/// Where code has its comments counted: one row of the printed table for each, and for each folder
/// of `src` and of `tests`.
const CODE: [&str; 10] = [
    "src",
    "homebound-testing",
    "homebound-models",
    "homebound-stacks",
    "homebound-rayon",
    "homebound-tokio",
    "cargo-homebound",
    "tests",
    "examples",
    "benches",
];

/// What a folder or a page may have until it is rewritten: hidden subjects, and wide lines.
/// Figures may only go down, and a row that is not needed goes.
const ALLOWANCES: &[(&str, usize, usize)] = &[];

/// Words that stand for a subject that has a name, wherever they are.
const HIDDEN: [&str; 7] = ["who", "whoever", "whom", "he", "him", "his", "himself"];
/// The same, if the second word follows at once.
const HIDDEN_PAIRS: [(&str, &str); 4] = [("what", "is"), ("that", "of"), ("one", "that"), ("those", "that")];

/// `whose` hides its subject after one of these, and at the start of a clause. After a noun ("a
/// thread whose name is short") it does not.
const BEFORE_WHOSE: [&str; 17] = [
    "of", "for", "from", "to", "by", "with", "in", "on", "at", "about", "and", "or", "but", "than", "is",
    "was", "that",
];

/// What was counted in a folder or in a page.
#[derive(Default)]
struct Figures {
    words: usize,
    /// Hidden subjects, each with the words around it.
    hidden: Vec<String>,
    /// Lines of code, of comments in it, and of documentation.
    code: usize,
    comments: usize,
    docs: usize,
    /// `path:line` of comments and lines of pages that are wider than [`WIDEST`].
    wide: Vec<String>,
}

impl Figures {
    fn add_prose(&mut self, path: &str, prose: &str) {
        self.words += prose.split_whitespace().filter(|word| word.contains(char::is_alphabetic)).count();
        self.hidden.extend(hidden_subjects(prose).into_iter().map(|found| format!("{path}: {found}")));
    }

    fn add_code(&mut self, path: &str, text: &str) {
        let mut prose = Prose::default();
        for (place, line) in text.lines().enumerate() {
            let start = line.trim_start();
            let is_comment = start.starts_with("//");
            if is_comment && line.chars().count() > WIDEST {
                self.wide.push(format!("{path}:{}", place + 1));
            }
            match start {
                "" => {}
                _ if start.starts_with("///") || start.starts_with("//!") => self.docs += 1,
                _ if is_comment => self.comments += 1,
                _ => self.code += 1,
            }
            match line.find("//").filter(|at| !line[..*at].ends_with(':')) {
                Some(at) => prose.add(line[at..].trim_start_matches(['/', '!'])),
                None => prose.end_paragraph(),
            }
        }
        self.add_prose(path, &prose.text);
    }

    fn add_page(&mut self, path: &str, text: &str) {
        let mut prose = Prose::default();
        for (place, line) in text.lines().enumerate() {
            prose.add(line);
            if !prose.is_fenced && is_wide(line) {
                self.wide.push(format!("{path}:{}", place + 1));
            }
        }
        self.add_prose(path, &prose.text);
    }

    fn per_thousand(&self) -> f64 {
        self.hidden.len() as f64 * 1000.0 / self.words.max(1) as f64
    }
}

/// True for a line of a page that could have been wrapped. A row of a table and a heading are one
/// line each, and the target of a link has no place to break.
fn is_wide(line: &str) -> bool {
    let is_one_line = line.trim_start().starts_with(['|', '#']);
    let mut pieces = line.split("](");
    let before = pieces.next().map_or(0, |piece| piece.chars().count());
    let after = pieces.map(|piece| piece.split_once(')').map_or(piece, |(_, after)| after));
    !is_one_line && before + after.map(|piece| piece.chars().count() + 1).sum::<usize>() > WIDEST
}

/// Text without its code: fenced blocks, and words in backquotes.
#[derive(Default)]
struct Prose {
    text: String,
    is_fenced: bool,
}

impl Prose {
    fn add(&mut self, line: &str) {
        let line = line.trim();
        if line.starts_with("```") {
            self.is_fenced = !self.is_fenced;
            return self.end_paragraph();
        }
        if self.is_fenced {
            return;
        }
        if line.is_empty() || line.starts_with(['#', '|']) {
            self.end_paragraph();
        }
        // Every second piece between backquotes is code.
        for (place, piece) in line.split('`').enumerate() {
            self.text.push_str(if place % 2 == 0 { piece } else { "code" });
        }
        self.text.push('\n');
        if line.starts_with('#') {
            self.end_paragraph();
        }
    }

    /// A sentence does not go on after this.
    fn end_paragraph(&mut self) {
        if !self.text.ends_with(".\n\n") {
            self.text.push_str(" .\n\n");
        }
    }
}

/// Every hidden subject in `prose`, with some words around it. Questions are left out.
fn hidden_subjects(prose: &str) -> Vec<String> {
    let mut found = Vec::new();
    for sentence in prose.split_inclusive(['.', '?', '!']).filter(|sentence| !sentence.ends_with('?')) {
        let words: Vec<_> = sentence.split_whitespace().collect();
        for place in 0..words.len() {
            let before = place.checked_sub(1).map(|before| words[before]);
            if hides_a_subject(before, words[place], words.get(place + 1)) {
                let around = place.saturating_sub(3)..(place + 5).min(words.len());
                found.push(words[around].join(" "));
            }
        }
    }
    found
}

fn hides_a_subject(before: Option<&str>, word: &str, after: Option<&&str>) -> bool {
    let is_mark = |c: char| !c.is_alphanumeric();
    let plain = |word: &str| word.trim_matches(is_mark).to_lowercase();
    let this = plain(word);
    // A comma between the two words of a pair parts them.
    let is_whole = word.trim_end_matches(is_mark) == word;
    let is_pair = || {
        let next = after.map(|after| plain(after));
        HIDDEN_PAIRS.iter().any(|(a, b)| this == *a && next.as_deref() == Some(b))
    };
    let is_relative = || {
        let noun = before.filter(|before| !before.ends_with([':', ';', '|'])).map(plain);
        noun.is_some_and(|noun| !noun.is_empty() && !BEFORE_WHOSE.contains(&noun.as_str()))
    };
    HIDDEN.contains(&this.as_str()) || (is_whole && is_pair()) || (this == "whose" && !is_relative())
}

/// All sources below `folder`, except built ones, the guard's corpora, which are wrong on purpose,
/// and programs for the compiler, whose messages name their lines.
fn read(folder: &str) -> Vec<Source> {
    let left_out = ["/corpus", "/target/", "tests/rules/ui/"];
    let is_ours = |source: &Source| !left_out.iter().any(|part| source.path.contains(part));
    sources(folder, ".rs").into_iter().filter(is_ours).collect()
}

/// The row of the table that a source belongs to: a folder of `src` or `tests`, or one of [`CODE`].
fn row(base: &str, path: &str) -> String {
    let inside = path.strip_prefix(base).unwrap().trim_start_matches('/');
    match inside.split_once('/') {
        Some((folder, _)) if ["src", "tests"].contains(&base) => format!("{base}/{folder}"),
        _ => base.to_owned(),
    }
}

fn figures() -> BTreeMap<String, Figures> {
    let mut all = BTreeMap::<String, Figures>::new();
    for base in CODE {
        for Source { path, text } in read(base) {
            all.entry(row(base, &path)).or_default().add_code(&path, &text);
        }
    }
    for Source { path, text } in pages() {
        all.entry(path.clone()).or_default().add_page(&path, &text);
    }
    all
}

/// Hidden subjects that this many words may have.
fn budget(words: usize) -> usize {
    (words * BUDGET).div_ceil(1000)
}

/// Hidden subjects and wide lines that this row may have.
fn allowed(row: &str, words: usize) -> (usize, usize) {
    let own = ALLOWANCES.iter().find(|(path, ..)| *path == row);
    let (hidden, wide) = own.map_or((0, 0), |(_, hidden, wide)| (*hidden, *wide));
    (hidden.max(budget(words)), wide)
}

#[test]
fn sentences_name_their_subjects_and_lines_are_narrow() {
    let (figures, mut faults) = (figures(), Vec::new());
    println!("hidden subjects per 1,000 words | hidden | words | wide | // and doc lines per 100 of code");
    for (row, seen) in &figures {
        let (most, widest) = allowed(row, seen.words);
        let (hidden, wide) = (seen.hidden.len(), seen.wide.len());
        let per_code = |lines: usize| 100.0 * lines as f64 / seen.code.max(1) as f64;
        print!("{:5.1} | {hidden:3} of {most:3} | {:5} ", seen.per_thousand(), seen.words);
        println!(
            "| {wide:3} of {widest:3} | {:5.1} {:5.1} | {row}",
            per_code(seen.comments),
            per_code(seen.docs)
        );
        if hidden > most {
            faults.push(format!("{row}: {hidden} hidden subjects, at most {most}:"));
            faults.extend(seen.hidden.iter().map(|found| format!("    {found}")));
        }
        if wide > widest {
            faults.push(format!("{row}: {wide} lines wider than {WIDEST} columns, at most {widest}:"));
            faults.extend(seen.wide.iter().map(|found| format!("    {found}")));
        }
    }
    let needed = |row: &Figures| row.hidden.len() > budget(row.words) || !row.wide.is_empty();
    let idle = ALLOWANCES.iter().filter(|(row, ..)| !figures.get(*row).is_some_and(needed));
    faults.extend(idle.map(|(row, ..)| format!("{row} is within the budget: delete its row of ALLOWANCES")));
    assert!(faults.is_empty(), "docs/STYLE.md, \"Prose\":\n{}", faults.join("\n"));
}

#[test]
fn hidden_subjects_are_found_and_questions_are_not() {
    let found = |text| {
        let mut prose = Prose::default();
        str::lines(text).for_each(|line| prose.add(line));
        hidden_subjects(&prose.text).len()
    };
    assert_eq!(found("Whoever waits is woken. He goes on with what\nis left, as one that was told."), 4);
    assert_eq!(found("## Who owns it?\n\nThe scope. `who` is a field, and *what* follows is plain."), 0);
    assert_eq!(found("## Who asks\n\n```text\nwho\n```\n\n(Who does?) That, of all, is none."), 1);
    assert_eq!(found("A thread whose name is short, whose end is near. Whose is it? It is."), 0);
    assert_eq!(found("Whose name is short is told for whose sake it is."), 2);
}

#[test]
fn a_line_is_wide_by_the_words_that_could_have_been_wrapped() {
    let wide = |line: &str| is_wide(line);
    let (long, target) = ("word ".repeat(21), "x".repeat(99));
    assert!(wide(&long) && wide(&format!("- {long}")) && wide(&format!("[a]({target}) {long}")));
    assert!(!wide(&format!("[some words]({target}), and some more")));
    assert!(!wide(&format!("| {long} |")) && !wide(&format!("# {long}")));
}
