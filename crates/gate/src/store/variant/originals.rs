//! What a repository publishes: the entry and the index of the second version, and the older ones where it has them.
//!
//! The archives are its word; the files beside them are read only as far as an archive's signature covers them.

use super::super::index::{INDEX_BYTES_MAX, Index, unpack};
use super::super::upstream::{Fetched, Upstream};
use super::cut::{Cut, hex};
use super::{Part, Strength};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Every file that is another in each variant.
pub const NAMES: [&str; 7] =
    ["entry.jar", "entry.json", "index-v2.json", "index-v1.jar", "index-v1.json", "index.jar", "index.xml"];

/// Signed archives, what lies in them, and how they are signed.
const ARCHIVES: [(&str, &str, Strength); 3] = [
    ("entry.jar", "entry.json", Strength::Modern),
    ("index-v1.jar", "index-v1.json", Strength::Legacy),
    ("index.jar", "index.xml", Strength::Legacy),
];

/// A file as it was fetched.
#[derive(Clone, Debug)]
struct Original {
    bytes: Vec<u8>,
    validator: Option<String>,
}

/// What a repository publishes, at one time.
#[derive(Debug)]
pub struct Originals {
    archives: [Option<Original>; ARCHIVES.len()],
    insides: [Option<Vec<u8>>; ARCHIVES.len()],
    v2: Vec<u8>,
    index: Index,
    timestamp: u64,
    digest: [u8; 32],
}

/// Why there is nothing to make variants of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is being published just now; the next look will find it whole.
    Unsettled(String),
    /// It cannot be read, or is none.
    Fault(String),
}

impl Originals {
    /// Fetches what is published, unless it is what is known.
    ///
    /// # Errors
    /// Why it cannot be read as a whole.
    pub async fn fetch(upstream: &Upstream, known: Option<&Arc<Self>>) -> Result<Option<Self>, Unread> {
        let base = upstream.repository();
        let mut archives = [const { None }; ARCHIVES.len()];
        let mut is_other = known.is_none();
        for (slot, (name, ..)) in archives.iter_mut().zip(ARCHIVES) {
            let held = known.and_then(|known| known.archive(name));
            let since = held.and_then(|held| held.validator.as_deref());
            let fetched =
                upstream.fetch(&format!("{base}/{name}"), since, INDEX_BYTES_MAX).await.map_err(Unread::Fault)?;
            *slot = match fetched {
                Fetched::Unchanged => held.cloned(),
                Fetched::Missing => None,
                Fetched::Body(bytes, validator) => Some(Original { bytes: bytes.to_vec(), validator }),
            };
            is_other |= slot.as_ref().map(|new| &new.bytes) != held.map(|held| &held.bytes);
        }
        if !is_other {
            return Ok(None);
        }
        let path = format!("{base}/index-v2.json");
        let v2 = match upstream.fetch(&path, None, INDEX_BYTES_MAX).await.map_err(Unread::Fault)? {
            Fetched::Body(bytes, _) => bytes.to_vec(),
            Fetched::Missing | Fetched::Unchanged => {
                return Err(Unread::Fault(format!("no {path}: variants are made of an index of the second version")));
            }
        };
        Self::read(archives, v2, base).map(Some)
    }

    fn read(archives: [Option<Original>; ARCHIVES.len()], v2: Vec<u8>, base: &str) -> Result<Self, Unread> {
        let fault = |why: String| Unread::Fault(why);
        let mut insides = [const { None }; ARCHIVES.len()];
        let mut digest = Sha256::new();
        for ((inside, archive), (name, within, _)) in insides.iter_mut().zip(&archives).zip(ARCHIVES) {
            digest.update([u8::from(archive.is_some())]);
            if let Some(archive) = archive {
                *inside = Some(unpack(&archive.bytes, within).map_err(|why| fault(format!("{name}: {why}")))?);
                digest.update(Sha256::digest(&archive.bytes));
            }
        }
        let [entry, ..] = &insides;
        let entry = entry.as_ref().ok_or_else(|| fault(format!("no {base}/entry.jar")))?;
        let entry: Value = serde_json::from_slice(entry).map_err(|error| fault(format!("entry.json: {error}")))?;
        let told = entry.pointer("/index/sha256").and_then(Value::as_str).unwrap_or("");
        if !told.eq_ignore_ascii_case(&hex(&Sha256::digest(&v2))) {
            return Err(Unread::Unsettled(String::from("entry.jar is not of this index-v2.json")));
        }
        let timestamp = entry.get("timestamp").and_then(Value::as_u64);
        let timestamp = timestamp.ok_or_else(|| fault(String::from("entry.json: no `timestamp`")))?;
        let index = Index::read_v2(&v2, base).map_err(Unread::Fault)?;
        Ok(Self { archives, insides, v2, index, timestamp, digest: digest.finalize().into() })
    }

    fn archive(&self, name: &str) -> Option<&Original> {
        self.archives.iter().zip(ARCHIVES).find(|(_, (known, ..))| *known == name)?.0.as_ref()
    }

    /// The signed archives, to be verified before anything made of them is signed.
    pub fn archives(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.archives
            .iter()
            .zip(ARCHIVES)
            .filter_map(|(held, (name, ..))| Some((name, held.as_ref()?.bytes.as_slice())))
    }

    /// Which path is whose.
    #[must_use]
    pub const fn index(&self) -> &Index {
        &self.index
    }

    /// When it was published, in milliseconds since 1970.
    #[must_use]
    pub const fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// A digest of all of it.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The files of a variant.
    pub(super) fn parts(&self, cut: &Cut<'_>) -> Result<Vec<Part>, String> {
        let v2 = cut.v2(&self.v2).map_err(|why| format!("index-v2.json: {why}"))?;
        let mut parts = Vec::new();
        for (inside, (jar, name, strength)) in self.insides.iter().zip(ARCHIVES) {
            let Some(bytes) = inside else { continue };
            let made = match name {
                "entry.json" => cut.entry(bytes, &v2),
                "index-v1.json" => cut.v1(bytes),
                _ => cut.xml(bytes),
            };
            let bytes = made.map_err(|why| format!("{name}: {why}"))?;
            parts.push(Part { name, jar: Some((jar, strength)), bytes });
        }
        parts.push(Part { name: "index-v2.json", jar: None, bytes: v2 });
        Ok(parts)
    }
}
