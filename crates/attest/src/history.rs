//! Statements in the order a log took them up, and what was known of them at a given instant.
//!
//! A statement counts from the instant the log took it up. One that says it was made long before, or
//! after, does not count: whoever steals a key can write any date, and cannot write into the log's past.

use crate::dsse::{Envelope, IN_TOTO, Key, hex};
use crate::json;
use crate::row::{Row, Rows};
use crate::statement::{Statement, Subject, Type};
use crate::timeline::{NEVER, Time, Timeline, Window};
use crate::trust::Trust;
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use std::collections::{BTreeMap, BTreeSet};

/// How long a statement may have been under way before the log took it up, in seconds: a week.
pub const BACKDATE_MAX: Time = 7 * 86_400;
/// How far a signer's clock may be ahead of the log's, in seconds.
pub const AHEAD_MAX: Time = 300;

/// A statement as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub index: u64,
    /// When the log took it up.
    pub time: Time,
    /// The signed envelope.
    pub envelope: Envelope,
}

/// A statement that could be read, and the keys that signed it.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its place in the log.
    pub index: u64,
    /// When the log took it up.
    pub time: Time,
    /// SHA-256 of the statement, lower-case hexadecimal.
    pub digest: String,
    /// What was said.
    pub statement: Statement,
    /// Whether the trust document had expired when the log took it up: then nothing is permitted on it.
    pub is_late: bool,
    keys: Vec<Key>,
    /// Of what forbids: whose each of the keys was, by its id, when it was taken up.
    held: Vec<(String, String)>,
}

/// An entry that counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Its place in the log.
    pub index: u64,
    /// Why.
    pub why: String,
}

/// Everything the log has.
#[derive(Debug)]
pub struct History {
    trusts: Vec<(Time, Trust)>,
    records: Vec<Record>,
    rows: Rows,
    ignored: Vec<Ignored>,
    /// Records by their digest.
    by_statement: HashMap<String, Vec<usize>>,
    by_subject: HashMap<(Type, Subject), Vec<usize>>,
    by_type: HashMap<Type, Vec<usize>>,
    /// Revocations by the digest of a statement they name.
    by_digest: HashMap<String, Vec<usize>>,
    /// Revocations by the principal whose words they name: those of a type, made within a window.
    by_principal: HashMap<String, Vec<(Type, Window, usize)>>,
    /// Resolutions by the digest of the finding.
    by_finding: HashMap<String, Vec<usize>>,
}

