//! What Dalvik code means: instructions to tokens, tokens to fingerprints. Knows every instruction's length and
//! which differences between compilers and optimisers mean nothing.

use super::{Dex, METHODS_MAX, u16_at, u32_at};
use crate::fingerprint::{Gatherer, hash, mix};
use crate::platform;
use crate::program::{Class, Damage, Function, Program, Span};
use crate::token::{self, FieldOp, Op, TypeOp};
use crate::work::Work;
use rustc_hash::FxHashSet;

/// Strings shorter than this occur everywhere.
const TEXT_BYTES_MIN: usize = 4;
/// Numbers up to this occur everywhere.
const NUMBER_MIN: u64 = 256;
/// Tables of numbers shorter than this occur everywhere.
const TABLE_BYTES_MIN: usize = 16;
/// Code may be counted this many times over: methods share code items only in crafted files.
const CODE_REPEATS_MAX: u64 = 4;
/// The same for names, which several tables may share.
const NAME_REPEATS_MAX: u64 = 64;
/// A name longer than this is cut: no compiler writes one, and a report has to show it.
const NAME_BYTES_MAX: usize = 512;

/// What a reference means, once it has been looked up.
#[derive(Clone, Copy, Debug)]
enum Call {
    Platform(u64),
    Noise,
    Own { token: u64, symbol: u64 },
}

