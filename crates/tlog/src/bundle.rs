//! Entry bundles: the entries under a tile of level 0, each after its length in two bytes (C2SP tlog-tiles).

/// The longest entry a bundle can hold: its length is written in 16 bits.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// Appends an entry to a bundle; `false`, and nothing appended, if it is longer than [`ENTRY_BYTES_MAX`].
#[must_use]
pub fn push(bundle: &mut Vec<u8>, entry: &[u8]) -> bool {
    let Ok(length) = u16::try_from(entry.len()) else { return false };
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    true
}

/// The entries of a bundle that holds exactly `width` of them, or `None` if it ends early, late, or holds others.
#[must_use]
pub fn decode(width: u16, bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::with_capacity(usize::from(width));
    let mut rest = bytes;
    for _ in 0..width {
        let (length, after) = rest.split_first_chunk()?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        rest = after;
    }
    rest.is_empty().then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_shorter_or_longer() {
        let longest = vec![7; ENTRY_BYTES_MAX];
        let mut bundle = Vec::new();
        for entry in [&b"a"[..], b"", &longest] {
            assert!(push(&mut bundle, entry));
        }
        assert!(!push(&mut bundle, &vec![0; ENTRY_BYTES_MAX + 1]));
        assert_eq!(decode(3, &bundle), Some(vec![&b"a"[..], b"", &longest]));
        assert_eq!(decode(2, &bundle), None);
        assert_eq!(decode(4, &bundle), None);
        assert_eq!(decode(3, &bundle[..bundle.len() - 1]), None);
        assert_eq!(decode(3, &[&bundle[..], b"\0"].concat()), None);
    }
}
