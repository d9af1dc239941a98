//! What a package says of itself: the name in its manifest, its signers' certificates, its digest.
//!
//! A package is known by its content, so another name or path does not make it another app. What was found out is kept
//! by digest, and beside each path with the validator the repository gave it.

use super::code::{Coded, Search};
use apk::excerpt::{self, Excerpt, Ranges};
use apk::{Archive, Budgets, Manifest, signing};
use flate2::read::DeflateDecoder;
use foldhash::HashMap;
use sha2::{Digest, Sha256};
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};

/// The largest package that is read as a whole. Stores take packages up to 4 GB, nearly all far below this; of a longer
/// one the parts are read that say what it is.
pub const PACKAGE_BYTES_MAX: usize = 512 << 20;
/// Packages inside a bundle (`.apks`, `.xapk`): a base and its splits.
const BUNDLED_MAX: usize = 64;
/// Manifests looked for in a file that is no sound archive; hostile ones could hold any number.
const STRAY_MANIFESTS_MAX: usize = 16;
/// Headers of manifests that are looked behind, sound or not.
const STRAY_HEADERS_MAX: usize = 256;
/// A binary manifest has some kilobytes, a huge one a megabyte.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;
/// Read at once of a long file that is searched from end to end.
const STRETCH_BYTES: u64 = 8 << 20;
/// Paths remembered: some hundred bytes each. The largest public repository has some 15,000 packages.
pub const REMEMBERED_MAX: usize = 200_000;

/// What a file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Package names, in order.
    pub packages: Vec<String>,
    /// SHA-256 of certificates of its signers, now and before.
    pub certificates: Vec<[u8; 32]>,
    /// SHA-256 of the file, if all of it was read.
    pub content: Option<[u8; 32]>,
    /// Whose code is in it.
    pub code: Vec<Coded>,
    /// Why Android would refuse it, if it would.
    pub fault: Option<String>,
}

impl Identity {
    /// Reads a file.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut identity = Self { content: Some(Sha256::digest(bytes).into()), ..Self::default() };
        match Archive::open(bytes, &Budgets::default()) {
            Ok(archive) => identity.read(&archive, BUNDLED_MAX),
            Err(fault) => identity.fault = Some(fault.to_string()),
        }
        if identity.packages.is_empty() {
            // No device installs it as it is, and it may be one byte away from one that does.
            identity.packages = stray_manifests(bytes);
        }
        identity.packages.sort_unstable();
        identity.packages.dedup();
        identity.certificates.sort_unstable();
        identity.certificates.dedup();
        identity
    }

    /// Reads a file that is too large to hold, and looks for listed code in what is read of it.
    ///
    /// # Errors
    /// A range cannot be had.
    pub fn of_ranges<R: Ranges>(from: &mut R, search: Option<&Search>) -> Result<Self, R::Fault> {
        let unsound = || Self { fault: Some(String::from("no archive with a sound directory")), ..Self::default() };
        let identity = match excerpt::excerpt(from, PACKAGE_BYTES_MAX as u64)? {
            Excerpt::Archive(None) => return Ok(Self::default()),
            Excerpt::Archive(Some(bytes)) => {
                let code = search.map_or_else(Vec::new, |search| search.find(&bytes));
                Self { content: None, code, ..Self::of(&bytes) }
            }
            Excerpt::Unsound => unsound(),
        };
        if !identity.packages.is_empty() {
            return Ok(identity);
        }
        let mut packages = strays_in(from)?;
        packages.sort_unstable();
        packages.dedup();
        Ok(Self { packages, ..identity })
    }

    fn read(&mut self, archive: &Archive<'_>, bundled_max: usize) {
        match Manifest::read(archive) {
            Ok(manifest) => self.packages.push(manifest.package),
            Err(apk::Fault::Absent(_)) => {}
            Err(fault) => self.fault = Some(fault.to_string()),
        }
        match signing::signers(archive) {
            Ok(signers) => {
                for signer in signers {
                    self.certificates.push(signer.certificate_sha256);
                    self.certificates.extend(signer.rotated_from);
                }
            }
            Err(fault) => self.fault = Some(fault.to_string()),
        }
        let inner = archive.entries().iter().filter(|entry| entry.name.to_ascii_lowercase().ends_with(".apk"));
        for entry in inner.take(bundled_max) {
            let Ok(content) = archive.read(entry) else { continue };
            if let Ok(archive) = Archive::open(&content.bytes, &Budgets::default()) {
                self.read(&archive, 0);
            }
        }
    }
}

/// What stands before the content of a manifest.
const LOCAL: &[u8] = b"PK\x03\x04";
const HEADER_BYTES: usize = 30;

/// Package names of manifests that lie in a file, whatever its directory says.
fn stray_manifests(bytes: &[u8]) -> Vec<String> {
    let headers = strays(bytes).take(STRAY_HEADERS_MAX);
    let named = headers.filter_map(|at| manifest_at(bytes.get(at..).unwrap_or_default()));
    named.take(STRAY_MANIFESTS_MAX).collect()
}

