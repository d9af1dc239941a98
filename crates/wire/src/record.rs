//! A decision as it is kept: what was asked and found, what the gate did, and nothing about who asked.
//!
//! Two forms: canonical bytes ([`Record::to_bytes`], for ledgers) and a CloudEvents 1.0 line
//! ([`Record::to_event`], for everybody else). Neither has a member for a client's address.

use crate::cbor::{Reader, Writer};
use crate::finding::string;
use docket::Finding;
use docket::finding::{Verdict, status_word};
use docket::inquiry::Inquiry;
use docket::moment::format_rfc3339;
use docket::place::Place;
use docket::vocabulary::{Act, ActorKind, ResourceKind, Role};
use law::time::{ALWAYS, FOREVER};
use law::{Statuses, Time};
use std::fmt;

/// The format of [`Record::to_bytes`]; another number is another format.
const VERSION: u64 = 3;
/// A ledger entry is at most this long, with its length in two bytes.
pub const RECORD_BYTES_MAX: usize = 32 << 10;
/// Ids, names of gates, words and citations are short; a longer one is no record of ours.
const TEXT_BYTES_MAX: usize = 1024;
/// More grounds than any answer of the shipped orders has by an order of magnitude.
const LIST_MAX: usize = 256;

/// What a gate did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Let it happen.
    Permit,
    /// Refused.
    Refuse,
    /// Let it happen although the verdict forbids, because the gate only watches.
    Shadow,
    /// Left it to a person.
    Refer,
}

impl Outcome {
    /// Every outcome, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Permit, Self::Refuse, Self::Shadow, Self::Refer];

    /// The word of the record.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Refuse => "refuse",
            Self::Shadow => "shadow",
            Self::Refer => "refer",
        }
    }
}

/// What people decided, in the place of the law's verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByHand {
    /// Where the gov log says so.
    pub entry: u64,
    /// Since when it could not be read whether somebody took it back, if it could not.
    pub unread_since: Option<Time>,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Unique among the records of one installation.
    pub id: String,
    /// When it was decided.
    pub at: Time,
    /// Which gate decided (`api`, `edge`, `store`).
    pub gate: String,
    /// What the gate did.
    pub outcome: Outcome,
    /// What it should do by the law and the posture.
    pub verdict: Verdict,
    /// What people had decided, if the law left it to them and somebody had.
    pub overruled: Option<ByHand>,
    /// What the law says is possible.
    pub possible: Statuses,
    /// What was done.
    pub act: Act,
    /// Who acted.
    pub actor: ActorKind,
    /// In what role.
    pub role: Option<Role>,
    /// By what kind of identifier the thing was named; the identifier itself is not kept.
    pub resource: ResourceKind,
    /// The known subject it belongs to; nothing is kept of what belongs to nobody known.
    pub subject: Option<String>,
    /// The country where the act has effect; nothing finer is kept.
    pub place: Option<Place>,
    /// What told the place (`ip`, `storefront`), as kinds only.
    pub evidence: Vec<String>,
    /// What told the subject where no identifier did: listed code in a package, a name in a payment, as kinds and labels.
    pub found: Vec<String>,
    /// When the act happens.
    pub valid_at: Time,
    /// As known when; `None` is all that was on file.
    pub known_at: Option<Time>,
    /// Citations of the grounds, `instrument:provision`.
    pub provisions: Vec<String>,
    /// Instruments that act on them.
    pub by: Vec<String>,
    /// When the answer could change next.
    pub until: Time,
    /// Digest of the law that decided.
    pub edition: String,
    /// The id the asker gave the request.
    pub request: Option<String>,
    /// The digest of a question that the law left to a person ([`crate::question`]). As `private`, never of the event.
    pub question: Option<[u8; 32]>,
    /// What concerns people or payments, by name. Part of the canonical bytes, which a ledger seals; never
    /// of the event.
    pub private: Vec<(String, String)>,
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not the one encoding of anything: cut off, followed by more, or spelled another way.
    Encoding,
    /// Longer than [`RECORD_BYTES_MAX`], or a part longer than its bound.
    Length,
    /// A word, place or number that is in no vocabulary.
    Word,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding => "not the canonical encoding of a record",
            Self::Length => "longer than a record may be",
            Self::Word => "a word, place or number in no vocabulary",
        })
    }
}

