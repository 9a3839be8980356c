//! Owns the command `symbols`: the frames of a dump that have no names, with names from a binary
//! that was not stripped.
//! Refuses to guess: a binary with another build id resolves nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use addr2line::Loader;
use clap::Args;
use object::Object;

use crate::finding::fault::{Fault, Faults};

#[derive(Debug, Args)]
pub(super) struct SymbolsOptions {
    /// The dump; `-` is standard input
    dump: PathBuf,
    /// The binary or library that was not stripped, of the same build; may be given again
    #[arg(long, value_name = "BINARY", required = true)]
    with: Vec<PathBuf>,
}

/// A frame without a name, as a dump prints it: `shop+0x1a2b [build id]`.
struct Frame<'a> {
    file: &'a str,
    offset: u64,
    build_id: Option<&'a str>,
    /// True if the dump was cut in it, so that digits of the offset or of the id may be missing.
    is_cut: bool,
}

/// How a dump goes on where a part of it is missing.
const MISSING: &str = "\n[homebound: ";

/// A binary, with the means to find names in it.
struct Binary {
    path: PathBuf,
    name: String,
    build_id: Option<String>,
    loader: Loader,
}

/// Returns the dump with names, the lines for a person, and the exit code: 1 if a binary has
/// another build id than the dump.
pub(super) fn run(options: &SymbolsOptions) -> Result<(String, Vec<String>, u8), Faults> {
    let dump = read(&options.dump)?;
    let binaries = options.with.iter().map(|path| open(path)).collect::<Result<Vec<_>, _>>()?;
    let (mut out, mut remarks, mut code) = (String::with_capacity(dump.len() * 2), BTreeSet::new(), 0);
    let mut rest = &*dump;
    while let Some((before, frame, after)) = next(rest) {
        out.push_str(before);
        let shown = &rest[before.len()..rest.len() - after.len()];
        match binary_of(&frame, &binaries) {
            Ok(binary) => match names(binary, frame.offset) {
                Some(names) => out.push_str(&names),
                None => {
                    remarks.insert(format!("{} has no name for {shown}", binary.path.display()));
                    out.push_str(shown);
                }
            },
            Err((remark, is_mismatch)) => {
                remarks.insert(remark);
                code = code.max(u8::from(is_mismatch));
                out.push_str(shown);
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Ok((out, remarks.into_iter().collect(), code))
}

fn read(path: &Path) -> Result<String, Fault> {
    let text = match path.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()).map(String::into_bytes),
        _ => fs::read(path),
    };
    let text = text.map_err(|error| Fault::io("read", path, &error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn open(path: &Path) -> Result<Binary, Fault> {
    let bytes = fs::read(path).map_err(|error| Fault::io("read", path, &error))?;
    let odd = |error: &dyn std::fmt::Display| {
        Fault::new(format!("cannot read the symbols of `{}`: {error}", path.display()))
    };
    let file = object::File::parse(&*bytes).map_err(|error| odd(&error))?;
    let build_id = file.build_id().map_err(|error| odd(&error))?.map(hexadecimal);
    let loader = Loader::new(path).map_err(|error| odd(&error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Binary { path: path.to_owned(), name, build_id, loader })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text before the next frame, the frame, and the text after it.
fn next(text: &str) -> Option<(&str, Frame<'_>, &str)> {
    const MARK: &str = "+0x";
    let mut from = 0;
    loop {
        let mark = from + text.get(from..)?.find(MARK)?;
        let file = text[..mark].rfind(|c: char| c.is_whitespace() || c == '(').map_or(0, |at| at + 1);
        let digits = &text[mark + MARK.len()..];
        let digits = &digits[..digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len())];
        let end = mark + MARK.len() + digits.len();
        let Some(offset) = u64::from_str_radix(digits, 16).ok().filter(|_| file < mark) else {
            from = mark + MARK.len();
            continue;
        };
        let behind = &text[end..];
        let id = behind.strip_prefix(" [").unwrap_or_default();
        let id = &id[..id.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(id.len())];
        let is_closed = !id.is_empty() && behind[id.len() + 2..].starts_with(']');
        let build_id = Some(id).filter(|_| is_closed);
        // Without a whole id, the dump may end in the offset, behind it, or in the id.
        let opened =
            if id.is_empty() { behind.trim_start_matches([' ', '[']) } else { &behind[id.len() + 2..] };
        let is_cut = !is_closed && (opened.is_empty() || opened.starts_with(MISSING));
        let end = end + build_id.map_or(0, |id| id.len() + 3);
        let frame = Frame { file: &text[file..mark], offset, build_id, is_cut };
        return Some((&text[..file], frame, &text[end..]));
    }
}

/// The binary of a frame. Else a remark, and true if a binary of that name has another build id.
fn binary_of<'a>(frame: &Frame<'_>, binaries: &'a [Binary]) -> Result<&'a Binary, (String, bool)> {
    let of_id = |binary: &&Binary| frame.build_id.is_some() && binary.build_id.as_deref() == frame.build_id;
    if let Some(binary) = binaries.iter().find(of_id) {
        return Ok(binary);
    }
    if frame.is_cut {
        return Err((format!("the dump was cut in the frame of {}", frame.file), false));
    }
    let named = binaries.iter().find(|binary| binary.name == frame.file);
    match (named, frame.build_id) {
        // Neither the binary nor the frame has an id to compare.
        (Some(binary), None) if binary.build_id.is_none() => Ok(binary),
        (Some(binary), id) => {
            let (id, own) = (id.unwrap_or("none"), binary.build_id.as_deref().unwrap_or("none"));
            let path = binary.path.display();
            Err((
                format!("{path} is another build: the dump has the build id {id}, the file has {own}"),
                true,
            ))
        }
        (None, id) => {
            let id = id.map(|id| format!(" [{id}]")).unwrap_or_default();
            Err((format!("{}{id} was not given (--with)", frame.file), false))
        }
    }
}

/// The functions at an offset, the inlined ones first: `shop::read (src/main.rs:12) in
/// shop::serve (src/main.rs:40)`.
fn names(binary: &Binary, offset: u64) -> Option<String> {
    // The offset of an outer frame is where its call returns to, which may be another line, or
    // another function. One byte earlier is in the call, and in the same instruction of the
    // innermost frame.
    let offset = offset.saturating_sub(1);
    let mut found = Vec::new();
    let mut frames = binary.loader.find_frames(offset).ok()?;
    while let Ok(Some(frame)) = frames.next() {
        let Some(function) = frame.function.as_ref().and_then(|name| name.demangle().ok()) else { continue };
        let place = frame.location.as_ref().and_then(|place| Some((place.file?, place.line?)));
        let place = place.map(|(file, line)| format!(" ({file}:{line})")).unwrap_or_default();
        found.push(format!("{}{place}", plain(&function)));
    }
    if !found.is_empty() {
        return Some(found.join(" in "));
    }
    let symbol = binary.loader.find_symbol(offset)?;
    Some(plain(&addr2line::demangle_auto(symbol.into(), None)).to_owned())
}

/// A name without the hash of the compiler's.
fn plain(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => name,
        _ => name,
    }
}
