//! An archive of one file, for a signer to sign.

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use std::io::Write as _;

/// PKWARE APPNOTE § 4.4.3: deflate needs version 2.0.
const VERSION: u16 = 20;
/// PKWARE APPNOTE § 4.4.5.
const DEFLATED: u16 = 8;
/// 1980-01-01, the first day a directory entry can name: the same input makes the same archive.
const DATE: u16 = 0x21;

/// The archive.
///
/// # Errors
/// The file is longer than such an archive can hold.
pub fn jar(name: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
    let packed = packed.write_all(bytes).and_then(|()| packed.finish()).map_err(|error| error.to_string())?;
    let mut crc = Crc::new();
    crc.update(bytes);
    let long = |len: usize| u32::try_from(len).map_err(|_beyond| format!("{name} is longer than 4 GB"));
    let name_len = u16::try_from(name.len()).map_err(|error| error.to_string())?;
    let mut entry = Vec::new();
    for half in [VERSION, 0, DEFLATED, 0, DATE] {
        entry.extend(half.to_le_bytes());
    }
    for word in [crc.sum(), long(packed.len())?, long(bytes.len())?] {
        entry.extend(word.to_le_bytes());
    }
    entry.extend(name_len.to_le_bytes());
    entry.extend(0_u16.to_le_bytes());
    let mut out = Vec::with_capacity(packed.len() + 200);
    out.extend(b"PK\x03\x04");
    out.extend(&entry);
    out.extend(name.as_bytes());
    out.extend(&packed);
    let directory = out.len();
    out.extend(b"PK\x01\x02");
    out.extend(VERSION.to_le_bytes());
    out.extend(&entry);
    // No comment, first disk, no attributes, and the local header at the beginning.
    out.extend([0; 14]);
    out.extend(name.as_bytes());
    let directory_len = long(out.len() - directory)?;
    out.extend(b"PK\x05\x06");
    for half in [0_u16, 0, 1, 1] {
        out.extend(half.to_le_bytes());
    }
    out.extend(directory_len.to_le_bytes());
    out.extend(long(directory)?.to_le_bytes());
    out.extend(0_u16.to_le_bytes());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::jar;

    #[test]
    fn what_goes_in_comes_out() {
        for bytes in [&b""[..], b"{}", &[7; 100_000]] {
            let made = jar("entry.json", bytes).unwrap();
            let budgets = apk::Budgets { ratio_max: 1_032, ..apk::Budgets::default() };
            let archive = apk::Archive::open(&made, &budgets).unwrap();
            assert_eq!(&*archive.read_named("entry.json").unwrap().bytes, bytes);
            assert_eq!(jar("entry.json", bytes).unwrap(), made);
        }
    }
}
