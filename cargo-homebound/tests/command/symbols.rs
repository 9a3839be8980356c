//! `cargo homebound symbols`: the dump of a stripped program, with names from its twin.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

use std::fs;
use std::path::Path;
use std::process::Command;

use object::{Object, ObjectSymbol};

use super::project::{Project, Said};

/// Prints the address of an instruction of `price` as its file counts it: where the kernel has put
/// the first page of the file is where its addresses begin.
const SHOP: &str = r#"
mod shelf {
    #[inline(never)]
    pub fn price(of: u64) -> u64 {
        std::hint::black_box(of) + 1
    }
}

fn main() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let exe = std::env::current_exe().unwrap();
    let first = maps.lines().find(|line| line.ends_with(exe.to_str().unwrap())).unwrap();
    let base = u64::from_str_radix(first.split_once('-').unwrap().0, 16).unwrap();
    let fixed = std::env::var_os("FIXED").is_some();
    let price = shelf::price as fn(u64) -> u64;
    let at = price as usize as u64 + 1 - if fixed { 0 } else { base };
    println!("{at:x} {}", shelf::price(1));
}
"#;

/// A program as it was built, its twin without symbols, and its build id.
struct Twins {
    project: Project,
    build_id: String,
}

/// Builds the program and its twin. `None`, with a word, if this machine has no `strip`.
fn twins(flags: &[&str]) -> Option<Twins> {
    let project = Project::new(&[("shop.rs", SHOP)]);
    let build = |text: &str, name: &str| {
        project.write("shop.rs", text);
        let mut rustc = Command::new("rustc");
        rustc.current_dir(&project.root).args(["-g", "--edition=2021", "-Clink-arg=-Wl,--build-id=sha1"]);
        let said = Said::of(rustc.args(flags).args(["shop.rs", "-o", name]));
        assert_eq!(said.code, 0, "{said:?}");
    };
    build(&SHOP.replace("+ 1", "+ 2"), "other");
    build(SHOP, "shop");
    let strip = Command::new("strip").current_dir(&project.root).args(["-o", "bare", "shop"]).status();
    if !strip.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no program `strip`");
        return None;
    }
    let bytes = fs::read(project.root.join("shop")).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let id = file.build_id().unwrap().expect("a build id");
    let build_id = id.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Twins { project, build_id })
}

impl Twins {
    /// The address of the frame, as the stripped program prints it.
    fn offset(&self, fixed: bool) -> String {
        let mut bare = Command::new(self.project.root.join("bare"));
        if fixed {
            bare.env("FIXED", "1");
        }
        let said = Said::of(&mut bare);
        assert_eq!(said.code, 0, "{said:?}");
        said.out.split(' ').next().unwrap().to_owned()
    }

    /// The program `symbols` with this dump, and these further words.
    fn symbols(&self, dump: &str, words: &[&str]) -> Said {
        self.project.write("dump", dump);
        self.project.guard(&[&["symbols", "dump"], words].concat())
    }
}

/// Set in the stripped copy of this program, which then is a program with a thread in trouble.
const IN_TROUBLE: &str = "HOMEBOUND_GUARD_IN_TROUBLE";

#[inline(never)]
fn waits_for_the_bank() -> homebound::Result {
    loop {
        std::thread::park();
    }
}

/// Prints a dump in which the thread has its stack, and ends the process.
fn print_dump() -> ! {
    let ended = homebound::scope_named("shop", |s| -> homebound::Result {
        s.spawn("prices", "asks the bank for prices", |_| waits_for_the_bank())?;
        loop {
            let dump = s.dump_status();
            if dump.contains("1 blocked outside of homebound") && dump.contains("+0x") {
                println!("{dump}");
                std::process::exit(0);
            }
        }
    });
    unreachable!("the thread never comes home: {ended:?}")
}

#[test]
fn the_dump_that_a_stripped_program_has_made_gets_its_functions_and_lines() {
    // catches: a frame as a dump has it that is not read here; offsets that the two count
    // differently
    if std::env::var_os(IN_TROUBLE).is_some() {
        print_dump();
    }
    let project = Project::new(&[]);
    let (own, bare) = (std::env::current_exe().unwrap(), project.root.join("bare"));
    let strip = Command::new("strip").arg("--strip-all").arg("-o").arg(&bare).arg(&own).status();
    if !strip.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no program `strip`");
        return;
    }
    let test = "symbols::the_dump_that_a_stripped_program_has_made_gets_its_functions_and_lines";
    let said = Said::of(Command::new(&bare).args([test, "--exact", "--nocapture"]).env(IN_TROUBLE, "1"));
    assert_eq!(said.code, 0, "{said:?}");
    let dump = &said.out[said.out.find("homebound: a call; ").expect("a dump")..];
    assert!(dump.contains(" bare+0x") && !dump.contains("waits_for_the_bank"), "{dump}");
    project.write("dump", dump);
    let said = project.guard(&["symbols", "dump", "--with", own.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!said.out.contains(" bare+0x"), "{said:?}");
    // With its line: that of the call.
    let (_, behind) = said.out.split_once("command::symbols::waits_for_the_bank (").expect("a function");
    let mut text = include_str!("symbols.rs").lines();
    let line = 1 + text.position(|line| line.trim() == "std::thread::park();").unwrap();
    assert!(behind.split(')').next().unwrap().ends_with(&format!("symbols.rs:{line}")), "{line}: {said:?}");
    assert!(said.out.contains("/shop/prices  (worker: asks the bank for prices)  tid "), "{said:?}");
}

