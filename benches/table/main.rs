//! Owns the command line of the benchmark: `cargo bench`, `cargo bench -- --row T4 --quick`.
//! Refuses to measure: each family of rows has its module.

mod blocking;
mod child;
mod growth;
mod hot;
mod look;
mod map;
mod measure;
mod memory;
mod os;
mod peers;
mod plot;
mod pool;
mod print;
mod restart;
mod row;
mod sight;
mod spawn;
mod stop;
mod wait;

use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs, io};

use measure::Plan;
use row::Row;

const USAGE: &str = "\
cargo bench -- [--row T4]... [--quick] [--rounds N] [--json] [--peers] [--svg DIR]
  --row ROW    only this row (T1..T16, IO), or `peers`, or `growth`; may be repeated
  --quick      a tenth of the work, three rounds: to see that it runs, not to judge by
  --rounds N   rounds of each side, 9 unless said otherwise
  --json       for machines
  --svg DIR    writes growth.svg there: cost against the number of threads
";

type Family = fn(&Plan) -> Vec<Row>;

/// The families, under the names by which they are asked for.
const FAMILIES: [(&str, Family); 17] = [
    ("T1", spawn::t1),
    ("T2", spawn::t2),
    ("T3", spawn::t3),
    ("T4", stop::t4),
    ("T5", wait::t5),
    ("T6", wait::t6),
    ("T7", memory::t7),
    ("T8", look::t8),
    ("T9", memory::t9),
    ("T10", pool::t10),
    ("T11", pool::t11),
    ("T12", map::t12),
    ("T13", pool::t13),
    ("T14", sight::t14),
    ("T15", sight::t15),
    ("T16", restart::t16),
    ("IO", blocking::io),
];

#[derive(Default)]
struct Options {
    rows: Vec<String>,
    rounds: Option<usize>,
    quick: bool,
    json: bool,
    svg: Option<String>,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options::default();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--row" => options.rows.push(value()?),
                "--rounds" => options.rounds = Some(value()?.parse().map_err(|_| "--rounds needs a number")?),
                "--svg" => options.svg = Some(value()?),
                "--quick" => options.quick = true,
                "--json" => options.json = true,
                // Cargo's own argument for `cargo bench`.
                "--bench" => {}
                _ => return Err(format!("{word} is not known")),
            }
        }
        Ok(options)
    }

    /// Without a named row, all but the curves, which need a place for their file.
    fn wants(&self, name: &str) -> bool {
        let named = self.rows.iter().any(|row| row.eq_ignore_ascii_case(name));
        named || (self.rows.is_empty() && (name != "growth" || self.svg.is_some()))
    }

    fn plan(&self) -> Plan {
        Plan { quick: self.quick, rounds: self.rounds.unwrap_or(if self.quick { 3 } else { 9 }) }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        // `cargo test --all-targets` starts the program in this way, and must not measure for
        // minutes.
        None => {
            eprint!("nothing is measured without arguments; use\n{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some("--child") => return child::main(&words[1..]),
        Some("--hot") => return hot::main(&words[1..]),
        Some(_) => {}
    }
    match Options::parse(words.into_iter()) {
        Err(error) => {
            eprint!("{error}\n{USAGE}");
            ExitCode::from(2)
        }
        Ok(options) => match measure_all(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
    }
}

fn measure_all(options: &Options) -> io::Result<()> {
    let plan = options.plan();
    let mut rows = Vec::new();
    for (name, family) in FAMILIES {
        if options.wants(name) {
            let start = Instant::now();
            rows.extend(family(&plan));
            eprintln!("{name} took {:.0?}", start.elapsed());
        }
    }
    let others = if options.wants("peers") { peers::all(&plan) } else { Vec::new() };
    let curves = if options.wants("growth") { growth::curves(&plan) } else { Vec::new() };
    if options.json {
        println!("{}", print::json(&plan, &rows, &others, &curves));
    } else {
        print::tables(&plan, &rows, &others, &curves);
    }
    if let Some(folder) = &options.svg {
        fs::create_dir_all(folder)?;
        fs::write(format!("{folder}/growth.svg"), plot::growth(&curves))?;
    }
    Ok(())
}
