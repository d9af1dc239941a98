//! Who signed a package, in which scheme.
//!
//! This module reads the certificates that signatures name; it does not check the signatures, which
//! [`verified`](crate::verified) does. A certificate found here says who is *claimed* to have signed: enough to notice a
//! listed signer, not enough to trust one.

use crate::archive::{Archive, Fault};
use crate::der::{CONTEXT_0, INTEGER, OBJECT, Reader, SEQUENCE, SET, Value};
use crate::window::Window;
use sha2::{Digest, Sha256};
use std::ops::RangeInclusive;

/// Signers of one scheme. Android allows ten.
pub const SIGNERS_MAX: usize = 10;
/// Certificates of one signer; chains have three or four.
pub const CERTIFICATES_MAX: usize = 64;
/// Pairs in the signing block; packages have three or four.
pub const PAIRS_MAX: usize = 1_024;
/// A signature file of the first scheme is some kilobytes.
pub const PKCS7_BYTES_MAX: u64 = 1 << 20;

const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
pub(crate) const V2: u32 = 0x7109_871a;
pub(crate) const V3: u32 = 0xf053_68c0;
pub(crate) const V31: u32 = 0x1b93_ad61;
/// The attribute of the third scheme that holds a signer's earlier certificates.
pub(crate) const ROTATION: u32 = 0x3ba0_6f8c;

const WHAT: &str = "signature";

const fn format(why: &'static str) -> Fault {
    Fault::Format { what: WHAT, why }
}

/// How a package is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `META-INF/*.RSA|DSA|EC`, a signed JAR.
    V1,
    /// The whole file, since Android 7.
    V2,
    /// With key rotation, since Android 9.
    V3,
    /// With rotation for newer platforms only, since Android 13.
    V31,
}

impl Scheme {
    /// `v1`, `v2`, `v3`, `v3.1`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
            Self::V31 => "v3.1",
        }
    }
}

/// A signer as one scheme states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The scheme.
    pub scheme: Scheme,
    /// The signer's certificate, DER.
    pub certificate: Vec<u8>,
    /// SHA-256 of [`Signer::certificate`], under which stores and orders know it.
    pub certificate_sha256: [u8; 32],
    /// SHA-256 of earlier certificates, oldest first, that the third scheme says were rotated from.
    pub rotated_from: Vec<[u8; 32]>,
    /// The platform versions the third scheme says the signer is for.
    pub sdk: Option<RangeInclusive<u32>>,
    /// The file of the first scheme.
    pub file: Option<String>,
}

/// Every signer of every scheme: v3.1, v3 and v2 from the signing block, v1 from the signature files.
///
/// # Errors
/// [`Fault::Format`] if a signature is there and cannot be read, [`Fault::Budget`] beyond the maxima.
pub fn signers(archive: &Archive<'_>) -> Result<Vec<Signer>, Fault> {
    let mut found = Vec::new();
    for (id, value) in pairs(archive)? {
        let scheme = match id {
            V31 => Scheme::V31,
            V3 => Scheme::V3,
            V2 => Scheme::V2,
            _ => continue,
        };
        block_signers(scheme, value, &mut found)?;
    }
    for entry in archive.entries().iter().filter(|entry| is_signature_file(entry.name)) {
        if entry.size > PKCS7_BYTES_MAX {
            let what = format!("`{}`", entry.name);
            return Err(Fault::Budget { what, budget: "PKCS7_BYTES_MAX", max: PKCS7_BYTES_MAX });
        }
        let content = archive.read(entry)?;
        let certificate = pkcs7_certificate(&content.bytes).ok_or(format("no signer certificate in a PKCS #7 file"))?;
        let mut signer = Signer::new(Scheme::V1, certificate);
        signer.file = Some(String::from(entry.name));
        found.push(signer);
        count(found.len(), SIGNERS_MAX * 4, "SIGNERS_MAX")?;
    }
    found.sort_by_key(|signer| std::cmp::Reverse(signer.scheme));
    Ok(found)
}

/// `META-INF/NAME.RSA`, `.DSA` or `.EC`, directly in that directory, in any case.
#[must_use]
pub fn is_signature_file(name: &str) -> bool {
    in_meta_inf(name).is_some_and(|file| {
        file.rsplit_once('.')
            .is_some_and(|(_, end)| ["RSA", "DSA", "EC"].iter().any(|known| end.eq_ignore_ascii_case(known)))
    })
}

/// A file of the first scheme: the manifest, a signature list or a signature. Android looks for them in `META-INF`, spelled
/// so and no other way: elsewhere such a file is content like any other.
#[must_use]
pub fn is_v1_file(name: &str) -> bool {
    let is_one = |file: &str| {
        let end = file.rsplit_once('.').map_or("", |(_, end)| end);
        is_signature_file(name) || file.eq_ignore_ascii_case("MANIFEST.MF") || end.eq_ignore_ascii_case("SF")
    };
    name.starts_with("META-INF/") && in_meta_inf(name).is_some_and(is_one)
}

fn in_meta_inf(name: &str) -> Option<&str> {
    let (directory, file) = name.split_once('/')?;
    (directory.eq_ignore_ascii_case("META-INF") && !file.contains('/')).then_some(file)
}

impl Signer {
    fn new(scheme: Scheme, certificate: &[u8]) -> Self {
        Self {
            scheme,
            certificate: certificate.to_vec(),
            certificate_sha256: Sha256::digest(certificate).into(),
            rotated_from: Vec::new(),
            sdk: None,
            file: None,
        }
    }
}

