//! The DSSE envelope: which bytes were signed, and which of some keys signed them.
//!
//! The bytes that are verified are the bytes that are parsed. A key id is a hint that nobody signed: it
//! can save a try, never make a signature count.

use crate::Fault;
use crate::json::{self, Members};
use base64ct::{Base64, Base64Url, Encoding};
use ed25519_dalek::pkcs8::DecodePublicKey;
use p256::ecdsa::signature::Verifier;
use sha2::{Digest, Sha256};

/// More signatures than any statement needs.
pub const SIGNATURES_MAX: usize = 32;
/// Keys tried against one envelope, in all: about 50 ms of work.
pub const TRIES_MAX: usize = 512;
/// The one payload type we read.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// An envelope whose signatures nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// The signed bytes.
    pub payload: Vec<u8>,
    /// The signatures.
    pub signatures: Vec<Signature>,
}

/// A signature and what it says about its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// A hint.
    pub keyid: Option<String>,
    /// The signature.
    pub sig: Vec<u8>,
}

/// Decodes base64 in either alphabet, canonical only: a second spelling would be a second envelope.
fn decode(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).or_else(|_other| Base64Url::decode_vec(text)).ok()
}

impl Envelope {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// If it is not one, or has no signature or more than [`SIGNATURES_MAX`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        Self::from_value(&json::parse(bytes)?)
    }

    /// Reads a JSON value.
    ///
    /// # Errors
    /// As [`Envelope::parse`].
    pub fn from_value(value: &serde_json::Value) -> Result<Self, Fault> {
        let mut members = Members::new(value, "")?;
        let payload_type = String::from(members.text("payloadType")?);
        let payload = decode(members.text("payload")?).ok_or_else(|| members.fault("payload", "is not base64"))?;
        let list = members.list("signatures")?;
        if list.is_empty() || list.len() > SIGNATURES_MAX {
            return Err(members.fault("signatures", format!("between 1 and {SIGNATURES_MAX} are needed")));
        }
        let mut signatures = Vec::with_capacity(list.len());
        for (number, item) in list.iter().enumerate() {
            let mut item = Members::new(item, &format!("/signatures/{number}"))?;
            let keyid = item.optional_text("keyid")?.filter(|id| !id.is_empty()).map(String::from);
            let sig = decode(item.text("sig")?).ok_or_else(|| item.fault("sig", "is not base64"))?;
            signatures.push(Signature { keyid, sig });
        }
        Ok(Self { payload_type, payload, signatures })
    }

    /// A statement that nobody has signed yet.
    #[must_use]
    pub fn unsigned(payload: Vec<u8>) -> Self {
        Self { payload_type: String::from(IN_TOTO), payload, signatures: Vec::new() }
    }

    /// The JSON form.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        let signatures = self.signatures.iter().map(|signature| {
            serde_json::json!({ "keyid": signature.keyid.as_deref().unwrap_or(""), "sig": Base64::encode_string(&signature.sig) })
        });
        serde_json::json!({
            "payloadType": self.payload_type,
            "payload": Base64::encode_string(&self.payload),
            "signatures": signatures.collect::<Vec<_>>(),
        })
    }

    /// SHA-256 of the payload: what revocations and findings call the statement.
    #[must_use]
    pub fn statement_digest(&self) -> [u8; 32] {
        Sha256::digest(&self.payload).into()
    }

    /// The keys, each once, whose signature is among those of the envelope. At most [`TRIES_MAX`] are tried.
    #[must_use]
    pub fn signed_by<'k>(&self, keys: &'k [Key]) -> Vec<&'k Key> {
        let message = pae(&self.payload_type, &self.payload);
        let mut tries = 0;
        let mut found: Vec<&Key> = Vec::new();
        for signature in &self.signatures {
            let hinted = signature.keyid.as_deref();
            let known = hinted.is_some_and(|id| keys.iter().any(|key| key.id() == id));
            for key in keys.iter().filter(|key| !known || hinted == Some(key.id())) {
                if tries == TRIES_MAX {
                    return found;
                }
                tries += 1;
                if key.verifies(&message, &signature.sig) {
                    if !found.contains(&key) {
                        found.push(key);
                    }
                    break;
                }
            }
        }
        found
    }
}

/// The bytes that are signed: type and payload, each behind its length.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

/// A public key.
#[derive(Clone, Debug)]
pub struct Key {
    id: String,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
}

/// Two keys are the same if their material is, whatever they are called.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Key {}

impl Key {
    /// Reads a DER `SubjectPublicKeyInfo`: Ed25519 or P-256.
    ///
    /// # Errors
    /// A sentence, if it is neither, or an Ed25519 key of small order, under which anything verifies.
    pub fn from_spki(der: &[u8]) -> Result<Self, String> {
        if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_der(der) {
            if key.is_weak() {
                return Err(String::from("an Ed25519 key of small order, which anyone can sign for"));
            }
            return Ok(Self::new(Material::Ed25519(key)));
        }
        let key = p256::ecdsa::VerifyingKey::from_public_key_der(der)
            .map_err(|_other| String::from("neither an Ed25519 nor a P-256 public key (DER SubjectPublicKeyInfo)"))?;
        Ok(Self::new(Material::P256(key)))
    }

