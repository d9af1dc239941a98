//! What the two logs publish. The *gov* log has what changes the rules, in the clear; the *dec* log has one entry a
//! decision, which binds it to the law in force and says nothing else.
//!
//! Entries are deterministic CBOR (RFC 8949 § 4.2.1), arrays only. A reader accepts the one encoding and nothing else.

use crate::cbor::{Reader, Writer};
use crate::record::Record;
use docket::finding::status_word;
use docket::moment::format_rfc3339;
use docket::vocabulary::Role;
use law::Time;
use serde_json::{Value, json};

/// The format of entries; another number is another format.
const VERSION: u64 = 1;

/// The longest text in an entry: a path, a reason in a sentence or two, a checkpoint with the signatures of some dozens.
pub const TEXT_BYTES_MAX: usize = 8192;

/// The longest list in an entry: those who signed one document, or what it is about.
pub const LIST_MAX: usize = 64;

/// What an entry is made of: each has one spelling in bytes, and one in JSON.
trait Part: Sized {
    fn write(&self, out: &mut Writer);
    fn read(from: &mut Reader<'_>) -> Option<Self>;
    fn json(&self) -> Value;
}

impl Part for String {
    fn write(&self, out: &mut Writer) {
        out.text(self);
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        from.text().filter(|text| text.len() <= TEXT_BYTES_MAX).map(str::to_owned)
    }
    fn json(&self) -> Value {
        Value::from(self.as_str())
    }
}

impl Part for u64 {
    fn write(&self, out: &mut Writer) {
        out.unsigned(*self);
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        from.unsigned()
    }
    fn json(&self) -> Value {
        Value::from(*self)
    }
}

/// An instant; no other number of an entry has a sign.
impl Part for Time {
    fn write(&self, out: &mut Writer) {
        out.integer(*self);
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        from.integer()
    }
    fn json(&self) -> Value {
        Value::from(format_rfc3339(*self))
    }
}

impl Part for bool {
    fn write(&self, out: &mut Writer) {
        out.unsigned(u64::from(*self));
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        match from.unsigned()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
    fn json(&self) -> Value {
        Value::from(*self)
    }
}

impl Part for [u8; 32] {
    fn write(&self, out: &mut Writer) {
        out.bytes(self);
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        from.bytes()?.try_into().ok()
    }
    fn json(&self) -> Value {
        Value::from(hex(self))
    }
}

impl<T: Part> Part for Option<T> {
    fn write(&self, out: &mut Writer) {
        match self {
            Some(part) => part.write(out),
            None => out.null(),
        }
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        if from.null() { Some(None) } else { T::read(from).map(Some) }
    }
    fn json(&self) -> Value {
        self.as_ref().map_or(Value::Null, Part::json)
    }
}

impl Part for Vec<String> {
    fn write(&self, out: &mut Writer) {
        out.texts(self);
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let len = from.array().filter(|len| *len <= LIST_MAX)?;
        (0..len).map(|_| String::read(from)).collect()
    }
    fn json(&self) -> Value {
        Value::from(self.clone())
    }
}

/// A choice of words, each with its number.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $number:literal $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$what])* $variant,)* }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// In a word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one of this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.word() == word)
            }

            const fn number(self) -> u64 {
                match self { $(Self::$variant => $number,)* }
            }
        }

        impl Part for $name {
            fn write(&self, out: &mut Writer) {
                out.unsigned(self.number());
            }
            fn read(from: &mut Reader<'_>) -> Option<Self> {
                let number = from.unsigned()?;
                Self::ALL.iter().copied().find(|known| known.number() == number)
            }
            fn json(&self) -> Value {
                Value::from(self.word())
            }
        }
    )*};
}

