//! Builds archives, binary XML and signing blocks byte by byte, so that a test can lie about any of them.

use flate2::{Compression, write::DeflateEncoder};
use std::io::Write;

/// One entry, with everything a header can say, before anyone tampers with it.
#[derive(Clone)]
pub(crate) struct File {
    pub(crate) name: Vec<u8>,
    pub(crate) local_name: Vec<u8>,
    pub(crate) kept: Vec<u8>,
    pub(crate) size: u32,
    pub(crate) crc32: u32,
    pub(crate) method: u16,
    pub(crate) local_method: u16,
    pub(crate) flags: u16,
    pub(crate) local_flags: u16,
    pub(crate) local_size: Option<u32>,
    pub(crate) compressed_size: Option<u32>,
    pub(crate) extra: Vec<u8>,
    pub(crate) central_extra: Vec<u8>,
    pub(crate) descriptor: Option<bool>,
    pub(crate) offset: Option<u32>,
    pub(crate) gap: Vec<u8>,
}

pub(crate) fn stored(name: &str, content: &[u8]) -> File {
    File {
        name: name.into(),
        local_name: name.into(),
        kept: content.to_vec(),
        size: u32::try_from(content.len()).unwrap(),
        crc32: crc32fast::hash(content),
        method: 0,
        local_method: 0,
        flags: 0,
        local_flags: 0,
        local_size: None,
        compressed_size: None,
        extra: Vec::new(),
        central_extra: Vec::new(),
        descriptor: None,
        offset: None,
        gap: Vec::new(),
    }
}

pub(crate) fn deflated(name: &str, content: &[u8]) -> File {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    File { kept: encoder.finish().unwrap(), method: 8, local_method: 8, ..stored(name, content) }
}

/// The archive around the files.
#[derive(Clone, Default)]
pub(crate) struct Zip {
    pub(crate) files: Vec<File>,
    pub(crate) signing: Vec<u8>,
    pub(crate) before_end: Vec<u8>,
    pub(crate) comment: Vec<u8>,
    pub(crate) after: Vec<u8>,
    pub(crate) entries: Option<u16>,
    pub(crate) entries_here: Option<u16>,
    pub(crate) directory_offset: Option<u32>,
    pub(crate) directory_tail: Vec<u8>,
}

pub(crate) fn zip(files: impl Into<Vec<File>>) -> Zip {
    Zip { files: files.into(), ..Zip::default() }
}

fn put16(out: &mut Vec<u8>, value: usize) {
    out.extend(u16::try_from(value).unwrap().to_le_bytes());
}

fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_le_bytes());
}

impl Zip {
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut offsets = Vec::new();
        for file in &self.files {
            out.extend(&file.gap);
            offsets.push(u32::try_from(out.len()).unwrap());
            local(&mut out, file);
        }
        out.extend(&self.signing);
        let start = u32::try_from(out.len()).unwrap();
        for (file, offset) in self.files.iter().zip(&offsets) {
            central(&mut out, file, file.offset.unwrap_or(*offset));
        }
        out.extend(&self.directory_tail);
        let size = u32::try_from(out.len()).unwrap() - start;
        out.extend(&self.before_end);
        let count = u16::try_from(self.files.len()).unwrap();
        out.extend(end_record(
            self.entries_here.or(self.entries).unwrap_or(count),
            self.entries.unwrap_or(count),
            size,
            self.directory_offset.unwrap_or(start),
            self.comment.len(),
        ));
        out.extend(&self.comment);
        out.extend(&self.after);
        out
    }
}

pub(crate) fn end_record(here: u16, entries: u16, size: u32, start: u32, comment: usize) -> Vec<u8> {
    let mut out = b"PK\x05\x06\0\0\0\0".to_vec();
    out.extend(here.to_le_bytes());
    out.extend(entries.to_le_bytes());
    put32(&mut out, size);
    put32(&mut out, start);
    put16(&mut out, comment);
    out
}