/// The program that the executables of one artefact make up together. `sink` is told each string that became a
/// fingerprint, for reports.
///
/// # Errors
/// If a table contradicts the format, or the file asks for more work than its size can honestly need.
pub fn extract(dexes: &[Dex<'_>], sink: &mut dyn FnMut(u64, &[u8])) -> Result<Program, Damage> {
    extract_within(dexes, &Work::endless(), sink)
}

/// The same, counting work.
///
/// # Errors
/// Also if there is no time for it ([`Damage::Budget`]).
pub fn extract_within(dexes: &[Dex<'_>], work: &Work<'_>, sink: &mut dyn FnMut(u64, &[u8])) -> Result<Program, Damage> {
    let mut defined = FxHashSet::default();
    for dex in dexes {
        for n in 0..dex.class_count() {
            let name = dex.class_name(n).ok_or(Damage::Malformed)?;
            if platform::is_platform(name) {
                defined.insert(name);
            }
        }
    }
    let mut program = Program::default();
    let alphabet = Alphabet::new();
    for dex in dexes {
        let size = dex.bytes.len() as u64;
        let mut reading = Reading {
            dex,
            alphabet: &alphabet,
            defined: &defined,
            work,
            sink,
            types: vec![0; dex.types.count as usize],
            descriptors: vec![0; dex.types.count as usize],
            names: vec![0; dex.strings.count as usize],
            strings: vec![None; dex.strings.count as usize],
            fields: vec![None; dex.fields.count as usize],
            methods: vec![None; dex.methods.count as usize],
            code_budget: size * CODE_REPEATS_MAX,
            name_budget: size * NAME_REPEATS_MAX + 4_096,
            gatherer: Gatherer::default(),
        };
        program.code_bytes += size;
        reading.program(&mut program)?;
    }
    Ok(program)
}

/// What is known of an instruction by its first byte, worked out once: looking it up is most of reading code.
struct Alphabet {
    units: [u8; 256],
    /// The token, for instructions whose operands do not matter; 0 for all others.
    tokens: [u64; 256],
}

impl Alphabet {
    fn new() -> Self {
        let opcode = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
        Self {
            units: std::array::from_fn(|n| units(opcode(n))),
            tokens: std::array::from_fn(|n| alone(opcode(n)).unwrap_or(0)),
        }
    }

    fn units_of(&self, opcode: u8) -> usize {
        self.units.get(usize::from(opcode)).map_or(1, |units| usize::from(*units))
    }

    fn token_of(&self, opcode: u8) -> u64 {
        self.tokens.get(usize::from(opcode)).copied().unwrap_or(0)
    }
}

struct Reading<'a, 'd> {
    dex: &'a Dex<'d>,
    alphabet: &'a Alphabet,
    /// Platform types that the artefact defines itself.
    defined: &'a FxHashSet<&'d [u8]>,
    work: &'a Work<'a>,
    sink: &'a mut dyn FnMut(u64, &[u8]),
    types: Vec<u64>,
    /// Hash of each type's whole descriptor, 0 before it is asked for.
    descriptors: Vec<u64>,
    /// Hash of each string that is a name, 0 before it is asked for.
    names: Vec<u64>,
    /// Hash of each string; 0 for one that is too short.
    strings: Vec<Option<u64>>,
    /// Token half of each field, and whether it is of the platform.
    fields: Vec<Option<(u64, bool)>>,
    methods: Vec<Option<Call>>,
    code_budget: u64,
    name_budget: u64,
    gatherer: Gatherer,
}

/// What a function costs beside its code, in units of work: its names, its fingerprints.
const WORK_FUNCTION: u64 = 64;
/// Three-byte codes are the least a member takes, so a file can define no more of them.
const MEMBER_BYTES_MIN: u64 = 2;

impl<'d> Reading<'_, 'd> {
    fn program(&mut self, program: &mut Program) -> Result<(), Damage> {
        let mut members = self.dex.bytes.len() as u64 / MEMBER_BYTES_MIN;
        for n in 0..self.dex.class_count() {
            let class = self.dex.class(n, &mut members).ok_or(Damage::Malformed)?;
            // Tables of resource numbers, made anew for each app.
            if class.name.windows(3).any(|three| three == b"/R$") {
                continue;
            }
            self.spend_name(class.name)?;
            let shown = platform::readable(&String::from_utf8_lossy(cut(class.name)));
            let name = program.keep(&shown);
            let number = u32::try_from(program.classes.len()).unwrap_or(u32::MAX);
            program.classes.push(Class { name });
            for method in class.methods.iter().filter(|method| method.code != 0) {
                self.function(program, number, method.index, method.code)?;
            }
        }
        Ok(())
    }

    fn spend_name(&mut self, name: &[u8]) -> Result<(), Damage> {
        self.name_budget = self.name_budget.checked_sub(name.len() as u64 + 1).ok_or(Damage::Budget)?;
        Ok(())
    }

    fn function(&mut self, program: &mut Program, class: u32, index: u32, code: u32) -> Result<(), Damage> {
        if index >= METHODS_MAX {
            return Err(Damage::Malformed);
        }
        let Some(instructions) = self.dex.instructions(code) else {
            program.damaged += 1;
            return Ok(());
        };
        self.code_budget = self.code_budget.checked_sub(instructions.len() as u64).ok_or(Damage::Budget)?;
        self.work.spend(WORK_FUNCTION + instructions.len() as u64)?;
        let (owner, proto, name) = self.dex.method(index).ok_or(Damage::Malformed)?;
        let calls = program.calls.len();
        self.gatherer.clear();
        if self.instructions(instructions, &mut program.calls).is_none() {
            program.damaged += 1;
        }
        let (symbol, shape) = self.signature(owner, proto, name)?;
        let written = self.dex.name(name).ok_or(Damage::Malformed)?;
        self.spend_name(written)?;
        let tokens = u32::try_from(self.gatherer.tokens()).unwrap_or(u32::MAX);
        let body = self.gatherer.body();
        let fingerprints = program.fingerprints.len();
        self.gatherer.finish(&mut program.fingerprints);
        let name = program.keep(&String::from_utf8_lossy(cut(written)));
        program.functions.push(Function {
            class,
            name,
            tokens,
            symbol,
            shape,
            body,
            fingerprints: Span::since(fingerprints, program.fingerprints.len()),
            calls: Span::since(calls, program.calls.len()),
        });
        Ok(())
    }

    /// The symbol of a method, and its shape with the program's own types erased.
    fn signature(&mut self, owner: u32, proto: u32, name: u32) -> Result<(u64, u64), Damage> {
        let (result, parameters) = self.dex.proto(proto).ok_or(Damage::Malformed)?;
        self.name_budget = self.name_budget.checked_sub(parameters.len() as u64).ok_or(Damage::Budget)?;
        let mut symbol = mix(self.descriptor(owner)? ^ self.name(name)?.rotate_left(17));
        let mut shape = 0;
        for kind in std::iter::once(result).chain(parameters) {
            symbol = mix(symbol ^ self.descriptor(kind)?);
            shape = mix(shape ^ self.erased(kind).ok_or(Damage::Malformed)?);
        }
        Ok((symbol, shape))
    }

    /// The hash of a name: many methods share theirs.
    fn name(&mut self, index: u32) -> Result<u64, Damage> {
        let known = self.names.get(index as usize).copied().ok_or(Damage::Malformed)?;
        if known != 0 {
            return Ok(known);
        }
        let written = self.dex.name(index).ok_or(Damage::Malformed)?;
        self.spend_name(written)?;
        let found = hash(written);
        if let Some(slot) = self.names.get_mut(index as usize) {
            *slot = found;
        }
        Ok(found)
    }

    /// The hash of a type's descriptor: read once, asked for by every signature.
    fn descriptor(&mut self, index: u32) -> Result<u64, Damage> {
        let known = self.descriptors.get(index as usize).copied().ok_or(Damage::Malformed)?;
        if known != 0 {
            return Ok(known);
        }
        let descriptor = self.dex.descriptor(index).ok_or(Damage::Malformed)?;
        self.spend_name(descriptor)?;
        let found = hash(descriptor);
        if let Some(slot) = self.descriptors.get_mut(index as usize) {
            *slot = found;
        }
        Ok(found)
    }

    fn erased(&mut self, index: u32) -> Option<u64> {
        let known = self.types.get(index as usize).copied()?;
        if known != 0 {
            return Some(known);
        }
        let descriptor = self.dex.descriptor(index)?;
        let erased = token::erased(descriptor, |base| self.is_platform(base));
        *self.types.get_mut(index as usize)? = erased;
        Some(erased)
    }

    fn is_platform(&self, base: &[u8]) -> bool {
        platform::is_platform(base) && !self.defined.contains(base)
    }

    fn text(&mut self, index: u32) -> Option<()> {
        self.gatherer.token(token::plain(Op::Text));
        let known = *self.strings.get(index as usize)?;
        let text_hash = match known {
            Some(text_hash) => text_hash,
            None => {
                let bytes = self.dex.string(index)?;
                self.name_budget = self.name_budget.checked_sub(bytes.len() as u64)?;
                let text_hash = if bytes.len() < TEXT_BYTES_MIN { 0 } else { hash(bytes) };
                if text_hash != 0 {
                    (self.sink)(crate::fingerprint::of_text(text_hash), cut(bytes));
                }
                *self.strings.get_mut(index as usize)? = Some(text_hash);
                text_hash
            }
        };
        if text_hash != 0 {
            self.gatherer.text(text_hash);
        }
        Some(())
    }

    fn number(&mut self, value: u64, magnitude: u64) {
        if magnitude >= NUMBER_MIN {
            self.gatherer.number(value);
        }
    }

    fn field(&mut self, op: FieldOp, index: u32) -> Option<()> {
        let known = *self.fields.get(index as usize)?;
        let (half, of_platform) = match known {
            Some(known) => known,
            None => {
                let (owner, kind, name) = self.dex.field(index)?;
                let class = self.dex.descriptor(owner)?;
                let found = if self.is_platform(class) {
                    (token::platform_field(FieldOp::Get, hash(class), hash(self.dex.string(name)?)), true)
                } else {
                    (self.erased(kind)?, false)
                };
                *self.fields.get_mut(index as usize)? = Some(found);
                found
            }
        };
        let token = token::own_field(op, half);
        if of_platform {
            self.gatherer.call(token)
        } else {
            self.gatherer.token(token)
        }
        Some(())
    }

    fn call(&mut self, index: u32, calls: &mut Vec<u64>) -> Option<()> {
        let known = *self.methods.get(index as usize)?;
        let call = match known {
            Some(call) => call,
            None => {
                let call = self.resolve(index)?;
                *self.methods.get_mut(index as usize)? = Some(call);
                call
            }
        };
        match call {
            Call::Noise => {}
            Call::Platform(token) => self.gatherer.call(token),
            Call::Own { token, symbol } => {
                self.gatherer.token(token);
                calls.push(symbol);
            }
        }
        Some(())
    }

    fn resolve(&mut self, index: u32) -> Option<Call> {
        let (owner, proto, name) = self.dex.method(index)?;
        let class = self.dex.descriptor(owner)?;
        let base_at = class.iter().take_while(|byte| **byte == b'[').count();
        let written = self.dex.string(name)?;
        if self.is_platform(class.get(base_at..)?) {
            if platform::is_noise(class, written) {
                return Some(Call::Noise);
            }
            let (_, parameters) = self.dex.proto(proto)?;
            let parameters = parameters.len();
            return Some(Call::Platform(token::platform_call(self.name(name).ok()?, parameters)));
        }
        let (result, _) = self.dex.proto(proto)?;
        let result = match self.dex.descriptor(result)? {
            b"V" => token::Result::Nothing,
            [_] => token::Result::Primitive,
            _ => token::Result::Object,
        };
        let (symbol, _) = self.signature(owner, proto, name).ok()?;
        Some(Call::Own { token: token::own_call(result), symbol })
    }

    fn type_op(&mut self, op: TypeOp, index: u32) -> Option<()> {
        let erased = self.erased(index)?;
        match op {
            TypeOp::New => {
                if self.dex.descriptor(index).is_some_and(platform::is_noise_type) {
                    return Some(());
                }
                let token = token::typed(op, erased);
                if token::is_own(erased) { self.gatherer.token(token) } else { self.gatherer.call(token) }
            }
            // A cast to a type of the program comes and goes with what the optimiser knows.
            TypeOp::Cast if token::is_own(erased) => {}
            TypeOp::Cast | TypeOp::Test | TypeOp::NewArray => self.gatherer.token(token::typed(op, erased)),
        }
        Some(())
    }

    /// Walks the code of one method. `None` if an instruction names what does not exist or ends outside.
    fn instructions(&mut self, code: &[u8], calls: &mut Vec<u64>) -> Option<()> {
        let mut rest = code;
        while let Some(opcode) = rest.first().copied() {
            let length = if opcode == 0 { self.payload(rest)? } else { 2 * self.alphabet.units_of(opcode) };
            let (instruction, behind) = rest.split_at_checked(length)?;
            match self.alphabet.token_of(opcode) {
                0 => self.instruction(opcode, instruction, calls)?,
                token => self.gatherer.token(token),
            }
            rest = behind;
        }
        Some(())
    }

    /// Length of a `nop` or of the table that begins with one; its numbers count.
    fn payload(&mut self, rest: &[u8]) -> Option<usize> {
        let size = |at| u16_at(rest, at).map(usize::from);
        Some(match rest.get(1)? {
            1 => size(2)?.checked_mul(4)?.checked_add(8)?,
            2 => size(2)?.checked_mul(8)?.checked_add(4)?,
            3 => {
                let bytes = size(2)?.checked_mul(u32_at(rest, 4)? as usize)?;
                let table = rest.get(8..bytes.checked_add(8)?)?;
                if table.len() >= TABLE_BYTES_MIN {
                    self.gatherer.number(hash(table));
                }
                bytes.checked_add(9)? & !1
            }
            _ => 2,
        })
    }

    fn instruction(&mut self, opcode: u8, i: &[u8], calls: &mut Vec<u64>) -> Option<()> {
        let short = |at: usize| u16_at(i, at).map(u32::from);
        match opcode {
            // Registers, results, returns, jumps: what compilers shuffle.
            0x00..=0x12 | 0x28..=0x2a => {}
            0x13 | 0x16 => {
                let value = i64::from(short(2)?.cast_signed() << 16 >> 16);
                self.number(value.cast_unsigned(), value.unsigned_abs());
            }
            0x14 | 0x17 => {
                let value = i64::from(u32_at(i, 2)?.cast_signed());
                self.number(value.cast_unsigned(), value.unsigned_abs());
            }
            0x15 => {
                let value = i64::from((short(2)? << 16).cast_signed());
                self.number(value.cast_unsigned(), value.unsigned_abs());
            }
            0x18 => {
                let value = u64::from(u32_at(i, 2)?) | (u64::from(u32_at(i, 6)?) << 32);
                self.number(value, value.cast_signed().unsigned_abs());
            }
            0x19 => {
                let value = u64::from(short(2)?) << 48;
                self.number(value, value.cast_signed().unsigned_abs());
            }
            0x1a => self.text(short(2)?)?,
            0x1b => self.text(u32_at(i, 2)?)?,
            0x1f => self.type_op(TypeOp::Cast, short(2)?)?,
            0x20 => self.type_op(TypeOp::Test, short(2)?)?,
            0x22 => self.type_op(TypeOp::New, short(2)?)?,
            0x23..=0x25 => self.type_op(TypeOp::NewArray, short(2)?)?,
            0x52..=0x58 => self.field(FieldOp::Get, short(2)?)?,
            0x59..=0x5f => self.field(FieldOp::Put, short(2)?)?,
            0x60..=0x66 => self.field(FieldOp::GetStatic, short(2)?)?,
            0x67..=0x6d => self.field(FieldOp::PutStatic, short(2)?)?,
            0x6e..=0x72 | 0x74..=0x78 => self.call(short(2)?, calls)?,
            // Those that [`alone`] knows, those that are unused, and method handles.
            0x1c..=0x1e | 0x21 | 0x26 | 0x27 | 0x2b..=0x51 | 0x73 | 0x79..=0xff => {}
        }
        Some(())
    }
}

/// The token of an instruction whose operands do not matter.
const fn alone(opcode: u8) -> Option<u64> {
    Some(match opcode {
        0x1c => token::plain(Op::ClassConstant),
        0x1d | 0x1e => token::plain(Op::Monitor),
        0x21 => token::plain(Op::ArrayLength),
        0x26 => token::plain(Op::FillArray),
        0x27 => token::plain(Op::Throw),
        0x2b | 0x2c => token::plain(Op::Switch),
        0x2d..=0x31 => token::plain(Op::Compare),
        0x32..=0x3d => token::plain(Op::Branch),
        0x44..=0x4a => token::array_read(element(opcode - 0x44)),
        0x4b..=0x51 => token::array_write(element(opcode - 0x4b)),
        0x7b..=0x8f => token::unary(opcode - 0x7b),
        0x90..=0xaf => token::binary(opcode - 0x90),
        0xb0..=0xcf => token::binary(opcode - 0xb0),
        // With a literal: add, rsub (a subtraction), mul, div, rem, and, or, xor, and three shifts.
        0xd0..=0xd7 => token::binary(opcode - 0xd0),
        0xd8..=0xe2 => token::binary(opcode - 0xd8),
        0xfa..=0xfd => token::plain(Op::Dynamic),
        _ => return None,
    })
}

/// Java bytecode has one instruction for arrays of bytes and of booleans.
const fn element(kind: u8) -> u8 {
    if kind == 3 { 4 } else { kind }
}

/// Cuts what is longer than a report can show.
fn cut(name: &[u8]) -> &[u8] {
    name.get(..NAME_BYTES_MAX).unwrap_or(name)
}

/// Length of an instruction in 16-bit units (Dalvik executable instruction formats).
#[must_use]
pub const fn units(opcode: u8) -> u8 {
    match opcode {
        0x02
        | 0x05
        | 0x08
        | 0x13
        | 0x15
        | 0x16
        | 0x19
        | 0x1a
        | 0x1c
        | 0x1f
        | 0x20
        | 0x22
        | 0x23
        | 0x29
        | 0x2d..=0x3d
        | 0x44..=0x6d
        | 0x90..=0xaf
        | 0xd0..=0xe2
        | 0xfe
        | 0xff => 2,
        0x03
        | 0x06
        | 0x09
        | 0x14
        | 0x17
        | 0x1b
        | 0x24..=0x26
        | 0x2a..=0x2c
        | 0x6e..=0x72
        | 0x74..=0x78
        | 0xfc
        | 0xfd => 3,
        0xfa | 0xfb => 4,
        0x18 => 5,
        _ => 1,
    }
}
