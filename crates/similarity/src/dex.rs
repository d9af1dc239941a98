//! Dalvik executables (`classes.dex`, formats 035 to 041), read where they lie, checked at every step. Knows the
//! tables of the format; what the code means is for [`code`].

mod code;

pub use code::{extract, extract_within, units};

use crate::program::Damage;
use std::ffi::CStr;

/// Bytes of the header up to format 040.
const HEADER_BYTES: usize = 0x70;
/// The header of format 041, which may share its data with others in one container.
const CONTAINER_HEADER_BYTES: usize = 0x78;
/// `endian_tag` of files in the only order that occurs.
const LITTLE_ENDIAN: u32 = 0x1234_5678;
/// A container holds no more: Android's own limit of files in one app is far below.
const PARTS_MAX: usize = 1_024;
/// Interfaces of a class, and parameters of a method, beyond which a file is no compiler's work.
const LIST_MAX: u32 = 4_096;
/// Bytes of a name: those of Java have no more (JVMS §4.4.7), and no class of Android's was made from anything else.
const NAME_BYTES_MAX: usize = (1 << 16) - 1;
/// Indexes in instructions have at most this many values where the table has more.
const METHODS_MAX: u32 = 1 << 16;

/// One executable.
#[derive(Clone, Copy, Debug)]
pub struct Dex<'a> {
    bytes: &'a [u8],
    strings: Table,
    types: Table,
    protos: Table,
    fields: Table,
    methods: Table,
    classes: Table,
}

#[derive(Clone, Copy, Debug)]
struct Table {
    offset: usize,
    count: u32,
    size: usize,
}

impl Table {
    fn at(&self, index: u32) -> Option<usize> {
        (index < self.count).then_some(self.offset + index as usize * self.size)
    }
}

/// A class as it is defined.
#[derive(Clone, Debug)]
pub struct Definition<'a> {
    /// Type descriptor.
    pub name: &'a [u8],
    /// Its methods, in the order of the file.
    pub methods: Vec<Method>,
}

/// A method of a class.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Its number in the table of methods.
    pub index: u32,
    /// Where its code lies; 0 for none.
    pub code: u32,
}

impl<'a> Dex<'a> {
    /// Every executable of a file: one up to format 040, one or more in a container of format 041.
    ///
    /// # Errors
    /// If the file is none, or its tables do not lie inside it.
    pub fn parse(bytes: &'a [u8]) -> Result<Vec<Self>, Damage> {
        let mut found = Vec::new();
        let mut at = 0;
        loop {
            if found.len() == PARTS_MAX {
                return Err(Damage::Budget);
            }
            let (dex, size) = Self::at(bytes, at)?;
            found.push(dex);
            at = at.checked_add(size).ok_or(Damage::Truncated)?;
            if dex.is_alone() || at >= bytes.len() || !bytes.get(at..).is_some_and(|rest| rest.starts_with(b"dex\n")) {
                return Ok(found);
            }
        }
    }

    fn is_alone(&self) -> bool {
        self.bytes.get(4..7) != Some(b"041")
    }

    fn at(bytes: &'a [u8], start: usize) -> Result<(Self, usize), Damage> {
        let header = bytes.get(start..).ok_or(Damage::Truncated)?;
        if !header.starts_with(b"dex\n") || header.get(7) != Some(&0) {
            return Err(Damage::NotOne);
        }
        let version = header.get(4..7).ok_or(Damage::Truncated)?;
        let contained = match version {
            b"035" | b"036" | b"037" | b"038" | b"039" | b"040" => false,
            b"041" => true,
            _ => return Err(Damage::Version),
        };
        let field = |at: usize| u32_at(header, at).ok_or(Damage::Truncated);
        let size = field(32)? as usize;
        let least = if contained { CONTAINER_HEADER_BYTES } else { HEADER_BYTES };
        if size < least || size > header.len() || field(40)? != LITTLE_ENDIAN || (field(36)? as usize) < least {
            return Err(Damage::Malformed);
        }
        if contained && field(0x74)? as usize != start {
            return Err(Damage::Malformed);
        }
        // In a container offsets count from its beginning, and data lies beyond the single file.
        let bytes = if contained { bytes } else { header.get(..size).ok_or(Damage::Truncated)? };
        let table = |at: usize, size: usize| -> Result<Table, Damage> {
            let (count, offset) = (field(at)?, field(at + 4)? as usize);
            let end = (count as usize).checked_mul(size).and_then(|length| length.checked_add(offset));
            if count != 0 && end.is_none_or(|end| end > bytes.len()) {
                return Err(Damage::Truncated);
            }
            Ok(Table { offset, count, size })
        };
        let dex = Self {
            bytes,
            strings: table(56, 4)?,
            types: table(64, 4)?,
            protos: table(72, 12)?,
            fields: table(80, 8)?,
            methods: table(88, 8)?,
            classes: table(96, 32)?,
        };
        if dex.types.count > METHODS_MAX || dex.protos.count > METHODS_MAX || dex.classes.count > METHODS_MAX {
            return Err(Damage::Malformed);
        }
        Ok((dex, size))
    }