impl std::error::Error for Unreadable {}

impl Record {
    /// The record of a finding. `id` is filled by whoever keeps records, `question` by a gate that knows more of it.
    #[must_use]
    pub fn of(gate: &str, at: Time, outcome: Outcome, inquiry: &Inquiry<'_>, found: &Finding) -> Self {
        let verdict = if found.overruled.is_some() { Verdict::Refer } else { found.verdict };
        let mut by: Vec<String> = found.grounds.iter().flat_map(|reason| reason.by.iter().cloned()).collect();
        by.sort_unstable();
        by.dedup();
        by.truncate(LIST_MAX);
        Self {
            id: String::new(),
            at,
            gate: gate.to_owned(),
            outcome,
            verdict,
            overruled: found.overruled.as_ref().map(|by| ByHand { entry: by.entry, unread_since: by.unread_since }),
            possible: found.possible,
            act: inquiry.act,
            actor: inquiry.actor.kind,
            role: inquiry.actor.role,
            resource: inquiry.resource.kind,
            subject: found.subject.clone(),
            place: inquiry.place.and_then(|place| Place::parse(place.country()).ok()),
            evidence: Vec::new(),
            found: Vec::new(),
            valid_at: inquiry.valid_at,
            known_at: inquiry.known_at,
            provisions: found.grounds.iter().take(LIST_MAX).map(|reason| reason.provision.clone()).collect(),
            by,
            until: found.until,
            edition: found.edition.clone(),
            request: None,
            question: (verdict == Verdict::Refer).then(|| crate::question::digest(inquiry, found, &[])),
            private: Vec::new(),
        }
    }

    /// The instrument of the first ground: what a label or a line of a report is filed under.
    #[must_use]
    pub fn order(&self) -> Option<&str> {
        let citation = self.provisions.first()?;
        Some(citation.split_once(':').map_or(citation.as_str(), |(instrument, _)| instrument))
    }

