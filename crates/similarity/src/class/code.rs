//! What Java bytecode means, in the tokens of Dalvik code. The stack machine is read in order: compilers for
//! Android keep that order where it matters.

use super::{Constant, File};
use crate::fingerprint::{Gatherer, hash, mix, of_text};
use crate::platform;
use crate::token::{self, FieldOp, Op, TypeOp};
use crate::work::Work;

/// Strings shorter than this occur everywhere; the bounds are those of Dalvik code.
const TEXT_BYTES_MIN: usize = 4;
const NUMBER_MIN: u64 = 256;
/// A method has no more parameters (JVMS §4.3.3).
const PARAMETERS_MAX: usize = 255;
/// Marks a value's place in the recipe of a concatenation.
const RECIPE_VALUE: u8 = 1;

pub(super) struct Reading<'a, 'f> {
    pub(super) file: &'a File<'f>,
    pub(super) gatherer: &'a mut Gatherer,
    /// Names and texts may be long, and each of a million instructions may name the same one.
    pub(super) work: &'a Work<'a>,
    pub(super) is_platform: &'a dyn Fn(&[u8]) -> bool,
    pub(super) sink: &'a mut dyn FnMut(u64, &[u8]),
    pub(super) calls: &'a mut Vec<u64>,
}

impl Reading<'_, '_> {
    /// Walks the code of one method. `None` if it names what does not exist or ends in the middle.
    pub(super) fn instructions(&mut self, code: &[u8]) -> Option<()> {
        let mut at = 0;
        while let Some(opcode) = code.get(at).copied() {
            let length = length(code, at)?;
            let operands = code.get(at + 1..at.checked_add(length)?)?;
            self.instruction(opcode, operands)?;
            at += length;
        }
        Some(())
    }

    fn instruction(&mut self, opcode: u8, operands: &[u8]) -> Option<()> {
        let index = || operands.first_chunk().map(|two| u16::from_be_bytes(*two));
        match opcode {
            0x0c | 0x0d => self.number(if opcode == 0x0c { 0x3f80_0000 } else { 0x4000_0000 }),
            0x0f => self.number(0x3ff0 << 48),
            0x11 => self.number(i64::from(index()?.cast_signed()).cast_unsigned()),
            0x12 => self.load(u16::from(*operands.first()?))?,
            0x13 | 0x14 => self.load(index()?)?,
            0x2e..=0x35 => self.gatherer.token(token::array_read(element(opcode - 0x2e))),
            0x4f..=0x56 => self.gatherer.token(token::array_write(element(opcode - 0x4f))),
            0x60..=0x83 => self.arithmetic(opcode),
            0x84 => self.gatherer.token(token::binary(0)),
            0x85..=0x93 => self.gatherer.token(token::unary(opcode - 0x85 + 6)),
            0x94..=0x98 => self.gatherer.token(token::plain(Op::Compare)),
            0x99..=0xa6 | 0xc6 | 0xc7 => self.gatherer.token(token::plain(Op::Branch)),
            0xaa | 0xab => self.gatherer.token(token::plain(Op::Switch)),
            0xb2 => self.field(FieldOp::GetStatic, index()?)?,
            0xb3 => self.field(FieldOp::PutStatic, index()?)?,
            0xb4 => self.field(FieldOp::Get, index()?)?,
            0xb5 => self.field(FieldOp::Put, index()?)?,
            0xb6..=0xb9 => self.call(index()?)?,
            0xba => self.dynamic(index()?)?,
            0xbb => self.type_op(TypeOp::New, &self.file.class(index()?)?)?,
            0xbc => self.type_op(TypeOp::NewArray, primitive_array(*operands.first()?)?)?,
            0xbd => self.type_op(TypeOp::NewArray, &array_of(&self.file.class(index()?)?))?,
            0xbe => self.gatherer.token(token::plain(Op::ArrayLength)),
            0xbf => self.gatherer.token(token::plain(Op::Throw)),
            0xc0 => self.type_op(TypeOp::Cast, &self.file.class(index()?)?)?,
            0xc1 => self.type_op(TypeOp::Test, &self.file.class(index()?)?)?,
            0xc2 | 0xc3 => self.gatherer.token(token::plain(Op::Monitor)),
            // Small constants, locals, stack shuffling, jumps, returns: what compilers choose.
            0x00..=0x0b
            | 0x0e
            | 0x10
            | 0x15..=0x2d
            | 0x36..=0x4e
            | 0x57..=0x5f
            | 0xa7..=0xa9
            | 0xac..=0xb1
            | 0xc4
            | 0xc5
            | 0xc8..=0xff => {}
        }
        Some(())
    }

