//! Owns the reading of `labels.txt`; the head of that file explains its form.
//! Refuses to know the guard.

use cargo_homebound::rule::Rule;

/// Of which text a label speaks.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Label {
    /// The crate's own, or with its threads moved.
    AsIs,
    /// With this line replaced.
    Told,
}

/// The labels of one file.
pub(crate) struct Labelled {
    pub(crate) krate: String,
    pub(crate) path: String,
    pub(crate) last: usize,
    hashes: Vec<(usize, String)>,
    labels: Vec<(Label, usize, Rule, bool)>,
    told: Vec<(usize, String)>,
}

pub(crate) fn read(text: &str) -> Vec<Labelled> {
    let mut files: Vec<Labelled> = Vec::new();
    let mut krate = String::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<_> = line.splitn(4, ' ').collect();
        let number = |at: usize| words[at].parse::<usize>().unwrap_or_else(|_| panic!("no number: {line}"));
        match words[0] {
            "crate" => krate = format!("{}-{}", words[1], words[2]),
            "file" => files.push(Labelled {
                krate: krate.clone(),
                path: words[1].to_owned(),
                last: number(2),
                hashes: Vec::new(),
                labels: Vec::new(),
                told: Vec::new(),
            }),
            "told" => {
                let file = files.last_mut().unwrap();
                file.label(Label::Told, number(1), words[2]);
                file.told.push((number(1), words[3].to_owned()));
            }
            _ => {
                let file = files.last_mut().unwrap();
                file.hashes.push((number(0), words[1].to_owned()));
                words[2..].iter().flat_map(|words| words.split(' ')).for_each(|rule| {
                    file.label(Label::AsIs, number(0), rule);
                });
            }
        }
    }
    files
}

impl Labelled {
    fn label(&mut self, label: Label, line: usize, word: &str) {
        if word != "none" {
            let rule = word.trim_end_matches('?').parse().unwrap_or_else(|error| panic!("{word}: {error}"));
            self.labels.push((label, line, rule, !word.ends_with('?')));
        }
    }

    /// Fails if the labelled lines have changed.
    pub(crate) fn verify(&self, text: &str) {
        let lines: Vec<_> = text.lines().collect();
        for (line, hash) in &self.hashes {
            let fnv = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
            let is = lines[line - 1].trim().bytes().fold(0x811c_9dc5, fnv);
            assert_eq!(format!("{is:08x}"), *hash, "{}/{}:{line} is another line", self.krate, self.path);
        }
    }

    /// Whether a line has such a label. `Some(false)`: the label leaves it open.
    pub(crate) fn has(&self, label: Label, line: usize, rule: Rule) -> Option<bool> {
        let same = |(of, at, what, sure): &(Label, usize, Rule, bool)| {
            (*of == label && *at == line && *what == rule).then_some(*sure)
        };
        self.labels.iter().find_map(same)
    }

    /// The labels that a finding must meet.
    pub(crate) fn all(&self, label: Label) -> impl Iterator<Item = (usize, Rule)> {
        let sure = move |(of, _, _, sure): &&(Label, usize, Rule, bool)| *of == label && *sure;
        self.labels.iter().filter(sure).map(|(_, line, rule, _)| (*line, *rule))
    }

    /// `text` with some of its lines replaced.
    pub(crate) fn told(&self, text: &str) -> String {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        self.told.iter().for_each(|(line, code)| lines[line - 1].clone_from(code));
        lines.join("\n")
    }
}
