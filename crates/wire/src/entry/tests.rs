//! Entries of chance have one spelling each, within their bounds, and what permits more counts later.

use super::*;
use law::Time;

/// Numbers that look like chance and are the same on every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Of every length, not only long ones.
        (self.0 >> 11) >> (self.0 % 53)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap() % end
    }

    fn time(&mut self) -> Time {
        let time = Time::try_from(self.next()).unwrap();
        if self.below(4) == 0 { !time } else { time }
    }

    fn text(&mut self) -> String {
        const SOME: [&str; 6] = ["", "x", "orders/us/x.order", "log.example/dec/1+00000000+AAAA", "wörter\n", "a\0b"];
        let text = SOME[self.below(SOME.len())];
        if self.below(50) == 0 { text.repeat(TEXT_BYTES_MAX / text.len().max(1)) } else { text.to_owned() }
    }

    fn texts(&mut self) -> Vec<String> {
        let len = if self.below(50) == 0 { LIST_MAX } else { self.below(3) };
        (0..len).map(|_| self.text()).collect()
    }

    fn digest(&mut self) -> [u8; 32] {
        std::array::from_fn(|_| self.next().to_le_bytes()[0])
    }

    fn one<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn maybe<T>(&mut self, value: T) -> Option<T> {
        (self.below(2) == 0).then_some(value)
    }

    /// Entries of every kind.
    fn entries(&mut self) -> Vec<Entry> {
        let (at, sha256, bytes) = (self.time(), self.digest(), self.next());
        let (text, other, by) = (self.text(), self.text(), self.texts());
        let (until, about) = (self.time(), self.texts());
        vec![
            Entry::Genesis { at, decisions: text.clone() },
            Entry::Successor { at, decisions: self.maybe(text.clone()), previous: other.clone() },
            Entry::TrustPolicy { at, of: self.one(Of::ALL), version: bytes, sha256, bytes, signed: self.maybe(sha256) },
            Entry::Document { at, path: text.clone(), change: self.one(Change::ALL), sha256, bytes },
            Entry::Act {
                at,
                order: text.clone(),
                act: self.one(ActOf::ALL),
                from: until,
                until: self.maybe(at),
                by: by.clone(),
                sha256,
                bytes,
            },
            Entry::Attestation { at, says: text.clone(), about: about.clone(), by: by.clone(), sha256, bytes },
            Entry::Revocation { at, about: about.clone(), by: by.clone(), sha256, bytes },
            Entry::ConditionState {
                at,
                order: text.clone(),
                condition: other.clone(),
                met: self.below(2) == 0,
                until: self.maybe(until),
                over: bytes,
            },
            Entry::Override {
                at,
                origin: text.clone(),
                index: bytes,
                decision: sha256,
                about,
                ruling: self.one(Ruling::ALL),
                by,
                reason: self.digest(),
                expires: until,
                sha256,
                bytes,
            },
            Entry::Anchor { at, origin: text.clone(), size: bytes, root: sha256 },
            Entry::KeyEvent {
                at,
                event: self.one(KeyChange::ALL),
                key: text.clone(),
                since: self.maybe(until),
                checkpoint: self.maybe(other.clone()),
            },
            Entry::Erasure { at, origin: text.clone(), index: bytes, reason: other.clone() },
            Entry::Seal { at, next: text.clone() },
            Entry::Retention { at, origin: text.clone(), from: bytes, reason: other },
            Entry::Engine { at, version: text, sha256, bytes },
            Entry::Witnessed { at, size: bytes, witnesses: self.next() },
            Entry::Decision { at, gov_size: bytes, edition: sha256, commitment: self.digest() },
        ]
    }
}

/// Rounds of the property; each makes entries of every kind and changes each of them some ways.
const ROUNDS: usize = 2_000;