    /// The one encoding of this record: deterministic CBOR (RFC 8949 § 4.2.1), arrays only.
    ///
    /// # Errors
    /// [`Unreadable::Length`]: a part is longer than its bound, so nobody could read it back.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Unreadable> {
        let texts = [&self.id, &self.gate, &self.edition].into_iter().chain(&self.subject).chain(&self.request);
        let mut texts = texts.chain(&self.evidence).chain(&self.found).chain(&self.provisions).chain(&self.by);
        let lists = [self.evidence.len(), self.found.len(), self.provisions.len(), self.by.len(), self.private.len()];
        if texts.any(|text| text.len() > TEXT_BYTES_MAX) || lists.iter().any(|len| *len > LIST_MAX) {
            return Err(Unreadable::Length);
        }
        let mut out = Writer::default();
        out.array(25);
        out.unsigned(VERSION);
        out.text(&self.id);
        out.integer(self.at);
        out.text(&self.gate);
        out.text(self.outcome.word());
        out.text(self.verdict.word());
        match self.overruled {
            Some(ByHand { entry, unread_since: None }) => out.unsigned(entry),
            Some(ByHand { entry, unread_since: Some(since) }) => {
                out.array(2);
                out.unsigned(entry);
                out.integer(since);
            }
            None => out.null(),
        }
        out.unsigned(u64::from(self.possible.0));
        out.text(self.act.word());
        out.text(self.actor.word());
        out.optional(self.role.map(Role::word));
        out.text(self.resource.word());
        out.optional(self.subject.as_deref());
        out.optional(self.place.as_ref().map(Place::code));
        out.texts(&self.evidence);
        out.texts(&self.found);
        out.integer(self.valid_at);
        match self.known_at {
            Some(at) => out.integer(at),
            None => out.null(),
        }
        out.texts(&self.provisions);
        out.texts(&self.by);
        out.integer(self.until);
        out.text(&self.edition);
        out.optional(self.request.as_deref());
        match &self.question {
            Some(digest) => out.bytes(digest),
            None => out.null(),
        }
        out.array(self.private.len());
        for (name, value) in &self.private {
            out.array(2);
            out.text(name);
            out.text(value);
        }
        let bytes = out.into_bytes();
        if bytes.len() > RECORD_BYTES_MAX { Err(Unreadable::Length) } else { Ok(bytes) }
    }

    /// Reads canonical bytes; nothing but what [`Record::to_bytes`] writes is accepted.
    ///
    /// # Errors
    /// Why they are no record.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(Unreadable::Length);
        }
        let record = parse(&mut Reader::new(bytes))?;
        // Whatever the reader let pass, there is one spelling.
        if record.to_bytes()? == bytes { Ok(record) } else { Err(Unreadable::Encoding) }
    }

    /// One line of CloudEvents 1.0 JSON, without the line end. Private members are left out.
    #[must_use]
    pub fn to_event(&self) -> String {
        let mut json = String::with_capacity(768);
        json.push_str("{\"specversion\":\"1.0\",\"type\":\"org.interdict.decision.v1\",\"source\":");
        string(&mut json, &format!("/gates/{}", self.gate));
        member(&mut json, "id", &self.id);
        member(&mut json, "time", &format_rfc3339(self.at));
        if let Some(order) = self.order() {
            member(&mut json, "subject", order);
        }
        json.push_str(",\"datacontenttype\":\"application/json\",\"data\":{\"outcome\":");
        string(&mut json, self.outcome.word());
        member(&mut json, "verdict", self.verdict.word());
        if let Some(ByHand { entry, unread_since }) = self.overruled {
            name(&mut json, "override");
            json.push_str(&entry.to_string());
            if let Some(since) = unread_since {
                member(&mut json, "override_unread_since", &format_rfc3339(since));
            }
        }
        member(&mut json, "status", self.possible.single().map_or("undetermined", status_word));
        list(&mut json, "possible", self.possible.iter().map(status_word));
        member(&mut json, "act", self.act.word());
        member(&mut json, "actor", self.actor.word());
        optional(&mut json, "role", self.role.map(Role::word));
        member(&mut json, "resource_type", self.resource.word());
        optional(&mut json, "app", self.subject.as_deref());
        optional(&mut json, "place", self.place.as_ref().map(Place::code));
        list(&mut json, "place_evidence", self.evidence.iter().map(String::as_str));
        list(&mut json, "found", self.found.iter().map(String::as_str));
        list(&mut json, "provisions", self.provisions.iter().map(String::as_str));
        list(&mut json, "by", self.by.iter().map(String::as_str));
        optional(&mut json, "valid_at", instant(self.valid_at).as_deref());
        optional(&mut json, "known_at", self.known_at.and_then(instant).as_deref());
        optional(&mut json, "until", instant(self.until).as_deref());
        member(&mut json, "edition", &self.edition);
        optional(&mut json, "request", self.request.as_deref());
        json.push_str("}}");
        json
    }
}

fn instant(at: Time) -> Option<String> {
    (at != ALWAYS && at != FOREVER).then(|| format_rfc3339(at))
}

fn name(json: &mut String, name: &str) {
    json.push_str(",\"");
    json.push_str(name);
    json.push_str("\":");
}

fn member(json: &mut String, key: &str, value: &str) {
    name(json, key);
    string(json, value);
}

fn optional(json: &mut String, key: &str, value: Option<&str>) {
    match value {
        Some(value) => member(json, key, value),
        None => {
            name(json, key);
            json.push_str("null");
        }
    }
}

fn list<'t>(json: &mut String, key: &str, values: impl Iterator<Item = &'t str>) {
    name(json, key);
    json.push('[');
    for (n, value) in values.enumerate() {
        if n > 0 {
            json.push(',');
        }
        string(json, value);
    }
    json.push(']');
}

