//! Owns what a row of the unwind tables says, in a form that can be kept, and the evaluation of its
//! expressions.
//! Refuses to follow a chain of frames: `frames` does.

use gimli::{
    CfaRule, Encoding, EndianSlice, Evaluation, EvaluationResult, EvaluationStorage, LittleEndian, Location,
    Piece, Register, RegisterRule, UnwindContextStorage, UnwindExpression, UnwindTableRow, Value,
};

use super::arch::Arch;
use super::memory::View;
use super::registers::{COUNT, Registers};

type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// The longest expression, in bytes. The expressions in the C library's signal frames have 5 bytes.
const LONGEST: usize = 128;
/// Steps of an expression: a damaged one may run in a circle.
const MOST_STEPS: u32 = 256;

/// Where the bytes are from in which a row was read: the common entry, and behind it this one.
pub(super) struct Section {
    pub(super) common: u64,
    pub(super) common_length: usize,
    pub(super) entry: u64,
    pub(super) encoding: Encoding,
}

/// An expression in memory. It is copied again for each use, which is rare.
#[derive(Clone, Copy, Debug)]
pub(super) struct Formula {
    at: u64,
    length: u8,
    encoding: Encoding,
}

/// The caller's stack pointer, by which the saved registers are found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Base {
    Beside(u16, i32),
    By(Formula),
}

/// The caller's value of a register.
#[derive(Clone, Copy, Debug)]
pub(super) enum Saved {
    Same,
    Lost,
    /// At this distance from the base.
    At(i32),
    /// The base and this.
    Is(i32),
    In(u16),
    Behind(Formula),
    Equals(Formula),
}

/// Why an expression, or the base of a frame, has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// The value of this register is not known.
    Register(u16),
    /// The word at this address is outside of the copy.
    Copy(u64),
    /// The table cannot be read, or makes no sense.
    Table,
}

/// How to come from a frame to its caller's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// Where the function begins.
    pub(super) start: u64,
    /// The frame was pushed by the kernel for a signal handler: its return address is the very
    /// place at which the thread was interrupted.
    pub(super) is_signal_frame: bool,
    pub(super) base: Base,
    /// By register. That of the return address is `Lost` if the table ends the stack here.
    pub(super) saved: [Saved; COUNT],
}

impl Rule {
    pub(super) fn of_row<S: UnwindContextStorage<usize>>(
        arch: &Arch,
        row: &UnwindTableRow<usize, S>,
        section: &Section,
    ) -> Option<Rule> {
        let base = match row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => {
                Base::Beside(register.0, i32::try_from(*offset).ok()?)
            }
            CfaRule::Expression(place) => Base::By(section.formula(place)?),
        };
        let mut saved = [Saved::Lost; COUNT];
        for (number, saved) in saved.iter_mut().enumerate() {
            let is_preserved = arch.preserved >> number & 1 == 1;
            *saved = match row.register(Register(number as u16)) {
                RegisterRule::Undefined if is_preserved && number != usize::from(arch.ra) => Saved::Same,
                RegisterRule::Undefined => Saved::Lost,
                RegisterRule::SameValue => Saved::Same,
                RegisterRule::Offset(offset) => Saved::At(i32::try_from(offset).ok()?),
                RegisterRule::ValOffset(offset) => Saved::Is(i32::try_from(offset).ok()?),
                RegisterRule::Register(other) => Saved::In(other.0),
                RegisterRule::Expression(place) => Saved::Behind(section.formula(&place)?),
                RegisterRule::ValExpression(place) => Saved::Equals(section.formula(&place)?),
                _ => return None,
            };
        }
        Some(Rule { start: 0, is_signal_frame: false, base, saved })
    }

    /// The caller's stack pointer.
    pub(super) fn base(&self, registers: &Registers, view: &View<'_>) -> Result<u64, Lack> {
        match &self.base {
            Base::Beside(register, offset) => {
                let from = registers.get(*register).ok_or(Lack::Register(*register))?;
                Ok(from.wrapping_add_signed((*offset).into()))
            }
            Base::By(formula) => formula.evaluate(None, registers, view),
        }
    }

    /// The caller's value of a register, if it can be known.
    pub(super) fn value(
        &self,
        number: u16,
        base: u64,
        registers: &Registers,
        view: &View<'_>,
    ) -> Option<u64> {
        let beside = |offset: i32| base.wrapping_add_signed(offset.into());
        match self.saved.get(usize::from(number))? {
            Saved::Same => registers.get(number),
            Saved::Lost => None,
            Saved::At(offset) => view.on_stack(beside(*offset)),
            Saved::Is(offset) => Some(beside(*offset)),
            Saved::In(other) => registers.get(*other),
            Saved::Behind(formula) => view.on_stack(formula.evaluate(Some(base), registers, view).ok()?),
            Saved::Equals(formula) => formula.evaluate(Some(base), registers, view).ok(),
        }
    }
}

impl Section {
    /// Where in memory the bytes of an expression are.
    fn formula(&self, place: &UnwindExpression<usize>) -> Option<Formula> {
        let at = match place.offset.checked_sub(self.common_length) {
            Some(offset) => self.entry.wrapping_add(offset as u64),
            None => self.common.wrapping_add(place.offset as u64),
        };
        let length = u8::try_from(place.length).ok().filter(|length| usize::from(*length) <= LONGEST)?;
        Some(Formula { at, length, encoding: self.encoding })
    }
}

/// Room for an evaluation without the heap.
struct Fixed;

impl<'a> EvaluationStorage<Bytes<'a>> for Fixed {
    type Stack = [Value; 64];
    type ExpressionStack = [(Bytes<'a>, Bytes<'a>); 4];
    type Result = [Piece<Bytes<'a>>; 1];
}

impl Formula {
    fn evaluate(&self, first: Option<u64>, registers: &Registers, view: &View<'_>) -> Result<u64, Lack> {
        let mut copy = [0; LONGEST];
        let bytes = copy.get_mut(..self.length.into()).ok_or(Lack::Table)?;
        if (view.read)(self.at, bytes) != bytes.len() {
            return Err(Lack::Table);
        }
        let mut evaluation =
            Evaluation::<_, Fixed>::new_in(EndianSlice::new(bytes, LittleEndian), self.encoding);
        evaluation.set_max_iterations(MOST_STEPS);
        if let Some(first) = first {
            evaluation.set_initial_value(first);
        }
        let mut result = evaluation.evaluate();
        for _ in 0..MOST_STEPS {
            result = match result.map_err(|_| Lack::Table)? {
                EvaluationResult::Complete => return address_of(&evaluation),
                EvaluationResult::RequiresRegister { register, .. } => {
                    let value = registers.get(register.0).ok_or(Lack::Register(register.0))?;
                    evaluation.resume_with_register(Value::Generic(value))
                }
                EvaluationResult::RequiresMemory { address, size: 8, space: None, .. } => {
                    // Of the copy alone: the stack itself may be of a later moment by now.
                    let word = view.on_stack(address).ok_or(Lack::Copy(address))?;
                    evaluation.resume_with_memory(Value::Generic(word))
                }
                _ => return Err(Lack::Table),
            };
        }
        Err(Lack::Table)
    }
}

/// The result of an evaluation that is complete.
fn address_of(evaluation: &Evaluation<Bytes<'_>, Fixed>) -> Result<u64, Lack> {
    match evaluation.as_result() {
        [Piece { location: Location::Address { address }, .. }] => Ok(*address),
        _ => Err(Lack::Table),
    }
}
