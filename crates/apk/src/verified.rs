//! Whether a package is signed as it says: the second and third scheme, checked as Android checks them.
//!
//! A signer's key signs digests of everything outside the signing block, in pieces of a megabyte; the certificate names
//! the key. A certificate proves nothing else here: whose it is, trust documents and orders say. The first scheme signs
//! files and not the package, and is not checked here.

use crate::archive::Archive;
use crate::der::{BITS, CONTEXT_0, INTEGER, OBJECT, Reader, SEQUENCE};
use crate::signing::{ROTATION, SIGNERS_MAX, Scheme, V2, V3, V31, pairs};
use crate::window::Window;
use ring::signature::{self as known, UnparsedPublicKey, VerificationAlgorithm};
use sha2::{Digest, Sha256, Sha512};
use std::fmt;

/// The attribute of the second scheme that says which later scheme signed too.
const LATER_SCHEME: u32 = 0xbeef_f00d;
/// The attribute of the third scheme that says from which platform on a rotated key signs instead.
const ROTATED_FROM_SDK: u32 = 0x559f_8b02;
/// Content is digested in pieces of this size.
const PIECE_BYTES: usize = 1 << 20;
/// Digests or signatures of one signer; packages have one or two.
const ALGORITHMS_MAX: usize = 32;

const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const RSA_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];

/// A signer whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The scheme.
    pub scheme: Scheme,
    /// SHA-256 of the signer's certificate.
    pub certificate_sha256: [u8; 32],
    /// The digest of the content that is signed: SHA-256 or SHA-512 over pieces.
    pub content: Vec<u8>,
}

/// Why a package is not known to be signed as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// Neither the second nor the third scheme signed it.
    Unsigned,
    /// Something in the signing block cannot be read, or is there too often.
    Malformed(&'static str),
    /// None of a signer's algorithms is known here.
    Algorithm,
    /// A signature is not the key's.
    Signature,
    /// What is signed is not this content.
    Content,
    /// The certificate names another key.
    Key,
    /// What is said outside the signature differs from what is signed.
    Contradiction,
    /// A scheme says that a later one signed too, and that one is gone.
    Stripped,
    /// An earlier key does not vouch for the next.
    Lineage,
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsigned => "neither the second nor the third signature scheme signed it",
            Self::Malformed(what) => what,
            Self::Algorithm => "it is signed with algorithms that are not known here",
            Self::Signature => "a signature is not that of its key",
            Self::Content => "the content is not what was signed",
            Self::Key => "a certificate names another key than the one that signed",
            Self::Contradiction => "what is said outside a signature differs from what was signed",
            Self::Stripped => "a later signature that is spoken of is gone",
            Self::Lineage => "an earlier key does not vouch for the next",
        })
    }
}

impl std::error::Error for Unverified {}

/// How content is digested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hashed {
    Sha256,
    Sha512,
}

/// An algorithm of a signer: how content is digested, and how that is signed.
#[derive(Clone, Copy)]
enum Signed {
    Pss,
    Pkcs1,
    Ecdsa,
}

const fn algorithm(id: u32) -> Option<(Hashed, Signed)> {
    match id {
        0x0101 => Some((Hashed::Sha256, Signed::Pss)),
        0x0102 => Some((Hashed::Sha512, Signed::Pss)),
        0x0103 => Some((Hashed::Sha256, Signed::Pkcs1)),
        0x0104 => Some((Hashed::Sha512, Signed::Pkcs1)),
        0x0201 => Some((Hashed::Sha256, Signed::Ecdsa)),
        0x0202 => Some((Hashed::Sha512, Signed::Ecdsa)),
        // DSA, and trees of hashes for file systems, which no package has alone.
        _ => None,
    }
}