    fn number(&mut self, value: u64) {
        if value.cast_signed().unsigned_abs() >= NUMBER_MIN {
            self.gatherer.number(value);
        }
    }

    fn arithmetic(&mut self, opcode: u8) {
        let (operation, kind) = ((opcode - 0x60) / 4, (opcode - 0x60) % 4);
        let token = match opcode {
            0x74..=0x77 => token::unary(*[0, 2, 4, 5].get(usize::from(kind)).unwrap_or(&0)),
            // Shifts and logic have only int and long.
            0x78..=0x83 => {
                let number = *[8, 9, 10, 5, 6, 7].get(usize::from((opcode - 0x78) / 2)).unwrap_or(&0);
                token::binary(number + 11 * ((opcode - 0x78) % 2))
            }
            _ => token::binary(operation + *[0, 11, 22, 27].get(usize::from(kind)).unwrap_or(&0)),
        };
        self.gatherer.token(token);
    }

    fn load(&mut self, index: u16) -> Option<()> {
        match self.file.constant(index)? {
            Constant::Integer(value) | Constant::Float(value) => {
                self.number(i64::from(value.cast_signed()).cast_unsigned());
            }
            Constant::Long(value) | Constant::Double(value) => self.number(value),
            Constant::String(text) => self.text(self.file.text(text)?)?,
            Constant::Class(_) => self.gatherer.token(token::plain(Op::ClassConstant)),
            Constant::Dynamic { .. } => self.gatherer.token(token::plain(Op::Dynamic)),
            Constant::Text(_) | Constant::Member { .. } | Constant::NameAndType { .. } | Constant::Other => {}
        }
        Some(())
    }

    fn text(&mut self, bytes: &[u8]) -> Option<()> {
        self.work.spend(bytes.len() as u64).ok()?;
        self.gatherer.token(token::plain(Op::Text));
        if bytes.len() >= TEXT_BYTES_MIN {
            let text_hash = hash(bytes);
            (self.sink)(of_text(text_hash), super::cut(bytes));
            self.gatherer.text(text_hash);
        }
        Some(())
    }

    fn field(&mut self, op: FieldOp, index: u16) -> Option<()> {
        let Some(Constant::Member { class, name_and_type }) = self.file.constant(index) else { return None };
        let (name, descriptor) = self.file.name_and_type(name_and_type)?;
        let class = self.file.class(class)?;
        self.work.spend((name.len() + descriptor.len() + class.len()) as u64).ok()?;
        if (self.is_platform)(&class) {
            let half = token::platform_field(FieldOp::Get, hash(&class), hash(name));
            self.gatherer.call(token::own_field(op, half));
        } else {
            self.gatherer.token(token::own_field(op, token::erased(descriptor, self.is_platform)));
        }
        Some(())
    }

    fn call(&mut self, index: u16) -> Option<()> {
        let Some(Constant::Member { class, name_and_type }) = self.file.constant(index) else { return None };
        let (name, descriptor) = self.file.name_and_type(name_and_type)?;
        let class = self.file.class(class)?;
        self.work.spend((name.len() + descriptor.len() + class.len()) as u64).ok()?;
        let base = class.iter().take_while(|byte| **byte == b'[').count();
        let (parameters, result) = parameters(descriptor)?;
        if (self.is_platform)(class.get(base..)?) {
            if !platform::is_noise(&class, name) {
                self.gatherer.call(token::platform_call(hash(name), parameters.len()));
            }
            return Some(());
        }
        let kind = match result {
            b"V" => token::Result::Nothing,
            [_] => token::Result::Primitive,
            _ => token::Result::Object,
        };
        self.gatherer.token(token::own_call(kind));
        self.calls.push(signature(&class, name, descriptor, self.is_platform)?.0);
        Some(())
    }

    /// Concatenation of strings is what older compilers spell out; the rest is made at run time.
    fn dynamic(&mut self, index: u16) -> Option<()> {
        let Some(Constant::Dynamic { bootstrap, name_and_type }) = self.file.constant(index) else { return None };
        let (name, _) = self.file.name_and_type(name_and_type)?;
        if name != b"makeConcatWithConstants" {
            self.gatherer.token(token::plain(Op::Dynamic));
            return Some(());
        }
        let arguments = self.file.bootstraps.get(usize::from(bootstrap))?;
        let Some(Constant::String(recipe)) = arguments.first().and_then(|first| self.file.constant(*first)) else {
            return Some(());
        };
        let recipe = self.file.text(recipe)?;
        for part in recipe.split(|byte| *byte <= RECIPE_VALUE + 1).filter(|part| !part.is_empty()) {
            self.text(part)?;
        }
        Some(())
    }