fn parse(from: &mut Reader<'_>) -> Result<Record, Unreadable> {
    if from.array() != Some(25) {
        return Err(Unreadable::Encoding);
    }
    if from.unsigned() != Some(VERSION) {
        return Err(Unreadable::Word);
    }
    let record = Record {
        id: text(from)?,
        at: integer(from)?,
        gate: text(from)?,
        outcome: word(from, |word| Outcome::ALL.into_iter().find(|outcome| outcome.word() == word))?,
        verdict: word(from, |word| {
            [Verdict::Permit, Verdict::Refer, Verdict::Forbid].into_iter().find(|verdict| verdict.word() == word)
        })?,
        overruled: maybe(from, by_hand)?,
        possible: statuses(from)?,
        act: word(from, Act::from_word)?,
        actor: word(from, ActorKind::from_word)?,
        role: maybe(from, |from| word(from, Role::from_word))?,
        resource: word(from, ResourceKind::from_word)?,
        subject: maybe(from, text)?,
        place: maybe(from, |from| word(from, |code| Place::parse(code).ok()))?,
        evidence: texts(from)?,
        found: texts(from)?,
        valid_at: integer(from)?,
        known_at: maybe(from, integer)?,
        provisions: texts(from)?,
        by: texts(from)?,
        until: integer(from)?,
        edition: text(from)?,
        request: maybe(from, text)?,
        question: maybe(from, |from| from.bytes().and_then(|bytes| bytes.try_into().ok()).ok_or(Unreadable::Encoding))?,
        private: pairs(from)?,
    };
    if from.is_at_end() { Ok(record) } else { Err(Unreadable::Encoding) }
}

fn text(from: &mut Reader<'_>) -> Result<String, Unreadable> {
    from.text().map(str::to_owned).ok_or(Unreadable::Encoding)
}

fn integer(from: &mut Reader<'_>) -> Result<Time, Unreadable> {
    from.integer().ok_or(Unreadable::Encoding)
}

fn word<T>(from: &mut Reader<'_>, meaning: impl Fn(&str) -> Option<T>) -> Result<T, Unreadable> {
    meaning(from.text().ok_or(Unreadable::Encoding)?).ok_or(Unreadable::Word)
}

fn statuses(from: &mut Reader<'_>) -> Result<Statuses, Unreadable> {
    let bits = from.unsigned().ok_or(Unreadable::Encoding)?;
    let bits = u8::try_from(bits).ok().filter(|bits| (1..=Statuses::ALL.0).contains(bits));
    bits.map(Statuses).ok_or(Unreadable::Word)
}

fn maybe<T>(
    from: &mut Reader<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, Unreadable>,
) -> Result<Option<T>, Unreadable> {
    if from.null() { Ok(None) } else { read(from).map(Some) }
}

fn by_hand(from: &mut Reader<'_>) -> Result<ByHand, Unreadable> {
    let is_unread = from.is_at_array();
    if is_unread && from.array() != Some(2) {
        return Err(Unreadable::Encoding);
    }
    let entry = from.unsigned().ok_or(Unreadable::Encoding)?;
    Ok(ByHand { entry, unread_since: if is_unread { Some(integer(from)?) } else { None } })
}

fn length(from: &mut Reader<'_>) -> Result<usize, Unreadable> {
    let len = from.array().ok_or(Unreadable::Encoding)?;
    if len > LIST_MAX { Err(Unreadable::Length) } else { Ok(len) }
}

fn texts(from: &mut Reader<'_>) -> Result<Vec<String>, Unreadable> {
    (0..length(from)?).map(|_| text(from)).collect()
}

fn pairs(from: &mut Reader<'_>) -> Result<Vec<(String, String)>, Unreadable> {
    let pair = |from: &mut Reader<'_>| {
        if from.array() == Some(2) { Ok((text(from)?, text(from)?)) } else { Err(Unreadable::Encoding) }
    };
    (0..length(from)?).map(|_| pair(from)).collect()
}

#[cfg(test)]
mod tests {
    use super::{ByHand, LIST_MAX, Outcome, RECORD_BYTES_MAX, Record, TEXT_BYTES_MAX, Unreadable};
    use docket::finding::Verdict;
    use docket::place::Place;
    use docket::vocabulary::{Act, ActorKind, ResourceKind, Role};
    use law::{Status, Statuses};