/// Every signer of the second and third scheme, each of whose signatures holds.
///
/// # Errors
/// The first thing that does not.
pub fn verified(archive: &Archive<'_>) -> Result<Vec<Verified>, Unverified> {
    let pairs = pairs(archive).map_err(|_fault| Unverified::Malformed("the signing block cannot be read"))?;
    let of = |id: u32| pairs.iter().filter(move |(known, _)| *known == id);
    let mut contents: [Option<Vec<u8>>; 2] = [None, None];
    let mut found = Vec::new();
    for (id, scheme) in [(V31, Scheme::V31), (V3, Scheme::V3), (V2, Scheme::V2)] {
        if of(id).count() > 1 {
            return Err(Unverified::Malformed("a signature scheme is there twice"));
        }
        for (_, block) in of(id) {
            let cut = Unverified::Malformed("a signer of the signing block is cut short");
            let mut signers = Window::new(Window::new(block).prefixed().ok_or(cut)?);
            if signers.is_empty() {
                return Err(Unverified::Malformed("a signature scheme without a signer"));
            }
            let mut number = 0;
            while !signers.is_empty() {
                number += 1;
                if number > SIGNERS_MAX {
                    return Err(Unverified::Malformed("more signers than a package may have"));
                }
                let signer = Signer::read(scheme, signers.prefixed().ok_or(cut)?).ok_or(cut)?;
                let (hashed, content) = signer.checked(scheme)?;
                let slot = contents.get_mut(hashed as usize).ok_or(Unverified::Algorithm)?;
                let actual = slot.get_or_insert_with(|| digest(archive, hashed));
                if *actual != content {
                    return Err(Unverified::Content);
                }
                let is_gone = |id: u32| of(id).count() == 0;
                let is_stripped = match scheme {
                    Scheme::V2 => signer.attribute(LATER_SCHEME) == Some(3) && is_gone(V3),
                    Scheme::V3 => signer.attribute(ROTATED_FROM_SDK).is_some() && is_gone(V31),
                    Scheme::V1 | Scheme::V31 => false,
                };
                if is_stripped {
                    return Err(Unverified::Stripped);
                }
                let certificate_sha256 = Sha256::digest(signer.certificate).into();
                found.push(Verified { scheme, certificate_sha256, content: content.to_vec() });
            }
        }
    }
    if found.is_empty() { Err(Unverified::Unsigned) } else { Ok(found) }
}

