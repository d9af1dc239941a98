//! Statements in the order a log took them up, and what was known of them at a given instant.
//!
//! A statement counts from the instant the log took it up. One that says it was made long before, or
//! after, does not count: whoever steals a key can write any date, and cannot write into the log's past.

use crate::dsse::{Envelope, IN_TOTO, Key, hex};
use crate::json;
use crate::statement::{Statement, Subject, Type};
use crate::timeline::{NEVER, Time, Timeline, Window};
use crate::trust::Trust;
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use std::collections::BTreeSet;

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
    keys: Vec<Key>,
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
    ignored: Vec<Ignored>,
    by_subject: HashMap<(Type, Subject), Vec<usize>>,
    /// Revocations by what they name: the digest of a statement, or a principal.
    by_revoked: HashMap<String, Vec<usize>>,
    by_type: HashMap<Type, Vec<usize>>,
}

impl History {
    /// One without anybody to trust, in which nothing is said.
    #[must_use]
    pub fn none() -> Self {
        Self {
            trusts: vec![(Time::MIN, Trust::default())],
            records: Vec::new(),
            ignored: Vec::new(),
            by_subject: HashMap::new(),
            by_revoked: HashMap::new(),
            by_type: HashMap::new(),
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
                let named =
                    [target_text(target, "sha256"), target_text(target, "principal")].into_iter().flatten().next();
                if let Some(named) = named {
                    self.by_revoked.entry(named.to_owned()).or_default().push(place);
                }
            }
        }
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
                "made {}, taken up {}",
                json::format_time(statement.created),
                json::format_time(entry.time)
            ));
        }
        let trust = self.trusts.last().map(|(_, trust)| trust).ok_or("no trust document")?;
        let keys: Vec<Key> = entry.envelope.signed_by(trust.keys()).into_iter().cloned().collect();
        if trust.holders(&keys, entry.time).is_empty() {
            return Err(String::from("signed by nobody who is trusted, or by a key outside its time"));
        }
        let digest = hex(&entry.envelope.statement_digest());
        let record = Record { index: entry.index, time: entry.time, digest, statement, keys };
        let renewed = match record.statement.kind == Type::TrustDocument {
            true => Some(self.renewed(&record)?),
            false => None,
        };
        Ok((record, renewed))
    }

    /// The next version of the trust document needs the group `root` of this one and of the next.
    fn renewed(&self, record: &Record) -> Result<Trust, String> {
        let (_, old) = self.trusts.last().ok_or("no trust document")?;
        let document = record.statement.claim("/trust").ok_or("no trust document in it")?;
        let new = Trust::read(document).map_err(|fault| fault.to_string())?;
        if new.version != old.version + 1 {
            return Err(format!("version {} does not follow version {}", new.version, old.version));
        }
        for trust in [old, &new] {
            if !trust.suffices("root", &trust.holders(&record.keys, record.time)) {
                return Err(format!("not signed by `root` of version {}", trust.version));
            }
        }
        Ok(new)
    }

    /// Why an entry after all of these would count for nothing; `None` if it would count.
    #[must_use]
    pub fn would_ignore(&self, entry: &Entry) -> Option<String> {
        self.weighed(entry).err()
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
        let spoken_of =
            |record: &&Record| view.signers(record).iter().any(|principal| targets(revocation, record, principal));
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

    /// Who signed, under the trust document in force, whatever they may say.
    #[must_use]
    pub fn signers(&self, record: &Record) -> BTreeSet<&'h str> {
        self.trust.holders(&record.keys, record.time)
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
        let naming = [record.digest.as_str(), principal].map(|named| self.pick(self.history.by_revoked.get(named)));
        let revocations = naming.into_iter().flatten().filter(|revocation| {
            targets(revocation, record, principal) && {
                let signers = self.signers(revocation);
                let superior = self.trust.principal(principal).and_then(|principal| principal.superior.as_deref());
                signers.contains(principal) || superior.is_some_and(|group| self.trust.suffices(group, &signers))
            }
        });
        revocations.map(|revocation| revocation.time).min().unwrap_or(NEVER)
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
            let until = until.min(self.resolved(group, order, record));
            found.push((record, Window { from: record.time, until }));
        }
        found
    }

    /// When the group has resolved a finding: as soon as enough of it have said so.
    fn resolved(&self, group: &str, order: &Subject, finding: &Record) -> Time {
        let named = |record: &&Record| {
            record.time >= finding.time
                && record.statement.claim("/finding").and_then(serde_json::Value::as_str) == Some(&finding.digest)
        };
        let resolutions: Vec<&Record> = self.about(Type::Resolution, order).filter(named).collect();
        let of = |principal: &str| -> Timeline {
            let theirs = resolutions.iter().filter(|record| self.speakers(record, order).contains(principal));
            theirs.map(|record| Window { from: record.time, until: self.revoked(record, principal) }).collect()
        };
        self.trust.support(group, &of).windows().first().map_or(NEVER, |window| window.from)
    }
}

fn targets_of(revocation: &Record) -> impl Iterator<Item = &serde_json::Value> {
    let listed = revocation.statement.claim("/targets").and_then(serde_json::Value::as_array);
    listed.into_iter().flatten()
}

fn target_text<'t>(target: &'t serde_json::Value, name: &str) -> Option<&'t str> {
    target.get(name).and_then(serde_json::Value::as_str)
}

/// Whether a revocation speaks of this record: by digest, or by principal, type and time of making.
fn targets(revocation: &Record, record: &Record, principal: &str) -> bool {
    targets_of(revocation).any(|target| {
        let text = |name: &str| target_text(target, name);
        if let Some(digest) = text("sha256") {
            return digest == record.digest;
        }
        let edge = |name: &str, open: Time| match text(name) {
            None => Some(open),
            Some(text) => json::parse_time(text),
        };
        let (Some(from), Some(until)) = (edge("from", Time::MIN), edge("until", NEVER)) else { return false };
        text("principal") == Some(principal)
            && text("type") == Some(record.statement.kind.name())
            && Window { from, until }.contains(record.statement.created)
    })
}
