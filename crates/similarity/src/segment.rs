//! References as files: one immutable segment each, deflated. They hold fingerprints and names, never code, and
//! are read as carefully as any other file from outside.

use crate::artefact::Language;
use crate::fingerprint::Family;
use crate::index::Reference;
use crate::program::{Class, Damage, Function, Program, Span};
use std::io::{Read, Write};

/// Begins every segment; the last byte is the version of the format.
const MAGIC: [u8; 8] = *b"IDFPRNT\x01";
/// A segment unpacks to no more: 40 times the largest app that was ever measured.
const BYTES_MAX: u64 = 1 << 30;

/// A reference and the kind of code it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Kind of code.
    pub language: Language,
    /// The reference.
    pub reference: Reference,
}

impl Segment {
    /// As bytes: the same segment always gives the same.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        let reference = &self.reference;
        for text in [self.language.word(), &reference.lineage, &reference.label, &reference.source, &reference.sha256] {
            put_text(&mut plain, text);
        }
        let program = &reference.program;
        put_text(&mut plain, &program.text);
        put(&mut plain, program.classes.len());
        for class in &program.classes {
            put_span(&mut plain, class.name);
        }
        put(&mut plain, program.functions.len());
        for function in &program.functions {
            plain.extend(function.class.to_le_bytes());
            put_span(&mut plain, function.name);
            plain.extend(function.tokens.to_le_bytes());
            for hash in [function.symbol, function.shape, function.body] {
                plain.extend(hash.to_le_bytes());
            }
            put_span(&mut plain, function.fingerprints);
            put_span(&mut plain, function.calls);
        }
        for list in [&program.fingerprints, &program.calls] {
            put(&mut plain, list.len());
            list.iter().for_each(|hash| plain.extend(hash.to_le_bytes()));
        }
        let mut packed = MAGIC.to_vec();
        let mut encoder = flate2::write::DeflateEncoder::new(&mut packed, flate2::Compression::best());
        // Writing to memory does not fail; if it did, the segment would not read back, and is checked there.
        if encoder.write_all(&plain).and_then(|()| encoder.finish().map(|_| ())).is_err() {
            return Vec::new();
        }
        packed
    }

    /// From bytes that [`Self::to_bytes`] made.
    ///
    /// # Errors
    /// If they are of another kind or version, cut short, or contradict themselves.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Damage> {
        let packed = bytes.strip_prefix(&MAGIC).ok_or(Damage::NotOne)?;
        let mut plain = Vec::new();
        let read = flate2::read::DeflateDecoder::new(packed).take(BYTES_MAX + 1).read_to_end(&mut plain);
        if read.is_err() || plain.len() as u64 > BYTES_MAX {
            return Err(Damage::Malformed);
        }
        let mut reader = Reader { rest: &plain };
        let segment = reader.segment().ok_or(Damage::Truncated)?;
        if reader.rest.is_empty() && is_sound(&segment.reference.program) {
            Ok(segment)
        } else {
            Err(Damage::Malformed)
        }
    }
}

fn put(out: &mut Vec<u8>, count: usize) {
    out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len());
    out.extend(text.as_bytes());
}

fn put_span(out: &mut Vec<u8>, span: Span) {
    out.extend(span.start.to_le_bytes());
    out.extend(span.end.to_le_bytes());
}

/// Whether every number points at something.
fn is_sound(program: &Program) -> bool {
    let text = |span: Span| program.text.get(span.range()).is_some();
    program.classes.iter().all(|class| text(class.name))
        && program.fingerprints.iter().all(|f| Family::of(*f).is_some())
        && program.functions.iter().all(|function| {
            (function.class as usize) < program.classes.len()
                && text(function.name)
                && program.calls.get(function.calls.range()).is_some()
                && program.fingerprints.get(function.fingerprints.range()).is_some_and(|f| f.is_sorted())
        })
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|four| u32::from_le_bytes(*four))
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.first_chunk().map(|eight| u64::from_le_bytes(*eight))
    }

    fn text(&mut self) -> Option<String> {
        let length = self.u32()? as usize;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    fn span(&mut self) -> Option<Span> {
        Some(Span { start: self.u32()?, end: self.u32()? })
    }

    /// A list: its length is believed only as far as there are bytes.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.u32()? as usize;
        let mut list = Vec::with_capacity(count.min(self.rest.len()));
        for _ in 0..count {
            list.push(item(self)?);
        }
        Some(list)
    }

    fn segment(&mut self) -> Option<Segment> {
        let language = Language::from_word(&self.text()?)?;
        let (lineage, label, source, sha256) = (self.text()?, self.text()?, self.text()?, self.text()?);
        let text = self.text()?;
        let classes = self.list(|r| Some(Class { name: r.span()? }))?;
        let functions = self.list(|r| {
            Some(Function {
                class: r.u32()?,
                name: r.span()?,
                tokens: r.u32()?,
                symbol: r.u64()?,
                shape: r.u64()?,
                body: r.u64()?,
                fingerprints: r.span()?,
                calls: r.span()?,
            })
        })?;
        let (fingerprints, calls) = (self.list(Self::u64)?, self.list(Self::u64)?);
        let program = Program { classes, functions, fingerprints, calls, text, code_bytes: 0, damaged: 0 };
        Some(Segment { language, reference: Reference { lineage, label, source, sha256, program } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment() -> Segment {
        let mut program = Program::default();
        let class = Class { name: program.keep("com.example.Shop") };
        program.classes.push(class);
        let name = program.keep("pay");
        program.fingerprints = vec![crate::fingerprint::of_text(1), crate::fingerprint::of_text(2)];
        program.fingerprints.sort_unstable();
        program.calls = vec![7];
        let span = |end| Span { start: 0, end };
        program.functions.push(Function {
            class: 0,
            name,
            tokens: 9,
            symbol: 1,
            shape: 2,
            body: 3,
            fingerprints: span(2),
            calls: span(1),
        });
        let reference = Reference { lineage: "shop".into(), label: "shop 1".into(), program, ..Reference::default() };
        Segment { language: Language::Bytecode, reference }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let segment = segment();
        assert_eq!(Segment::from_bytes(&segment.to_bytes()), Ok(segment));
    }

    #[test]
    fn damage_is_refused_and_never_panics() {
        let good = segment().to_bytes();
        for cut in 0..good.len() {
            assert!(Segment::from_bytes(&good[..cut]).is_err(), "cut at {cut}");
        }
        let mut wrong = segment();
        wrong.reference.program.functions[0].class = 5;
        assert_eq!(Segment::from_bytes(&wrong.to_bytes()), Err(Damage::Malformed));
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut turned = good.clone();
                turned[at] ^= 1 << bit;
                // It may read as another segment, never as a broken one.
                if let Ok(read) = Segment::from_bytes(&turned) {
                    assert!(is_sound(&read.reference.program));
                }
            }
        }
    }
}
