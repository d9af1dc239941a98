//! Java class files, to the same tokens as Dalvik code, so that a library is recognised before and after it was
//! compiled for Android.

mod code;

use crate::fingerprint::Gatherer;
use crate::platform;
use crate::program::{Class, Damage, Function, Program, Span};
use crate::work::Work;
use rustc_hash::FxHashSet;

/// Begins every class file.
const MAGIC: [u8; 4] = [0xca, 0xfe, 0xba, 0xbe];
/// A name longer than this is cut.
const NAME_BYTES_MAX: usize = 512;
/// What a function costs beside its code, in units of work: its names, its fingerprints.
const WORK_FUNCTION: u64 = 64;
/// Newest class file version that is known: Java 27.
const MAJOR_MAX: u16 = 71;

/// Whether bytes begin as a class file does, and not as a Mach-O file for several machines, which shares the magic.
#[must_use]
pub fn is_class(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC) && bytes.get(6..8).is_some_and(|major| (45..=MAJOR_MAX).contains(&big(major)))
}

fn big(two: &[u8]) -> u16 {
    two.first_chunk().map_or(0, |two| u16::from_be_bytes(*two))
}

/// The program that class files make up together. Files that contradict their format are counted as damaged.
pub(crate) fn extract(files: &[&[u8]], work: &Work<'_>, sink: &mut dyn FnMut(u64, &[u8])) -> Program {
    let mut program = Program::default();
    let mut classes = Vec::new();
    for bytes in files {
        program.code_bytes += bytes.len() as u64;
        match File::parse(bytes) {
            Ok(file) => classes.push(file),
            Err(_) => program.damaged += 1,
        }
    }
    let defined: FxHashSet<Vec<u8>> =
        classes.iter().filter_map(File::descriptor).filter(|name| platform::is_platform(name)).collect();
    let mut gatherer = Gatherer::default();
    for file in &classes {
        if file.add(&mut program, &defined, &mut gatherer, work, sink).is_none() {
            program.damaged += 1;
        }
    }
    program
}

/// An entry of the constant pool.
#[derive(Clone, Copy, Debug)]
enum Constant<'a> {
    Text(&'a [u8]),
    Integer(u32),
    Float(u32),
    Long(u64),
    Double(u64),
    Class(u16),
    String(u16),
    Member { class: u16, name_and_type: u16 },
    NameAndType { name: u16, descriptor: u16 },
    Dynamic { bootstrap: u16, name_and_type: u16 },
    Other,
}

struct File<'a> {
    pool: Vec<Constant<'a>>,
    this: u16,
    methods: Vec<Method<'a>>,
    /// Arguments of each bootstrap method.
    bootstraps: Vec<Vec<u16>>,
}

struct Method<'a> {
    name: u16,
    descriptor: u16,
    code: &'a [u8],
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Damage> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(Damage::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, Damage> {
        self.take(1)?.first().copied().ok_or(Damage::Truncated)
    }

    fn u16(&mut self) -> Result<u16, Damage> {
        self.take(2)?.first_chunk().map(|two| u16::from_be_bytes(*two)).ok_or(Damage::Truncated)
    }

    fn u32(&mut self) -> Result<u32, Damage> {
        self.take(4)?.first_chunk().map(|four| u32::from_be_bytes(*four)).ok_or(Damage::Truncated)
    }

    fn u64(&mut self) -> Result<u64, Damage> {
        self.take(8)?.first_chunk().map(|eight| u64::from_be_bytes(*eight)).ok_or(Damage::Truncated)
    }
}

