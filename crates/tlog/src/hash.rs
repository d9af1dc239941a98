//! SHA-256 as RFC 6962 §2.1 uses it: leaves and nodes are hashed apart, so neither can be passed off as the other.

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use std::fmt;

/// Bytes of a hash.
pub const HASH_BYTES: usize = 32;

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

/// The root of the tree without leaves: SHA-256 of nothing.
pub const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

impl Hash {
    /// The hash of these bytes as they are (not a leaf).
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The hash of an entry as a leaf.
    #[must_use]
    pub fn leaf(entry: &[u8]) -> Self {
        Self(Sha256::new_with_prefix([0]).chain_update(entry).finalize().into())
    }

    /// The hash of two subtrees.
    #[must_use]
    pub fn node(left: Self, right: Self) -> Self {
        Self(Sha256::new_with_prefix([1]).chain_update(left.0).chain_update(right.0).finalize().into())
    }

    /// From exactly 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From standard base64 in its one canonical spelling.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let mut bytes = [0; HASH_BYTES];
        let read = Base64::decode(text, &mut bytes).ok()?.len();
        (read == HASH_BYTES).then_some(Self(bytes))
    }

    /// As standard base64.
    #[must_use]
    pub fn to_base64(self) -> String {
        Base64::encode_string(&self.0)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_root_is_the_hash_of_nothing() {
        assert_eq!(Hash::of(b""), EMPTY_ROOT);
    }

    #[test]
    fn base64_has_one_spelling() {
        let hash = Hash::leaf(b"x");
        assert_eq!(Hash::from_base64(&hash.to_base64()), Some(hash));
        // The last sextet of 32 bytes carries two bits that must be zero.
        let mut text = hash.to_base64();
        text.replace_range(42..43, if &text[42..43] == "A" { "B" } else { "9" });
        assert_eq!(Hash::from_base64(&text), None);
        assert_eq!(Hash::from_base64(""), None);
        assert_eq!(Hash::from_base64("AAAA"), None);
    }
}