fn local(out: &mut Vec<u8>, file: &File) {
    let compressed = file.compressed_size.unwrap_or(u32::try_from(file.kept.len()).unwrap());
    out.extend(b"PK\x03\x04\x14\0");
    out.extend(file.local_flags.to_le_bytes());
    out.extend(file.local_method.to_le_bytes());
    out.extend([0; 4]);
    let described = file.descriptor.is_some();
    put32(out, if described { 0 } else { file.crc32 });
    put32(out, if described { 0 } else { compressed });
    put32(out, if described { 0 } else { file.local_size.unwrap_or(file.size) });
    put16(out, file.local_name.len());
    put16(out, file.extra.len());
    out.extend(&file.local_name);
    out.extend(&file.extra);
    out.extend(&file.kept);
    if let Some(signed) = file.descriptor {
        if signed {
            out.extend(b"PK\x07\x08");
        }
        put32(out, file.crc32);
        put32(out, compressed);
        put32(out, file.size);
    }
}

fn central(out: &mut Vec<u8>, file: &File, offset: u32) {
    out.extend(b"PK\x01\x02\x14\0\x14\0");
    out.extend(file.flags.to_le_bytes());
    out.extend(file.method.to_le_bytes());
    out.extend([0; 4]);
    put32(out, file.crc32);
    put32(out, file.compressed_size.unwrap_or(u32::try_from(file.kept.len()).unwrap()));
    put32(out, file.size);
    put16(out, file.name.len());
    put16(out, file.central_extra.len());
    out.extend([0; 10]);
    put32(out, offset);
    out.extend(&file.name);
    out.extend(&file.central_extra);
}

/// A chunk of binary XML.
pub(crate) fn chunk(kind: u16, header: &[u8], body: &[u8]) -> Vec<u8> {
    let mut out = kind.to_le_bytes().to_vec();
    put16(&mut out, 8 + header.len());
    put32(&mut out, u32::try_from(8 + header.len() + body.len()).unwrap());
    out.extend(header);
    out.extend(body);
    out
}

/// A string pool in either encoding.
pub(crate) fn pool(strings: &[&str], utf8: bool) -> Vec<u8> {
    let (mut offsets, mut text) = (Vec::new(), Vec::new());
    for string in strings {
        put32(&mut offsets, u32::try_from(text.len()).unwrap());
        let units: Vec<u16> = string.encode_utf16().collect();
        if utf8 {
            for length in [units.len(), string.len()] {
                if length > 0x7f {
                    text.push(0x80 | u8::try_from(length >> 8).unwrap());
                }
                text.push((length & 0xff) as u8);
            }
            text.extend(string.bytes());
            text.push(0);
        } else {
            put16(&mut text, units.len());
            text.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
            text.extend([0; 2]);
        }
    }
    let mut header = Vec::new();
    put32(&mut header, u32::try_from(strings.len()).unwrap());
    put32(&mut header, 0);
    put32(&mut header, if utf8 { 1 << 8 } else { 0 });
    put32(&mut header, u32::try_from(28 + offsets.len()).unwrap());
    put32(&mut header, 0);
    offsets.extend(text);
    chunk(1, &header, &offsets)
}

/// What an attribute of the built manifest says.
#[derive(Clone, Copy)]
pub(crate) enum Says<'a> {
    Text(&'a str),
    Int(u32),
    Ref(u32),
}

/// An element to build: its name and, for each attribute, resource id (0 = none), name, value.
pub(crate) type Node<'a> = (usize, &'a str, Vec<(u32, &'a str, Says<'a>)>);

