//! Signed notes (C2SP signed-note): text under signatures of named keys, plain or as a witness's timed cosignature.

use crate::hash::Hash;
use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature as Ed25519, Signer, SigningKey as Ed25519Key, VerifyingKey};
use std::fmt;

/// A longer note is refused before it is read. The sixteen signatures that must be accepted fit, even post-quantum ones
/// of three thousand bytes each; ours have a hundred, and as many as there may be of them fit under the longest names.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;

/// Signatures read from one note: of a log and of every witness that a policy may have. The specification asks for at
/// least 16.
pub const SIGNATURES_MAX: usize = 1 + crate::policy::LINES_MAX;

/// The longest key name, and so the longest origin of a log.
pub const NAME_BYTES_MAX: usize = 255;

/// What is wrong with a note or a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Longer than [`NOTE_BYTES_MAX`].
    TooLong,
    /// Not UTF-8, or a control character other than a newline.
    Characters,
    /// No blank line before the signatures, or no newline at the end.
    Layout,
    /// A signature line that is not one.
    SignatureLine,
    /// More than [`SIGNATURES_MAX`] signatures, or none.
    SignatureCount,
    /// A key name that is empty, too long, or has a space or a plus in it.
    Name,
    /// A key that is not written as one, or whose id is not its own.
    Key,
    /// A kind of key this does not read.
    KeyKind,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the note is longer than 64 KiB",
            Self::Characters => "the note is not plain UTF-8 text",
            Self::Layout => "the note has no blank line before its signatures, or does not end in a newline",
            Self::SignatureLine => "a signature line is not `— name base64`",
            Self::SignatureCount => "the note has no signature, or more than 65",
            Self::Name => "a key name is empty, longer than 255 bytes, or has a space or a `+` in it",
            Self::Key => "a key is not `name+id+base64`, or its id is not the one of its key",
            Self::KeyKind => "the key is neither an Ed25519 key nor an Ed25519 cosignature key",
        })
    }
}

impl std::error::Error for Malformed {}

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The text (type 0x01).
    Text,
    /// The text of a checkpoint and the time it was seen (type 0x04, C2SP tlog-cosignature).
    Cosignature,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Text => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key's name.
    pub name: String,
    /// The key's id.
    pub id: u32,
    /// The signature.
    pub bytes: Vec<u8>,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.to_be_bytes()[..], &self.bytes].concat();
        writeln!(f, "— {} {}", self.name, Base64::encode_string(&bytes))
    }
}

impl Signature {
    fn parse(line: &str) -> Result<Self, Malformed> {
        let (name, base64) =
            line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(Malformed::SignatureLine)?;
        check_name(name)?;
        let Ok(bytes) = Base64::decode_vec(base64) else { return Err(Malformed::SignatureLine) };
        let (id, bytes) = bytes.split_first_chunk().ok_or(Malformed::SignatureLine)?;
        if bytes.is_empty() {
            return Err(Malformed::SignatureLine);
        }
        Ok(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
    }
}

fn check_name(name: &str) -> Result<(), Malformed> {
    let sound = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.chars().any(|c| c.is_whitespace() || c < ' ' || c == '+');
    if sound { Ok(()) } else { Err(Malformed::Name) }
}

/// A note whose signatures nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The signed text, with its last newline.
    pub text: String,
    /// The signature lines, in order.
    pub signatures: Vec<Signature>,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| signature.fmt(f))
    }
}

