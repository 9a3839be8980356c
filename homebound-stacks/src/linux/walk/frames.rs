//! Owns the walk: from the registers of the innermost frame to the end of the stack.
//! Refuses to call a stack whole that is not: the walk ends at a function whose table says that it
//! has no caller, or with the reason why it was cut.

use super::arch::{Arch, PROLOGUE, SignalFrame, Target};
use super::memory::View;
use super::module::{Module, is_code};
use super::registers::Registers;
use super::rule::{Lack, Rule, Saved};
use super::tables::Tables;
use crate::stack::{Cut, Frames};

/// How far above the stack pointer a lost frame pointer is looked for, in bytes.
const FARTHEST: u64 = 8192;

/// The length of a function in assembly, in bytes: a wrapper of a system call.
const SHORT: u64 = 256;

/// What a walk needs to know of the process.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    pub(crate) arch: &'a Arch,
    pub(crate) modules: &'a [Module],
    pub(crate) view: View<'a>,
}

/// The frame that the walk is at.
struct Place {
    registers: Registers,
    /// Where the thread is, or goes on after the call that it has made.
    address: u64,
    /// The thread is at `address` itself, and no call stands before it: the innermost frame, and
    /// one that a signal interrupted.
    is_exact: bool,
}

impl Place {
    /// An address of the instruction at which the thread is. A call may be the last of its
    /// function.
    fn instruction(&self) -> u64 {
        self.address.wrapping_sub(u64::from(!self.is_exact))
    }

    fn stack_pointer(&self, arch: &Arch) -> u64 {
        self.registers.get(arch.sp).unwrap_or(0)
    }
}

/// Walks a stack, from the program counter in `registers` on. `returns_to` is the return address of
/// the innermost function, if that function keeps it in a register. Returns where the stack was
/// cut, or `None` if it is whole.
pub(crate) fn walk(
    world: &World<'_>,
    tables: &mut Tables,
    registers: Registers,
    returns_to: Option<u64>,
    frames: &mut Frames,
) -> Option<Cut> {
    let address = registers.get(world.arch.pc)?;
    let mut place = Place { registers, address, is_exact: true };
    if let Some(address) = returns_to.filter(|ret| target_before(world, *ret).is_some()) {
        frames.push(place.address, place.stack_pointer(world.arch), true);
        place = Place { registers, address, is_exact: false };
    }
    loop {
        if !frames.push(place.address, place.stack_pointer(world.arch), place.is_exact) {
            return Some(Cut::TooDeep);
        }
        match step(world, tables, &place, frames) {
            Ok(Some(next)) => place = next,
            Ok(None) => return None,
            Err(cut) => return Some(cut),
        }
    }
}

/// The caller's frame, or `None` at the end of the stack.
fn step(
    world: &World<'_>,
    tables: &mut Tables,
    place: &Place,
    frames: &mut Frames,
) -> Result<Option<Place>, Cut> {
    let World { arch, modules, view } = world;
    let mut registers = place.registers;
    if let Some(frame) = arch.signal_frame.as_ref().filter(|f| view.bytes(place.address) == Some(f.code)) {
        return interrupted(world, frame, &registers).map(Some);
    }
    let rule = match tables.rule(arch, modules, view, place.instruction()) {
        Ok(rule) => rule,
        Err(cut @ (Cut::NoModule { .. } | Cut::NoTable { .. })) => {
            // Code that was made at run time, or written in assembly: perhaps it keeps to the old
            // ways. If more than one place would do, the caller is a guess, and shown as one.
            let (next, is_guess) = without_table(world, place).ok_or(cut)?;
            if is_guess {
                frames.guess_from_here();
            }
            return Ok(Some(next));
        }
        Err(cut) => return Err(cut),
    };
    let base = match rule.base(&registers, view) {
        Ok(base) => base,
        Err(Lack::Register(register)) if register == arch.fp => {
            let found = frame_pointer(world, &rule, place)?;
            if found.is_guess {
                frames.guess_from_here();
            }
            registers.set(arch.fp, Some(found.at));
            rule.base(&registers, view).map_err(|_| Cut::NoFramePointer)?
        }
        Err(Lack::Register(_)) => return Err(Cut::LostRegister),
        Err(Lack::Copy(at)) => return Err(Cut::NotCopied { at }),
        Err(Lack::Table) => return Err(Cut::DamagedTable { at: place.instruction() }),
    };
    let Some(address) = return_address(world, &rule, base, &registers, place)? else { return Ok(None) };
    // A frame that does not move the stack pointer is one without a call on aarch64: the innermost.
    // A signal may have moved the thread to another stack, above or below.
    let sp = registers.get(arch.sp).unwrap_or(0);
    if (base < sp && !rule.is_signal_frame) || (base == sp && !place.is_exact) {
        return Err(Cut::Circle);
    }
    let mut next = Registers::NONE;
    for number in 0..=arch.pc {
        next.set(number, rule.value(number, base, &registers, view));
    }
    next.set(arch.sp, Some(base));
    next.set(arch.pc, Some(address));
    if !rule.is_signal_frame {
        // A function may use the others as it likes, so their values are not the caller's.
        next.keep(arch.preserved & !(1 << arch.ra) | 1 << arch.sp | 1 << arch.pc);
    }
    Ok(Some(Place { registers: next, address, is_exact: rule.is_signal_frame }))
}