const fn count(number: usize, max: usize, budget: &'static str) -> Result<(), Fault> {
    if number > max { Err(Fault::Budget { what: String::new(), budget, max: max as u64 }) } else { Ok(()) }
}

/// The id-value pairs of the signing block, in order.
///
/// # Errors
/// [`Fault::Format`] if they do not fill the block, [`Fault::Budget`] beyond [`PAIRS_MAX`].
pub fn pairs<'a>(archive: &Archive<'a>) -> Result<Vec<(u32, &'a [u8])>, Fault> {
    let Some(block) = &archive.layout().signing else { return Ok(Vec::new()) };
    let bytes = archive.span(block);
    // A size in front; a size and the magic behind.
    let inner =
        bytes.len().checked_sub(24).and_then(|end| bytes.get(8..end)).ok_or(format("signing block too short"))?;
    let mut window = Window::new(inner);
    let mut pairs = Vec::new();
    while !window.is_empty() {
        let length = window.u64().and_then(|length| usize::try_from(length).ok());
        let pair = length.and_then(|length| window.take(length)).ok_or(format("a pair leaves the signing block"))?;
        let mut pair = Window::new(pair);
        let id = pair.u32().ok_or(format("a pair without an id"))?;
        pairs.push((id, pair.rest()));
        count(pairs.len(), PAIRS_MAX, "PAIRS_MAX")?;
    }
    Ok(pairs)
}

fn block_signers(scheme: Scheme, value: &[u8], found: &mut Vec<Signer>) -> Result<(), Fault> {
    let broken = || format("a signer of the signing block is cut short");
    let mut signers = Window::new(Window::new(value).prefixed().ok_or_else(broken)?);
    let mut number = 0;
    while !signers.is_empty() {
        number += 1;
        count(number, SIGNERS_MAX, "SIGNERS_MAX")?;
        let signer = signers.prefixed().and_then(|bytes| block_signer(scheme, bytes)).ok_or_else(broken)?;
        found.push(signer);
    }
    Ok(())
}

/// The signer's first certificate is its own; the rest lead to a root that nobody asks.
fn block_signer(scheme: Scheme, bytes: &[u8]) -> Option<Signer> {
    let mut signed = Window::new(Window::new(bytes).prefixed()?);
    signed.prefixed()?;
    let mut certificates = Window::new(signed.prefixed()?);
    let mut signer = Signer::new(scheme, certificates.prefixed()?);
    if scheme == Scheme::V2 {
        return Some(signer);
    }
    let (min, max) = (signed.u32()?, signed.u32()?);
    signer.sdk = Some(min..=max);
    let mut attributes = Window::new(signed.prefixed()?);
    while !attributes.is_empty() {
        let mut attribute = Window::new(attributes.prefixed()?);
        if attribute.u32()? == ROTATION {
            signer.rotated_from = lineage(attribute.rest(), &signer.certificate_sha256)?;
        }
    }
    Some(signer)
}

/// Version, then a chain of certificates from the oldest to the present one, each signed by the one before.
fn lineage(bytes: &[u8], present: &[u8; 32]) -> Option<Vec<[u8; 32]>> {
    let mut window = Window::new(bytes);
    window.u32()?;
    let mut chain = Vec::new();
    while !window.is_empty() && chain.len() < CERTIFICATES_MAX {
        let mut level = Window::new(window.prefixed()?);
        let mut signed = Window::new(level.prefixed()?);
        chain.push(Sha256::digest(signed.prefixed()?).into());
    }
    chain.retain(|certificate| certificate != present);
    Some(chain)
}

/// The certificate that the first signer of a PKCS #7 file names by issuer and serial number.
fn pkcs7_certificate(bytes: &[u8]) -> Option<&[u8]> {
    let mut content = Reader::new(bytes).expect(SEQUENCE)?.inside();
    if content.expect(OBJECT)?.content != SIGNED_DATA {
        return None;
    }
    let mut signed = content.expect(CONTEXT_0)?.inside().expect(SEQUENCE)?.inside();
    signed.expect(INTEGER)?;
    signed.expect(SET)?;
    signed.expect(SEQUENCE)?;
    let mut certificates = signed.expect(CONTEXT_0)?.inside();
    signed.optional(CONTEXT_0 + 1);
    let mut signer = signed.expect(SET)?.inside().expect(SEQUENCE)?.inside();
    signer.expect(INTEGER)?;
    let mut named = signer.expect(SEQUENCE)?.inside();
    let (issuer, serial) = (named.expect(SEQUENCE)?, named.expect(INTEGER)?);
    for _ in 0..CERTIFICATES_MAX {
        let certificate = certificates.expect(SEQUENCE)?;
        if issuer_and_serial(&certificate).is_some_and(|(its_issuer, its_serial)| {
            (its_issuer.whole, its_serial.content) == (issuer.whole, serial.content)
        }) {
            return Some(certificate.whole);
        }
    }
    None
}

fn issuer_and_serial<'a>(certificate: &Value<'a>) -> Option<(Value<'a>, Value<'a>)> {
    let mut body = certificate.inside().expect(SEQUENCE)?.inside();
    body.optional(CONTEXT_0);
    let serial = body.expect(INTEGER)?;
    body.expect(SEQUENCE)?;
    Some((body.expect(SEQUENCE)?, serial))
}