    fn type_op(&mut self, op: TypeOp, descriptor: &[u8]) -> Option<()> {
        self.work.spend(descriptor.len() as u64).ok()?;
        let erased = token::erased(descriptor, self.is_platform);
        match op {
            TypeOp::New if platform::is_noise_type(descriptor) => {}
            TypeOp::New if !token::is_own(erased) => self.gatherer.call(token::typed(op, erased)),
            TypeOp::Cast if token::is_own(erased) => {}
            TypeOp::New | TypeOp::Cast | TypeOp::Test | TypeOp::NewArray => {
                self.gatherer.token(token::typed(op, erased));
            }
        }
        Some(())
    }
}

/// The symbol and the shape of a method, the same as its Dalvik form has.
pub(super) fn signature(
    class: &[u8],
    name: &[u8],
    descriptor: &[u8],
    is_platform: &dyn Fn(&[u8]) -> bool,
) -> Option<(u64, u64)> {
    let (parameters, result) = parameters(descriptor)?;
    let mut symbol = mix(hash(class) ^ hash(name).rotate_left(17));
    let mut shape = 0;
    for kind in std::iter::once(result).chain(parameters) {
        symbol = mix(symbol ^ hash(kind));
        shape = mix(shape ^ token::erased(kind, is_platform));
    }
    Some((symbol, shape))
}

/// Splits `(ILjava/lang/String;)V` into its parameters and its result.
fn parameters(descriptor: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
    let mut rest = descriptor.strip_prefix(b"(")?;
    let mut parameters = Vec::new();
    while rest.first()? != &b')' {
        let (one, after) = rest.split_at_checked(type_length(rest)?)?;
        if parameters.len() == PARAMETERS_MAX {
            return None;
        }
        parameters.push(one);
        rest = after;
    }
    Some((parameters, rest.get(1..)?))
}

fn type_length(rest: &[u8]) -> Option<usize> {
    let dimensions = rest.iter().take_while(|byte| **byte == b'[').count();
    let name = match rest.get(dimensions)? {
        b'L' => rest.get(dimensions..)?.iter().position(|byte| *byte == b';')? + 1,
        _ => 1,
    };
    Some(dimensions + name)
}

fn array_of(descriptor: &[u8]) -> Vec<u8> {
    [b"[", descriptor].concat()
}

const fn primitive_array(kind: u8) -> Option<&'static [u8]> {
    Some(match kind {
        4 => b"[Z",
        5 => b"[C",
        6 => b"[F",
        7 => b"[D",
        8 => b"[B",
        9 => b"[S",
        10 => b"[I",
        11 => b"[J",
        _ => return None,
    })
}

/// Kinds of array elements, Java's order to Dalvik's.
fn element(kind: u8) -> u8 {
    *[0, 1, 0, 1, 2, 4, 5, 6].get(usize::from(kind)).unwrap_or(&0)
}

/// Length of the instruction at a place (JVMS §6.5).
fn length(code: &[u8], at: usize) -> Option<usize> {
    let word = |at: usize| code.get(at..)?.first_chunk().map(|four| i32::from_be_bytes(*four));
    let aligned = (at + 4) & !3;
    Some(match code.get(at)? {
        0x10 | 0x12 | 0x15..=0x19 | 0x36..=0x3a | 0xa9 | 0xbc => 2,
        0x11 | 0x13 | 0x14 | 0x84 | 0x99..=0xa8 | 0xb2..=0xb8 | 0xbb | 0xbd | 0xc0 | 0xc1 | 0xc6 | 0xc7 => 3,
        0xb9 | 0xba | 0xc8 | 0xc9 => 5,
        0xc5 => 4,
        0xc4 => {
            if code.get(at + 1) == Some(&0x84) {
                6
            } else {
                4
            }
        }
        0xaa => {
            let (low, high) = (i64::from(word(aligned + 4)?), i64::from(word(aligned + 8)?));
            let entries = usize::try_from(high - low + 1).ok()?;
            aligned + 12 + entries.checked_mul(4)? - at
        }
        0xab => aligned + 8 + usize::try_from(word(aligned + 4)?).ok()?.checked_mul(8)? - at,
        _ => 1,
    })
}