/// The frame that a signal interrupted, by what the kernel has put on the stack.
fn interrupted(world: &World<'_>, frame: &SignalFrame, registers: &Registers) -> Result<Place, Cut> {
    let World { arch, view, .. } = world;
    let from = registers.get(arch.sp).ok_or(Cut::LostRegister)?.wrapping_add(frame.registers);
    let mut next = Registers::NONE;
    for number in 0..=arch.pc {
        let at = from.wrapping_add(u64::from(number) * 8);
        next.set(number, Some(view.on_stack(at).ok_or(Cut::NotCopied { at })?));
    }
    let address = next.get(arch.pc).ok_or(Cut::LostRegister)?;
    Ok(Place { registers: next, address, is_exact: true })
}

/// `None`: the stack ends here.
fn return_address(
    world: &World<'_>,
    rule: &Rule,
    base: u64,
    registers: &Registers,
    place: &Place,
) -> Result<Option<u64>, Cut> {
    let World { arch, view, .. } = world;
    let is_leaf = place.is_exact && arch.ra != arch.pc;
    let address = match rule.saved[usize::from(arch.ra)] {
        // The link register still has it, if no call was made yet.
        Saved::Lost | Saved::Same if is_leaf => registers.get(arch.ra).ok_or(Cut::LostRegister)?,
        Saved::Lost => return Ok(None),
        Saved::At(offset) => {
            let at = base.wrapping_add_signed(offset.into());
            // Where the whole frame is elsewhere, the copy of it begins with its lower end.
            let sp = registers.get(arch.sp).filter(|sp| view.on_stack(*sp).is_none());
            view.on_stack(at).ok_or(Cut::NotCopied { at: sp.map_or(at, |sp| sp.min(at)) })?
        }
        _ => rule.value(arch.ra, base, registers, view).ok_or(Cut::LostRegister)?,
    };
    let address = address & arch.address;
    Ok((address != 0).then_some(address))
}

/// A frame pointer that was found on the stack.
struct FramePointer {
    at: u64,
    /// Several places would have fitted, and the first was taken.
    is_guess: bool,
}

