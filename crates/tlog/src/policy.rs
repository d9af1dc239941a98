//! Whose signatures suffice (C2SP tlog-policy): the logs that are known, the witnesses, and how many of which.
//!
//! What counts is distinct keys. A key listed twice under two names makes the policy unreadable, and a signature
//! repeated counts once, so a threshold of k is k holders of keys.

use crate::checkpoint::{self, Checkpoint};
use crate::note::{Forged, Kind, Note, VerifierKey};
use std::collections::BTreeMap;
use std::fmt;

/// Logs, witnesses and groups a policy may have, each. The specification asks for at least 32.
pub const LINES_MAX: usize = 64;

/// The longest policy: every line of the allowed number at a thousand bytes.
pub const POLICY_BYTES_MAX: usize = 192 * 1024;

/// What is wrong with a policy, and on which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The line, from 1; 0 for the whole.
    pub line: usize,
    /// What is wrong there.
    pub why: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(self.why),
            line => write!(f, "line {line}: {}", self.why),
        }
    }
}

impl std::error::Error for Malformed {}

/// A witness or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    needed: usize,
    members: Vec<Member>,
}

/// A known log or witness and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Its key.
    pub key: VerifierKey,
    /// Its address, if the policy gives one.
    pub url: Option<String>,
}

/// A policy that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Party>,
    witnesses: Vec<Party>,
    groups: Vec<Group>,
    quorum: Option<Member>,
}

/// Why a checkpoint is not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No signature of a log of the policy whose name is the origin.
    NoLog,
    /// A signature in the name of a known key is not of that key.
    Forged(Forged),
    /// The signed text is no checkpoint.
    Text(checkpoint::Malformed),
    /// Too few witnesses: how many signed.
    Quorum(usize),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLog => f.write_str("no known log signed this checkpoint under its own name"),
            Self::Forged(forged) => forged.fmt(f),
            Self::Text(malformed) => malformed.fmt(f),
            Self::Quorum(signed) => write!(f, "too few witnesses: {signed} signed, and they are no quorum"),
        }
    }
}

impl std::error::Error for Refused {}

impl Policy {
    /// The policy that knows one log and asks for no witness.
    #[must_use]
    pub fn of_log(key: VerifierKey) -> Self {
        Self { logs: vec![Party { key, url: None }], witnesses: Vec::new(), groups: Vec::new(), quorum: None }
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// Says what is wrong on which line.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > POLICY_BYTES_MAX {
            return Err(Malformed { line: 0, why: "the policy is longer than 192 KiB" });
        }
        let mut reading = Reading::default();
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            reading.line(line).map_err(|why| Malformed { line: index + 1, why })?;
        }
        let quorum = reading.quorum.ok_or(Malformed { line: 0, why: "the policy has no `quorum` line" })?;
        Ok(Self { logs: reading.logs, witnesses: reading.witnesses, groups: reading.groups, quorum })
    }

    /// The logs.
    #[must_use]
    pub fn logs(&self) -> &[Party] {
        &self.logs
    }

    /// The witnesses.
    #[must_use]
    pub fn witnesses(&self) -> &[Party] {
        &self.witnesses
    }

    /// The checkpoint of a note, if a known log signed it under its own name and the witnesses are a quorum.
    ///
    /// # Errors
    /// Says why not.
    pub fn check(&self, note: &Note) -> Result<Checkpoint, Refused> {
        let checkpoint = self.check_log(note)?;
        let keys: Vec<VerifierKey> = self.witnesses.iter().map(|party| party.key.clone()).collect();
        let signed = note.verify(&keys).map_err(Refused::Forged)?;
        let signed: Vec<bool> = keys.iter().map(|key| signed.iter().any(|one| one.key == key)).collect();
        let met = self.quorum.is_none_or(|member| self.met(member, &signed));
        if met { Ok(checkpoint) } else { Err(Refused::Quorum(signed.iter().filter(|one| **one).count())) }
    }

    /// The same without asking for witnesses.
    ///
    /// # Errors
    /// Says why not.
    pub fn check_log(&self, note: &Note) -> Result<Checkpoint, Refused> {
        let checkpoint = Checkpoint::parse(&note.text).map_err(Refused::Text)?;
        let keys: Vec<VerifierKey> =
            self.logs.iter().map(|party| party.key.clone()).filter(|key| key.name() == checkpoint.origin).collect();
        let signed = note.verify(&keys).map_err(Refused::Forged)?;
        if signed.is_empty() { Err(Refused::NoLog) } else { Ok(checkpoint) }
    }

    fn met(&self, member: Member, signed: &[bool]) -> bool {
        match member {
            Member::Witness(index) => signed.get(index).copied().unwrap_or(false),
            Member::Group(index) => self.groups.get(index).is_some_and(|group| {
                group.members.iter().filter(|member| self.met(**member, signed)).count() >= group.needed
            }),
        }
    }
}