words! {
    /// What happened to a document of the law.
    Change {
        /// It is new.
        Issue = 1 "issue",
        /// It has other words.
        Amend = 2 "amend",
        /// It is gone.
        Revoke = 8 "revoke",
    }
    /// What an authority did about its order, in numbers that those of [`Change`] leave free.
    ActOf {
        /// Put it off.
        Delay = 3 "delay",
        /// A court suspended it.
        Stay = 4 "stay",
        /// Suspended it while a condition holds.
        Pause = 5 "pause",
        /// Put it back.
        Reinstate = 6 "reinstate",
        /// Ended what it forbids.
        Lift = 7 "lift",
        /// Took it back altogether.
        Revoke = 8 "revoke",
        /// Left it standing, unenforced.
        Forbear = 9 "forbear",
    }
    /// Whom a policy speaks of.
    Of {
        /// Those whose statements count: principals, groups and what each may say.
        Principals = 1 "principals",
        /// The witnesses of this log and their quorum.
        Witnesses = 2 "witnesses",
    }
    /// What became of a key.
    KeyChange {
        /// It signs from here on.
        Add = 1 "add",
        /// It signs no more.
        Drop = 2 "drop",
        /// It is gone, so that its log could not be sealed.
        Lost = 3 "lost",
        /// Somebody else has it.
        Compromised = 4 "compromised",
    }
    /// What somebody decided where the law left it to a person.
    Ruling {
        /// Let it happen.
        Permit = 1 "permit",
        /// Refused.
        Forbid = 2 "forbid",
    }
    /// How far an entry has to be before it counts. What permits more needs more than what permits less.
    Level {
        /// It is on disk.
        Durable = 1 "durable",
        /// A signed checkpoint covers it.
        Published = 2 "published",
        /// A checkpoint covers it that a quorum of witnesses signed.
        Witnessed = 3 "witnessed",
    }
}

