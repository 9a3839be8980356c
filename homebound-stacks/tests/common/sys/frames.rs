//! Owns functions with frames that a compiler makes seldom, in which a thread sleeps.
//! Refuses to call anything further inside, which would save the frame pointer, so that a walk
//! need not find it.

use std::sync::atomic::AtomicBool;

// `pauses_in_a_large_frame` touches each page of its frame in a loop, as functions do whose frame
// is larger than the page that guards a stack.
//
// `touches_at_its_end` reads the byte at `rdi` when its stack pointer has its first value again,
// and not yet its frame pointer. At the distance at which the caller's return address would stand
// in the middle of the function, that of the caller's caller stands now.
//
// `pauses_in_an_aligned_frame` does not begin in a way that tells the size of its frame.
//
// The call of `calls_at_its_end` is its last instruction, so its return address is the beginning of
// the next function, whose frame has another size.
//
// `computes_at` computes with the stack pointer at `rdi`, while the byte at `rsi` is zero.
std::arch::global_asm!(
    ".pushsection .text.homebound_stacks_frames,\"ax\",@progbits",
    ".globl pauses_in_a_large_frame",
    ".type pauses_in_a_large_frame,@function",
    "pauses_in_a_large_frame:",
    ".cfi_startproc",
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "push rbx",
    ".cfi_offset rbx, -24",
    "lea r11, [rsp - 0x6000]",
    "2: sub rsp, 0x1000",
    "mov qword ptr [rsp], 0",
    "cmp rsp, r11",
    "jne 2b",
    "sub rsp, 24",
    "mov eax, 34",
    "syscall",
    "lea rsp, [rbp - 8]",
    "pop rbx",
    "pop rbp",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    ".size pauses_in_a_large_frame, . - pauses_in_a_large_frame",
    ".globl calls_what_touches",
    ".type calls_what_touches,@function",
    "calls_what_touches:",
    ".cfi_startproc",
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "sub rsp, 48",
    "call touches_at_its_end",
    "add rsp, 48",
    "pop rbp",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    ".size calls_what_touches, . - calls_what_touches",
    ".type touches_at_its_end,@function",
    "touches_at_its_end:",
    ".cfi_startproc",
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "sub rsp, 64",
    "add rsp, 64",
    "movzx eax, byte ptr [rdi]",
    "pop rbp",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    ".size touches_at_its_end, . - touches_at_its_end",
    ".globl pauses_in_an_aligned_frame",
    ".type pauses_in_an_aligned_frame,@function",
    "pauses_in_an_aligned_frame:",
    ".cfi_startproc",
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "and rsp, -64",
    "sub rsp, 64",
    "mov eax, 34",
    "syscall",
    "mov rsp, rbp",
    "pop rbp",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    ".size pauses_in_an_aligned_frame, . - pauses_in_an_aligned_frame",
    ".globl calls_at_its_end",
    ".type calls_at_its_end,@function",
    "calls_at_its_end:",
    ".cfi_startproc",
    "sub rsp, 8",
    ".cfi_def_cfa_offset 16",
    "call rdi",
    ".cfi_endproc",
    ".size calls_at_its_end, . - calls_at_its_end",
    ".type follows,@function",
    "follows:",
    ".cfi_startproc",
    ".cfi_def_cfa_offset 48",
    "ud2",
    "ud2",
    ".cfi_endproc",
    ".size follows, . - follows",
    ".globl computes_at",
    ".type computes_at,@function",
    "computes_at:",
    ".cfi_startproc",
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "mov rsp, rdi",
    "2: cmp byte ptr [rsi], 0",
    "je 2b",
    "mov rsp, rbp",
    "pop rbp",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    ".size computes_at, . - computes_at",
    ".popsection",
);

// SAFETY: the assembly above defines these functions, with these arguments.
unsafe extern "C" {
    fn pauses_in_a_large_frame() -> i32;
    fn calls_what_touches(byte: *const u8) -> i32;
    fn pauses_in_an_aligned_frame() -> i32;
    fn calls_at_its_end(work: extern "C" fn()) -> !;
    fn computes_at(stack_pointer: usize, stop: *const AtomicBool);
}

pub(crate) fn pause_in_an_aligned_frame() -> i32 {
    // SAFETY: it has no precondition.
    unsafe { pauses_in_an_aligned_frame() }
}

/// `work` must not return.
pub(crate) fn call_at_the_end(work: extern "C" fn()) {
    // SAFETY: `work` sleeps for ever.
    unsafe { calls_at_its_end(work) }
}

/// Computes until `stop`, with next to nothing left of its stack. False: handlers have no other
/// stack.
pub(crate) fn compute_at_the_end_of_the_stack(stop: &AtomicBool) -> bool {
    let Some(lowest) = end_of_stack() else { return false };
    // SAFETY: a few bytes are left, and the function uses none of them.
    unsafe { computes_at(lowest + 256, stop) };
    true
}

pub(crate) fn pause_in_a_large_frame() -> i32 {
    // SAFETY: it has no precondition.
    unsafe { pauses_in_a_large_frame() }
}

/// A page whose content nobody brings: a thread that reads it sleeps for ever, in no system call.
pub(crate) struct Missing(usize);

impl Missing {
    /// `None`: the kernel lets this process have none.
    pub(crate) fn new() -> Option<Missing> {
        const API: libc::Ioctl = 0xc018_aa3f_u32 as libc::Ioctl;
        const REGISTER: libc::Ioctl = 0xc020_aa00_u32 as libc::Ioctl;
        // For reads by programs alone, which needs no right.
        const USER_MODE_ONLY: i32 = 1;
        // SAFETY: it has no precondition.
        let fd = unsafe { libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC | USER_MODE_ONLY) } as i32;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: the kernel chooses the place.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ, flags, -1, 0) };
        let mut api = [0xaa_u64, 0, 0];
        let mut register = [at as u64, 4096, 1, 0];
        // SAFETY: the structure of this call has three words.
        let is_known = fd >= 0 && unsafe { libc::ioctl(fd, API, api.as_mut_ptr()) } == 0;
        // SAFETY: the structure of this call has four words, and the page is ours.
        let is_done = is_known && unsafe { libc::ioctl(fd, REGISTER, register.as_mut_ptr()) } == 0;
        is_done.then_some(Missing(at as usize))
    }

    /// Sleeps for ever in a function that has all but returned.
    pub(crate) fn touch(&self) -> i32 {
        // SAFETY: the page is mapped, and may be read.
        unsafe { calls_what_touches(self.0 as *const u8) }
    }
}

/// The lowest address of the calling thread's stack. `None`: it has no other stack for handlers.
fn end_of_stack() -> Option<usize> {
    let mut other = std::mem::MaybeUninit::<libc::stack_t>::uninit();
    // SAFETY: nothing is changed, and there is room for the answer.
    let asked = unsafe { libc::sigaltstack(std::ptr::null(), other.as_mut_ptr()) };
    // SAFETY: the call has written it.
    if asked != 0 || unsafe { other.assume_init() }.ss_flags & libc::SS_DISABLE != 0 {
        return None;
    }
    let mut attributes = std::mem::MaybeUninit::uninit();
    // SAFETY: the function may be called from everywhere.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: there is room for the attributes of this thread, which lives.
    let told = unsafe { libc::pthread_getattr_np(this, attributes.as_mut_ptr()) };
    assert_eq!(told, 0);
    let (mut lowest, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes were made above.
    unsafe { libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut lowest, &raw mut size) };
    // SAFETY: they are not used any more.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    Some(lowest as usize)
}