    fn record() -> Record {
        Record {
            id: String::from("1a2b-7"),
            at: 1_600_718_400,
            gate: String::from("edge"),
            outcome: Outcome::Shadow,
            verdict: Verdict::Forbid,
            overruled: None,
            possible: Statuses::only(Status::Prohibited),
            act: Act::HostProvide,
            actor: ActorKind::Business,
            role: Some(Role::HostingProvider),
            resource: ResourceKind::Domain,
            subject: Some(String::from("brook")),
            place: Place::parse("US").ok(),
            evidence: vec![String::from("ip")],
            found: vec![String::from("vendor sdk 1")],
            valid_at: 1_600_718_400,
            known_at: None,
            provisions: vec![String::from("zz:1(a)")],
            by: vec![String::from("yy")],
            until: law::time::FOREVER,
            edition: String::from("sha256:00"),
            request: Some(String::from("r-\"7\"")),
            question: None,
            private: vec![(String::from("payer"), String::from("somebody"))],
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_nothing_else_is() {
        let mut all = vec![record()];
        all.push(Record { role: None, subject: None, place: None, request: None, known_at: Some(-5), ..record() });
        let by_hand = |unread_since| Some(ByHand { entry: 7, unread_since });
        all.push(Record { overruled: by_hand(Some(-5)), ..record() });
        all.push(Record { overruled: by_hand(None), question: Some([9; 32]), ..record() });
        all.push(Record { at: i64::MIN, until: law::time::ALWAYS, private: Vec::new(), ..record() });
        for record in all {
            let bytes = record.to_bytes().unwrap();
            assert_eq!(Record::from_bytes(&bytes).as_ref(), Ok(&record));
            for len in 0..bytes.len() {
                assert!(Record::from_bytes(&bytes[..len]).is_err(), "cut off at {len}");
            }
            let mut longer = bytes.clone();
            longer.push(0);
            assert_eq!(Record::from_bytes(&longer), Err(Unreadable::Encoding));
        }
    }

    #[test]
    fn damaged_bytes_are_another_record_or_none_and_never_a_panic() {
        let bytes = record().to_bytes().unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                if let Ok(read) = Record::from_bytes(&damaged) {
                    assert_ne!(read, record(), "byte {at} bit {bit}");
                    assert_eq!(read.to_bytes().unwrap(), damaged);
                }
            }
        }
        let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
        for _ in 0..100_000 {
            let mut noise = bytes.clone();
            for _ in 0..4 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (seed >> 33) as usize % noise.len();
                noise[at] = (seed >> 24) as u8;
            }
            if let Ok(read) = Record::from_bytes(&noise) {
                assert_eq!(read.to_bytes().unwrap(), noise);
            }
        }
    }

    #[test]
    fn bounds_are_kept() {
        let long = Record { gate: "x".repeat(TEXT_BYTES_MAX + 1), ..record() };
        assert_eq!(long.to_bytes(), Err(Unreadable::Length));
        let many = Record { provisions: vec![String::from("p"); LIST_MAX + 1], ..record() };
        assert_eq!(many.to_bytes(), Err(Unreadable::Length));
        let most = Record { provisions: vec![String::from("p"); LIST_MAX], ..record() };
        assert!(most.to_bytes().is_ok());
        let private = Record { private: vec![(String::new(), "x".repeat(RECORD_BYTES_MAX))], ..record() };
        assert_eq!(private.to_bytes(), Err(Unreadable::Length));
        assert_eq!(Record::from_bytes(&vec![0; RECORD_BYTES_MAX + 1]), Err(Unreadable::Length));
    }

    #[test]
    fn an_event_is_one_line_of_cloudevents_and_says_nothing_private() {
        let line = record().to_event();
        assert!(!line.contains('\n') && !line.contains("somebody") && !line.contains("payer"), "{line}");
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        for (member, value) in [
            ("/specversion", "1.0"),
            ("/type", "org.interdict.decision.v1"),
            ("/source", "/gates/edge"),
            ("/id", "1a2b-7"),
            ("/time", "2020-09-21T20:00:00Z"),
            ("/subject", "zz"),
            ("/data/outcome", "shadow"),
            ("/data/status", "prohibited"),
            ("/data/place", "US"),
            ("/data/request", "r-\"7\""),
        ] {
            assert_eq!(event.pointer(member).and_then(|v| v.as_str()), Some(value), "{member} of {line}");
        }
        assert!(event["data"]["until"].is_null());
    }
}