/// The entries: number, word, and the parts after version, number and instant.
macro_rules! entries {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $word:literal {
        $($(#[$what:meta])* $part:ident: $type:ty,)*
    })*) => {
        /// An entry of either log.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Entry {$(
            $(#[$doc])*
            $variant {
                /// When.
                at: Time,
                $($(#[$what])* $part: $type,)*
            },
        )*}

        impl Entry {
            /// The bytes that are logged.
            #[must_use]
            pub fn to_bytes(&self) -> Vec<u8> {
                let mut out = Writer::default();
                match self {$(
                    Self::$variant { at, $($part,)* } => {
                        head(&mut out, parts(&[$(stringify!($part),)*]), $number, *at);
                        $($part.write(&mut out);)*
                    }
                )*}
                out.into_bytes()
            }

            fn read(from: &mut Reader<'_>) -> Option<Self> {
                let len = from.array()?;
                (from.unsigned()? == VERSION).then_some(())?;
                let (kind, at) = (from.unsigned()?, from.integer()?);
                $(
                    if kind == $number && len == parts(&[$(stringify!($part),)*]) {
                        return Some(Self::$variant { at, $($part: Part::read(from)?,)* });
                    }
                )*
                None
            }

            /// As JSON, for people and programs that read and do not verify.
            #[must_use]
            pub fn to_json(&self) -> Value {
                match self {$(
                    Self::$variant { at, $($part,)* } => {
                        json!({ "kind": $word, "at": at.json(), $((stringify!($part)): $part.json(),)* })
                    }
                )*}
            }

            /// When it was written.
            #[must_use]
            pub const fn at(&self) -> Time {
                match self { $(Self::$variant { at, .. } => *at,)* }
            }

            /// The same, written at another instant.
            #[must_use]
            pub fn at_instant(mut self, instant: Time) -> Self {
                match &mut self { $(Self::$variant { at, .. } => *at = instant,)* }
                self
            }
        }
    };
}

/// How many parts an entry has: version, number and instant before its own.
const fn parts(own: &[&str]) -> usize {
    3 + own.len()
}

fn head(out: &mut Writer, parts: usize, kind: u64, at: Time) {
    out.array(parts);
    out.unsigned(VERSION);
    out.unsigned(kind);
    out.integer(at);
}

entries! {
    /// *gov*: the log begins, and names the log of decisions and its key.
    Genesis = 1 "genesis" {
        /// The key of the log of decisions, as `name+id+base64`.
        decisions: String,
    }
    /// The log begins where another one ended.
    Successor = 1 "genesis" {
        /// *gov*: the key of the log of decisions.
        decisions: Option<String>,
        /// The last checkpoint of the log before, whole.
        previous: String,
    }
    /// *gov*: whose word counts, from here on.
    TrustPolicy = 2 "trust-policy" {
        /// Whom it speaks of.
        of: Of,
        /// Counts up.
        version: u64,
        /// SHA-256 of the document, under which the log publishes it.
        sha256: [u8; 32],
        /// How many bytes.
        bytes: u64,
        /// SHA-256 of the envelope that the version before signed it with; the first is taken on its keeper's word.
        signed: Option<[u8; 32]>,
    }
    /// *gov*: a file of the law in force changed. The files of a log of a given size are the law in force then.
    Document = 3 "document" {
        /// Where the file lies in the corpus.
        path: String,
        /// What happened.
        change: Change,
        /// SHA-256 of its bytes, under which the log publishes them; zeros when it is gone.
        sha256: [u8; 32],
        /// How many bytes.
        bytes: u64,
    }
    /// *gov*: an authority's own signed act about its order.
    Act = 3 "act" {
        /// The order.
        order: String,
        /// What was done.
        act: ActOf,
        /// From when.
        from: Time,
        /// Until when, if it says so.
        until: Option<Time>,
        /// Who signed.
        by: Vec<String>,
        /// SHA-256 of the envelope, under which the log publishes it.
        sha256: [u8; 32],
        /// How many bytes.
        bytes: u64,
    }
    /// *gov*: a signed statement was taken up and counts from here.
    Attestation = 4 "attestation" {
        /// The type of the statement.
        says: String,
        /// What it is about.
        about: Vec<String>,
        /// Who signed.
        by: Vec<String>,
        /// SHA-256 of the envelope, under which the log publishes it.
        sha256: [u8; 32],
        /// How many bytes.
        bytes: u64,
    }
    /// *gov*: statements were taken back, from here on.
    Revocation = 5 "revocation" {
        /// What it is about.
        about: Vec<String>,
        /// Who signed.
        by: Vec<String>,
        /// SHA-256 of the envelope, under which the log publishes it.
        sha256: [u8; 32],
        /// How many bytes.
        bytes: u64,
    }
    /// *gov*: law counts a condition as met, or no longer.
    ConditionState = 6 "condition-state" {
        /// The order it is a condition of.
        order: String,
        /// The condition.
        condition: String,
        /// Whether it is met.
        met: bool,
        /// When that changes if nothing is added.
        until: Option<Time>,
        /// How many entries of statements were counted.
        over: u64,
    }
    /// *gov*: somebody decided what the law left to a person.
    Override = 7 "override" {
        /// The log of decisions.
        origin: String,
        /// The index of the decision.
        index: u64,
        /// The hash of its leaf.
        decision: [u8; 32],
        /// The orders it fell under.
        about: Vec<String>,
        /// What was decided.
        ruling: Ruling,
        /// Who signed.
        by: Vec<String>,
        /// The commitment to the reason, which may be about a person.
        reason: [u8; 32],
        /// Until when it holds.
        expires: Time,
        /// SHA-256 of the envelope, under which the log publishes it.
        sha256: [u8; 32],
        /// How many bytes.
        bytes: u64,
    }
    /// *gov*: the state of the log of decisions, so that whoever witnesses one log has witnessed both.
    Anchor = 8 "anchor" {
        /// The log of decisions.
        origin: String,
        /// How many entries it has.
        size: u64,
        /// The root of its tree.
        root: [u8; 32],
    }
    /// *gov*: what became of a key of a log.
    KeyEvent = 9 "key-event" {
        /// What became of it.
        event: KeyChange,
        /// The key, as `name+id+base64`.
        key: String,
        /// From when on its signatures count for nothing alone, if it was compromised.
        since: Option<Time>,
        /// The last checkpoint that is sure, whole, if the log ends there.
        checkpoint: Option<String>,
    }
    /// *gov*: what an entry of the log of decisions commits to was erased and cannot be shown any more.
    Erasure = 10 "erasure" {
        /// The log of decisions.
        origin: String,
        /// The index of the entry.
        index: u64,
        /// On what ground.
        reason: String,
    }
    /// The log ends here and goes on under another key.
    Seal = 11 "seal" {
        /// The key of the log that follows.
        next: String,
    }
    /// *gov*: entries before an index are not handed out any more; they and all proofs are kept.
    Retention = 12 "retention" {
        /// The log of decisions.
        origin: String,
        /// The first index that is handed out.
        from: u64,
        /// On what ground.
        reason: String,
    }
    /// *gov*: the program that decides from here on.
    Engine = 13 "engine-release" {
        /// Its version.
        version: String,
        /// SHA-256 of the executable.
        sha256: [u8; 32],
        /// How many bytes.
        bytes: u64,
    }
    /// *gov*: a quorum had signed a checkpoint of this log; what needs witnesses counts from here, up to that size.
    Witnessed = 14 "witnessed" {
        /// How many entries that checkpoint covered.
        size: u64,
        /// How many witnesses signed it; 0 where the log asks for none.
        witnesses: u64,
    }
    /// *dec*: a decision. It says to the second when, and under which law.
    Decision = 64 "decision" {
        /// How many entries the gov log had: which law was in force.
        gov_size: u64,
        /// Digest of the edition that decided.
        edition: [u8; 32],
        /// The commitment to the fields of the record.
        commitment: [u8; 32],
    }
}

impl Entry {
    /// Reads an entry; `None` if it is not the one encoding of one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let entry = Self::read(&mut from)?;
        (from.is_at_end() && entry.to_bytes() == bytes).then_some(entry)
    }

    /// SHA-256 of the signed envelope that it takes up, under which the log publishes that.
    #[must_use]
    pub const fn envelope(&self) -> Option<[u8; 32]> {
        match self {
            Self::Act { sha256, .. }
            | Self::Attestation { sha256, .. }
            | Self::Revocation { sha256, .. }
            | Self::Override { sha256, .. } => Some(*sha256),
            Self::TrustPolicy { signed, .. } => *signed,
            Self::Genesis { .. }
            | Self::Successor { .. }
            | Self::Document { .. }
            | Self::ConditionState { .. }
            | Self::Anchor { .. }
            | Self::KeyEvent { .. }
            | Self::Erasure { .. }
            | Self::Seal { .. }
            | Self::Retention { .. }
            | Self::Engine { .. }
            | Self::Witnessed { .. }
            | Self::Decision { .. } => None,
        }
    }

    /// How far it has to be before it counts.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::TrustPolicy { .. } | Self::KeyEvent { .. } | Self::Act { act: ActOf::Lift, .. } => Level::Witnessed,
            Self::Override { .. } | Self::ConditionState { .. } | Self::Act { .. } => Level::Published,
            Self::Genesis { .. }
            | Self::Successor { .. }
            | Self::Document { .. }
            | Self::Attestation { .. }
            | Self::Revocation { .. }
            | Self::Anchor { .. }
            | Self::Erasure { .. }
            | Self::Seal { .. }
            | Self::Retention { .. }
            | Self::Engine { .. }
            | Self::Witnessed { .. }
            | Self::Decision { .. } => Level::Durable,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The fields of a decision that can be shown one by one, in the order of their commitment.
pub const FIELDS: [&str; 8] = ["act", "resource", "actor", "place", "outcome", "law", "private", "record"];

/// The fields of a record, each as JSON; one that does not apply is absent.
#[must_use]
pub fn fields(record: &Record) -> [Option<Vec<u8>>; FIELDS.len()] {
    let instant = |at: Time| format_rfc3339(at);
    let possible: Vec<&str> = record.possible.iter().map(status_word).collect();
    let private: serde_json::Map<String, Value> =
        record.private.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    let bytes = |value: Value| Some(value.to_string().into_bytes());
    let mut outcome = json!({ "outcome": record.outcome.word(), "verdict": record.verdict.word(), "possible": possible,
        "override": record.overruled.map(|by| by.entry) });
    if let (Some(since), Some(members)) = (record.overruled.and_then(|by| by.unread_since), outcome.as_object_mut()) {
        members.insert("override_unread_since".to_owned(), instant(since).into());
    }
    [
        bytes(json!({ "act": record.act.word() })),
        bytes(json!({ "type": record.resource.word(), "app": record.subject, "found": record.found })),
        bytes(json!({ "actor": record.actor.word(), "role": record.role.map(Role::word) })),
        record.place.as_ref().and_then(|place| bytes(json!({ "place": place.code(), "evidence": record.evidence }))),
        bytes(outcome),
        bytes(json!({
            "provisions": record.provisions, "by": record.by, "edition": record.edition,
            "valid_at": instant(record.valid_at), "known_at": record.known_at.map(instant),
            "until": (record.until != law::time::FOREVER).then(|| instant(record.until)),
        })),
        if private.is_empty() { None } else { bytes(Value::Object(private)) },
        bytes(json!({ "id": record.id, "at": instant(record.at), "gate": record.gate, "request": record.request,
            "question": record.question.map(|digest| hex(&digest)) })),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

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
            const SOME: [&str; 6] =
                ["", "x", "orders/us/x.order", "log.example/dec/1+00000000+AAAA", "wörter\n", "a\0b"];
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
                Entry::TrustPolicy {
                    at,
                    of: self.one(Of::ALL),
                    version: bytes,
                    sha256,
                    bytes,
                    signed: self.maybe(sha256),
                },
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
        let mut levels: Vec<String> = ActOf::ALL.iter().map(|&verb| level(&act(verb))).collect();
        levels.dedup();
        assert_eq!(levels, ["act published", "act witnessed", "act published"]);
        let rest: Vec<String> = Chance(3)
            .entries()
            .iter()
            .filter(|entry| !matches!(entry, Entry::Act { .. }) && entry.level() != Level::Durable)
            .map(level)
            .collect();
        let expected =
            ["trust-policy witnessed", "condition-state published", "override published", "key-event witnessed"];
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
}
