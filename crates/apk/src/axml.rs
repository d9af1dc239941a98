//! Binary XML, as `aapt` writes it and Android reads it.
//!
//! Android looks neither at the type of the outer chunk nor at chunks it does not know, finds attributes
//! at the stated offset and stride, and knows an attribute by its resource id before its name. Tools that
//! expect more order than that are fooled by packages that run; this reader follows Android.

use crate::Fault;
use crate::window::{Window, index};
use std::sync::Arc;

/// A manifest is some kilobytes; the largest seen in practice stay under 2 MiB.
pub const DOCUMENT_BYTES_MAX: usize = 16 << 20;
/// Strings of one pool. A resource table of a very large app has some hundred thousand.
pub const STRINGS_MAX: usize = 1 << 20;
/// Text decoded from one pool: many strings may share the same bytes, so it is counted apart.
pub const TEXT_BYTES_MAX: usize = 64 << 20;
/// Elements and their attributes.
pub const NODES_MAX: usize = 1 << 20;
/// Nesting; a manifest needs five levels.
pub const DEPTH_MAX: usize = 256;

const STRING_POOL: u16 = 0x0001;
const RESOURCE_MAP: u16 = 0x0180;
const START_ELEMENT: u16 = 0x0102;
const END_ELEMENT: u16 = 0x0103;
const CHUNK_HEADER_BYTES: usize = 8;
const UTF8: u32 = 1 << 8;
const NONE: u32 = u32::MAX;

const WHAT: &str = "binary XML";

pub(crate) const fn format(why: &'static str) -> Fault {
    Fault::Format { what: WHAT, why }
}

/// A chunk: its type, its whole header and its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) kind: u16,
    pub(crate) header: &'a [u8],
    pub(crate) body: &'a [u8],
    pub(crate) bytes: &'a [u8],
}

/// The chunks of a run of bytes, until the first that does not fit.
pub(crate) fn chunks(mut bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    std::iter::from_fn(move || {
        let chunk = chunk(bytes)?;
        bytes = bytes.get(chunk.bytes.len()..)?;
        Some(chunk)
    })
}

pub(crate) fn chunk(bytes: &[u8]) -> Option<Chunk<'_>> {
    let mut window = Window::new(bytes);
    let (kind, header, size) = (window.u16()?, usize::from(window.u16()?), index(window.u32()?));
    if header < CHUNK_HEADER_BYTES || size < header {
        return None;
    }
    let bytes = bytes.get(..size)?;
    let (header, body) = bytes.split_at_checked(header)?;
    Some(Chunk { kind, header, body, bytes })
}

/// A string pool, decoded.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    strings: Vec<Option<Arc<str>>>,
}

impl Pool {
    pub(crate) fn read(chunk: &Chunk<'_>) -> Result<Self, Fault> {
        let short = || format("string pool is cut short");
        let mut window = Window::at(chunk.header, CHUNK_HEADER_BYTES).ok_or_else(short)?;
        let count = index(window.u32().ok_or_else(short)?);
        window.u32().ok_or_else(short)?;
        let utf8 = window.u32().ok_or_else(short)? & UTF8 != 0;
        let start = index(window.u32().ok_or_else(short)?);
        if count > STRINGS_MAX {
            return Err(Fault::Budget { what: String::from(WHAT), budget: "STRINGS_MAX", max: STRINGS_MAX as u64 });
        }
        if count.saturating_mul(4) > chunk.body.len() {
            return Err(short());
        }
        let mut offsets = Window::new(chunk.body);
        let text = chunk.bytes.get(start..).unwrap_or_default();
        let mut strings = Vec::with_capacity(count);
        let mut spent = 0_usize;
        for _ in 0..count {
            let at = index(offsets.u32().ok_or_else(short)?);
            let string = text.get(at..).and_then(|bytes| if utf8 { read_utf8(bytes) } else { read_utf16(bytes) });
            spent = spent.saturating_add(string.as_ref().map_or(0, String::len));
            if spent > TEXT_BYTES_MAX {
                let max = TEXT_BYTES_MAX as u64;
                return Err(Fault::Budget { what: String::from(WHAT), budget: "TEXT_BYTES_MAX", max });
            }
            strings.push(string.map(Arc::from));
        }
        Ok(Self { strings })
    }

    pub(crate) fn get(&self, number: u32) -> Option<Arc<str>> {
        self.strings.get(index(number)).and_then(Clone::clone)
    }
}

/// Two lengths (in UTF-16 units, in bytes), the bytes, NUL.
fn read_utf8(bytes: &[u8]) -> Option<String> {
    let mut window = Window::new(bytes);
    let mut length = || {
        let first = usize::from(window.u8()?);
        if first & 0x80 == 0 { Some(first) } else { Some((first & 0x7f) << 8 | usize::from(window.u8()?)) }
    };
    length()?;
    let length = length()?;
    let text = window.take(length)?;
    (window.u8()? == 0).then(|| from_modified_utf8(text))?
}

/// UTF-8 in which characters beyond the basic plane may be written as two surrogates, as Java does.
fn from_modified_utf8(bytes: &[u8]) -> Option<String> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(String::from(text));
    }
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let valid = (1..=4).find_map(|length| std::str::from_utf8(rest.get(..length)?).ok());
        if let Some(text) = valid.filter(|text| !text.is_empty()) {
            units.extend(text.encode_utf16());
            rest = rest.get(text.len()..)?;
            continue;
        }
        let (&second, &third) = (rest.get(1)?, rest.get(2)?);
        if first != 0xed || second & 0xe0 != 0xa0 || third & 0xc0 != 0x80 {
            return None;
        }
        units.push(0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f));
        rest = rest.get(3..)?;
    }
    String::from_utf16(&units).ok()
}

