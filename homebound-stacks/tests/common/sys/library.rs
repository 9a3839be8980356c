//! Owns libraries of one function, made byte by byte, and the loading of one in the place of
//! another.
//! Refuses to be loaded by the loader: it chooses the place, and links.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

const PAGE: usize = 4096;

/// Calls its argument. The frame is found by the frame pointer.
const BY_FRAME_POINTER: Function = Function {
    // push rbp; mov rbp, rsp; call rdi; pop rbp; ret
    code: &[0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3],
    // Behind 1 byte: the caller's frame ends at 16, rbp is saved. Behind 3 more: found by rbp.
    rows: &[0x41, 0x0e, 0x10, 0x86, 0x02, 0x43, 0x0d, 0x06],
};

/// Calls its argument, and its call stands at the same place as that of the other.
const BY_STACK_POINTER: Function = Function {
    // sub rsp, 40; call rdi; add rsp, 40; ret
    code: &[0x48, 0x83, 0xec, 0x28, 0xff, 0xd7, 0x48, 0x83, 0xc4, 0x28, 0xc3],
    // Behind 4 bytes: the caller's frame ends at 48.
    rows: &[0x44, 0x0e, 0x30, 0, 0, 0, 0, 0],
};

/// Its table computes the frame in a circle: DW_OP_skip, to itself.
const WITHOUT_END: Function =
    Function { code: BY_FRAME_POINTER.code, rows: &[0x0f, 3, 0x2f, 0xfd, 0xff, 0, 0, 0] };

struct Function {
    code: &'static [u8],
    /// Instructions for the rows of the unwind table.
    rows: &'static [u8],
}

/// A library without a build id, whose function `plugin_one` is found by the frame pointer.
pub(crate) fn one() -> Vec<u8> {
    file("plugin_one", &BY_FRAME_POINTER)
}

/// As [`one`], with `the_other_plugin`, which is found by the stack pointer.
pub(crate) fn other() -> Vec<u8> {
    file("the_other_plugin", &BY_STACK_POINTER)
}

/// As [`one`], with `plugin_without_end`, whose table is damaged.
pub(crate) fn without_end() -> Vec<u8> {
    file("plugin_without_end", &WITHOUT_END)
}