/// The same of a file that is too large to hold.
fn strays_in<R: Ranges>(from: &mut R) -> Result<Vec<String>, R::Fault> {
    let (length, mut packages) = (from.length(), Vec::new());
    let header_bytes = (HEADER_BYTES + apk::manifest::MANIFEST.len()) as u64;
    let (mut at, mut headers) = (0, 0);
    while at < length && packages.len() < STRAY_MANIFESTS_MAX && headers < STRAY_HEADERS_MAX {
        let stretch = from.read(at..length.min(at + STRETCH_BYTES + header_bytes))?;
        for found in strays(&stretch).map(|found| found as u64).take_while(|found| *found < STRETCH_BYTES) {
            let header = at + found;
            // Two fields of any length may stand before the content.
            let entry = from.read(header..length.min(header + MANIFEST_BYTES_MAX + (2 << 16)))?;
            packages.extend(manifest_at(&entry));
            headers += 1;
            if packages.len() == STRAY_MANIFESTS_MAX || headers == STRAY_HEADERS_MAX {
                break;
            }
        }
        at += STRETCH_BYTES;
    }
    Ok(packages)
}

/// Where headers of manifests begin.
fn strays(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let name = apk::manifest::MANIFEST.as_bytes();
    let mut at = 0;
    let headers = std::iter::from_fn(move || {
        let found = at + find(bytes.get(at..)?, LOCAL)?;
        at = found + LOCAL.len();
        Some(found)
    });
    headers.filter(move |at| {
        let header = bytes.get(*at..).unwrap_or_default();
        half(header, 26) == Some(name.len()) && header.get(HEADER_BYTES..).is_some_and(|rest| rest.starts_with(name))
    })
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at..at + 2) {
        Some([low, high]) => Some(usize::from(u16::from_le_bytes([*low, *high]))),
        _ => None,
    }
}

/// The package name of a manifest behind its header.
fn manifest_at(entry: &[u8]) -> Option<String> {
    let data = entry.get(HEADER_BYTES + half(entry, 26)? + half(entry, 28)?..)?;
    let mut inflated = Vec::new();
    // What inflates before a damaged end is enough to find the name in.
    let whole = DeflateDecoder::new(data).take(MANIFEST_BYTES_MAX).read_to_end(&mut inflated).is_ok();
    let stored = data.get(..data.len().min(MANIFEST_BYTES_MAX as usize)).unwrap_or_default();
    let read = Manifest::parse(&inflated, None).or_else(|fault| match whole {
        true => Err(fault),
        false => Manifest::parse(stored, None),
    });
    Some(read.ok()?.package)
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let (first, _) = needle.split_first()?;
    let mut at = 0;
    while let Some(step) = bytes.get(at..)?.iter().position(|byte| byte == first) {
        at += step;
        if bytes.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// What was found out, by digest and by path.
#[derive(Debug, Default)]
pub struct Identities {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_content: HashMap<[u8; 32], Arc<Identity>>,
    by_path: HashMap<String, (String, Arc<Identity>)>,
}

impl Identities {
    /// What is known of the content that a path has under this validator.
    #[must_use]
    pub fn of(&self, path: &str, validator: &str) -> Option<Arc<Identity>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (held, identity) = known.by_path.get(path)?;
        (held == validator).then(|| Arc::clone(identity))
    }

    /// What was last known of a path, whatever its content is now.
    #[must_use]
    pub fn last(&self, path: &str) -> Option<Arc<Identity>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.by_path.get(path).map(|(_, identity)| Arc::clone(identity))
    }

    /// Remembers what a file is, under a path if the repository told a validator.
    pub fn remember(&self, path: &str, validator: Option<&str>, identity: Identity) -> Arc<Identity> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.by_path.len() >= REMEMBERED_MAX {
            // All of it is found out again when asked for; forgetting at random would need the same care.
            *known = Known::default();
        }
        let identity = match identity.content {
            Some(content) => Arc::clone(known.by_content.entry(content).or_insert_with(|| Arc::new(identity))),
            None => Arc::new(identity),
        };
        if let Some(validator) = validator {
            known.by_path.insert(path.to_owned(), (validator.to_owned(), Arc::clone(&identity)));
        }
        identity
    }
}

#[cfg(test)]
mod tests {
    use super::{Identities, Identity, REMEMBERED_MAX, find};

    #[test]
    fn what_is_no_package_says_nothing_of_itself() {
        for bytes in [&b""[..], b"PK", b"PK\x03\x04", &b"PK\x03\x04".repeat(10_000), &[0; 100], b"PK\x05\x06"] {
            let identity = Identity::of(bytes);
            assert!(identity.packages.is_empty() && identity.certificates.is_empty() && identity.fault.is_some());
        }
    }

    #[test]
    fn a_needle_is_found_where_it_is() {
        assert_eq!(find(b"PPPK\x03\x04", b"PK\x03\x04"), Some(2));
        assert_eq!(find(b"PKPKPK", b"PK\x03\x04"), None);
    }

    #[test]
    fn a_path_is_known_only_with_its_validator_and_memory_has_an_end() {
        let identities = Identities::default();
        let first = identities.remember("/a", Some("1"), Identity::of(b"x"));
        assert!(
            identities.of("/a", "1").is_some()
                && identities.of("/a", "2").is_none()
                && identities.of("/b", "1").is_none()
        );
        let second = identities.remember("/b", Some("1"), Identity::of(b"x"));
        assert!(std::sync::Arc::ptr_eq(&first, &second), "one content, one identity");
        for n in 0..=REMEMBERED_MAX {
            identities.remember(&n.to_string(), Some("1"), Identity::default());
        }
        assert!(identities.of("/a", "1").is_none());
        assert!(identities.of(&REMEMBERED_MAX.to_string(), "1").is_some());
    }
}