#[derive(Default)]
struct Reading<'a> {
    logs: Vec<Party>,
    witnesses: Vec<Party>,
    groups: Vec<Group>,
    quorum: Option<Option<Member>>,
    /// What each name stands for, and whether it already belongs to a group.
    names: BTreeMap<&'a [u8], (Member, bool)>,
}

impl<'a> Reading<'a> {
    fn line(&mut self, line: &'a [u8]) -> Result<(), &'static str> {
        if line.iter().any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f) {
            return Err("a control character");
        }
        let words: Vec<&[u8]> =
            line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", key] => self.log(key, None),
            [b"log", key, url] => self.log(key, Some(url)),
            [b"witness", name, key] => self.witness(name, key, None),
            [b"witness", name, key, url] => self.witness(name, key, Some(url)),
            [b"group", name, needed, members @ ..] => self.group(name, needed, members),
            [b"quorum", name] => self.quorum(name),
            _ => Err("not `log`, `witness`, `group` or `quorum` with what belongs to it"),
        }
    }

    fn log(&mut self, key: &[u8], url: Option<&[u8]>) -> Result<(), &'static str> {
        add(&mut self.logs, key, url, Kind::Text, "a log needs an Ed25519 key (type 1)").map(|_| ())
    }

    fn witness(&mut self, name: &'a [u8], key: &[u8], url: Option<&[u8]>) -> Result<(), &'static str> {
        let index = add(
            &mut self.witnesses,
            key,
            url,
            Kind::Cosignature,
            "a witness needs an Ed25519 cosignature key (type 4)",
        )?;
        self.name(name, Member::Witness(index))
    }

    fn name(&mut self, name: &'a [u8], member: Member) -> Result<(), &'static str> {
        if name == b"none" {
            return Err("`none` is nobody's name");
        }
        match self.names.insert(name, (member, false)) {
            None => Ok(()),
            Some(_) => Err("this name is taken"),
        }
    }

    fn group(&mut self, name: &'a [u8], needed: &[u8], members: &[&'a [u8]]) -> Result<(), &'static str> {
        if self.groups.len() == LINES_MAX {
            return Err("more than 64 groups");
        }
        let mut found = Vec::new();
        for member in members {
            match self.names.get_mut(member) {
                None => return Err("a member that no line before this defines"),
                Some((_, taken @ false)) => *taken = true,
                Some((_, true)) => return Err("a member that already belongs to a group"),
            }
            found.extend(self.names.get(member).map(|(member, _)| *member));
        }
        let needed = match needed {
            b"all" => found.len(),
            b"any" => 1,
            digits => {
                let digits = str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
                digits.and_then(|digits| digits.parse().ok()).ok_or("not `all`, `any` or a number")?
            }
        };
        if found.is_empty() || needed == 0 || needed > found.len() {
            return Err("a group needs members, and between one and all of them");
        }
        self.groups.push(Group { needed, members: found });
        self.name(name, Member::Group(self.groups.len() - 1))
    }

    fn quorum(&mut self, name: &[u8]) -> Result<(), &'static str> {
        if self.quorum.is_some() {
            return Err("a second `quorum` line");
        }
        self.quorum = Some(match name {
            b"none" => None,
            name => Some(self.names.get(name).map(|(member, _)| *member).ok_or("a name that no line before defines")?),
        });
        Ok(())
    }
}