/// A length in UTF-16 units, the units, NUL.
fn read_utf16(bytes: &[u8]) -> Option<String> {
    let mut window = Window::new(bytes);
    let first = usize::from(window.u16()?);
    let length = if first & 0x8000 == 0 { first } else { (first & 0x7fff) << 16 | usize::from(window.u16()?) };
    let text = window.take(length.checked_mul(2)?)?;
    let units: Vec<u16> =
        text.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?))).collect();
    (window.u16()? == 0).then(|| String::from_utf16(&units).ok())?
}

/// What an attribute says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(Arc<str>),
    /// A number, as its 32 bits.
    Integer(u32),
    /// True or false.
    Boolean(bool),
    /// A resource of this id.
    Reference(u32),
    /// Anything else: its type and its 32 bits.
    Other(u8, u32),
}

impl Value {
    /// From a type and its 32 bits; `None` if it names a string the pool does not have.
    pub(crate) fn new(kind: u8, data: u32, pool: &Pool) -> Option<Self> {
        Some(match kind {
            0x01 | 0x07 => Self::Reference(data),
            0x03 => Self::Text(pool.get(data)?),
            0x10..=0x11 | 0x1c..=0x1f => Self::Integer(data),
            0x12 => Self::Boolean(data != 0),
            other => Self::Other(other, data),
        })
    }
}

/// An attribute of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its namespace.
    pub namespace: Option<Arc<str>>,
    /// Its name; empty where the pool has none, since Android goes by [`Attribute::resource`].
    pub name: Arc<str>,
    /// The resource id that stands for its name; 0 = none.
    pub resource: u32,
    /// What it says.
    pub value: Value,
}

/// An element, in document order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: Arc<str>,
    /// How many elements it is inside of.
    pub depth: usize,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
}

impl Element {
    /// The first attribute of this resource id, as Android finds those of its own namespace.
    #[must_use]
    pub fn by_resource(&self, resource: u32) -> Option<&Value> {
        self.attributes.iter().find(|attribute| attribute.resource == resource).map(|attribute| &attribute.value)
    }

    /// The first attribute of this name without a namespace.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Value> {
        let plain = |attribute: &&Attribute| attribute.namespace.is_none() && &*attribute.name == name;
        self.attributes.iter().find(plain).map(|attribute| &attribute.value)
    }
}

/// The elements of a document.
///
/// # Errors
/// [`Fault::Format`] if Android could not read it, [`Fault::Budget`] beyond the maxima of this module.
pub fn elements(bytes: &[u8]) -> Result<Vec<Element>, Fault> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        let max = DOCUMENT_BYTES_MAX as u64;
        return Err(Fault::Budget { what: String::from(WHAT), budget: "DOCUMENT_BYTES_MAX", max });
    }
    let outer = chunk(bytes).ok_or(format("no chunk"))?;
    let mut pool = None;
    let mut resources: Vec<u32> = Vec::new();
    let mut elements = Vec::new();
    let (mut depth, mut nodes) = (0_usize, 0_usize);
    for chunk in chunks(outer.body) {
        match chunk.kind {
            // The first pool counts: Android stops looking once it has one.
            STRING_POOL if pool.is_none() => pool = Some(Pool::read(&chunk)?),
            RESOURCE_MAP => {
                let ids = chunk.body.chunks_exact(4).filter_map(|id| Some(u32::from_le_bytes(id.try_into().ok()?)));
                resources = ids.collect();
            }
            START_ELEMENT => {
                let pool = pool.as_ref().ok_or(format("an element before the strings"))?;
                let element = read_element(&chunk, depth, pool, &resources).ok_or(format("an element is broken"))?;
                nodes = nodes.saturating_add(1 + element.attributes.len());
                depth += 1;
                if nodes > NODES_MAX || depth > DEPTH_MAX {
                    let (budget, max) =
                        if depth > DEPTH_MAX { ("DEPTH_MAX", DEPTH_MAX) } else { ("NODES_MAX", NODES_MAX) };
                    return Err(Fault::Budget { what: String::from(WHAT), budget, max: max as u64 });
                }
                elements.push(element);
            }
            END_ELEMENT => depth = depth.checked_sub(1).ok_or(format("more elements end than start"))?,
            _ => {}
        }
    }
    Ok(elements)
}

fn read_element(chunk: &Chunk<'_>, depth: usize, pool: &Pool, resources: &[u32]) -> Option<Element> {
    let mut window = Window::new(chunk.body);
    window.u32()?;
    let name = pool.get(window.u32()?)?;
    let (start, stride, count) = (usize::from(window.u16()?), usize::from(window.u16()?), usize::from(window.u16()?));
    // Android's own check: every attribute lies inside its chunk.
    if stride < 20 || start.checked_add(stride.checked_mul(count)?)? > chunk.body.len() {
        return (count == 0).then(|| Element { name, depth, attributes: Vec::new() });
    }
    let attributes = (0..count).map(|number| {
        let mut window = Window::at(chunk.body, start + stride * number)?;
        let (namespace, name) = (window.u32()?, window.u32()?);
        let raw = window.u32()?;
        window.take(3)?;
        let (kind, data) = (window.u8()?, window.u32()?);
        let value = Value::new(kind, data, pool).or_else(|| pool.get(raw).map(Value::Text))?;
        Some(Attribute {
            namespace: if namespace == NONE { None } else { Some(pool.get(namespace).unwrap_or_default()) },
            name: pool.get(name).unwrap_or_default(),
            resource: resources.get(index(name)).copied().unwrap_or(0),
            value,
        })
    });
    Some(Element { name, depth, attributes: attributes.collect::<Option<Vec<_>>>()? })
}