/// A signer as its scheme writes it.
struct Signer<'a> {
    signed: &'a [u8],
    digests: Vec<(u32, &'a [u8])>,
    certificate: &'a [u8],
    attributes: Vec<(u32, &'a [u8])>,
    /// The platform versions it is for, as signed and as said outside.
    sdk: [Option<(u32, u32)>; 2],
    signatures: Vec<(u32, &'a [u8])>,
    key: &'a [u8],
}

impl<'a> Signer<'a> {
    fn read(scheme: Scheme, bytes: &'a [u8]) -> Option<Self> {
        let has_sdk = scheme != Scheme::V2;
        let mut signer = Window::new(bytes);
        let signed = signer.prefixed()?;
        let mut inside = Window::new(signed);
        let digests = numbered(inside.prefixed()?, true)?;
        let certificate = Window::new(inside.prefixed()?).prefixed()?;
        let range = |window: &mut Window<'a>| Some((window.u32()?, window.u32()?));
        let told = if has_sdk { Some(range(&mut inside)?) } else { None };
        let attributes = numbered(inside.prefixed()?, false)?;
        let outside = if has_sdk { Some(range(&mut signer)?) } else { None };
        let signatures = numbered(signer.prefixed()?, true)?;
        Some(Self {
            signed,
            digests,
            certificate,
            attributes,
            sdk: [told, outside],
            signatures,
            key: signer.prefixed()?,
        })
    }

    fn attribute(&self, id: u32) -> Option<u32> {
        let found = self.attributes.iter().find(|(known, _)| *known == id)?;
        Window::new(found.1).u32()
    }

    /// The digest of the content that the signer's best signature signs.
    fn checked(&self, scheme: Scheme) -> Result<(Hashed, &'a [u8]), Unverified> {
        let known = self.signatures.iter().filter_map(|(id, bytes)| Some((algorithm(*id)?, *id, *bytes)));
        let best = known.max_by_key(|((hashed, _), ..)| *hashed).ok_or(Unverified::Algorithm)?;
        let ((hashed, _), id, signature) = best;
        check(self.key, id, self.signed, signature)?;
        if key_of(self.certificate) != Some(self.key) {
            return Err(Unverified::Key);
        }
        let ids = |list: &[(u32, &[u8])]| list.iter().map(|(id, _)| *id).collect::<Vec<_>>();
        let [told, outside] = self.sdk;
        if ids(&self.digests) != ids(&self.signatures) || told != outside {
            return Err(Unverified::Contradiction);
        }
        let rotation = self.attributes.iter().find(|(known, _)| *known == ROTATION).filter(|_| scheme != Scheme::V2);
        if rotation.is_some_and(|(_, chain)| lineage(chain, self.certificate).is_none()) {
            return Err(Unverified::Lineage);
        }
        let digest = self.digests.iter().find(|(known, _)| *known == id).map(|(_, digest)| *digest);
        Ok((hashed, digest.ok_or(Unverified::Contradiction)?))
    }
}

/// A list of numbers, each with bytes behind it that may have a length of their own.
fn numbered(bytes: &[u8], prefixed: bool) -> Option<Vec<(u32, &[u8])>> {
    let mut list = Window::new(bytes);
    let mut found = Vec::new();
    while !list.is_empty() && found.len() < ALGORITHMS_MAX {
        let mut item = Window::new(list.prefixed()?);
        let id = item.u32()?;
        found.push((id, if prefixed { item.prefixed()? } else { item.rest() }));
    }
    list.is_empty().then_some(found)
}

/// Whether each certificate of a chain vouches for the next, down to the present one.
fn lineage(bytes: &[u8], present: &[u8]) -> Option<()> {
    let mut chain = Window::new(bytes);
    chain.u32()?;
    let mut before: Option<(&[u8], u32)> = None;
    while !chain.is_empty() {
        let mut level = Window::new(chain.prefixed()?);
        let signed = level.prefixed()?;
        let (_flags, next, signature) = (level.u32()?, level.u32()?, level.prefixed()?);
        let mut inside = Window::new(signed);
        let (certificate, by) = (inside.prefixed()?, inside.u32()?);
        if let Some((parent, id)) = before {
            let vouched = id == by && check(key_of(parent)?, id, signed, signature).is_ok();
            vouched.then_some(())?;
        }
        before = Some((certificate, next));
    }
    before.filter(|(last, _)| *last == present).map(drop)
}

/// Checks a signature by a key (DER `SubjectPublicKeyInfo`).
fn check(key: &[u8], id: u32, signed: &[u8], signature: &[u8]) -> Result<(), Unverified> {
    let malformed = Unverified::Malformed("a public key cannot be read");
    let (kind, curve, material) = material(key).ok_or(malformed)?;
    let (hashed, signer) = algorithm(id).ok_or(Unverified::Algorithm)?;
    let by: &dyn VerificationAlgorithm = match (signer, hashed, kind, curve) {
        // Android takes keys of 1,024 bits, as old apps have them.
        (Signed::Pkcs1, Hashed::Sha256, RSA_KEY, _) => &known::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        (Signed::Pkcs1, Hashed::Sha512, RSA_KEY, _) => &known::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        (Signed::Pss, Hashed::Sha256, RSA_KEY, _) => &known::RSA_PSS_2048_8192_SHA256,
        (Signed::Pss, Hashed::Sha512, RSA_KEY, _) => &known::RSA_PSS_2048_8192_SHA512,
        (Signed::Ecdsa, Hashed::Sha256, EC_KEY, P256) => &known::ECDSA_P256_SHA256_ASN1,
        (Signed::Ecdsa, Hashed::Sha256, EC_KEY, P384) => &known::ECDSA_P384_SHA256_ASN1,
        _ => return Err(Unverified::Algorithm),
    };
    UnparsedPublicKey::new(by, material).verify(signed, signature).map_err(|_unspecified| Unverified::Signature)
}

/// What kind of key it is, on which curve if on one, and its bytes.
fn material(key: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut info = Reader::new(key).expect(SEQUENCE)?.inside();
    let mut kind = info.expect(SEQUENCE)?.inside();
    let name = kind.expect(OBJECT)?.content;
    let curve = kind.optional(OBJECT).map_or(&[][..], |curve| curve.content);
    let (unused, bits) = info.expect(BITS)?.content.split_first()?;
    (*unused == 0).then_some((name, curve, bits))
}

/// The key that a certificate names.
fn key_of(certificate: &[u8]) -> Option<&[u8]> {
    let mut body = Reader::new(certificate).expect(SEQUENCE)?.inside().expect(SEQUENCE)?.inside();
    body.optional(CONTEXT_0);
    body.expect(INTEGER)?;
    // Algorithm, issuer, validity, subject.
    for _ in 0..4 {
        body.expect(SEQUENCE)?;
    }
    Some(body.expect(SEQUENCE)?.whole)
}

/// The digest of everything outside the signing block.
fn digest(archive: &Archive<'_>, hashed: Hashed) -> Vec<u8> {
    let layout = archive.layout();
    let block = layout.signing.clone().unwrap_or_default();
    let mut end = archive.span(&layout.end).to_vec();
    // As if the block were not there: where it begins, the directory begins.
    let offset = u32::try_from(block.start).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(slot) = end.get_mut(16..20) {
        slot.copy_from_slice(&offset);
    }
    let sections = [archive.span(&(0..block.start)), archive.span(&(block.end..layout.end.start)), &end];
    match hashed {
        Hashed::Sha256 => pieces::<Sha256>(&sections),
        Hashed::Sha512 => pieces::<Sha512>(&sections),
    }
}

/// A digest of the digests of pieces, each behind a byte that tells the two apart, and its length or their number.
fn pieces<D: Digest>(sections: &[&[u8]]) -> Vec<u8> {
    let (mut count, mut all) = (0_u32, Vec::new());
    for piece in sections.iter().flat_map(|section| section.chunks(PIECE_BYTES)) {
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX).to_le_bytes();
        all.extend(D::new().chain_update([0xa5]).chain_update(length).chain_update(piece).finalize());
        count += 1;
    }
    D::new().chain_update([0x5a]).chain_update(count.to_le_bytes()).chain_update(all).finalize().to_vec()
}