impl Note {
    /// Reads a note.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        let Ok(whole) = str::from_utf8(bytes) else { return Err(Malformed::Characters) };
        if whole.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(Malformed::Characters);
        }
        let cut = whole.rfind("\n\n").ok_or(Malformed::Layout)?;
        let (text, rest) = whole.split_at(cut + 1);
        let lines = rest.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let signatures = Self::signature_lines(lines.ok_or(Malformed::Layout)?)?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Reads signature lines without a note, as a witness answers with.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn parse_signatures(bytes: &[u8]) -> Result<Vec<Signature>, Malformed> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        let Ok(lines) = str::from_utf8(bytes) else { return Err(Malformed::Characters) };
        Self::signature_lines(lines.strip_suffix('\n').ok_or(Malformed::Layout)?)
    }

    fn signature_lines(lines: &str) -> Result<Vec<Signature>, Malformed> {
        if lines.is_empty() || lines.split('\n').nth(SIGNATURES_MAX).is_some() {
            return Err(Malformed::SignatureCount);
        }
        lines.split('\n').map(Signature::parse).collect()
    }

    /// The keys among `known` whose signature this note carries, each once, in the order of `known`; signatures of
    /// other keys say nothing.
    ///
    /// # Errors
    /// When a signature claims to be of a known key and is not: then somebody changed the note.
    pub fn verify<'k>(&self, known: &'k [VerifierKey]) -> Result<Vec<Signed<'k>>, Forged> {
        let mut found = Vec::new();
        for key in known {
            let mut signed = None;
            for signature in self.signatures.iter().filter(|signature| key.made(signature)) {
                let time = key.check(&self.text, &signature.bytes).ok_or_else(|| Forged { name: key.name.clone() })?;
                signed = signed.or(Some(Signed { key, time }));
            }
            found.extend(signed);
        }
        Ok(found)
    }
}

/// A signature under the name and id of a known key that the key did not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forged {
    /// Whose name it bears.
    pub name: String,
}

impl fmt::Display for Forged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a signature in the name of `{}` is not of that key", self.name)
    }
}

impl std::error::Error for Forged {}

/// A key whose signature was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'k> {
    /// The key.
    pub key: &'k VerifierKey,
    /// When it signed, in seconds since 1970, if it is a cosignature.
    pub time: Option<u64>,
}

/// A public key with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    kind: Kind,
    key: VerifyingKey,
}

fn key_id(name: &str, kind: Kind, public: &[u8]) -> u32 {
    let Hash([a, b, c, d, ..]) = Hash::of(&[name.as_bytes(), b"\n", &[kind.byte()], public].concat());
    u32::from_be_bytes([a, b, c, d])
}

fn split_key(text: &str) -> Result<(&str, u32, Kind, [u8; 32]), Malformed> {
    let (name, rest) = text.split_once('+').ok_or(Malformed::Key)?;
    let (id, base64) = rest.split_once('+').ok_or(Malformed::Key)?;
    check_name(name)?;
    let hex = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u32::from_str_radix(id, 16).ok().filter(|_| hex).ok_or(Malformed::Key)?;
    let Ok(bytes) = Base64::decode_vec(base64) else { return Err(Malformed::Key) };
    let (kind, key) = bytes.split_first().ok_or(Malformed::Key)?;
    let kind = match kind {
        0x01 => Kind::Text,
        0x04 => Kind::Cosignature,
        _ => return Err(Malformed::KeyKind),
    };
    Ok((name, id, kind, key.try_into().ok().ok_or(Malformed::Key)?))
}

impl VerifierKey {
    /// Reads `name+id+base64` (a *vkey*).
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (name, id, kind, public) = split_key(text)?;
        let key = VerifyingKey::from_bytes(&public).ok().filter(|key| !key.is_weak()).ok_or(Malformed::Key)?;
        if id != key_id(name, kind, &public) {
            return Err(Malformed::Key);
        }
        Ok(Self { name: name.to_owned(), id, kind, key })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id that signature lines bear.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What it signs.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The key itself: two keys of one public key are one key, whatever their names.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// Whether a signature line is in the name of this key.
    #[must_use]
    pub fn made(&self, signature: &Signature) -> bool {
        signature.id == self.id && signature.name == self.name
    }

