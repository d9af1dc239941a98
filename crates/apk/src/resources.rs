//! The string a resource id stands for, in the language a package falls back to.

use crate::Fault;
use crate::axml::{Chunk, Pool, Value, chunk, chunks};
use crate::window::{Window, index};
use std::sync::Arc;

/// The resource tables of the largest apps stay under 64 MiB.
pub const TABLE_BYTES_MAX: usize = 256 << 20;
/// A reference that leads to another is followed this far; more is a circle.
pub const REFERENCES_MAX: usize = 8;

const STRING_POOL: u16 = 0x0001;
const TABLE: u16 = 0x0002;
const PACKAGE: u16 = 0x0200;
const TYPE: u16 = 0x0201;
const FLAG_SPARSE: u8 = 1;
const FLAG_OFFSET16: u8 = 2;
const ENTRY_COMPLEX: u16 = 1;
const ENTRY_COMPACT: u16 = 8;
const TYPE_HEADER_BYTES: usize = 20;

const fn format(why: &'static str) -> Fault {
    Fault::Format { what: "resources.arsc", why }
}

/// A resource table.
#[derive(Debug)]
pub struct Resources<'a> {
    pool: Pool,
    packages: Vec<(u8, Chunk<'a>)>,
}

impl<'a> Resources<'a> {
    /// Reads a `resources.arsc`.
    ///
    /// # Errors
    /// [`Fault::Format`] if it is not one, [`Fault::Budget`] beyond the maxima.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        if bytes.len() > TABLE_BYTES_MAX {
            let max = TABLE_BYTES_MAX as u64;
            return Err(Fault::Budget { what: String::from("resources.arsc"), budget: "TABLE_BYTES_MAX", max });
        }
        let table = chunk(bytes).filter(|chunk| chunk.kind == TABLE).ok_or(format("not a resource table"))?;
        let mut pool = None;
        let mut packages = Vec::new();
        for chunk in chunks(table.body) {
            if chunk.kind == STRING_POOL && pool.is_none() {
                pool = Some(Pool::read(&chunk)?);
            } else if chunk.kind == PACKAGE {
                let id = Window::at(chunk.header, 8).and_then(|mut window| window.u32());
                let id = id.and_then(|id| u8::try_from(id).ok()).ok_or(format("a package without an id"))?;
                packages.push((id, chunk));
            }
        }
        Ok(Self { pool: pool.unwrap_or_default(), packages })
    }

    /// The text of this resource, through at most [`REFERENCES_MAX`] references.
    #[must_use]
    pub fn text(&self, id: u32) -> Option<Arc<str>> {
        let mut id = id;
        for _ in 0..=REFERENCES_MAX {
            match self.value(id)? {
                Value::Text(text) => return Some(text),
                Value::Reference(next) => id = next,
                Value::Integer(_) | Value::Boolean(_) | Value::Other(..) => return None,
            }
        }
        None
    }

    /// The value for any device; where there is none, that of the first configuration that has one.
    #[must_use]
    pub fn value(&self, id: u32) -> Option<Value> {
        let [package, kind, high, low] = id.to_be_bytes();
        let entry = u16::from_be_bytes([high, low]);
        let mut fallback = None;
        let packages = self.packages.iter().filter(|&&(id, _)| id == package);
        for chunk in packages.flat_map(|(_, package)| chunks(package.body)) {
            if chunk.kind != TYPE || chunk.header.get(8) != Some(&kind) {
                continue;
            }
            if let Some(value) = entry_value(&chunk, entry, &self.pool) {
                if is_default(&chunk) {
                    return Some(value);
                }
                fallback.get_or_insert(value);
            }
        }
        fallback
    }
}

/// A configuration of zeros fits every device.
fn is_default(chunk: &Chunk<'_>) -> bool {
    chunk.header.get(TYPE_HEADER_BYTES + 4..).is_some_and(|config| config.iter().all(|&byte| byte == 0))
}

fn entry_value(chunk: &Chunk<'_>, entry: u16, pool: &Pool) -> Option<Value> {
    let mut header = Window::at(chunk.header, 9)?;
    let flags = header.u8()?;
    header.u16()?;
    let (count, start) = (header.u32()?, index(header.u32()?));
    let offset = if flags & FLAG_SPARSE != 0 {
        let pairs = chunk.body.chunks_exact(4).take(index(count));
        pairs
            .filter_map(|pair| {
                let mut window = Window::new(pair);
                let (number, quarter) = (window.u16()?, window.u16()?);
                (number == entry).then_some(usize::from(quarter) * 4)
            })
            .next()?
    } else if u32::from(entry) >= count {
        return None;
    } else if flags & FLAG_OFFSET16 != 0 {
        let quarter = Window::at(chunk.body, usize::from(entry) * 2)?.u16()?;
        if quarter == u16::MAX {
            return None;
        }
        usize::from(quarter) * 4
    } else {
        let offset = Window::at(chunk.body, usize::from(entry) * 4)?.u32()?;
        if offset == u32::MAX {
            return None;
        }
        index(offset)
    };
    let mut window = Window::at(chunk.bytes, start.checked_add(offset)?)?;
    let (size, flags) = (window.u16()?, window.u16()?);
    let key = window.u32()?;
    if flags & ENTRY_COMPACT != 0 {
        // The key is where the size was, the type in the upper half of the flags, the value where the key was.
        let [_, kind] = flags.to_le_bytes();
        return Value::new(kind, key, pool);
    }
    if flags & ENTRY_COMPLEX != 0 || size < 8 {
        return None;
    }
    window.take(usize::from(size) - 8)?;
    window.take(3)?;
    Value::new(window.u8()?, window.u32()?, pool)
}
