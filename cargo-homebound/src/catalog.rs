//! Owns the list of what starts threads, and of what ends the process: by path, with what it is.
//! Refuses to look at code: `check`, `deep` and `deps` compare with it.

/// What a path in the list does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Starts a thread.
    Thread,
    /// Makes a pool or a runtime, which has threads of its own.
    Pool,
    /// Ends the process.
    Exit,
}

/// One path.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// As written from outside its crate: `std::thread::spawn`, `std::thread::Builder::spawn`.
    pub path: &'static str,
    /// What it does.
    pub kind: Kind,
    /// Whether it is a method, so that clippy alone can tell the type of its receiver.
    pub method: bool,
}

/// The list.
pub const ENTRIES: &[Entry] = &[
    Entry { path: "std::thread::spawn", kind: Kind::Thread, method: false },
    Entry { path: "std::thread::scope", kind: Kind::Thread, method: false },
    Entry { path: "std::thread::Builder::spawn", kind: Kind::Thread, method: true },
    Entry { path: "std::process::exit", kind: Kind::Exit, method: false },
];
