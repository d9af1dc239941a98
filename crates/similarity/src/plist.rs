//! The bundle id of an Apple app, out of its `Info.plist`: as XML or in the binary form.

/// What is asked for.
const KEY: &str = "CFBundleIdentifier";
/// A longer id is none: Apple allows 155 characters.
const ID_BYTES_MAX: usize = 155;
/// Keys of one dictionary; property lists of apps have a few dozen.
const KEYS_MAX: u64 = 1 << 14;

/// The bundle id, if the property list states one.
pub(crate) fn bundle_id(bytes: &[u8]) -> Option<String> {
    let id = if bytes.starts_with(b"bplist00") { binary(bytes) } else { xml(bytes) }?;
    let sound = !id.is_empty() && id.len() <= ID_BYTES_MAX;
    (sound && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))).then_some(id)
}

fn xml(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (_, rest) = text.split_once(&format!("<key>{KEY}</key>"))?;
    let (value, _) = rest.trim_start().strip_prefix("<string>")?.split_once("</string>")?;
    Some(value.trim().to_owned())
}

struct Objects<'a> {
    bytes: &'a [u8],
    offset_bytes: usize,
    reference_bytes: usize,
    count: u64,
    table: usize,
}

fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let part = bytes.get(at..at.checked_add(size)?)?;
    (size <= 8).then(|| part.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn binary(bytes: &[u8]) -> Option<String> {
    let trailer = bytes.len().checked_sub(32)?;
    let objects = Objects {
        bytes,
        offset_bytes: usize::from(*bytes.get(trailer + 6)?),
        reference_bytes: usize::from(*bytes.get(trailer + 7)?),
        count: number(bytes, trailer + 8, 8)?,
        table: usize::try_from(number(bytes, trailer + 24, 8)?).ok()?,
    };
    let (kind, keys, at) = objects.object(number(bytes, trailer + 16, 8)?)?;
    if kind != 13 || keys > KEYS_MAX {
        return None;
    }
    for n in 0..keys {
        let reference = |n: u64| {
            let at = at.checked_add(usize::try_from(n).ok()?.checked_mul(objects.reference_bytes)?)?;
            objects.text(number(bytes, at, objects.reference_bytes)?)
        };
        if reference(n).as_deref() == Some(KEY) {
            return reference(keys + n);
        }
    }
    None
}

impl Objects<'_> {
    /// Kind, length and where the content begins.
    fn object(&self, n: u64) -> Option<(u8, u64, usize)> {
        let n = usize::try_from(n).ok().filter(|n| (*n as u64) < self.count)?;
        let at = number(self.bytes, self.table.checked_add(n.checked_mul(self.offset_bytes)?)?, self.offset_bytes)?;
        let at = usize::try_from(at).ok()?;
        let mark = *self.bytes.get(at)?;
        if mark & 15 < 15 {
            return Some((mark >> 4, u64::from(mark & 15), at + 1));
        }
        // A longer length is a number of its own.
        let size = 1_usize.checked_shl(u32::from(*self.bytes.get(at + 1)? & 15))?;
        Some((mark >> 4, number(self.bytes, at + 2, size)?, at.checked_add(2)?.checked_add(size)?))
    }

    fn text(&self, n: u64) -> Option<String> {
        // Of a longer text only its length counts: it is neither the key nor an id.
        let (kind, length, at) = self.object(n).filter(|(_, length, _)| *length <= ID_BYTES_MAX as u64)?;
        let bytes = self.bytes.get(at..at.checked_add(usize::try_from(length).ok()?)?)?;
        (kind == 5).then(|| String::from_utf8_lossy(bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by Python's `plistlib`, as bytes, for `{"A": 1, "CFBundleIdentifier": "com.example.shop"}`.
    const BINARY: [&[u8]; 4] = [
        b"bplist00\xd2\x01\x02\x03\x04QA_\x10\x12CFBundleIdentifier\x10\x01_\x10\x10com.example.shop",
        b"\x08\x0d\x0f\x24\x26",
        b"\0\0\0\0\0\0\x01\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\x39",
    ];

    #[test]
    fn both_forms_are_read() {
        let xml = b"<plist><dict><key>A</key><integer>1</integer><key>CFBundleIdentifier</key>\n<string>com.example.shop</string></dict></plist>";
        assert_eq!(bundle_id(xml).as_deref(), Some("com.example.shop"));
        assert_eq!(bundle_id(&BINARY.concat()).as_deref(), Some("com.example.shop"));
        assert_eq!(bundle_id(b"<plist><dict></dict></plist>"), None);
    }

    #[test]
    fn turned_bytes_give_an_id_or_none_and_never_panic() {
        let good = BINARY.concat();
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut turned = good.clone();
                turned[at] ^= 1 << bit;
                bundle_id(&turned);
                bundle_id(&turned[..at]);
            }
        }
    }
}