/// What a revocation names.
enum Target<'r> {
    /// A statement, by its digest.
    Statement(&'r str),
    /// A principal's statements of a type, made within a window.
    Words(&'r str, Type, Window),
}

impl History {
    /// One without anybody to trust, in which nothing is said.
    #[must_use]
    pub fn none() -> Self {
        Self {
            trusts: vec![(Time::MIN, Trust::default())],
            records: Vec::new(),
            rows: Rows::default(),
            by_statement: HashMap::new(),
            ignored: Vec::new(),
            by_subject: HashMap::new(),
            by_type: HashMap::new(),
            by_digest: HashMap::new(),
            by_principal: HashMap::new(),
            by_finding: HashMap::new(),
        }
    }

    /// Reads entries, in the order in which they count, under a trust document known from elsewhere. That is the order of
    /// their indexes, but for those that count only later, as when witnesses have signed them.
    ///
    /// # Errors
    /// If times go backwards or an index comes twice: then it is no log.
    pub fn new(trust: Trust, entries: impl IntoIterator<Item = Entry>) -> Result<Self, String> {
        let mut history = Self { trusts: vec![(Time::MIN, trust)], ..Self::none() };
        let mut last = Time::MIN;
        let mut indexes: HashSet<u64> = HashSet::new();
        for entry in entries {
            if entry.time < last {
                return Err(format!("entry {} comes before the one in front of it in time", entry.index));
            }
            if !indexes.insert(entry.index) {
                return Err(format!("there are two entries {}", entry.index));
            }
            last = entry.time;
            if let Err(why) = history.take_up(&entry) {
                history.ignored.push(Ignored { index: entry.index, why });
            }
        }
        Ok(history)
    }

    fn take_up(&mut self, entry: &Entry) -> Result<(), String> {
        let (record, renewed) = self.weighed(entry)?;
        self.trusts.extend(renewed.map(|trust| (record.time, trust)));
        let place = self.records.len();
        for subject in &record.statement.subjects {
            self.by_subject.entry((record.statement.kind, subject.clone())).or_default().push(place);
        }
        self.by_type.entry(record.statement.kind).or_default().push(place);
        if record.statement.kind == Type::Revocation {
            for target in targets_of(&record) {
                match target {
                    Target::Statement(digest) => {
                        self.by_digest.entry(digest.to_owned()).or_default().push(place);
                        for named in self.by_statement.get(digest).into_iter().flatten() {
                            self.rows.rows.get_mut(*named).into_iter().for_each(|row| row.is_named = true);
                        }
                    }
                    Target::Words(principal, kind, window) => {
                        self.by_principal.entry(principal.to_owned()).or_default().push((kind, window, place));
                    }
                }
            }
        }
        if let (Type::Resolution, Some(finding)) = (record.statement.kind, text_of(&record, "/finding")) {
            self.by_finding.entry(finding.to_owned()).or_default().push(place);
        }
        self.rows.push(&record, self.by_digest.contains_key(&record.digest));
        self.by_statement.entry(record.digest.clone()).or_default().push(place);
        self.records.push(record);
        Ok(())
    }

    /// The record of an entry that counts, and the trust document that it brings.
    fn weighed(&self, entry: &Entry) -> Result<(Record, Option<Trust>), String> {
        if entry.envelope.payload_type != IN_TOTO {
            return Err(format!("payload type `{}`", entry.envelope.payload_type));
        }
        let statement = Statement::parse(&entry.envelope.payload).map_err(|fault| fault.to_string())?;
        let earliest = entry.time.saturating_sub(BACKDATE_MAX);
        let latest = entry.time.saturating_add(AHEAD_MAX);
        if statement.created < earliest || statement.created > latest {
            return Err(format!(
                "it says that it was made {}, and is taken up {}: that may be at most {} days later, or {} minutes earlier by \
                 another clock; sign it anew",
                json::format_time(statement.created),
                json::format_time(entry.time),
                BACKDATE_MAX / 86_400,
                AHEAD_MAX / 60
            ));
        }
        let trust = self.trusts.last().map(|(_, trust)| trust).ok_or("no trust document")?;
        let keys: Vec<Key> = entry.envelope.signed_by(trust.keys()).into_iter().cloned().collect();
        if trust.holders(&keys, entry.time).is_empty() {
            return Err(String::from("signed by nobody who is trusted, or by a key outside its time"));
        }
        let digest = hex(&entry.envelope.statement_digest());
        let is_late = trust.expires.is_some_and(|expires| entry.time >= expires);
        let holder = |key: &Key| Some((key.id().to_owned(), trust.holder(key, entry.time)?.to_owned()));
        let held = if forbids(&statement) { keys.iter().filter_map(holder).collect() } else { Vec::new() };
        let record = Record { index: entry.index, time: entry.time, digest, statement, is_late, keys, held };
        let renewed = match record.statement.kind == Type::TrustDocument {
            true => Some(self.renewed(&record, &entry.envelope)?),
            false => None,
        };
        Ok((record, renewed))
    }

    /// The next version of the trust document needs the group `root` of this one and of the next.
    fn renewed(&self, record: &Record, envelope: &Envelope) -> Result<Trust, String> {
        let (_, old) = self.trusts.last().ok_or("no trust document")?;
        let document = record.statement.claim("/trust").ok_or("no trust document in it")?;
        let new = Trust::read(document).map_err(|fault| fault.to_string())?;
        if Some(new.version) != old.version.checked_add(1) {
            return Err(format!("version {} does not follow version {}", new.version, old.version));
        }
        for trust in [old, &new] {
            // Who signs for the next version may have keys that only that lists.
            if !trust.suffices("root", &trust.holders(envelope.signed_by(trust.keys()), record.time)) {
                return Err(format!("not signed by `root` of version {}", trust.version));
            }
        }
        Ok(new)
    }

    /// The record of an entry after all of these.
    ///
    /// # Errors
    /// Why it would count for nothing.
    pub fn would_be(&self, entry: &Entry) -> Result<Record, String> {
        self.weighed(entry).map(|(record, _)| record)
    }

    /// Whether anybody listens to a record under the trust document in force. Acts and rulings are weighed by what they
    /// act on, and trust documents by both of them.
    ///
    /// # Errors
    /// Why nobody does.
    pub fn heard(&self, record: &Record) -> Result<(), String> {
        let (view, said) = (self.now(), &record.statement);
        if matches!(said.kind, Type::TrustDocument | Type::Act | Type::Override) {
            return Ok(());
        }
        if said.kind == Type::Revocation {
            let takes_back = targets_of(record).any(|target| match target {
                Target::Words(principal, ..) => view.may_revoke(record, principal),
                Target::Statement(digest) => self.may_be_revoked(&view, record, digest),
            });
            let why = "it takes nothing back: that is for who said it, or the superior the trust document names, and a \
                       revocation cannot be taken back";
            return if takes_back { Ok(()) } else { Err(String::from(why)) };
        }
        if record.is_late && said.kind != Type::AdverseFinding {
            return Err(String::from("the trust document has expired, and nothing is permitted on it"));
        }
        if said.not_after <= record.time {
            return Err(format!("it held until {}, and that is over", json::format_time(said.not_after)));
        }
        if said.subjects.iter().any(|subject| !view.speakers(record, subject).is_empty()) {
            return Ok(());
        }
        let about = said.subjects.iter().map(Subject::text).collect::<Vec<_>>().join(", ");
        let by = view.signers(record).into_iter().collect::<Vec<_>>().join(", ");
        Err(format!("{by} may not say `{}` about {about}: the trust document does not accept it", said.kind.name()))
    }

    /// Whether a statement of this digest could be taken back by this revocation, or is yet to come.
    fn may_be_revoked(&self, view: &View<'_>, revocation: &Record, digest: &str) -> bool {
        let Some(places) = self.by_statement.get(digest) else { return true };
        let named = places.iter().filter_map(|&place| self.records.get(place));
        let mut named = named.filter(|record| record.statement.kind != Type::Revocation);
        named.any(|record| view.signers(record).into_iter().any(|signer| view.may_revoke(revocation, signer)))
    }

    /// Where the same was said before, by everybody who says it now.
    #[must_use]
    pub fn said_before(&self, record: &Record) -> Option<u64> {
        let places = self.by_statement.get(&record.digest)?.iter();
        let mut before = places.filter_map(|&place| self.records.get(place));
        before.find(|before| record.keys.iter().all(|key| before.keys.contains(key))).map(|before| before.index)
    }

    /// Entries that count for nothing, and why.
    #[must_use]
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// Every record.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The statements that the revocation at `index` speaks of, whether or not its signers may take them back.
    #[must_use]
    pub fn targeted_by(&self, index: u64) -> Vec<&Record> {
        let found = self.records.iter().find(|record| record.index == index);
        let Some(revocation) = found.filter(|record| record.statement.kind == Type::Revocation) else {
            return Vec::new();
        };
        let view = self.now();
        let (mut digests, mut words) = (HashSet::new(), Vec::new());
        for target in targets_of(revocation) {
            match target {
                Target::Statement(digest) => drop(digests.insert(digest)),
                Target::Words(principal, kind, window) => words.push((principal, kind, window)),
            }
        }
        let spoken_of = |record: &&Record| {
            let said = &record.statement;
            let names = |&(principal, kind, window): &(&str, Type, Window)| {
                kind == said.kind && window.contains(said.created) && view.signers(record).contains(principal)
            };
            digests.contains(record.digest.as_str()) && !view.signers(record).is_empty() || words.iter().any(names)
        };
        self.records.iter().filter(spoken_of).collect()
    }

    /// What was known at this instant.
    #[must_use]
    pub fn at(&self, known_at: Time) -> View<'_> {
        let after = self.trusts.partition_point(|&(since, _)| since <= known_at);
        let trust = after.checked_sub(1).and_then(|at| self.trusts.get(at)).or_else(|| self.trusts.first());
        let records = self.records.partition_point(|record| record.time <= known_at);
        View { history: self, trust: trust.map_or(&EMPTY, |(_, trust)| trust), records, without: None }
    }

    /// All that is known.
    #[must_use]
    pub fn now(&self) -> View<'_> {
        self.at(NEVER)
    }
}

