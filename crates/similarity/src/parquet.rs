//! A table as a Parquet file: flat columns that are never empty, plain values, deflated pages, sorted by the first
//! column. The least that every reader of the format reads.

use std::io::{self, Write};

/// Begins and ends every file.
const MAGIC: &[u8; 4] = b"PAR1";
/// Rows of one group: what a reader holds in memory at once, and skips at once where its first column is elsewhere.
const GROUP_ROWS: usize = 1 << 17;
/// Numbers of the format: types, how often, encodings, codec.
const TYPE_INT64: i64 = 2;
const TYPE_BYTES: i64 = 6;
const REQUIRED: i64 = 0;
const CONVERTED_UTF8: i64 = 0;
const CONVERTED_UINT64: i64 = 14;
const ENCODING_PLAIN: i64 = 0;
const ENCODING_RLE: i64 = 3;
const CODEC_GZIP: i64 = 2;

/// One row: a number and texts, as many in every row.
pub type Row<'a, const N: usize> = (u64, [&'a str; N]);

/// The compact protocol of Thrift, as far as this format needs it.
#[derive(Default)]
struct Thrift {
    out: Vec<u8>,
    /// The last field of each struct that is open.
    open: Vec<i64>,
}

impl Thrift {
    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.out.push(0x80 | (value & 0x7f) as u8);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    fn zigzag(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    /// A field begins: its number counts from the one before.
    fn field(&mut self, number: i64, kind: u8) {
        let last = self.open.last_mut();
        let before = last.map_or(0, |last| std::mem::replace(last, number));
        let delta = number - before;
        if (1..=15).contains(&delta) {
            self.out.push((delta as u8) << 4 | kind);
        } else {
            self.out.push(kind);
            self.zigzag(number);
        }
    }

    fn i32(&mut self, number: i64, value: i64) {
        self.field(number, 5);
        self.zigzag(value);
    }

    fn i64(&mut self, number: i64, value: i64) {
        self.field(number, 6);
        self.zigzag(value);
    }

    fn bytes(&mut self, number: i64, value: &[u8]) {
        self.field(number, 8);
        self.raw(value);
    }

    fn raw(&mut self, value: &[u8]) {
        self.varint(value.len() as u64);
        self.out.extend_from_slice(value);
    }

    fn list(&mut self, number: i64, kind: u8, length: usize) {
        self.field(number, 9);
        if length < 15 {
            self.out.push((length as u8) << 4 | kind);
        } else {
            self.out.push(0xf0 | kind);
            self.varint(length as u64);
        }
    }

    fn begin(&mut self) {
        self.open.push(0);
    }

    fn end(&mut self) {
        self.open.pop();
        self.out.push(0);
    }
}

/// Where a column of a group stands.
struct Chunk {
    offset: u64,
    /// With the head of the page.
    plain: usize,
    packed: usize,
}

struct Group {
    chunks: Vec<Chunk>,
    rows: usize,
    least: u64,
    most: u64,
}

/// Writes rows, sorted by their number, under these names of columns: the number's, then the texts'.
///
/// # Errors
/// What `out` errs with; [`io::ErrorKind::InvalidInput`] if the rows are not sorted.
pub fn write<const N: usize>(columns: (&str, [&str; N]), rows: &[Row<'_, N>], out: &mut dyn Write) -> io::Result<()> {
    if !rows.is_sorted_by_key(|(number, _)| *number) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "rows that are not sorted"));
    }
    out.write_all(MAGIC)?;
    let mut at = MAGIC.len() as u64;
    let mut groups = Vec::new();
    for part in rows.chunks(GROUP_ROWS) {
        let mut chunks = Vec::with_capacity(N + 1);
        let numbers: Vec<u8> = part.iter().flat_map(|(number, _)| number.to_le_bytes()).collect();
        chunks.push(page(&numbers, part.len(), &mut at, out)?);
        for n in 0..N {
            let mut plain = Vec::new();
            for text in part.iter().filter_map(|(_, texts)| texts.get(n)) {
                let length = u32::try_from(text.len()).map_err(|_too_long| io::ErrorKind::InvalidInput)?;
                plain.extend(length.to_le_bytes());
                plain.extend(text.as_bytes());
            }
            chunks.push(page(&plain, part.len(), &mut at, out)?);
        }
        let number = |row: Option<&Row<'_, N>>| row.map_or(0, |(number, _)| *number);
        groups.push(Group { chunks, rows: part.len(), least: number(part.first()), most: number(part.last()) });
    }
    let names: Vec<&str> = std::iter::once(columns.0).chain(columns.1).collect();
    let footer = footer(&names, rows.len(), &groups);
    out.write_all(&footer)?;
    let length = u32::try_from(footer.len()).map_err(|_too_long| io::ErrorKind::InvalidInput)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(MAGIC)
}