    /// The id is derived from the material, so that one key cannot have two.
    fn new(material: Material) -> Self {
        let digest = match &material {
            Material::Ed25519(key) => Sha256::new_with_prefix(b"ed25519:").chain_update(key.as_bytes()).finalize(),
            Material::P256(key) => {
                Sha256::new_with_prefix(b"p256:").chain_update(key.to_sec1_point(true).as_bytes()).finalize()
            }
        };
        Self { id: hex(&digest), material }
    }

    /// Reads base64 of a `SubjectPublicKeyInfo`, or its PEM.
    ///
    /// # Errors
    /// As [`Key::from_spki`].
    pub fn from_text(text: &str) -> Result<Self, String> {
        let body: String = text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
        let der = decode(&body).ok_or_else(|| String::from("is not base64"))?;
        Self::from_spki(&der)
    }

    /// Lower-case hexadecimal, derived from the key itself; what `keyid` hints at.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Base64 of its DER `SubjectPublicKeyInfo`, as trust documents write it.
    #[must_use]
    pub fn spki(&self) -> String {
        use ed25519_dalek::pkcs8::EncodePublicKey;
        let der = match &self.material {
            Material::Ed25519(key) => key.to_public_key_der().map(|der| der.as_bytes().to_vec()),
            Material::P256(key) => key.to_public_key_der().map(|der| der.as_bytes().to_vec()),
        };
        // A key that was read as one can be written as one.
        Base64::encode_string(&der.unwrap_or_default())
    }

    /// Whether the signature is this key's. Ed25519 strictly; P-256 as DER or as two numbers.
    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Material::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .or_else(|_der| p256::ecdsa::Signature::from_der(signature))
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        }
    }
}

/// A private key to sign with.
#[derive(Debug)]
pub enum Signer {
    /// Ed25519.
    Ed25519(Box<ed25519_dalek::SigningKey>),
    /// ECDSA over P-256 with SHA-256.
    P256(Box<p256::ecdsa::SigningKey>),
}

impl Signer {
    /// Reads a PKCS #8 private key, PEM or DER, as `openssl genpkey` writes it.
    ///
    /// # Errors
    /// A sentence, if it is not an Ed25519 or P-256 key.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, String> {
        use ed25519_dalek::pkcs8::DecodePrivateKey;
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN"));
        let der = match text {
            Some(text) => {
                if !text.contains("-----BEGIN PRIVATE KEY-----") {
                    let help = "`openssl pkcs8 -topk8 -nocrypt` makes one of a key in another form or under a password";
                    return Err(format!("not a PKCS #8 private key (`-----BEGIN PRIVATE KEY-----`); {help}"));
                }
                let body: String = text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
                decode(&body).ok_or_else(|| String::from("not a PEM file"))?
            }
            None => bytes.to_vec(),
        };
        if let Ok(key) = ed25519_dalek::SigningKey::from_pkcs8_der(&der) {
            return Ok(Self::Ed25519(Box::new(key)));
        }
        let key = p256::ecdsa::SigningKey::from_pkcs8_der(&der)
            .map_err(|_other| String::from("neither an Ed25519 nor a P-256 private key"))?;
        Ok(Self::P256(Box::new(key)))
    }

    /// The key a transparency log's tools keep as `PRIVATE+KEY+name+id+base64`: Ed25519 behind one byte.
    ///
    /// # Errors
    /// A sentence, if it is no such key.
    pub fn from_note(text: &str) -> Result<Self, String> {
        let wrong = || String::from("not a key like `PRIVATE+KEY+name+id+base64`");
        let parts = text.trim().strip_prefix("PRIVATE+KEY+").ok_or_else(wrong)?;
        let encoded = parts.splitn(3, '+').nth(2).ok_or_else(wrong)?;
        let bytes = Base64::decode_vec(encoded).map_err(|_base64| wrong())?;
        let seed = bytes.split_first().and_then(|(_, seed)| <[u8; 32]>::try_from(seed).ok()).ok_or_else(wrong)?;
        Ok(Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed))))
    }

    /// The public half.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::new(match self {
            Self::Ed25519(key) => Material::Ed25519(key.verifying_key()),
            Self::P256(key) => Material::P256(*key.verifying_key()),
        })
    }

    /// Adds this key's signature to an envelope.
    pub fn sign(&self, envelope: &mut Envelope) {
        let message = pae(&envelope.payload_type, &envelope.payload);
        let sig = match self {
            Self::Ed25519(key) => {
                use ed25519_dalek::Signer as _;
                key.sign(&message).to_bytes().to_vec()
            }
            Self::P256(key) => {
                use p256::ecdsa::signature::Signer as _;
                let signature: p256::ecdsa::Signature = key.sign(&message);
                signature.to_der().as_bytes().to_vec()
            }
        };
        envelope.signatures.push(Signature { keyid: Some(String::from(self.key().id())), sig });
    }
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` does not fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}