    /// A string's bytes (modified UTF-8).
    #[must_use]
    pub fn string(&self, index: u32) -> Option<&'a [u8]> {
        self.string_within(index, usize::MAX)
    }

    /// A string that names something: those are read again and again, so a long one is none.
    fn name(&self, index: u32) -> Option<&'a [u8]> {
        self.string_within(index, NAME_BYTES_MAX)
    }

    fn string_within(&self, index: u32, most: usize) -> Option<&'a [u8]> {
        let offset = u32_at(self.bytes, self.strings.at(index)?)? as usize;
        let mut reader = Reader { bytes: self.bytes, at: offset };
        let letters = reader.uleb128()? as usize;
        let rest = self.bytes.get(reader.at..)?;
        let rest = rest.get(..=most.min(rest.len().checked_sub(1)?))?;
        // As many bytes as letters: all of them are ASCII, and the end need not be looked for.
        if rest.get(letters) == Some(&0) {
            return rest.get(..letters);
        }
        let ended = CStr::from_bytes_until_nul(rest);
        ended.ok().map(CStr::to_bytes)
    }

    /// A type's descriptor.
    #[must_use]
    pub fn descriptor(&self, index: u32) -> Option<&'a [u8]> {
        self.name(u32_at(self.bytes, self.types.at(index)?)?)
    }

    /// Class, type and name of a field: two numbers of types, one of a string.
    fn field(&self, index: u32) -> Option<(u32, u32, u32)> {
        let at = self.fields.at(index)?;
        Some((u16_at(self.bytes, at)?.into(), u16_at(self.bytes, at + 2)?.into(), u32_at(self.bytes, at + 4)?))
    }

    /// Class, prototype and name of a method: numbers of a type, a prototype, a string.
    fn method(&self, index: u32) -> Option<(u32, u32, u32)> {
        let at = self.methods.at(index)?;
        Some((u16_at(self.bytes, at)?.into(), u16_at(self.bytes, at + 2)?.into(), u32_at(self.bytes, at + 4)?))
    }

    /// Result and parameters of a prototype, as numbers of types.
    fn proto(&self, index: u32) -> Option<(u32, impl ExactSizeIterator<Item = u32> + 'a)> {
        let at = self.protos.at(index)?;
        let result = u32_at(self.bytes, at + 4)?;
        let list = u32_at(self.bytes, at + 8)? as usize;
        let items: &'a [u8] = if list == 0 {
            &[]
        } else {
            let count = u32_at(self.bytes, list).filter(|count| *count <= LIST_MAX)? as usize;
            self.bytes.get(list.checked_add(4)?..list.checked_add(4 + 2 * count)?)?
        };
        let (items, _) = items.as_chunks::<2>();
        Some((result, items.iter().map(|item| u32::from(u16::from_le_bytes(*item)))))
    }

    /// How many classes it defines.
    #[must_use]
    pub fn class_count(&self) -> u32 {
        self.classes.count
    }

    /// The name of a class it defines.
    #[must_use]
    pub fn class_name(&self, index: u32) -> Option<&'a [u8]> {
        self.descriptor(u32_at(self.bytes, self.classes.at(index)?)?)
    }

    /// A class it defines. `budget` is how many members may still be read: each is counted once, however
    /// many classes point at the same list.
    pub fn class(&self, index: u32, budget: &mut u64) -> Option<Definition<'a>> {
        let at = self.classes.at(index)?;
        let name = self.class_name(index)?;
        let data = u32_at(self.bytes, at + 24)? as usize;
        let mut methods = Vec::new();
        if data != 0 {
            let mut reader = Reader { bytes: self.bytes, at: data };
            let mut counts = [0_u32; 4];
            for count in &mut counts {
                *count = reader.uleb128()?;
            }
            *budget = budget.checked_sub(counts.iter().map(|count| u64::from(*count)).sum())?;
            let [statics, instances, direct, virtual_methods] = counts;
            for _ in 0..u64::from(statics) + u64::from(instances) {
                reader.uleb128()?;
                reader.uleb128()?;
            }
            for count in [direct, virtual_methods] {
                let mut index = 0_u32;
                for _ in 0..count {
                    index = index.checked_add(reader.uleb128()?)?;
                    let _flags = reader.uleb128()?;
                    methods.push(Method { index, code: reader.uleb128()? });
                }
            }
        }
        Some(Definition { name, methods })
    }

    /// The instructions of a code item.
    #[must_use]
    pub fn instructions(&self, code: u32) -> Option<&'a [u8]> {
        let at = code as usize;
        let units = u32_at(self.bytes, at.checked_add(12)?)? as usize;
        let start = at.checked_add(16)?;
        self.bytes.get(start..start.checked_add(units.checked_mul(2)?)?)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_le_bytes(*two))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn uleb128(&mut self) -> Option<u32> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            value |= u32::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}