static EMPTY: std::sync::LazyLock<Trust> = std::sync::LazyLock::new(Trust::default);

/// A history as far as it was known.
#[derive(Clone, Copy, Debug)]
pub struct View<'h> {
    history: &'h History,
    trust: &'h Trust,
    records: usize,
    without: Option<u64>,
}

impl<'h> View<'h> {
    /// The same, had this entry never been.
    #[must_use]
    pub const fn without(mut self, index: u64) -> Self {
        self.without = Some(index);
        self
    }

    /// Whether the same is known in another view of this history.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.records == other.records && self.without == other.without && std::ptr::eq(self.trust, other.trust)
    }

    /// The trust document in force.
    #[must_use]
    pub const fn trust(&self) -> &'h Trust {
        self.trust
    }

    /// Records of this type.
    pub fn of_type(&self, kind: Type) -> impl Iterator<Item = &'h Record> {
        self.pick(self.history.by_type.get(&kind))
    }

    /// Records of this type about this subject.
    pub fn about(&self, kind: Type, subject: &Subject) -> impl Iterator<Item = &'h Record> {
        self.pick(self.history.by_subject.get(&(kind, subject.clone())))
    }

    fn pick(&self, places: Option<&'h Vec<usize>>) -> impl Iterator<Item = &'h Record> + use<'h> {
        let (records, limit, without) = (&self.history.records, self.records, self.without);
        let places = places.map(Vec::as_slice).unwrap_or_default().iter().take_while(move |&&place| place < limit);
        places.filter_map(|&place| records.get(place)).filter(move |record| Some(record.index) != without)
    }

    /// The same, each with its row.
    pub(crate) fn rows_about(&self, kind: Type, subject: &Subject) -> impl Iterator<Item = (&'h Row, &'h Record)> {
        let places = self.history.by_subject.get(&(kind, subject.clone())).map(Vec::as_slice).unwrap_or_default();
        let (rows, records, limit, without) =
            (&self.history.rows.rows, &self.history.records, self.records, self.without);
        let known = places.iter().take_while(move |&&place| place < limit);
        let both = known.filter_map(|&place| Some((rows.get(place)?, records.get(place)?)));
        both.filter(move |(row, _)| Some(row.index) != without)
    }

    /// The rows of everything.
    pub(crate) const fn rows(&self) -> &'h Rows {
        &self.history.rows
    }

    fn picked(&self, place: usize) -> Option<&'h Record> {
        let known = self.history.records.get(place).filter(|_| place < self.records);
        known.filter(|record| Some(record.index) != self.without)
    }

    /// Who signed, under the trust document in force, whatever they may say. What forbids does not cease to when somebody
    /// is given another key and the one before is not listed any more.
    #[must_use]
    pub fn signers(&self, record: &Record) -> BTreeSet<&'h str> {
        let mut signers = self.trust.holders(&record.keys, record.time);
        let unlisted = record.held.iter().filter(|(key, _)| self.trust.holder_of(key).is_none());
        signers.extend(unlisted.filter_map(|(_, holder)| Some(self.trust.principal(holder)?.id.as_str())));
        signers
    }

    /// Who signed and may say this about that subject.
    #[must_use]
    pub fn speakers(&self, record: &Record, subject: &Subject) -> BTreeSet<&'h str> {
        let mut signers = self.signers(record);
        signers.retain(|signer| self.trust.accepts(signer, record.statement.kind, subject.text()));
        signers
    }

    /// From when on this principal's word in this record is taken back.
    #[must_use]
    pub fn revoked(&self, record: &Record, principal: &str) -> Time {
        let said = &record.statement;
        let words = self.history.by_principal.get(principal).map(Vec::as_slice).unwrap_or_default().iter();
        let places = words.filter(|(kind, window, _)| *kind == said.kind && window.contains(said.created));
        let by_words = self.earliest(places.map(|&(_, _, place)| place), principal);
        by_words.min(self.digest_revoked(record, principal))
    }

    fn digest_revoked(&self, record: &Record, principal: &str) -> Time {
        let places = self.history.by_digest.get(&record.digest).map(Vec::as_slice).unwrap_or_default();
        self.earliest(places.iter().copied(), principal)
    }

    /// When the first of these revocations, in the order of the log, takes back what this principal said.
    fn earliest(&self, places: impl Iterator<Item = usize>, principal: &str) -> Time {
        let mut revocations = places.filter_map(|place| self.picked(place));
        let first = revocations.find(|revocation| self.may_revoke(revocation, principal));
        first.map_or(NEVER, |revocation| revocation.time)
    }

    /// Whether who signed a revocation may take back what this principal said: itself, or its superior.
    fn may_revoke(&self, revocation: &Record, principal: &str) -> bool {
        let signers = self.signers(revocation);
        let superior = self.trust.principal(principal).and_then(|principal| principal.superior.as_deref());
        signers.contains(principal) || superior.is_some_and(|group| self.trust.suffices(group, &signers))
    }

    /// Whose words of a type about a subject are heard, of these principals.
    pub(crate) fn hearing(&self, kind: Type, subject: &Subject, mut among: BTreeSet<&'h str>) -> Hearing<'h> {
        let accepted = self.trust.everybody_for(kind, subject.text());
        among.retain(|principal| accepted.contains(principal));
        let heard: Vec<(&'h str, Vec<(Time, Time)>)> =
            among.into_iter().map(|principal| (principal, self.taken_back(principal, kind))).collect();
        let by_key = self.history.rows.by_key(|key| {
            let (holder, window) = self.trust.holder_of(key)?;
            Some((heard.binary_search_by_key(&holder, |(principal, _)| principal).ok()?, window))
        });
        Hearing { view: *self, heard, by_key }
    }

    /// By when they were made, from when on a principal's statements of a type are taken back by type and time.
    fn taken_back(&self, principal: &str, kind: Type) -> Vec<(Time, Time)> {
        let words = self.history.by_principal.get(principal).map(Vec::as_slice).unwrap_or_default().iter();
        let mut edges: Vec<(Time, bool, Time)> = Vec::new();
        for (_, window, place) in words.filter(|(of, window, _)| *of == kind && !window.is_empty()) {
            let Some(revocation) = self.picked(*place) else { continue };
            if self.may_revoke(revocation, principal) {
                edges.extend([(window.from, true, revocation.time), (window.until, false, revocation.time)]);
            }
        }
        edges.sort_unstable();
        let mut standing: BTreeMap<Time, usize> = BTreeMap::new();
        let mut steps: Vec<(Time, Time)> = Vec::new();
        for (at, begins, time) in edges {
            let count = standing.entry(time).or_default();
            *count = if begins { *count + 1 } else { count.saturating_sub(1) };
            if *count == 0 {
                standing.remove(&time);
            }
            let first = standing.first_key_value().map_or(NEVER, |(&first, _)| first);
            match steps.last_mut() {
                Some(last) if last.0 == at => last.1 = first,
                Some(_) | None => steps.push((at, first)),
            }
        }
        steps
    }

    /// When this principal's word in this record counts, if an order lets it age so far.
    #[must_use]
    pub fn window(&self, record: &Record, principal: &str, max_age: Time) -> Window {
        let said = &record.statement;
        let base = said.period.map_or(said.created, |(_, end)| end);
        Window {
            from: said.not_before.max(record.time),
            until: said.not_after.min(base.saturating_add(max_age)).min(self.revoked(record, principal)),
        }
    }

    /// When findings against this order by members of a group stand, and which they are.
    #[must_use]
    pub fn vetoes(&self, group: &str, order: &Subject, requirement: &str) -> Vec<(&'h Record, Window)> {
        let members = self.trust.everybody(group);
        let mut found = Vec::new();
        for record in self.about(Type::AdverseFinding, order) {
            let named = record.statement.claim("/requirements").and_then(serde_json::Value::as_array);
            if named.is_some_and(|names| !names.iter().any(|name| name.as_str() == Some(requirement))) {
                continue;
            }
            let speakers = self.speakers(record, order);
            let standing = speakers.iter().filter(|speaker| members.contains(*speaker));
            let Some(until) = standing.map(|speaker| self.revoked(record, speaker)).max() else { continue };
            let said: Timeline = [Window { from: record.time, until }].into_iter().collect();
            let standing = said.without(&self.resolved(group, order, record));
            found.extend(standing.windows().iter().map(|&window| (record, window)));
        }
        found
    }

    /// When the group has resolved a finding: while enough of it say so. To resolve is to permit, so nothing does on a
    /// trust document that has expired.
    fn resolved(&self, group: &str, order: &Subject, finding: &Record) -> Timeline {
        // Handed in again, a finding is not a new one.
        let places = self.history.by_statement.get(&finding.digest).map(Vec::as_slice).unwrap_or_default();
        let made = places.iter().find_map(|&place| self.picked(place)).map_or(finding.time, |first| first.time);
        let mut resolutions: Vec<&Record> = self.pick(self.history.by_finding.get(&finding.digest)).collect();
        resolutions
            .retain(|record| !record.is_late && record.time >= made && record.statement.subjects.contains(order));
        let of = |principal: &str| -> Timeline {
            let theirs = resolutions.iter().filter(|record| self.speakers(record, order).contains(principal));
            theirs.map(|record| Window { from: record.time, until: self.revoked(record, principal) }).collect()
        };
        self.trust.support(group, &of)
    }
}

impl Record {
    /// One that nobody signed.
    #[cfg(test)]
    pub(crate) const fn unsigned(statement: Statement) -> Self {
        Self { index: 0, time: 0, digest: String::new(), statement, is_late: false, keys: Vec::new(), held: Vec::new() }
    }

    /// The keys that signed it.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }
}

/// Whose words are heard, with the steps at which they are taken back.
pub(crate) struct Hearing<'h> {
    view: View<'h>,
    heard: Vec<(&'h str, Vec<(Time, Time)>)>,
    /// By the number of each key: which of them holds it, and when it may be used.
    by_key: Vec<Option<(usize, Window)>>,
}

impl<'h> Hearing<'h> {
    /// Hands over who of them signed a record, each once, and when that word counts, if an order lets it age so far.
    pub(crate) fn words(&self, row: &Row, record: &Record, max_age: Time, mut take: impl FnMut(&'h str, Window)) {
        let signers = self.view.history.rows.signers(row);
        let holder = |key: &u32| {
            let (holder, window) = self.by_key.get(*key as usize).copied().flatten()?;
            window.contains(row.time).then_some(holder)
        };
        for (number, key) in signers.iter().enumerate() {
            let Some(speaker) = holder(key) else { continue };
            let is_again = signers.iter().take(number).any(|other| holder(other) == Some(speaker));
            let Some((speaker, steps)) = self.heard.get(speaker).filter(|_| !is_again) else { continue };
            let after = steps.partition_point(|&(from, _)| from <= row.created);
            let mut revoked = after.checked_sub(1).and_then(|last| steps.get(last)).map_or(NEVER, |&(_, time)| time);
            if row.is_named {
                revoked = revoked.min(self.view.digest_revoked(record, speaker));
            }
            take(speaker, row.window(max_age, revoked));
        }
    }
}

/// Whether a statement takes away what others permit.
fn forbids(said: &Statement) -> bool {
    let reinstates = || said.claim("/act").and_then(serde_json::Value::as_str) == Some("reinstate");
    matches!(said.kind, Type::Revocation | Type::AdverseFinding) || said.kind == Type::Act && reinstates()
}

fn text_of<'r>(record: &'r Record, pointer: &str) -> Option<&'r str> {
    record.statement.claim(pointer).and_then(serde_json::Value::as_str)
}

/// What a revocation names: statements by digest, or words by principal, type and time of making.
fn targets_of(revocation: &Record) -> impl Iterator<Item = Target<'_>> {
    let listed = revocation.statement.claim("/targets").and_then(serde_json::Value::as_array);
    listed.into_iter().flatten().filter_map(|target| {
        let text = |name: &str| target.get(name).and_then(serde_json::Value::as_str);
        if let Some(digest) = text("sha256") {
            return Some(Target::Statement(digest));
        }
        let edge = |name: &str, open: Time| match text(name) {
            None => Some(open),
            Some(text) => json::parse_time(text),
        };
        let window = Window { from: edge("from", Time::MIN)?, until: edge("until", NEVER)? };
        Some(Target::Words(text("principal")?, Type::from_name(text("type")?)?, window))
    })
}