fn add(
    parties: &mut Vec<Party>,
    key: &[u8],
    url: Option<&[u8]>,
    kind: Kind,
    needs: &'static str,
) -> Result<usize, &'static str> {
    let key = str::from_utf8(key).ok().and_then(|text| VerifierKey::parse(text).ok());
    let key = key.filter(|key| key.kind() == kind).ok_or(needs)?;
    if parties.iter().any(|party| party.key.public() == key.public()) {
        return Err("this key is listed already, under whatever name");
    }
    if parties.len() == LINES_MAX {
        return Err("more than 64 of these");
    }
    parties.push(Party { key, url: url.map(|url| String::from_utf8_lossy(url).into_owned()) });
    Ok(parties.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Hash;
    use crate::note::SigningKey;

    fn log() -> SigningKey {
        SigningKey::from_seed("log.example", Kind::Text, &[1; 32]).unwrap()
    }

    fn witness(number: u8) -> SigningKey {
        SigningKey::from_seed(&format!("w{number}.example"), Kind::Cosignature, &[number; 32]).unwrap()
    }

    fn note(witnesses: &[u8]) -> Note {
        let text = Checkpoint { origin: "log.example".to_owned(), size: 3, root: Hash::leaf(b"") }.to_string();
        let mut signatures = vec![log().sign(&text, 0)];
        signatures.extend(witnesses.iter().map(|number| witness(*number).sign(&text, 7)));
        Note { text, signatures }
    }

    fn policy(rest: &str) -> Result<Policy, Malformed> {
        let mut text = format!("# known\nlog {} https://log.example/\n", log().public());
        for number in 10..16 {
            text += &format!("witness w{number}\t{}\n", witness(number).public());
        }
        Policy::parse((text + rest).as_bytes())
    }

    #[test]
    fn groups_of_groups_are_counted() {
        let policy = policy("group x 2 w10 w11 w12\ngroup y any w13 w14\ngroup both all x y\nquorum both\n").unwrap();
        for (signed, met) in [
            (&[10, 11, 13][..], true),
            (&[10, 12, 14, 15], true),
            (&[10, 11, 12], false),
            (&[10, 13, 14], false),
            (&[10, 10, 10, 13], false),
            (&[], false),
        ] {
            assert_eq!(policy.check(&note(signed)).is_ok(), met, "{signed:?}");
        }
        assert_eq!(policy.check(&note(&[10, 10])), Err(Refused::Quorum(1)));
        assert!(policy.check_log(&note(&[])).is_ok());
    }

    #[test]
    fn without_witnesses_the_log_suffices_but_only_under_its_name() {
        let policy = policy("quorum none\n").unwrap();
        assert!(policy.check(&note(&[])).is_ok());
        let mut other = note(&[]);
        other.text = other.text.replace("log.example", "other.example");
        other.signatures = vec![log().sign(&other.text, 0)];
        assert_eq!(policy.check(&other), Err(Refused::NoLog));
        other.text = "log.example\n".to_owned();
        assert!(matches!(policy.check(&other), Err(Refused::Text(_))));
        let mut forged = note(&[]);
        forged.text = forged.text.replace('3', "4");
        assert!(matches!(policy.check(&forged), Err(Refused::Forged(_))));
    }

    #[test]
    fn faults_are_named_by_line() {
        let twice = SigningKey::from_seed("other.example", Kind::Cosignature, &[10; 32]).unwrap();
        for (rest, line) in [
            ("quorum nobody\n", 9),
            ("", 0),
            ("quorum none\nquorum none\n", 10),
            ("group g 0 w10\n", 9),
            ("group g 2 w10\n", 9),
            ("group g any\n", 9),
            ("group g any w10 w10\n", 9),
            ("group g any w10\ngroup h any w10\n", 10),
            ("group none any w10\n", 9),
            ("group g any g\n", 9),
            ("witness w10 x\n", 9),
            ("quorum none\r\n", 9),
            ("group w10 any w11\n", 9),
            (&format!("witness again {}\n", twice.public()), 9),
            (&format!("log {}\n", log().public()), 9),
            (&format!("witness w {}\n", log().public()), 9),
        ] {
            assert_eq!(policy(rest).map_err(|malformed| malformed.line), Err(line), "{rest}");
        }
    }

    #[test]
    fn bounds_hold() {
        let mut text = String::new();
        for number in 0..=64u8 {
            let key = SigningKey::from_seed("w.example", Kind::Cosignature, &[number; 32]).unwrap();
            text += &format!("witness w{number} {}\n", key.public());
        }
        assert_eq!(Policy::parse(text.as_bytes()).unwrap_err().line, 65);
        let long = "#".repeat(POLICY_BYTES_MAX + 1);
        assert_eq!(Policy::parse(long.as_bytes()).unwrap_err().line, 0);
    }
}