/// A page of headers and tables, a page of code, and what is not loaded.
fn file(name: &str, function: &Function) -> Vec<u8> {
    const INDEX: usize = 0x300;
    const COMMON: usize = 0x400;
    const ENTRY: usize = COMMON + 24;
    let mut file = vec![0; 2 * PAGE];
    let mut put = |at: usize, parts: &[&[u8]]| {
        let bytes = parts.concat();
        file[at..at + bytes.len()].copy_from_slice(&bytes);
    };
    let apart = |to: usize, from: usize| (to as i32 - from as i32).to_le_bytes();
    put(
        INDEX,
        &[
            &[1, 0x1b, 3, 0x3b],
            &apart(COMMON, INDEX + 4),
            &[1, 0, 0, 0],
            &apart(PAGE, INDEX),
            &apart(ENTRY, INDEX),
        ],
    );
    // Addresses are 4 bytes, relative; the caller's frame ends at rsp + 8, below which it returns.
    put(COMMON, &[&[20, 0, 0, 0, 0, 0, 0, 0, 1], b"zR\0", &[1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1]]);
    let length = (function.code.len() as u32).to_le_bytes();
    put(
        ENTRY,
        &[&[24, 0, 0, 0], &apart(ENTRY + 4, COMMON), &apart(PAGE, ENTRY + 8), &length, &[0], function.rows],
    );
    put(PAGE, &[function.code]);
    let segments = [(1_u32, 4_u32, 0, PAGE), (1, 5, PAGE, PAGE), (0x6474_e550, 4, INDEX, 20)];
    for (place, (kind, flags, at, size)) in segments.into_iter().enumerate() {
        let words = [at, at, at, size, size, 8].map(|word| (word as u64).to_le_bytes()).concat();
        put(64 + 56 * place, &[&kind.to_le_bytes(), &flags.to_le_bytes(), &words]);
    }
    let text = [b"\0", name.as_bytes(), b"\0"].concat();
    let symbols = file.len();
    file.extend([0; 24]);
    // A function that others may use, at an address of no section.
    file.extend([&[1, 0, 0, 0, 0x12, 0, 0xf1, 0xff], &(PAGE as u64).to_le_bytes()[..]].concat());
    file.extend((function.code.len() as u64).to_le_bytes());
    let texts = file.len();
    file.extend(&text);
    let sections = file.len();
    file.extend([0; 64]);
    for (kind, at, size, link, each) in [(2_u32, symbols, 48, 2_u32, 24), (3, texts, text.len(), 0, 0)] {
        file.extend([[0; 4], kind.to_le_bytes()].concat());
        file.extend([0, 0, at, size].map(|word| (word as u64).to_le_bytes()).concat());
        file.extend([link.to_le_bytes(), 1_u32.to_le_bytes()].concat());
        file.extend([8, each].map(|word: usize| (word as u64).to_le_bytes()).concat());
    }
    let words = [0, 64, sections].map(|word: usize| (word as u64).to_le_bytes()).concat();
    let halves = [64_u16, 56, 3, 64, 3, 2].map(u16::to_le_bytes).concat();
    let head = [b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0", &words[..], &[0; 4], &halves]
        .concat();
    file[..head.len()].copy_from_slice(&head);
    file
}

/// A place for libraries, one after the other.
pub(crate) struct Room(usize);

impl Room {
    pub(crate) fn new() -> Room {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: the kernel chooses the place.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), 2 * PAGE, libc::PROT_NONE, flags, -1, 0) };
        assert_ne!(at, libc::MAP_FAILED);
        Room(at as usize)
    }

    /// Loads the file in the place of what was there. False: the file's folder allows no code.
    pub(crate) fn load(&self, path: &Path) -> bool {
        let file = File::open(path).unwrap();
        [(0, libc::PROT_READ), (PAGE, libc::PROT_READ | libc::PROT_EXEC)].into_iter().all(|(at, rights)| {
            let flags = libc::MAP_PRIVATE | libc::MAP_FIXED;
            let place = (self.0 + at) as *mut libc::c_void;
            // SAFETY: the room is this value's. Threads that are inside never go on.
            let done = unsafe { libc::mmap(place, PAGE, rights, flags, file.as_raw_fd(), at as libc::off_t) };
            done != libc::MAP_FAILED
        })
    }

    /// Puts the code of the first library there, without a file around it.
    pub(crate) fn make_code(&self) {
        let place = (self.0 + PAGE) as *mut libc::c_void;
        // SAFETY: the room is this value's.
        let changed = unsafe { libc::mprotect(place, PAGE, libc::PROT_READ | libc::PROT_WRITE) };
        assert_eq!(changed, 0);
        let code = BY_FRAME_POINTER.code;
        // SAFETY: the page may be written, and is longer than the code.
        unsafe { std::ptr::copy_nonoverlapping(code.as_ptr(), place.cast(), code.len()) };
        // SAFETY: as above.
        let changed = unsafe { libc::mprotect(place, PAGE, libc::PROT_READ | libc::PROT_EXEC) };
        assert_eq!(changed, 0);
    }

    /// Calls the function whose code is at the place now, with `work`.
    pub(crate) fn call(&self, work: extern "C" fn()) {
        // SAFETY: a function with one argument stands there, which calls it.
        let function = unsafe { std::mem::transmute::<usize, extern "C" fn(extern "C" fn())>(self.0 + PAGE) };
        function(work);
        std::hint::black_box(());
    }

    /// True for an address of the code.
    pub(crate) fn contains(&self, address: u64) -> bool {
        (self.0 + PAGE..self.0 + 2 * PAGE).contains(&(address as usize))
    }
}