    /// The time of a valid signature (`Some(None)` for one without), or `None` if it is not valid.
    fn check(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        match self.kind {
            Kind::Text => {
                let signature = Ed25519::from_slice(signature).ok()?;
                self.key.verify_strict(text.as_bytes(), &signature).ok()?;
                Some(None)
            }
            Kind::Cosignature => {
                let (time, signature) = signature.split_first_chunk()?;
                let time = u64::from_be_bytes(*time);
                let signature = Ed25519::from_slice(signature).ok()?;
                let in_range = i64::try_from(time).is_ok();
                self.key.verify_strict(cosigned(text, time).as_bytes(), &signature).ok()?;
                in_range.then_some(Some(time))
            }
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = Base64::encode_string(&[&[self.kind.byte()], &self.public()[..]].concat());
        write!(f, "{}+{:08x}+{key}", self.name, self.id)
    }
}

fn cosigned(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

const PRIVATE_PREFIX: &str = "PRIVATE+KEY+";

/// A private key with its name. Says nothing of itself when printed for debugging.
#[derive(Clone)]
pub struct SigningKey {
    key: Ed25519Key,
    public: VerifierKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public)
    }
}

impl SigningKey {
    /// Makes a key from 32 bytes of chance.
    ///
    /// # Errors
    /// When the name cannot be one.
    pub fn from_seed(name: &str, kind: Kind, seed: &[u8; 32]) -> Result<Self, Malformed> {
        check_name(name)?;
        let key = Ed25519Key::from_bytes(seed);
        let public = key.verifying_key();
        let id = key_id(name, kind, public.as_bytes());
        Ok(Self { key, public: VerifierKey { name: name.to_owned(), id, kind, key: public } })
    }