/// A document of nested elements (depth, name, attributes) in document order.
pub(crate) fn document(nodes: &[Node<'_>], utf8: bool, stride: usize) -> Vec<u8> {
    let mut strings: Vec<&str> = Vec::new();
    let mut ids: Vec<u32> = Vec::new();
    for (id, name) in nodes.iter().flat_map(|node| &node.2).map(|&(id, name, _)| (id, name)) {
        if id != 0 && !ids.contains(&id) {
            ids.push(id);
            strings.push(name);
        }
    }
    let mapped = ids.len();
    let text = |strings: &mut Vec<_>, text| {
        let known = strings.iter().skip(mapped).position(|&known| known == text);
        u32::try_from(known.map_or(strings.len(), |at| at + mapped)).inspect(|&at| {
            if at as usize == strings.len() {
                strings.push(text);
            }
        })
    };
    let mut body = Vec::new();
    let mut open: Vec<(usize, u32)> = Vec::new();
    for (depth, name, attributes) in nodes {
        while open.last().is_some_and(|(known, _)| known >= depth) {
            body.extend(end_element(open.pop().unwrap().1));
        }
        let name = text(&mut strings, *name).unwrap();
        let mut element = Vec::new();
        put32(&mut element, u32::MAX);
        put32(&mut element, name);
        for value in [20, stride, attributes.len(), 0, 0, 0] {
            put16(&mut element, value);
        }
        for &(id, attribute, says) in attributes {
            let at = ids.iter().position(|&known| id != 0 && known == id);
            put32(&mut element, if id == 0 { u32::MAX } else { 0 });
            let name = at.map_or_else(|| text(&mut strings, attribute).unwrap(), |at| u32::try_from(at).unwrap());
            put32(&mut element, name);
            let (kind, data) = match says {
                Says::Text(value) => (0x03, text(&mut strings, value).unwrap()),
                Says::Int(value) => (0x10, value),
                Says::Ref(value) => (0x01, value),
            };
            put32(&mut element, if kind == 3 { data } else { u32::MAX });
            element.extend([8, 0, 0, kind]);
            put32(&mut element, data);
            element.resize(element.len() + stride - 20, 0xee);
        }
        body.extend(chunk(0x0102, &[0; 8], &element));
        open.push((*depth, name));
    }
    while let Some((_, name)) = open.pop() {
        body.extend(end_element(name));
    }
    let mut out = pool(&strings, utf8);
    out.extend(chunk(0x0180, &[], &ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<_>>()));
    out.extend(body);
    chunk(3, &[], &out)
}

fn end_element(name: u32) -> Vec<u8> {
    let mut body = u32::MAX.to_le_bytes().to_vec();
    put32(&mut body, name);
    chunk(0x0103, &[0; 8], &body)
}

/// Bytes behind their 32-bit length.
pub(crate) fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(bytes.len()).unwrap().to_le_bytes().to_vec();
    out.extend(bytes);
    out
}

/// A signing block of these pairs.
pub(crate) fn signing_block(pairs: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut inner = Vec::new();
    for (id, value) in pairs {
        inner.extend((value.len() as u64 + 4).to_le_bytes());
        put32(&mut inner, *id);
        inner.extend(value);
    }
    let size = (inner.len() as u64 + 24).to_le_bytes();
    [&size[..], &inner, &size, b"APK Sig Block 42"].concat()
}

/// A signer of the second scheme with this certificate and nothing to check.
pub(crate) fn v2_signer(certificate: &[u8]) -> Vec<u8> {
    let signed = [framed(&[]), framed(&framed(certificate)), framed(&[])].concat();
    framed(&framed(&[framed(&signed), framed(&[]), framed(&[])].concat()))
}

/// A resource table of package 0x7f with one type: each entry a string, or a reference; one configuration.
pub(crate) fn table(strings: &[&str], values: &[Says<'_>]) -> Vec<u8> {
    let (mut offsets, mut entries) = (Vec::new(), Vec::new());
    for says in values {
        put32(&mut offsets, u32::try_from(entries.len()).unwrap());
        let (kind, data) = match *says {
            Says::Text(text) => (3, u32::try_from(strings.iter().position(|&known| known == text).unwrap()).unwrap()),
            Says::Int(value) => (0x10, value),
            Says::Ref(value) => (1, value),
        };
        entries.extend([8, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, kind]);
        put32(&mut entries, data);
    }
    let mut header = vec![1, 0, 0, 0];
    put32(&mut header, u32::try_from(values.len()).unwrap());
    put32(&mut header, u32::try_from(24 + offsets.len()).unwrap());
    put32(&mut header, 4);
    offsets.extend(entries);
    let kind = chunk(0x0201, &header, &offsets);
    let package = chunk(0x0200, &[&[0x7f, 0, 0, 0][..], &[0; 276]].concat(), &kind);
    chunk(2, &[1, 0, 0, 0], &[pool(strings, false), package].concat())
}