/// Finds the frame pointer of a function that saved its caller's, if it is the register that nobody
/// knows: the kernel tells stack pointer and program counter of a sleeping thread, and no more.
///
/// The beginning of the function tells how far above the stack pointer it points. The word above
/// the place must be a return address behind a call. Where the beginning is unusual, the first
/// place is taken whose return address is behind a call of this very function.
///
/// A thread that sleeps in a page fault may be in the beginning or the end of the function, where
/// the stack pointer is on its way. So the place is a guess there, by what was run of the
/// beginning.
fn frame_pointer(world: &World<'_>, rule: &Rule, place: &Place) -> Result<FramePointer, Cut> {
    let World { arch, view, .. } = world;
    let sp = place.registers.get(arch.sp).ok_or(Cut::LostRegister)?;
    let is_in_call = || {
        let before = view.bytes::<8>(place.address.wrapping_sub(8));
        before.is_some_and(|code| code.ends_with(arch.system_call))
    };
    let is_settled = !place.is_exact || is_in_call();
    let is_pair = |at: u64| view.on_stack(at.checked_add(8)?).map(|word| word & arch.address);
    let mut code = [0; PROLOGUE];
    let length = (view.read)(rule.start, &mut code);
    let run = usize::try_from(place.address.wrapping_sub(rule.start)).unwrap_or(usize::MAX);
    let run = if is_settled { PROLOGUE } else { run };
    let size = (arch.frame_size)(&code[..length.min(run)]);
    if let Some(at) = size.and_then(|size| sp.checked_add(size)) {
        match is_pair(at) {
            // The frame is larger than the copy.
            None if view.bytes::<8>(at).is_some() => return Err(Cut::NotCopied { at }),
            Some(ret) if target_before(world, ret).is_some() => {
                return Ok(FramePointer { at, is_guess: !is_settled });
            }
            _ => {}
        }
    }
    let first = sp.saturating_add(size.unwrap_or(0));
    let mut places = (first..u64::MAX).step_by(8).take((FARTHEST / 8) as usize);
    let calls_this = |at: u64| {
        let target = target_before(world, is_pair(at)?)?;
        (target == Some(rule.start)).then_some(at)
    };
    let at = places.find_map(calls_this).ok_or(Cut::NoFramePointer)?;
    Ok(FramePointer { at, is_guess: true })
}

/// What the call before a return address calls: `Some(None)` if only the thread knows that, `None`
/// if there is no call.
fn target_before(world: &World<'_>, ret: u64) -> Option<Option<u64>> {
    let World { arch, modules, view } = world;
    if !is_code(modules, ret.wrapping_sub(1)) {
        return None;
    }
    let code = view.bytes::<8>(ret.wrapping_sub(8))?;
    let target = match (arch.call_before)(&code, ret)? {
        Target::At(target) => target,
        Target::Through(place) => return Some(view.bytes(place).map(u64::from_le_bytes)),
        Target::Unknown => return Some(None),
    };
    if !is_code(modules, target) {
        return None;
    }
    // A call of a function in another module goes through a stub.
    let stub = view.bytes::<16>(target).and_then(|code| (arch.stub)(&code, target));
    let behind = stub.and_then(|place| view.bytes(place).map(u64::from_le_bytes));
    Some(Some(behind.unwrap_or(target)))
}

/// The caller of a function without a table: of one that has just been called, or that keeps a
/// frame pointer. The second value says that it is a guess.
fn without_table(world: &World<'_>, place: &Place) -> Option<(Place, bool)> {
    let World { arch, view, .. } = world;
    let sp = place.registers.get(arch.sp)?;
    let place_of = |frame: Option<u64>, sp: u64, address: u64| {
        let mut registers = Registers::NONE;
        registers.set(arch.fp, frame);
        registers.set(arch.sp, Some(sp));
        registers.set(arch.pc, Some(address));
        Place { registers, address, is_exact: false }
    };
    let frame = place.registers.get(arch.fp);
    if place.is_exact && arch.ra == arch.pc {
        let address = view.on_stack(sp);
        if let Some((address, target)) = address.and_then(|ret| Some((ret, target_before(world, ret)?))) {
            // A call of code that begins a few instructions before the place of the thread.
            let is_this = target.is_some_and(|start| place.address.wrapping_sub(start) < SHORT);
            return Some((place_of(frame, sp.checked_add(8)?, address), !is_this));
        }
    }
    let frame = frame.filter(|frame| *frame >= sp)?;
    let address = view.on_stack(frame.checked_add(8)?)? & arch.address;
    target_before(world, address)?;
    Some((place_of(view.on_stack(frame), frame.checked_add(16)?, address), true))
}