#[test]
fn an_entry_is_read_back_and_its_bytes_are_the_only_ones() {
    let mut chance = Chance(7);
    for _ in 0..ROUNDS {
        for entry in chance.entries() {
            let bytes = entry.to_bytes();
            assert_eq!(Entry::from_bytes(&bytes).as_ref(), Some(&entry));
            assert_eq!(Entry::from_bytes(&[&bytes[..], &[0]].concat()), None, "{entry:?} and more");
            assert_eq!(Entry::from_bytes(&bytes[..chance.below(bytes.len())]), None, "{entry:?} cut off");
            for _ in 0..8 {
                let mut changed = bytes.clone();
                let at = chance.below(changed.len());
                changed[at] ^= 1 << chance.below(8);
                if let Some(read) = Entry::from_bytes(&changed) {
                    assert_ne!(read, entry);
                    assert_eq!(read.to_bytes(), changed, "two spellings of {read:?}");
                }
            }
        }
    }
}

#[test]
fn another_spelling_of_the_same_is_refused() {
    for entry in Chance(1).entries() {
        let bytes = entry.to_bytes();
        // The length of the array, then its version, in more bytes than they need.
        let longer_head = [&[0x98, bytes[0] & 0x1f], &bytes[1..]].concat();
        let longer_version = [&bytes[..1], &[0x18, 0x01], &bytes[2..]].concat();
        for other in [longer_head, longer_version, vec![0x9f], [&[0xc0], &bytes[..]].concat()] {
            assert_eq!(Entry::from_bytes(&other), None, "{entry:?}");
        }
    }
}

#[test]
fn bounds_are_kept() {
    let seal = |len: usize| Entry::Seal { at: 1, next: "x".repeat(len) };
    assert!(Entry::from_bytes(&seal(TEXT_BYTES_MAX).to_bytes()).is_some());
    assert_eq!(Entry::from_bytes(&seal(TEXT_BYTES_MAX + 1).to_bytes()), None);
    let revoked = |len: usize| Entry::Revocation {
        at: 1,
        about: Vec::new(),
        by: vec![String::from("x"); len],
        sha256: [0; 32],
        bytes: 0,
    };
    assert!(Entry::from_bytes(&revoked(LIST_MAX).to_bytes()).is_some());
    assert_eq!(Entry::from_bytes(&revoked(LIST_MAX + 1).to_bytes()), None);
}

#[test]
fn what_permits_more_needs_more() {
    let act = |act: ActOf| Entry::Act {
        at: 0,
        order: String::new(),
        act,
        from: 0,
        until: None,
        by: Vec::new(),
        sha256: [0; 32],
        bytes: 0,
    };
    let witnessed = ActOf::ALL.iter().filter(|verb| act(**verb).level() == Level::Witnessed);
    assert_eq!(witnessed.map(|verb| verb.word()).collect::<Vec<_>>(), ["lift", "revoke"], "for good");
    let mut levels: Vec<String> = ActOf::ALL.iter().map(|&verb| level(&act(verb))).collect();
    levels.dedup();
    assert_eq!(levels, ["act published", "act witnessed", "act published"]);
    let rest: Vec<String> = Chance(3)
        .entries()
        .iter()
        .filter(|entry| !matches!(entry, Entry::Act { .. }) && entry.level() != Level::Durable)
        .map(level)
        .collect();
    let expected = ["trust-policy witnessed", "condition-state published", "override published", "key-event witnessed"];
    assert_eq!(rest, expected);
}

fn level(entry: &Entry) -> String {
    format!("{} {}", entry.to_json()["kind"].as_str().unwrap(), entry.level().word())
}

#[test]
fn a_decision_says_when_under_which_law_and_nothing_else() {
    let decision =
        Entry::Decision { at: 1_600_000_000, gov_size: 255, edition: [1; 32], commitment: [2; 32] }.to_bytes();
    assert_eq!(decision.len(), 1 + 1 + 2 + 5 + 2 + 34 + 34);
}