fn has_symbols(path: &Path) -> bool {
    let bytes = fs::read(path).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    file.symbols().any(|symbol| symbol.name().is_ok_and(|name| name.contains("price")))
}

#[test]
fn a_dump_of_a_stripped_program_gets_functions_and_lines_from_its_twin() {
    // catches: an address that is not the file's own in a program that is loaded anywhere, the line
    // behind a call, a frame that is resolved and the text around it that is lost
    let Some(twins) = twins(&[]) else { return };
    assert!(has_symbols(&twins.project.root.join("shop")) && !has_symbols(&twins.project.root.join("bare")));
    let (at, id) = (twins.offset(false), &twins.build_id);
    let dump = format!(
        "homebound: SIGQUIT; shop+sum\n  /shop/a  (worker: x+0xzz)\n      in shop+0x{at} [{id}] \
         (libc.so.6+0x99 [00ff] > shop+0x{at} [{id}])\n      called by shop+0x{at} [{id}] < ..\n└─ end\n"
    );
    let said = twins.symbols(&dump, &["--with", "shop"]);
    assert_eq!(said.code, 0, "{said:?}");
    let name = said.out.split("      in ").nth(1).expect("a frame").split(" (libc").next().unwrap();
    assert!(name.starts_with("shop::shelf::price (") && name.ends_with("shop.rs:4)"), "{name}");
    let whole = dump.replace(&format!("shop+0x{at} [{id}]"), name);
    assert_eq!(said.out, whole, "all else is as it was");
    assert!(said.err.contains("note: libc.so.6 [00ff] was not given (--with)"), "{said:?}");
}

#[test]
fn a_program_that_is_loaded_at_a_fixed_address_has_names_as_well() {
    // catches: an offset that is taken for one from the beginning of the file
    let Some(twins) = twins(&["-Crelocation-model=static"]) else { return };
    let (at, id) = (twins.offset(true), &twins.build_id);
    let said = twins.symbols(&format!("in shop+0x{at} [{id}]\n"), &["--with", "shop"]);
    assert!(said.code == 0 && said.out.starts_with("in shop::shelf::price ("), "{said:?}");
}

#[test]
fn a_binary_of_another_build_resolves_nothing() {
    // catches: a binary that is found by its file name alone, and has other functions
    let Some(twins) = twins(&[]) else { return };
    let (at, id) = (twins.offset(false), &twins.build_id);
    fs::create_dir(twins.project.root.join("old")).unwrap();
    fs::rename(twins.project.root.join("other"), twins.project.root.join("old/shop")).unwrap();
    for frame in [format!("in shop+0x{at} [{id}]\n"), format!("in shop+0x{at}\n")] {
        let said = twins.symbols(&frame, &["--with", "old/shop"]);
        assert_eq!((said.code, &*said.out), (1, &*frame), "{said:?}");
        assert!(said.err.contains("old/shop is another build"), "{said:?}");
    }
    // The right one beside it, under another name.
    let frame = format!("in shop+0x{at} [{id}]\n");
    fs::rename(twins.project.root.join("shop"), twins.project.root.join("shop.debug")).unwrap();
    let said = twins.symbols(&frame, &["--with", "old/shop", "--with", "shop.debug"]);
    assert!(said.code == 0 && said.out.contains("shelf::price"), "{said:?}");
    // Of the build, and stripped as well.
    let said = twins.symbols(&frame, &["--with", "bare"]);
    assert_eq!((said.code, &*said.out), (0, &*frame), "{said:?}");
    assert!(said.err.contains("bare has no name for shop+0x"), "{said:?}");
}

#[test]
fn a_frame_in_which_the_dump_was_cut_stays_as_it_is() {
    // catches: half of an offset, which is the offset of another function; a cut that is an error
    let Some(twins) = twins(&[]) else { return };
    let (at, id) = (twins.offset(false), &twins.build_id);
    let dump = format!("in shop+0x{at} [{id}] < shop+0x{at} [{id}]");
    let first = dump.find(" < ").unwrap();
    let missing = "\n[homebound: 12 bytes are missing here: stderr was not read in time]\n";
    for end in first + " < shop+0x".len()..dump.len() {
        for behind in ["", missing] {
            let cut = format!("{}{behind}", &dump[..end]);
            let said = twins.symbols(&cut, &["--with", "shop"]);
            assert_eq!(said.code, 0, "{said:?}");
            assert!(said.out.starts_with("in shop::shelf::price ("), "{said:?}");
            assert!(said.out.ends_with(&cut[first..]), "{cut}: {said:?}");
        }
    }
    let said = twins.symbols(&dump, &["--with", "shop"]);
    assert_eq!(said.out.matches("shop::shelf::price (").count(), 2, "{said:?}");
}

#[test]
fn files_that_cannot_be_read_are_faults() {
    // catches: a panic on a folder, on an empty file and on a file that is no program; a dump that
    // is no text
    let project = Project::new(&[("dump", "in shop+0x10 [aa]\n"), ("empty", ""), ("text", "no program")]);
    for with in [".", "empty", "text", "missing"] {
        let said = project.guard(&["symbols", "dump", "--with", with]);
        assert_eq!((said.code, &*said.out), (2, ""), "{said:?}");
        assert!(said.err.contains(with), "{said:?}");
    }
    let said = project.guard(&["symbols", "missing", "--with", "text"]);
    assert!(said.code == 2 && said.err.contains("missing"), "{said:?}");
    assert_eq!(project.guard(&["symbols", "dump"]).code, 2, "`--with` is needed");
}
