//! The alphabet of normalised code, shared by Dalvik and Java bytecode: what an operation does, with registers,
//! stack shuffling and the program's own names gone.

use crate::fingerprint::{hash, mix};

/// An operation that takes no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A string constant.
    Text = 1,
    /// A class constant.
    ClassConstant,
    /// Entering or leaving a monitor.
    Monitor,
    /// The length of an array.
    ArrayLength,
    /// Filling an array from a table.
    FillArray,
    /// Throwing.
    Throw,
    /// A switch.
    Switch,
    /// A comparison of numbers.
    Compare,
    /// A conditional branch.
    Branch,
    /// An invocation whose target is made at run time.
    Dynamic,
}

/// The token of an operation.
#[must_use]
pub const fn plain(op: Op) -> u64 {
    mix(op as u64)
}

/// Reading an array element of a kind (0 int, 1 wide, 2 object, 4 byte or boolean, 5 char, 6 short).
#[must_use]
pub const fn array_read(kind: u8) -> u64 {
    mix(0x100 | kind as u64)
}

/// Writing one.
#[must_use]
pub const fn array_write(kind: u8) -> u64 {
    mix(0x200 | kind as u64)
}

/// A conversion or negation, by its Dalvik number (`neg-int` is 0).
#[must_use]
pub const fn unary(kind: u8) -> u64 {
    mix(0x300 | kind as u64)
}

/// Arithmetic on two operands, by its Dalvik number (`add-int` is 0).
#[must_use]
pub const fn binary(kind: u8) -> u64 {
    mix(0x400 | kind as u64)
}

/// What is done with a type: making one, checking for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeOp {
    /// A cast.
    Cast = 0x11,
    /// A test.
    Test,
    /// A new object.
    New,
    /// A new array.
    NewArray,
}

/// An operation on a type, by the hash of the erased type.
#[must_use]
pub const fn typed(op: TypeOp, erased: u64) -> u64 {
    mix(((op as u64) << 32) ^ erased)
}

/// Access to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldOp {
    /// Of an object, reading.
    Get = 0x21,
    /// Of an object, writing.
    Put,
    /// Of a class, reading.
    GetStatic,
    /// Of a class, writing.
    PutStatic,
}

/// Access to a field of the program: only its erased type is left.
#[must_use]
pub const fn own_field(op: FieldOp, erased: u64) -> u64 {
    mix(((op as u64) << 40) ^ erased)
}

/// Access to a field of the platform, by the hashes of class and name.
#[must_use]
pub const fn platform_field(op: FieldOp, class: u64, name: u64) -> u64 {
    mix(((op as u64) << 40) ^ mix(class ^ name.rotate_left(7)))
}

/// What a call of the program's own code gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Result {
    /// Nothing.
    Nothing = 0x31,
    /// A number.
    Primitive,
    /// An object.
    Object,
}

/// A call of the program's own code: only the kind of its result is left.
#[must_use]
pub const fn own_call(result: Result) -> u64 {
    mix((result as u64) << 16)
}

/// A call into the platform. Its class is left out: compilers turn `List.add` into `ArrayList.add` and back.
#[must_use]
pub const fn platform_call(name: u64, parameters: usize) -> u64 {
    mix(mix(name) ^ parameters as u64)
}

/// The erased form of a type descriptor: primitives and platform types keep their name, all others are one type.
#[must_use]
pub fn erased(descriptor: &[u8], is_platform: impl Fn(&[u8]) -> bool) -> u64 {
    let dimensions = descriptor.iter().take_while(|byte| **byte == b'[').count();
    let base = descriptor.get(dimensions..).unwrap_or(&[]);
    if is_platform(base) { hash(descriptor) } else { OWN_TYPE + dimensions as u64 }
}

/// The erased form of the program's own types, plus one for each dimension of an array.
pub const OWN_TYPE: u64 = 0xaaaa;

/// Whether an erased type is one of the program's own.
#[must_use]
pub const fn is_own(erased: u64) -> bool {
    erased >= OWN_TYPE && erased <= OWN_TYPE + 255
}