    /// Reads `PRIVATE+KEY+name+id+base64`.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (name, id, kind, seed) = split_key(text.strip_prefix(PRIVATE_PREFIX).ok_or(Malformed::Key)?)?;
        let key = Self::from_seed(name, kind, &seed)?;
        if key.public.id == id { Ok(key) } else { Err(Malformed::Key) }
    }

    /// As [`SigningKey::parse`] reads it. Whoever sees it can sign.
    #[must_use]
    pub fn to_secret_text(&self) -> String {
        let bytes = [&[self.public.kind.byte()], &self.key.to_bytes()[..]].concat();
        format!("{PRIVATE_PREFIX}{}+{:08x}+{}", self.public.name, self.public.id, Base64::encode_string(&bytes))
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// Signs a text that ends in a newline. `time` in seconds since 1970 is what a cosignature states; a plain
    /// signature states none.
    #[must_use]
    pub fn sign(&self, text: &str, time: u64) -> Signature {
        let bytes = match self.public.kind {
            Kind::Text => self.key.sign(text.as_bytes()).to_bytes().to_vec(),
            Kind::Cosignature => {
                let signature = self.key.sign(cosigned(text, time).as_bytes());
                [&time.to_be_bytes()[..], &signature.to_bytes()].concat()
            }
        };
        Signature { name: self.public.name.clone(), id: self.public.id, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, kind: Kind) -> SigningKey {
        SigningKey::from_seed(name, kind, &[name.len() as u8; 32]).unwrap()
    }

    fn signed(text: &str, keys: &[&SigningKey]) -> Note {
        Note { text: text.to_owned(), signatures: keys.iter().map(|key| key.sign(text, 1_600_000_000)).collect() }
    }

    #[test]
    fn a_note_is_read_as_it_was_written_and_says_who_signed() {
        let (log, witness) = (key("log.example/1", Kind::Text), key("witness.example", Kind::Cosignature));
        let note = signed("a\n\nb\n", &[&log, &witness]);
        assert_eq!(Note::parse(note.to_string().as_bytes()), Ok(note.clone()));
        let known = [witness.public().clone(), log.public().clone()];
        let found = note.verify(&known).unwrap();
        assert_eq!(found.iter().map(|signed| signed.time).collect::<Vec<_>>(), [Some(1_600_000_000), None]);
        assert_eq!(note.verify(&[key("other", Kind::Text).public().clone()]), Ok(Vec::new()));
    }

    #[test]
    fn keys_are_read_as_they_were_written() {
        for kind in [Kind::Text, Kind::Cosignature] {
            let key = key("a.example/b", kind);
            assert_eq!(VerifierKey::parse(&key.public().to_string()).as_ref(), Ok(key.public()));
            assert_eq!(SigningKey::parse(&key.to_secret_text()).unwrap().public(), key.public());
            assert!(!format!("{key:?}").contains(&key.to_secret_text()[20..]));
        }
    }

    #[test]
    fn a_signature_twice_counts_once_and_a_forged_one_is_told() {
        let log = key("log.example/1", Kind::Text);
        let mut note = signed("a\n", &[&log, &log]);
        let known = [log.public().clone()];
        assert_eq!(note.verify(&known).unwrap().len(), 1);
        note.text = "b\n".to_owned();
        assert_eq!(note.verify(&known), Err(Forged { name: "log.example/1".to_owned() }));
    }

    #[test]
    fn every_changed_byte_of_a_note_is_noticed() {
        let (log, witness) = (key("log.example/1", Kind::Text), key("witness.example", Kind::Cosignature));
        let whole = signed("log.example/1\n5\nhash\n", &[&log, &witness]).to_string();
        let known = [log.public().clone(), witness.public().clone()];
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let both = Note::parse(&bytes).ok().and_then(|note| note.verify(&known).ok()).map(|all| all.len());
                assert_ne!(both, Some(2), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn malformed_notes_are_refused() {
        let log = key("log.example/1", Kind::Text);
        let line = log.sign("a\n", 0).to_string();
        let cases: [(String, Malformed); 12] = [
            (format!("a\r\n\n{line}"), Malformed::Characters),
            (format!("a\0\n\n{line}"), Malformed::Characters),
            (format!("a\n{line}"), Malformed::Layout),
            (format!("a\n\n{}", line.trim_end()), Malformed::Layout),
            ("a\n\n\n".to_owned(), Malformed::Layout),
            (format!("a\n\n{}", line.repeat(SIGNATURES_MAX + 1)), Malformed::SignatureCount),
            (format!("a\n\n{}", line.replace("— ", "- ")), Malformed::SignatureLine),
            (format!("a\n\n{}", line.replace("/1 ", "+1 ")), Malformed::Name),
            (format!("a\n\n{}", line.replace("/1 ", "\u{a0}1 ")), Malformed::Name),
            ("a\n\n— name AAAAAA==\n".to_owned(), Malformed::SignatureLine),
            ("a\n\n— name AAAAAAB=\n".to_owned(), Malformed::SignatureLine),
            (format!("{}\n\n{line}", "a".repeat(NOTE_BYTES_MAX)), Malformed::TooLong),
        ];
        for (text, malformed) in cases {
            assert_eq!(Note::parse(text.as_bytes()), Err(malformed), "{:.60}", text);
        }
        assert!(Note::parse(format!("a\n\n{}", line.repeat(SIGNATURES_MAX)).as_bytes()).is_ok());
        assert_eq!(Note::parse(b"\xff\n\n"), Err(Malformed::Characters));
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let text = key("a.example", Kind::Text).public().to_string();
        let cases = [
            ("", Malformed::Key),
            ("a.example+1+AA==", Malformed::Key),
            (&text.replace("a.example", "b.example"), Malformed::Key),
            (&text[1..], Malformed::Key),
            (&format!("+{text}"), Malformed::Name),
            ("a+00000000+BgAA", Malformed::KeyKind),
            // The point of order one: any message has a signature under it.
            ("a+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Malformed::Key),
        ];
        for (text, malformed) in cases {
            assert_eq!(VerifierKey::parse(text), Err(malformed), "{text}");
        }
    }
}