impl<'a> File<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        if !is_class(bytes) {
            return Err(Damage::NotOne);
        }
        let mut reader = Reader { rest: bytes };
        reader.take(8)?;
        let count = reader.u16()?;
        let mut pool = vec![Constant::Other];
        while pool.len() < usize::from(count) {
            let (constant, wide) = constant(&mut reader)?;
            pool.push(constant);
            if wide {
                pool.push(Constant::Other);
            }
        }
        reader.u16()?;
        let this = reader.u16()?;
        reader.u16()?;
        let interfaces = reader.u16()?;
        reader.take(2 * usize::from(interfaces))?;
        let mut file = Self { pool, this, methods: Vec::new(), bootstraps: Vec::new() };
        for _ in 0..reader.u16()? {
            reader.take(6)?;
            for _ in 0..reader.u16()? {
                attribute(&mut reader)?;
            }
        }
        for _ in 0..reader.u16()? {
            reader.u16()?;
            let (name, descriptor) = (reader.u16()?, reader.u16()?);
            for _ in 0..reader.u16()? {
                let (kind, content) = attribute(&mut reader)?;
                if file.text(kind) == Some(b"Code") {
                    let mut inside = Reader { rest: content };
                    inside.take(4)?;
                    let length = inside.u32()? as usize;
                    file.methods.push(Method { name, descriptor, code: inside.take(length)? });
                }
            }
        }
        for _ in 0..reader.u16()? {
            let (kind, content) = attribute(&mut reader)?;
            if file.text(kind) == Some(b"BootstrapMethods") {
                file.bootstraps = bootstraps(content)?;
            }
        }
        Ok(file)
    }

    fn constant(&self, index: u16) -> Option<Constant<'a>> {
        self.pool.get(usize::from(index)).copied()
    }

    fn text(&self, index: u16) -> Option<&'a [u8]> {
        match self.constant(index)? {
            Constant::Text(text) => Some(text),
            Constant::Integer(_)
            | Constant::Float(_)
            | Constant::Long(_)
            | Constant::Double(_)
            | Constant::Class(_)
            | Constant::String(_)
            | Constant::Member { .. }
            | Constant::NameAndType { .. }
            | Constant::Dynamic { .. }
            | Constant::Other => None,
        }
    }

    /// The descriptor that a class constant names.
    fn class(&self, index: u16) -> Option<Vec<u8>> {
        let Some(Constant::Class(name)) = self.constant(index) else { return None };
        let name = self.text(name)?;
        Some(if name.first() == Some(&b'[') { name.to_vec() } else { [b"L", name, b";"].concat() })
    }

    fn descriptor(&self) -> Option<Vec<u8>> {
        self.class(self.this)
    }

    fn name_and_type(&self, index: u16) -> Option<(&'a [u8], &'a [u8])> {
        let Some(Constant::NameAndType { name, descriptor }) = self.constant(index) else { return None };
        Some((self.text(name)?, self.text(descriptor)?))
    }

    fn add(
        &self,
        program: &mut Program,
        defined: &FxHashSet<Vec<u8>>,
        gatherer: &mut Gatherer,
        work: &Work<'_>,
        sink: &mut dyn FnMut(u64, &[u8]),
    ) -> Option<()> {
        let class = self.descriptor()?;
        if class.windows(3).any(|three| three == b"/R$") {
            return Some(());
        }
        let name = program.keep(&platform::readable(&String::from_utf8_lossy(cut(&class))));
        let number = u32::try_from(program.classes.len()).ok()?;
        program.classes.push(Class { name });
        let own = |base: &[u8]| platform::is_platform(base) && !defined.contains(base);
        for method in &self.methods {
            let calls = program.calls.len();
            gatherer.clear();
            work.spend(WORK_FUNCTION + method.code.len() as u64).ok()?;
            let mut reading =
                code::Reading { file: self, gatherer, work, is_platform: &own, sink, calls: &mut program.calls };
            let whole = reading.instructions(method.code).is_some();
            let (written, descriptor) = (self.text(method.name)?, self.text(method.descriptor)?);
            let (symbol, shape) = code::signature(&class, written, descriptor, &own)?;
            let (tokens, body) = (u32::try_from(gatherer.tokens()).unwrap_or(u32::MAX), gatherer.body());
            let fingerprints = program.fingerprints.len();
            gatherer.finish(&mut program.fingerprints);
            let name = program.keep(&String::from_utf8_lossy(cut(written)));
            program.damaged += u32::from(!whole);
            program.functions.push(Function {
                class: number,
                name,
                tokens,
                symbol,
                shape,
                body,
                fingerprints: Span::since(fingerprints, program.fingerprints.len()),
                calls: Span::since(calls, program.calls.len()),
            });
        }
        Some(())
    }
}

fn cut(name: &[u8]) -> &[u8] {
    name.get(..NAME_BYTES_MAX).unwrap_or(name)
}

/// One entry of the pool, and whether it takes two places.
fn constant<'a>(reader: &mut Reader<'a>) -> Result<(Constant<'a>, bool), Damage> {
    Ok(match reader.u8()? {
        1 => {
            let length = reader.u16()?;
            (Constant::Text(reader.take(usize::from(length))?), false)
        }
        3 => (Constant::Integer(reader.u32()?), false),
        4 => (Constant::Float(reader.u32()?), false),
        5 => (Constant::Long(reader.u64()?), true),
        6 => (Constant::Double(reader.u64()?), true),
        7 => (Constant::Class(reader.u16()?), false),
        8 => (Constant::String(reader.u16()?), false),
        9..=11 => (Constant::Member { class: reader.u16()?, name_and_type: reader.u16()? }, false),
        12 => (Constant::NameAndType { name: reader.u16()?, descriptor: reader.u16()? }, false),
        15 => {
            reader.take(3)?;
            (Constant::Other, false)
        }
        16 | 19 | 20 => {
            reader.take(2)?;
            (Constant::Other, false)
        }
        17 | 18 => (Constant::Dynamic { bootstrap: reader.u16()?, name_and_type: reader.u16()? }, false),
        _ => return Err(Damage::Malformed),
    })
}

fn attribute<'a>(reader: &mut Reader<'a>) -> Result<(u16, &'a [u8]), Damage> {
    let (kind, length) = (reader.u16()?, reader.u32()?);
    Ok((kind, reader.take(length as usize)?))
}

fn bootstraps(content: &[u8]) -> Result<Vec<Vec<u16>>, Damage> {
    let mut reader = Reader { rest: content };
    let mut all = Vec::new();
    for _ in 0..reader.u16()? {
        reader.u16()?;
        let mut arguments = Vec::new();
        for _ in 0..reader.u16()? {
            arguments.push(reader.u16()?);
        }
        all.push(arguments);
    }
    Ok(all)
}