/// One page: all values of a column of a group.
fn page(plain: &[u8], values: usize, at: &mut u64, out: &mut dyn Write) -> io::Result<Chunk> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain)?;
    let packed = encoder.finish()?;
    let size =
        |n: usize| i64::try_from(n).ok().filter(|n| *n <= i64::from(i32::MAX)).ok_or(io::ErrorKind::InvalidInput);
    let mut head = Thrift::default();
    head.begin();
    head.i32(1, 0);
    head.i32(2, size(plain.len())?);
    head.i32(3, size(packed.len())?);
    head.field(5, 12);
    head.begin();
    head.i32(1, size(values)?);
    head.i32(2, ENCODING_PLAIN);
    head.i32(3, ENCODING_RLE);
    head.i32(4, ENCODING_RLE);
    head.end();
    head.end();
    out.write_all(&head.out)?;
    out.write_all(&packed)?;
    let chunk = Chunk { offset: *at, plain: head.out.len() + plain.len(), packed: head.out.len() + packed.len() };
    *at += chunk.packed as u64;
    Ok(chunk)
}

fn long(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn footer(names: &[&str], rows: usize, groups: &[Group]) -> Vec<u8> {
    let mut file = Thrift::default();
    file.begin();
    file.i32(1, 1);
    file.list(2, 12, names.len() + 1);
    file.begin();
    file.bytes(4, b"schema");
    file.i32(5, long(names.len()));
    file.end();
    for (n, name) in names.iter().enumerate() {
        file.begin();
        file.i32(1, if n == 0 { TYPE_INT64 } else { TYPE_BYTES });
        file.i32(3, REQUIRED);
        file.bytes(4, name.as_bytes());
        file.i32(6, if n == 0 { CONVERTED_UINT64 } else { CONVERTED_UTF8 });
        file.end();
    }
    file.i64(3, long(rows));
    file.list(4, 12, groups.len());
    groups.iter().for_each(|one| group(&mut file, names, one));
    file.bytes(6, b"interdict");
    // Every column is ordered as its type is.
    file.list(7, 12, names.len());
    for _ in names {
        file.begin();
        file.field(1, 12);
        file.begin();
        file.end();
        file.end();
    }
    file.end();
    file.out
}

fn group(file: &mut Thrift, names: &[&str], group: &Group) {
    file.begin();
    file.list(1, 12, group.chunks.len());
    for (n, (chunk, name)) in group.chunks.iter().zip(names).enumerate() {
        file.begin();
        file.i64(2, i64::try_from(chunk.offset).unwrap_or(i64::MAX));
        file.field(3, 12);
        file.begin();
        file.i32(1, if n == 0 { TYPE_INT64 } else { TYPE_BYTES });
        file.list(2, 5, 2);
        file.zigzag(ENCODING_PLAIN);
        file.zigzag(ENCODING_RLE);
        file.list(3, 8, 1);
        file.raw(name.as_bytes());
        file.i32(4, CODEC_GZIP);
        file.i64(5, long(group.rows));
        file.i64(6, long(chunk.plain));
        file.i64(7, long(chunk.packed));
        file.i64(9, i64::try_from(chunk.offset).unwrap_or(i64::MAX));
        if n == 0 {
            file.field(12, 12);
            file.begin();
            file.i64(3, 0);
            file.bytes(5, &group.most.to_le_bytes());
            file.bytes(6, &group.least.to_le_bytes());
            file.end();
        }
        file.end();
        file.end();
    }
    file.i64(2, group.chunks.iter().map(|chunk| long(chunk.plain)).sum());
    file.i64(3, long(group.rows));
    file.list(4, 12, 1);
    file.begin();
    file.i32(1, 0);
    // Ascending; nothing is empty.
    file.field(2, 2);
    file.field(3, 2);
    file.end();
    file.end();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_not_sorted_are_refused() {
        let mut out = Vec::new();
        assert!(write(("n", ["t"]), &[(2, ["b"]), (1, ["a"])], &mut out).is_err());
    }

    #[test]
    fn a_file_begins_and_ends_as_the_format_says() {
        let mut out = Vec::new();
        write(("n", ["t"]), &[(1, ["a"]), (u64::MAX, ["b"])], &mut out).expect("memory takes all");
        assert!(out.starts_with(MAGIC) && out.ends_with(MAGIC));
        let length = u32::from_le_bytes(out[out.len() - 8..out.len() - 4].try_into().expect("four bytes")) as usize;
        assert!(length + 12 < out.len());
    }
}
