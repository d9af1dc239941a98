//! Commitments: what a decision was, in 32 bytes that say nothing, of which any field can later be shown alone.
//!
//! Each field is hashed with a salt of its own, all salts come from one seed, and the public entry has the root over
//! the eight. Whoever holds the seed can show a field and its salt; whoever does not learns nothing about the others,
//! not even whether two entries have a field in common. When the seed is gone, nobody can show any.

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use tlog::Hash;
use tlog::tree;

/// Fields of a decision. The number is fixed, since a smaller tree would tell how many there were.
pub const FIELDS: usize = 8;

/// Hashes beside the way from a field to the root of eight.
pub const PATH: usize = 3;

/// What the salts of one decision are made of. Whoever has it can open all of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// The fields of a decision; one that does not apply is absent.
pub type Fields = [Option<Vec<u8>>; FIELDS];

/// One field shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// Which one, 0 to 7.
    pub field: usize,
    /// Its salt.
    pub salt: [u8; 32],
    /// What it was.
    pub value: Vec<u8>,
    /// The hashes beside the way to the commitment.
    pub path: [Hash; PATH],
}

impl Seed {
    fn derive(&self, purpose: &[u8], field: u8) -> [u8; 32] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return [0; 32] };
        mac.update(purpose);
        mac.update(&[field]);
        mac.finalize().into_bytes().into()
    }

    fn leaves(&self, fields: &Fields) -> [Hash; FIELDS] {
        let mut leaves = [Hash([0; 32]); FIELDS];
        for ((index, leaf), value) in (0..).zip(&mut leaves).zip(fields) {
            *leaf = match value {
                Some(value) => leaf_of(index, &self.derive(b"interdict/salt/v1", index), value),
                // As random as any other to whoever lacks the seed.
                None => Hash(self.derive(b"interdict/absent/v1", index)),
            };
        }
        leaves
    }

    /// The commitment to these fields.
    #[must_use]
    pub fn commit(&self, fields: &Fields) -> Hash {
        tree::root(&self.leaves(fields))
    }

    /// Shows one field; `None` if it is absent.
    #[must_use]
    pub fn disclose(&self, fields: &Fields, field: usize) -> Option<Disclosure> {
        let value = fields.get(field)?.clone()?;
        let index = u8::try_from(field).ok()?;
        let leaves = self.leaves(fields);
        let spans = tree::inclusion_spans(FIELDS as u64, u64::from(index));
        let mut path = [Hash([0; 32]); PATH];
        for (hash, span) in path.iter_mut().zip(spans) {
            let (from, to) = (usize::try_from(span.start).ok()?, usize::try_from(span.end).ok()?);
            *hash = tree::root(leaves.get(from..to)?);
        }
        Some(Disclosure { field, salt: self.derive(b"interdict/salt/v1", index), value, path })
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(self.derive(b"interdict/record/v1", 0)))
    }

    /// Encrypts the fields so that they are gone when the seed is.
    #[must_use]
    pub fn seal(&self, fields: &Fields) -> Option<Vec<u8>> {
        let mut plain = Vec::new();
        for field in fields {
            let length = field.as_ref().map_or(u32::MAX, |value| u32::try_from(value.len()).unwrap_or(u32::MAX - 1));
            plain.extend(length.to_be_bytes());
            plain.extend(field.iter().flatten());
        }
        // A key encrypts one record, so the nonce need not differ.
        self.cipher().encrypt(&Nonce::default(), plain.as_slice()).ok()
    }

    /// Decrypts them; `None` with another seed, or if a byte was changed.
    #[must_use]
    pub fn open(&self, sealed: &[u8]) -> Option<Fields> {
        let plain = self.cipher().decrypt(&Nonce::default(), sealed).ok()?;
        let mut rest = plain.as_slice();
        let mut fields = Fields::default();
        for field in &mut fields {
            let (length, after) = rest.split_first_chunk()?;
            rest = after;
            let length = u32::from_be_bytes(*length);
            if length != u32::MAX {
                let (value, after) = rest.split_at_checked(length as usize)?;
                *field = Some(value.to_vec());
                rest = after;
            }
        }
        rest.is_empty().then_some(fields)
    }
}

fn leaf_of(field: u8, salt: &[u8; 32], value: &[u8]) -> Hash {
    let length = (value.len() as u64).to_be_bytes();
    let parts = Sha256::new_with_prefix(b"interdict/field/v1").chain_update([field]).chain_update(salt);
    Hash(parts.chain_update(length).chain_update(value).finalize().into())
}

impl Disclosure {
    /// Whether this field is the one that was committed to.
    #[must_use]
    pub fn opens(&self, commitment: Hash) -> bool {
        let Ok(index) = u8::try_from(self.field) else { return false };
        let leaf = leaf_of(index, &self.salt, &self.value);
        tree::verify_inclusion(leaf, u64::from(index), FIELDS as u64, &self.path, commitment).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn fields() -> Fields {
        let mut fields = Fields::default();
        for (index, field) in fields.iter_mut().enumerate().filter(|(index, _)| *index != 5) {
            *field = Some(format!("value {index}").into_bytes());
        }
        fields
    }

    #[test]
    fn each_field_opens_alone_and_nothing_else_does() {
        let seed = Seed([7; 32]);
        let commitment = seed.commit(&fields());
        assert_eq!(seed.disclose(&fields(), 5), None);
        for field in (0..FIELDS).filter(|field| *field != 5) {
            let shown = seed.disclose(&fields(), field).unwrap();
            assert!(shown.opens(commitment));
            assert!(!shown.opens(Seed([8; 32]).commit(&fields())));
            for wrong in [
                Disclosure { field: (field + 1) % 8, ..shown.clone() },
                Disclosure { field: field + 256, ..shown.clone() },
                Disclosure { salt: [0; 32], ..shown.clone() },
                Disclosure { value: b"value".to_vec(), ..shown.clone() },
                Disclosure { value: [&shown.value[..], b"\0"].concat(), ..shown.clone() },
                Disclosure { path: [Hash([0; 32]); PATH], ..shown.clone() },
            ] {
                assert!(!wrong.opens(commitment), "{wrong:?}");
            }
        }
    }

    #[test]
    fn equal_decisions_have_nothing_in_common() {
        let mut seen = BTreeSet::new();
        for number in 0..20_000_u32 {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&number.to_be_bytes());
            assert!(seen.insert(Seed(seed).commit(&fields())));
        }
    }

    #[test]
    fn sealed_fields_need_their_seed() {
        let seed = Seed([7; 32]);
        let sealed = seed.seal(&fields()).unwrap();
        assert_eq!(seed.open(&sealed), Some(fields()));
        assert_eq!(Seed([0; 32]).open(&sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(seed.open(&changed), None);
        }
        assert!(!sealed.windows(5).any(|window| window == b"value"));
    }
}
